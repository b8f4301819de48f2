// SPDX-License-Identifier: BSL-1.0
// load_state_dict, for state from anywhere: another model, a safetensors file, an .npz file. `LoadPlan` first
// checks everything and only then copies: a model is loaded whole or not touched.
#pragma once

#include "stator/core/glob.hpp"
#include "stator/core/state_tensor.hpp"
#include "stator/module/state_target.hpp"

#include <algorithm>
#include <map>
#include <span>
#include <utility>

namespace stator {

/// A rule for names of foreign checkpoints. Each * of `to` is what the corresponding * of `from` stood for;
/// an empty `to` leaves the tensor out. {"module.*", "*"} strips a prefix, {"h.*.mlp.c_fc.*",
/// "blocks.*.fc1.*"} moves a layer.
struct Rename {
  std::string from, to;
};

struct LoadOptions {
  /// Names that are missing or unexpected are errors. Shapes that differ always are.
  bool strict = true;
  /// Also convert to types that do not hold every value of the file's type, to the nearest value.
  bool allow_lossy = false;
  /// The first rule that fits a name of the checkpoint is applied.
  std::vector<Rename> rename = {};
  /// Load only these names of the model ("encoder.*"), leave the others as they are. Empty: all.
  std::vector<std::string> only = {};
  /// Path of the submodule whose state the checkpoint holds. Empty: the whole network.
  std::string into = {};
};

/// What load_state_dict returns. Without `strict`, the names that did not find a partner.
struct IncompatibleKeys {
  std::vector<std::string> missing_keys, unexpected_keys;
  bool empty() const { return missing_keys.empty() && unexpected_keys.empty(); }
};

/// State that does not fit the network. The text lists everything that is wrong, in PyTorch's words.
struct StateDictError : Error {
  StateDictError(const std::string& text, IncompatibleKeys lists) : Error(text), keys(std::move(lists)) {}
  IncompatibleKeys keys;
};

namespace detail {

/// "torch.Size([128, 784])"
template<class Extent>
std::string size_text(const Extent* extents, std::size_t rank) {
  std::string text = "torch.Size([";
  for (std::size_t i = 0; i < rank; ++i) text += (i > 0 ? ", " : "") + std::to_string(extents[i]);
  return text + "])";
}

/// "Missing key(s) in state_dict: "a", "b". "
inline std::string keys_text(const char* what, const std::vector<std::string>& keys) {
  std::string text = std::string(what) + " key(s) in state_dict: ";
  for (std::size_t i = 0; i < keys.size(); ++i) text += (i > 0 ? ", \"" : "\"") + keys[i] + "\"";
  return text + ". ";
}

} // namespace detail

/// Which tensor goes where: the checked half of loading.
class LoadPlan {
public:
  /// Throws StateDictError with everything that does not fit; KeyError when `options.into` is no module;
  /// ValueError for rules that give two tensors one name.
  LoadPlan(StateTarget target, std::vector<StateTensor> tensors, const LoadOptions& options)
      : target_(std::move(target)), options_(options) {
    target_.descend(options.into);
    if (!options.only.empty())
      std::erase_if(target_.tensors, [&](const NamedTensor& t) { return !is_wanted(t.name); });
    rename(std::move(tensors));
    for (std::size_t i = 0; i < target_.tensors.size(); ++i) match(i);
    find_unexpected();
    report();
  }
  LoadPlan(const LoadPlan&) = delete;
  LoadPlan& operator=(const LoadPlan&) = delete;

  /// Copies. Does not fail.
  void commit() const {
    for (const Copy& c : copies_)
      convert_elements(c.from->type, c.from->data, storage_of(c.to.dtype()), c.to.raw(), c.from->numel());
  }

  const IncompatibleKeys& keys() const { return keys_; }

private:
  struct Copy {
    const StateTensor* from;
    TensorRef to;
  };

  bool is_wanted(std::string_view name) const {
    return options_.only.empty() || std::ranges::any_of(options_.only, [&](const std::string& glob) {
             return glob_match(glob, name);
           });
  }

  void rename(std::vector<StateTensor> tensors) {
    for (StateTensor& tensor : tensors) {
      std::string name = tensor.name;
      for (const Rename& rule : options_.rename)
        if (const auto captures = glob_captures(rule.from, tensor.name)) {
          name = glob_expand(rule.to, *captures);
          break;
        }
      if (name.empty() || !is_wanted(name)) continue;
      order_.push_back(name);
      const auto [other, fresh] = source_.try_emplace(name, std::move(tensor));
      if (!fresh)
        throw ValueError("load_state_dict: '" + other->second.name + "' and '" + tensor.name +
                         "' would both be '" + name + "'");
    }
  }

