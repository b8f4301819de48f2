// SPDX-License-Identifier: BSL-1.0
// load_state_dict, for state from anywhere: another model, a safetensors file, an .npz file, a list of
// tensors. `LoadPlan` first checks everything and only then copies: a model is loaded whole or not touched.
#pragma once

#include "stator/state/state_target.hpp"

#include <concepts>
#include <deque>
#include <set>
#include <span>
#include <utility>

namespace stator::inline v0_2 {

namespace detail {

/// "Missing key(s) in state_dict: "a", "b". "
template<std::same_as<std::string> String>
String keys_text(const char* what, const std::vector<String>& keys) {
  std::string text = std::string(what) + " key(s) in state_dict: ";
  for (std::size_t i = 0; i < keys.size(); ++i) text += (i > 0 ? ", \"" : "\"") + keys[i] + "\"";
  return text + ". ";
}

} // namespace detail

/// Which tensor goes where: the checked half of loading.
///
/// Before it compares, it changes its copy of the state in this order: LoadOptions::rename,
/// LoadOptions::pre_hooks, what is registered with the model (parents first), and, when the state is not a
/// model's state_dict(), each module's own `static void upgrade_state(StateDict&, std::string_view prefix)`,
/// which puts in what older files do not have.
///
/// A template, all of whose types depend on its parameter, so that programs that load nothing do not pay for
/// it.
template<class Target = StateTarget>
class BasicLoadPlan {
  template<class T>
  using later = std::conditional_t<(sizeof(Target) > 0), T, void>;
  using StateTarget = Target;
  using StateDict = later<stator::StateDict>;
  using StateTensor = later<stator::StateTensor>;
  using StateEntry = later<stator::StateEntry>;
  using LoadOptions = later<stator::LoadOptions>;
  using IncompatibleKeys = later<stator::IncompatibleKeys>;

public:
  /// Throws StateDictError with everything that does not fit; KeyError when `options.into` is not a module;
  /// ValueError for rules that give two tensors one name.
  BasicLoadPlan(StateTarget target, StateDict state, LoadOptions options)
      : target_(std::move(target)), state_(std::move(state)), options_(std::move(options)) {
    target_.descend(options_.into);
    if (!options_.only.empty())
      std::erase_if(target_.entries, [&](const StateEntry& e) { return !is_wanted(e.name); });
    prepare_state();
    for (const StateTensor& t : state_) source_.emplace(t.name, &t);
    for (const StateEntry& entry : target_.entries) match(entry);
    keep_what_is_overwritten();
    find_unexpected();
    has_post_hooks_ =
        !options_.post_hooks.empty() || std::ranges::any_of(target_.hooks, [](const auto& hook) {
          return hook.kind == detail::StateHookKind::load_post;
        });
    if (!problems_.empty() || !has_post_hooks_) report();
  }
  BasicLoadPlan(const BasicLoadPlan&) = delete;
  BasicLoadPlan& operator=(const BasicLoadPlan&) = delete;

  /// Whether commit() may throw: it calls functions of the user, the post hooks and set_extra_state.
  bool may_throw() const { return has_post_hooks_ || !setters_.empty(); }

  /// Copies. Throws what the user's functions throw, and StateDictError when post hooks leave names on the
  /// lists; then the model is as it was.
  void commit() {
    if (!may_throw()) return copy();
    remember();
    STATOR_TRY {
      if (!has_post_hooks_ || !options_.post_hooks.empty()) load();
      for (const LoadPostHook& hook : options_.post_hooks) hook(keys_);
      if (has_post_hooks_) load_by_modules();
      report();
    }
    STATOR_CATCH_ALL {
      undo();
      STATOR_RETHROW;
    }
  }
  /// Takes a commit() back that may throw.
  void undo() {
    for (std::size_t i = 0, at = 0; i < copies_.size(); at += copies_[i++].to.bytes())
      std::copy_n(memory_.begin() + static_cast<std::ptrdiff_t>(at), copies_[i].to.bytes(),
                  copies_[i].to.raw());
    for (const auto& set : old_setters_) set();
  }

  /// After commit().
  const IncompatibleKeys& keys() const { return keys_; }

private:
  struct Copy {
    const StateTensor* from;
    TensorRef to;
    const StateEntry* entry;
  };

  bool is_wanted(std::string_view name) const {
    return options_.only.empty() || std::ranges::any_of(options_.only, [&](const std::string& glob) {
             return glob_match(glob, name);
           });
  }

  void prepare_state() {
    state_.rename(options_.rename);
    for (const StateDictHook& hook : options_.pre_hooks) hook(state_, "");
    for (const auto& m : target_.modules)
      target_.run_hooks(detail::StateHookKind::load_pre, m, [&](const detail::StateHook& hook) {
        hook.on_state(target_.net, state_, StateTarget::prefix(m));
      });
    add_other_names();
    if (!state_.has_metadata())
      for (const auto& m : target_.modules)
        if (m.upgrade != nullptr) m.upgrade(state_, StateTarget::prefix(m));
    state_.erase_if([&](const StateTensor& t) { return !is_wanted(t.name); });
  }

