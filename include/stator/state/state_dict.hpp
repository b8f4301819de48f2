// SPDX-License-Identifier: BSL-1.0
// What `model.state_dict()` gives and `model.load_state_dict()` takes: an ordered dictionary of tensors, how
// it is loaded, and what loading says.
#pragma once

#include "stator/core/glob.hpp"
#include "stator/module/nearest.hpp"
#include "stator/state/state_tensor.hpp"

#include <array>
#include <concepts>
#include <functional>
#include <initializer_list>
#include <map>
#include <memory>
#include <span>

namespace stator::inline v0_2 {

/// A rule for names of foreign checkpoints. Each * of `to` is what the corresponding * of `from` stood for;
/// an empty `to` leaves the tensor out. {"module.*", "*"} strips a prefix, {"h.*.mlp.c_fc.*",
/// "blocks.*.fc1.*"} moves a layer.
struct Rename {
  std::string from, to; ///< pattern of old names, and the new name with its captures
};

/// "fc1.weight" and what it names: an element of `StateDict{{"fc1.weight", w}, {"steps", 7}}`.
struct StateItem {
  template<class T>
  StateItem(std::string name, const T& value) : tensor(detail::state_view(std::move(name), value)) {}
  StateTensor tensor; ///< its elements, not owned
};

namespace detail {
template<class P>
concept NameAndTensor =
    requires(P p) { std::string(p.first), p.second; } || requires(P p) { std::string(p.name), p.tensor; };
} // namespace detail

/// Names and tensors, in order. Functions that need much of the standard library are templates, here and in
/// the files that include this: only programs that take or load a state compile them. Those of a
/// `state_dict()` are views of the model's memory, those of a file lie in the file; what is inserted is
/// copied.
class StateDict {
public:
  StateDict() = default;
  /// Views. Throws ValueError when two have one name.
  template<std::same_as<StateTensor> Tensor = StateTensor>
  StateDict(std::vector<Tensor> tensors, std::shared_ptr<const void> memory = nullptr)
      : tensors_(std::move(tensors)) {
    memory_.push_back(std::move(memory));
    rename(std::span<const Rename, 0>{});
  }
  /// Copies, as do those below.
  template<std::same_as<StateItem> Item = StateItem>
  StateDict(std::initializer_list<Item> items) {
    for (const Item& item : items) insert_or_assign(item.tensor.name, item.tensor);
  }
  /// From a std::map of names to tensors, or `model.named_parameters()`.
  template<class Range>
    requires requires(const Range& range) { requires detail::NameAndTensor<decltype(*range.begin())>; }
  StateDict(const Range& range) {
    for (const auto& [name, tensor] : range) insert_or_assign(std::string(name), tensor);
  }

  auto begin() const { return tensors_.begin(); }
  auto end() const { return tensors_.end(); }
  std::size_t size() const { return tensors_.size(); }
  bool empty() const { return tensors_.empty(); }

  /// Whether there is a tensor of this name.
  bool contains(std::string_view name) const { return find(name) != size(); }
  /// Throws KeyError with the nearest names.
  const StateTensor& operator[](std::string_view name) const { return tensors_[expect(name)]; }

