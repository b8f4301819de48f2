// SPDX-License-Identifier: BSL-1.0
// What training loops do around a step, done with it: gradients are limited where the update reads them,
// block by block, so that they need no pass of their own.
#pragma once

#include "stator/optim/clip.hpp"
#include "stator/optim/states.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <limits>
#include <span>

namespace stator::optim {

/// Options of `optimizer.step({.max_norm = 1.0, .zero_grad = true})`.
struct StepOptions {
  double max_norm = std::numeric_limits<double>::infinity(); ///< clip_grad_norm_ first; infinity: do not clip
  double norm_type = 2;                                      ///< order of the norm, see ClipOptions
  bool error_if_nonfinite = false;                           ///< see ClipOptions
  bool zero_grad = false;                                    ///< zero_grad() afterwards

  /// Whether gradients are limited, or their norm is looked at.
  constexpr bool clips() const {
    return max_norm != std::numeric_limits<double>::infinity() || error_if_nonfinite;
  }
};

namespace detail {

/// Whether updates may be made of any part of the arena, and this process has all gradients.
template<class Rule, class M>
inline constexpr bool updates_anywhere =
    !HasStateExtents<Rule> && !requires(const M& m) { m.scatters_gradients(); };

/// What an update's gradients are multiplied by first, and whether they stay so.
struct Scaling {
  double factor = 1;
  bool kept = true;
};

/// `rule.update` with scaled gradients, to the bit as if they had been scaled before.
template<class Rule, class T, std::size_t Count>
void update_scaled(const Rule& rule, const typename Rule::Options& options, std::span<T> param,
                   std::span<T> grad, std::array<T*, Count> states, const Scaling& scaling) {
  if (scaling.factor == 1) return rule.update(options, param, std::span<const T>(grad), states);
  constexpr std::size_t block = 4096 / sizeof(T);
  T near[block];
  for (std::size_t at = 0; at < param.size(); at += block) {
    const std::size_t size = std::min(block, param.size() - at);
    const T* const from = grad.data() + at;
    T* const to = scaling.kept ? grad.data() + at : near;
    const T factor = static_cast<T>(scaling.factor);
    for (std::size_t i = 0; i < size; ++i) to[i] = from[i] * factor;
    rule.update(options, param.subspan(at, size), std::span<const T>(to, size), states);
    for (T*& state : states)
      if (state != nullptr) state += size;
  }
}

} // namespace detail

} // namespace stator::optim