  /// Tensor `i` of the model: itself, or by another name of the same storage.
  void match(std::size_t i) {
    const auto& [name, to] = target_.tensors[i];
    const auto found = source_.find(std::string(name));
    if (found == source_.end()) {
      if (!loaded_by_another_name(to)) keys_.missing_keys.emplace_back(name);
      return;
    }
    const StateTensor& from = found->second;
    const Extents extents = to.shape().extents;
    const bool is_number =
        extents.rank == 0 && from.shape == std::vector<Index>{1}; // PyTorch 0.3 wrote those
    if (!is_number && !std::equal(from.shape.begin(), from.shape.end(), extents.dims.begin(),
                                  extents.dims.begin() + extents.rank))
      return problems_.push_back("size mismatch for " + std::string(name) + ": copying a param with shape " +
                                 detail::size_text(from.shape.data(), from.shape.size()) +
                                 " from checkpoint, the shape in current model is " +
                                 detail::size_text(extents.dims.data(), extents.rank) + ".");
    const StorageType type = storage_of(to.dtype());
    if (!is_convertible(from.type) || (!options_.allow_lossy && !is_lossless(from.type, type)))
      return problems_.push_back("dtype mismatch for " + std::string(name) + ": copying a param with dtype " +
                                 std::string(to_string(from.type)) +
                                 " from checkpoint, the dtype in current model is " +
                                 std::string(to_string(type)) +
                                 (is_convertible(from.type) ? ", allow_lossy is needed to convert." : "."));
    const auto earlier = std::ranges::find_if(copies_, [&](const Copy& c) { return c.to.raw() == to.raw(); });
    if (to.numel() == 0) return;
    if (earlier == copies_.end())
      copies_.push_back({&from, to});
    else if (!equal(*earlier->from, from, type))
      problems_.push_back("\"" + earlier->from->name + "\" and \"" + from.name +
                          "\" are one tensor in current model, but differ in checkpoint.");
  }

  bool loaded_by_another_name(const TensorRef& to) const {
    return to.numel() > 0 && std::ranges::any_of(target_.tensors, [&](const NamedTensor& other) {
             return other.tensor.raw() == to.raw() && source_.contains(std::string(other.name));
           });
  }

  /// Whether two tensors of one shape have the same elements after conversion.
  static bool equal(const StateTensor& a, const StateTensor& b, StorageType type) {
    const std::size_t count = a.numel(), bytes = count * item_size(type);
    std::vector<std::byte> values(2 * bytes);
    convert_elements(a.type, a.data, type, values.data(), count);
    convert_elements(b.type, b.data, type, values.data() + bytes, count);
    return std::equal(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(bytes),
                      values.begin() + static_cast<std::ptrdiff_t>(bytes));
  }

  /// In PyTorch's order: module by module, within a module as in the checkpoint.
  void find_unexpected() {
    std::vector<std::pair<std::size_t, std::size_t>> found; // module, place in the checkpoint
    for (std::size_t i = 0; i < order_.size(); ++i)
      if (!std::ranges::any_of(target_.tensors, [&](const NamedTensor& t) { return t.name == order_[i]; }))
        found.emplace_back(target_.innermost_module(order_[i]), i);
    std::ranges::sort(found);
    for (const auto& [module, i] : found) keys_.unexpected_keys.push_back(order_[i]);
  }

  void report() const {
    std::vector<std::string> texts;
    if (options_.strict && !keys_.missing_keys.empty())
      texts.push_back(detail::keys_text("Missing", keys_.missing_keys));
    if (options_.strict && !keys_.unexpected_keys.empty())
      texts.push_back(detail::keys_text("Unexpected", keys_.unexpected_keys));
    texts.insert(texts.end(), problems_.begin(), problems_.end());
    if (texts.empty()) return;
    std::string text = "Error(s) in loading state_dict for " + std::string(target_.class_name) + ":";
    for (const std::string& line : texts) text += "\n\t" + line;
    throw StateDictError(text, keys_);
  }

  StateTarget target_;
  const LoadOptions& options_;
  std::map<std::string, StateTensor> source_;
  std::vector<std::string> order_; ///< names after renaming, in the checkpoint's order
  std::vector<Copy> copies_;
  std::vector<std::string> problems_;
  IncompatibleKeys keys_;
};

} // namespace stator
