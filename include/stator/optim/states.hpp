// SPDX-License-Identifier: BSL-1.0
// What an optimiser keeps for each element of a parameter, or of its rows and columns: memory beside the
// arena. A rule whose states have other shapes than the parameter says so in `state_extents`.
#pragma once

#include "stator/core/compiler.hpp"
#include "stator/core/dtype.hpp"
#include "stator/core/error.hpp"
#include "stator/core/shape.hpp"
#include "stator/core/workspace.hpp"
#include "stator/optim/kept_elements.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace stator::optim {

/// A rule whose states have shapes of their own, `Rule::state_extents(state, extents of the parameter)`; of a
/// state that the parameter does not have they have no elements.
template<class Rule>
concept HasStateExtents = requires { Rule::state_extents(std::size_t{}, Extents{}); };

/// The states of all parameters of a model, one block of memory for each of Rule::state_names: in the layout
/// of the parameter arena, or, where the rule has extents of its own, one parameter after another.
template<class Rule, class M>
class States {
  using T = arithmetic_of<typename M::scalar>;

public:
  static constexpr std::size_t count = Rule::state_names.size(); ///< of states

  /// The extents of state s of a parameter, an entry of the table.
  static constexpr Extents extents(std::size_t s, const auto& entry) {
    if constexpr (HasStateExtents<Rule>)
      return Rule::state_extents(s, entry.extents);
    else
      return entry.extents;
  }
  /// Where state s of parameter i begins.
  static constexpr std::size_t begin(std::size_t s, std::size_t i) {
    if constexpr (HasStateExtents<Rule>) {
      std::size_t before = 0;
      for (std::size_t k = 0; k < i; ++k) before += numel(s, k);
      return before;
    } else {
      return static_cast<std::size_t>(M::parameter_table[i].offset) / sizeof(typename M::scalar);
    }
  }
  /// How many elements it has.
  static constexpr std::size_t numel(std::size_t s, std::size_t i) {
    if constexpr (HasStateExtents<Rule>)
      return static_cast<std::size_t>(extents(s, M::parameter_table[i]).numel());
    else
      return static_cast<std::size_t>(M::parameter_table[i].numel);
  }

  /// Which state has a name. Throws KeyError for another one.
  static std::size_t number_of(std::string_view name) {
    for (std::size_t s = 0; s < count; ++s)
      if (name == Rule::state_names[s]) return s;
    raise(KeyError("this optimizer has no state '" + std::string(name) + "'"));
  }

  /// All elements of state s; empty as long as it has no memory.
  std::span<T> all(std::size_t s) const { return values_[s]; }
  /// Whether state s has its memory.
  bool has_memory(std::size_t s) const { return !memory_[s].is_empty(); }
  /// What is kept of state s of parameter i.
  std::span<T> part(std::size_t s, std::size_t i) const {
    if (values_[s].empty()) return {};
    const std::size_t first = kept_.place(begin(s, i));
    return values_[s].subspan(first, kept_.place(begin(s, i) + numel(s, i)) - first);
  }
  /// Each state at a place among the kept elements, null where it has no memory.
  std::array<T*, count> at(std::size_t place) const {
    std::array<T*, count> result{};
    for (std::size_t s = 0; s < count; ++s)
      if (!values_[s].empty()) result[s] = values_[s].data() + place;
    return result;
  }
  /// Each state of parameter i, null where it has none.
  std::array<T*, count> of(std::size_t i) const {
    std::array<T*, count> result{};
    for (std::size_t s = 0; s < count; ++s) result[s] = part(s, i).data();
    return result;
  }
  /// The elements of the arena that states are kept of.
  const KeptElements& kept() const { return kept_; }
  /// Whether they are kept of all elements of an arena of this size.
  bool keeps_all(std::size_t arena) const { return kept_.place(arena) == arena; }

  /// Gives state s its memory, zeros, for an arena of so many elements. Throws UnboundError when the model
  /// has been moved from.
  STATOR_COLD STATOR_NOINLINE void allocate(std::size_t s, std::size_t arena) {
    constexpr std::size_t parameters = M::parameter_table.size();
    if (parameters > 0 && arena == 0) [[unlikely]]
      raise(UnboundError(
          "an optimizer's model has no memory: it has been moved from, and the optimizer does not follow"));
    const std::size_t kept = HasStateExtents<Rule> ? begin(s, parameters) : kept_.place(arena);
    memory_[s] = MemoryBlock(std::max<std::size_t>(kept, 1) * sizeof(T));
    values_[s] = {reinterpret_cast<T*>(memory_[s].data()), kept};
    std::ranges::fill(values_[s], T{0});
  }
  /// From here on only what belongs to these elements of the arena is kept; `allocate_state(s)` gives a state
  /// new memory, in which what was there of them stays.
  void keep_only(std::vector<ArenaPart> parts, const auto& allocate_state) {
    static_assert(
        !HasStateExtents<Rule>,
        "stator: the states of this optimizer belong to whole parameters: processes cannot share them");
    const KeptElements before = std::exchange(kept_, KeptElements(std::move(parts)));
    for (std::size_t s = 0; s < count; ++s) {
      if (values_[s].empty() && !has_memory(s)) continue;
      const MemoryBlock memory = std::move(memory_[s]);
      const std::span<const T> old = values_[s];
      allocate_state(s);
      kept_.for_each(0, values_[s].size(), [&](std::size_t place, std::size_t element, std::size_t n) {
        before.for_each(before.place(element), before.place(element + n),
                        [&](std::size_t from, std::size_t at, std::size_t size) {
                          std::copy_n(old.data() + from, size, values_[s].data() + place + (at - element));
                        });
      });
    }
  }

private:
  std::array<MemoryBlock, count> memory_{};
  std::array<std::span<T>, count> values_{};
  KeptElements kept_;
};

} // namespace stator::optim