  /// What is shared in the model may be there under one of its names.
  void add_other_names() {
    std::map<std::string_view, const StateTensor*> given;
    for (const StateTensor& t : state_) given.emplace(t.name, &t);
    std::map<const void*, const StateTensor*> shared;
    for (const StateEntry& e : target_.entries)
      if (const auto found = given.find(e.name); e.shared != nullptr && found != given.end())
        shared.emplace(e.shared, found->second);
    std::vector<StateTensor> more; // apart: an insertion moves what the maps refer to
    for (const StateEntry& e : target_.entries)
      if (const auto found = shared.find(e.shared); found != shared.end() && !given.contains(e.name))
        more.emplace_back(*found->second).name = e.name;
    for (StateTensor& t : more) state_.insert_view(std::move(t));
  }

  void match(const StateEntry& entry) {
    const auto found = source_.find(entry.name);
    if (found == source_.end()) {
      keys_.missing_keys.push_back(entry.name);
    } else if (entry.is_extra()) {
      match_extra(entry, *found->second);
    } else {
      match_tensor(entry, *found->second);
    }
  }

  void match_tensor(const StateEntry& entry, const StateTensor& from) {
    const TensorRef& to = entry.tensor;
    const Extents extents = to.shape().extents;
    const bool is_number =
        extents.rank == 0 && from.shape.size() == 1 && from.shape[0] == 1; // PyTorch 0.3 wrote those
    if (!is_number && !std::equal(from.shape.begin(), from.shape.end(), extents.dims.begin(),
                                  extents.dims.begin() + extents.rank))
      return problems_.push_back("size mismatch for " + entry.name + ": copying a param with shape " +
                                 detail::size_text(from.shape.data(), from.shape.size()) +
                                 " from checkpoint, the shape in current model is " +
                                 detail::size_text(extents.dims.data(), extents.rank) + ".");
    const StorageType type = storage_of(to.dtype());
    if (!is_convertible(from.type) || (!options_.allow_lossy && !is_lossless(from.type, type)))
      return problems_.push_back("dtype mismatch for " + entry.name + ": copying a param with dtype " +
                                 std::string(to_string(from.type)) +
                                 " from checkpoint, the dtype in current model is " +
                                 std::string(to_string(type)) +
                                 (is_convertible(from.type) ? ", allow_lossy is needed to convert." : "."));
    if (to.numel() == 0) return;
    const auto [earlier, fresh] = loaded_.try_emplace(entry.shared, &from);
    if (fresh)
      copies_.push_back({&from, to, &entry});
    else if (!equal(*earlier->second, from, type))
      problems_.push_back("\"" + earlier->second->name + "\" and \"" + from.name +
                          "\" are one tensor in current model, but differ in checkpoint.");
  }

  void match_extra(const StateEntry& entry, const StateTensor& from) {
#if STATOR_HAS_EXCEPTIONS
    try {
      setters_.push_back(entry.extra.read(from));
      extras_.push_back(&entry);
    } catch (const Error& error) {
      problems_.push_back(std::string(error.what()).substr(sizeof "stator: " - 1) + ".");
    }
#else
    setters_.push_back(entry.extra.read(from));
    extras_.push_back(&entry);
#endif
  }

  /// Whether two tensors of one shape have the same elements after conversion.
  static bool equal(const StateTensor& a, const StateTensor& b, StorageType type) {
    if (a.data == b.data && a.type == b.type) return true;
    const std::size_t count = a.numel(), bytes = count * item_size(type);
    std::vector<later<std::byte>> values(2 * bytes);
    convert_elements(a.type, a.data, type, values.data(), count);
    convert_elements(b.type, b.data, type, values.data() + bytes, count);
    return std::equal(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(bytes),
                      values.begin() + static_cast<std::ptrdiff_t>(bytes));
  }

  /// In PyTorch's order: module by module, within a module its extra state first, then as in the checkpoint.
  void find_unexpected() {
    std::set<later<std::string_view>> expected;
    for (const StateEntry& e : target_.entries) expected.insert(e.name);
    std::vector<std::tuple<std::size_t, bool, std::size_t, const StateTensor*>> found;
    for (const StateTensor& t : state_)
      if (!expected.contains(t.name)) {
        const std::size_t module = target_.innermost_module(t.name);
        const bool is_extra = t.name == StateTarget::prefix(target_.modules[module]) + "_extra_state";
        found.emplace_back(module, !is_extra, found.size(), &t);
      }
    std::ranges::sort(found);
    for (const auto& entry : found) {
      keys_.unexpected_keys.push_back(std::get<3>(entry)->name);
      modules_of_unexpected_[std::get<3>(entry)->name] = std::get<0>(entry);
    }
  }

  /// The state may be a view of this very model, its names exchanged.
  void keep_what_is_overwritten() {
    std::set<later<const std::byte*>> written;
    for (const Copy& c : copies_) written.insert(c.to.raw());
    for (Copy& c : copies_) {
      if (c.from->data == c.to.raw() || !written.contains(c.from->data)) continue;
      StateDict copy;
      copy.insert_or_assign(c.from->name, *c.from);
      c.from = &*kept_.emplace_back(std::move(copy)).begin();
    }
    std::erase_if(copies_, [](const Copy& c) { return c.from->data == c.to.raw(); });
  }

