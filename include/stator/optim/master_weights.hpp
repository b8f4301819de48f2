// SPDX-License-Identifier: BSL-1.0
// How optimisers change parameters of 16 bits: in float, a block at a time, rounded at the end of a step. The
// rules see floats only. What a step adds is often less than such a parameter can show, and is then lost;
// with master weights it is not: copies in float, which the steps change and the parameters are rounded from.
#pragma once

#include "stator/core/error.hpp"
#include "stator/core/workspace.hpp"
#include "stator/kernel/half.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>
#include <span>
#include <vector>

namespace stator::optim {

/// What an optimiser O has for parameters of type P: nothing, where P is computed with as it is.
template<class O, class P>
class MasterWeights {
protected:
  /// f(elements, how many are before them) for all of `parameters`, in pieces where `whole` is false. They
  /// are those from number `first` on of the arena.
  template<class F>
  void change(std::span<P> parameters, std::size_t, bool, const F& f) {
    f(parameters, std::size_t{0});
  }
};

/// Of an optimiser whose parameters have 16 bits.
template<class O, kernel::Half P>
class MasterWeights<O, P> {
  using T = arithmetic_of<P>;

public:
  /// From here on steps change copies of the parameters in float, which the parameters are rounded from: what
  /// is too small for one step of theirs adds up. 4 more bytes for each parameter. A parameter that somebody
  /// else writes (load_state_dict, an average) goes on from what was written. The copies are part of a
  /// Checkpoint. Throws UnboundError when the model has been moved from.
  void use_master_weights() {
    if (has_master_weights()) return;
    const std::span<P> from = arena();
    if (from.empty() && O::model_type::parameter_table.size() > 0)
      raise(UnboundError("use_master_weights: the model has no memory: it has been moved from"));
    memory_ = MemoryBlock(std::max<std::size_t>(from.size(), 1) * sizeof(T));
    master_ = {reinterpret_cast<T*>(memory_.data()), from.size()};
    kernel::widen(master_.data(), from.data(), static_cast<Index>(from.size()));
  }
  /// Whether use_master_weights() was called.
  bool has_master_weights() const { return !memory_.is_empty(); }
  /// The copies, in the layout of the parameter arena; empty where there are none.
  std::span<T> master_weights() const { return master_; }
  /// Those of one parameter, its row in `parameter_table`.
  std::span<T> master_weights(std::size_t parameter) const {
    const auto& entry = O::model_type::parameter_table[parameter];
    return master_.empty() ? master_
                           : master_.subspan(entry.offset / sizeof(P), static_cast<std::size_t>(entry.numel));
  }

protected:
  template<class F>
  void change(std::span<P> parameters, std::size_t first, bool whole, const F& f) {
    if (whole) {
      scratch_.resize(std::max(scratch_.size(), master_.empty() ? parameters.size() : 0));
      change_block(parameters, first, scratch_.data(), [&f](std::span<T> values) { f(values, 0); });
      return;
    }
    std::array<T, block> values;
    for (std::size_t at = 0; at < parameters.size(); at += block)
      change_block(parameters.subspan(at, std::min(block, parameters.size() - at)), first + at, values.data(),
                   [&f, at](std::span<T> piece) { f(piece, at); });
  }

private:
  static constexpr std::size_t block = 1024;
  std::span<P> arena() const {
    auto& model = static_cast<const O*>(this)->model();
    return model.parameter_arena().first(model.gradient_arena().size());
  }
  void change_block(std::span<P> parameters, std::size_t first, T* values, const auto& f) {
    const auto n = static_cast<Index>(parameters.size());
    if (master_.empty()) {
      kernel::widen(values, parameters.data(), n);
    } else {
      values = master_.data() + first;
      follow(parameters, values);
    }
    f(std::span<T>(values, parameters.size()));
    kernel::narrow(parameters.data(), values, n);
  }
  /// Takes over what does not round to the parameters: somebody else has written those.
  static void follow(std::span<const P> parameters, T* values) {
    std::array<P, block> rounded;
    for (std::size_t at = 0; at < parameters.size(); at += block) {
      const std::size_t n = std::min(block, parameters.size() - at);
      kernel::narrow(rounded.data(), values + at, static_cast<Index>(n));
      if (std::memcmp(rounded.data(), parameters.data() + at, n * sizeof(P)) == 0) continue;
      for (std::size_t i = 0; i < n; ++i)
        if (rounded[i].bits != parameters[at + i].bits) values[at + i] = parameters[at + i];
    }
  }

  MemoryBlock memory_;
  std::span<T> master_;
  std::vector<T> scratch_; // for one whole parameter
};

} // namespace stator::optim