  /// Adds a number, a tensor or a list of numbers, or puts it in the place of the one with this name.
  template<class T>
  void insert_or_assign(std::string name, const T& value) {
    StateTensor tensor = detail::state_view(std::move(name), value);
    const auto copy = std::make_shared<std::vector<std::byte>>(tensor.data, tensor.data + tensor.bytes());
    tensor.data = copy->data();
    memory_.push_back(copy);
    insert_view(std::move(tensor));
  }
  /// The same without a copy: the memory must stay.
  template<class = void>
  void insert_view(StateTensor tensor) {
    const std::size_t at = find(tensor.name);
    if (at == size())
      tensors_.push_back(std::move(tensor));
    else
      tensors_[at] = std::move(tensor);
  }
  /// The same for a name that is known to be new: nothing is searched for.
  template<class = void>
  void append_view(StateTensor tensor) {
    tensors_.push_back(std::move(tensor));
  }
  /// Makes room for as many tensors.
  template<class = void>
  void reserve(std::size_t count) {
    tensors_.reserve(count);
  }
  /// Whether there was such a name.
  template<class = void>
  bool erase(std::string_view name) {
    return erase_if([&](const StateTensor& t) { return t.name == name; }) > 0;
  }
  /// Removes the tensors for which `predicate(tensor)` holds and returns their number.
  template<class Predicate>
  std::size_t erase_if(Predicate predicate) {
    return std::erase_if(tensors_, predicate);
  }
  /// Applies the first rule that fits a name. Throws ValueError, and changes nothing, when two tensors would
  /// have one name.
  template<class Rules>
    requires requires(const Rules& rules) { std::span<const Rename>(rules); }
  void rename(const Rules& rules) {
    using Name = std::remove_cvref_t<decltype(rules.begin()->from)>;
    std::map<Name, std::string_view> old; // by their new names
    std::vector<Name> names;
    for (const StateTensor& t : tensors_) {
      names.push_back(t.name);
      for (const Rename& rule : rules)
        if (const auto captures = glob_captures(rule.from, t.name)) {
          names.back() = glob_expand(rule.to, *captures);
          break;
        }
      const auto [other, fresh] = old.try_emplace(names.back(), t.name);
      if (!fresh && !names.back().empty())
        raise(ValueError("state_dict: '" + std::string(other->second) + "' and '" + t.name +
                         "' would both be '" + names.back() + "'"));
    }
    for (std::size_t i = 0; i < names.size(); ++i) tensors_[i].name = std::move(names[i]);
    erase("");
  }
  template<class From>
  void rename(const From& from, std::string to) {
    rename(std::array < Rename, sizeof(From) != 0 > {Rename{std::string(from), std::move(to)}});
  }

  /// Whether `state_dict()` of a model made it, so that it has all that its modules have today; in PyTorch
  /// `_metadata` says so. State from files and lists may be older than the module.
  bool has_metadata() const { return has_metadata_; }
  /// Says what `has_metadata` returns.
  void set_has_metadata(bool value) { has_metadata_ = value; }

private:
  std::size_t find(std::string_view name) const {
    std::size_t at = 0;
    while (at < tensors_.size() && tensors_[at].name != name) ++at;
    return at;
  }
  std::size_t expect(std::string_view name) const {
    const std::size_t at = find(name);
    if (at == size())
      raise(KeyError("the state_dict has no '" + std::string(name) + "'" +
                     std::string(detail::nearest(name, size(), [&](std::size_t i) -> std::string_view {
                                   return tensors_[i].name;
                                 }).view())));
    return at;
  }

  std::vector<StateTensor> tensors_;
  std::vector<std::shared_ptr<const void>> memory_;
  bool has_metadata_ = false;
};

/// What load_state_dict returns. Without `strict`, the names that did not find a partner.
struct IncompatibleKeys {
  std::vector<std::string> missing_keys, unexpected_keys; ///< of the model, then of the checkpoint
  bool empty() const { return missing_keys.empty() && unexpected_keys.empty(); }
};

/// State that does not fit the network. The text lists everything that is wrong, in PyTorch's words.
struct StateDictError : Error {
  StateDictError(const std::string& text, IncompatibleKeys lists) : Error(text), keys(std::move(lists)) {}
  IncompatibleKeys keys; ///< the names without a partner
};

/// Sees a state_dict and may change it: when it has been made, or before it is loaded. `prefix` is what the
/// names of the module begin with: "encoder.", "" for the network itself.
using StateDictHook = std::function<void(StateDict& state, std::string_view prefix)>;
/// Sees what did not find a partner when the model has been loaded, and may take names off the lists.
using LoadPostHook = std::function<void(IncompatibleKeys& keys)>;

/// What `load_state_dict` and `load` accept, and where it goes.
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
  /// Called in this order, before those that are registered with the model. With post-hooks here, the whole
  /// model has been loaded when the first of them is called.
  std::vector<StateDictHook> pre_hooks = {};
  /// Called when a module has been loaded; they may change the list of missing names.
  std::vector<LoadPostHook> post_hooks = {};
};

} // namespace stator::inline v0_2