  static void copy(const Copy& c) {
    convert_elements(c.from->type, c.from->data, storage_of(c.to.dtype()), c.to.raw(), c.from->numel());
  }
  void copy() const {
    for (const Copy& c : copies_) copy(c);
  }
  void load() {
    copy();
    for (const auto& set : setters_) set();
    next_copy_ = copies_.size(), next_setter_ = setters_.size();
  }

  void remember() {
    for (const Copy& c : copies_) memory_.insert(memory_.end(), c.to.raw(), c.to.raw() + c.to.bytes());
    for (const StateEntry* e : extras_) {
      StateDict old;
      e->extra.get(old, e->name);
      old_setters_.push_back(e->extra.read(old[e->name]));
    }
  }

  /// As PyTorch: a module is loaded, then those inside it, then its post-hooks are called. The lists that
  /// they see hold what did not find a partner in the modules so far.
  void load_by_modules() {
    std::map<std::size_t, IncompatibleKeys> found;
    for (std::string& name : keys_.missing_keys) {
      const std::size_t module = target_.innermost_module(name);
      found[module].missing_keys.push_back(std::move(name));
    }
    for (std::string& name : keys_.unexpected_keys) {
      const auto module = modules_of_unexpected_.find(name); // not there: a hook has put the name on the list
      found[module == modules_of_unexpected_.end() ? 0 : module->second].unexpected_keys.push_back(name);
    }
    keys_ = {};
    const auto enter = [&](const StateTarget::Module& m) {
      load_module(m);
      const auto here = found.find(static_cast<std::size_t>(&m - target_.modules.data()));
      if (here == found.end()) return;
      const auto append = [](auto& to, const auto& names) {
        to.insert(to.end(), names.begin(), names.end());
      };
      append(keys_.missing_keys, here->second.missing_keys);
      append(keys_.unexpected_keys, here->second.unexpected_keys);
    };
    target_.walk(enter, [&](const StateTarget::Module& m) {
      target_.run_hooks(detail::StateHookKind::load_post, m,
                        [&](const detail::StateHook& hook) { hook.on_keys(target_.net, keys_); });
    });
  }
  /// What lies in a module itself. Copies and setters are in the order of the modules.
  void load_module(const StateTarget::Module& m) {
    const auto is_here = [&](const StateEntry& e) {
      return std::string_view(e.name).substr(0, e.name.rfind('.') + 1) == StateTarget::prefix(m);
    };
    while (next_copy_ < copies_.size() && is_here(*copies_[next_copy_].entry)) copy(copies_[next_copy_++]);
    while (next_setter_ < setters_.size() && is_here(*extras_[next_setter_])) setters_[next_setter_++]();
  }

  void report() const {
    std::vector<later<std::string>> texts;
    if (options_.strict && !keys_.missing_keys.empty())
      texts.push_back(detail::keys_text("Missing", keys_.missing_keys));
    if (options_.strict && !keys_.unexpected_keys.empty())
      texts.push_back(detail::keys_text("Unexpected", keys_.unexpected_keys));
    texts.insert(texts.end(), problems_.begin(), problems_.end());
    if (texts.empty()) return;
    std::string text = "Error(s) in loading state_dict for " + std::string(target_.class_name) + ":";
    for (const std::string& line : texts) text += "\n\t" + line;
    raise(StateDictError(text, keys_));
  }

  StateTarget target_;
  StateDict state_;
  LoadOptions options_;
  std::map<std::string_view, const StateTensor*> source_;
  std::map<const void*, const StateTensor*> loaded_; // by what is shared
  std::vector<Copy> copies_;
  std::deque<StateDict> kept_;
  std::vector<const StateEntry*> extras_;
  std::vector<later<std::function<void()>>> setters_, old_setters_;
  std::size_t next_copy_ = 0, next_setter_ = 0; // of those that are done
  std::map<later<std::string>, std::size_t> modules_of_unexpected_;
  std::vector<later<std::byte>> memory_; // what copies_ replaced
  std::vector<later<std::string>> problems_;
  IncompatibleKeys keys_;
  bool has_post_hooks_ = false;
};

/// Loads a state in two steps: everything is checked, then copied; see BasicLoadPlan.
using LoadPlan = BasicLoadPlan<>;

namespace detail {
template<std::same_as<StateTarget> Target>
IncompatibleKeys load(Target target, StateDict state, const LoadOptions& options) {
  BasicLoadPlan<Target> plan(std::move(target), std::move(state), options);
  plan.commit();
  return plan.keys();
}
} // namespace detail

/// Copies a state into a model or module. Returns the names without a partner (none when `strict`). Throws
/// StateDictError with everything that does not fit, in PyTorch's words; then the model is as it was.
template<HasState M>
  requires(!std::is_const_v<M>)
IncompatibleKeys load_state_dict(M& model, const StateDict& state, const LoadOptions& options = {}) {
  return detail::load(state_target(model), state, options);
}

} // namespace stator::inline v0_2
