// SPDX-License-Identifier: BSL-1.0
// torch.nn.utils.clip_grad: limits to gradients, between `loss.backward()` and `optimizer.step()`.
#pragma once

#include "stator/core/dtype.hpp"
#include "stator/core/error.hpp"
#include "stator/optim/check.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <concepts>
#include <limits>
#include <span>

namespace stator::optim {

/// Options of clip_grad_norm_, those of torch.nn.utils.
struct ClipOptions {
  double norm_type = 2;            ///< order of the norm; infinity for the largest element
  bool error_if_nonfinite = false; ///< throw when the norm is infinite or NaN
};

namespace detail {
/// The sum of f(element), in double, in an order that does not depend on the machine.
template<class T, class F>
double sum_of(std::span<T> values, F f) {
  std::array<double, 16> lanes{};
  std::size_t i = 0;
  for (; i + lanes.size() <= values.size(); i += lanes.size())
    for (std::size_t k = 0; k < lanes.size(); ++k) lanes[k] += f(static_cast<double>(values[i + k]));
  for (; i < values.size(); ++i) lanes[0] += f(static_cast<double>(values[i]));
  double total = 0;
  for (const double lane : lanes) total += lane;
  return total;
}

template<class T>
double norm_of(std::span<T> values, double order) {
  if (order == 2) return std::sqrt(sum_of(values, [](double x) { return x * x; }));
  if (order == 1) return sum_of(values, [](double x) { return std::abs(x); });
  if (order != std::numeric_limits<double>::infinity())
    return std::pow(sum_of(values, [=](double x) { return std::pow(std::abs(x), order); }), 1 / order);
  double largest = 0, not_a_number = 0;
  for (const T x : values) {
    const auto size = static_cast<double>(std::abs(x));
    largest = std::max(largest, size);
    not_a_number += size != size ? size : 0;
  }
  return largest + not_a_number;
}

/// What all gradients are multiplied by; 1 where they are left alone.
inline double clip_scale(double norm, double max_norm, const ClipOptions& options) {
  if (options.error_if_nonfinite && !std::isfinite(norm))
    raise(ValueError(
        "The total norm of order " + number_text(options.norm_type) +
        " for gradients from `parameters` is non-finite, so it cannot be clipped. To disable this "
        "error and scale the gradients by the non-finite norm anyway, set `error_if_nonfinite=False`"));
  const double scale = max_norm / (norm + 1e-6);
  return scale >= 1 ? 1 : scale;
}
template<class T>
void multiply(std::span<T> gradients, double scale) {
  if (scale != 1)
    for (T& gradient : gradients) gradient *= static_cast<T>(scale);
}

/// All gradients of a model; those that are not there are 0 only if asked for.
template<class T, class M>
std::span<T> gradients_of(M& model, [[maybe_unused]] bool settled) {
  if constexpr (requires { model.gradient_memory(settled); })
    return model.gradient_memory(settled);
  else
    return model.gradient_arena();
}

/// Calls `f(gradient)` for each parameter that has one: None stays None.
template<class M, class F>
void for_each_gradient(M& model, F f) {
  using T = arithmetic_of<typename M::scalar>;
  for (std::size_t i = 0; i < M::parameter_table.size(); ++i) {
    const auto& entry = M::parameter_table[i];
    if constexpr (requires { model.has_grad(i); })
      if (!model.has_grad(i)) continue;
    f(gradients_of<T>(model, false)
          .subspan(static_cast<std::size_t>(entry.offset) / sizeof(typename M::scalar),
                   static_cast<std::size_t>(entry.numel)));
  }
}
} // namespace detail

/// Scales all gradients so that their norm, taken as one vector, is at most `max_norm`. Returns the norm
/// before. Throws ValueError for an order that is not positive, and, if asked, when the norm is not finite.
template<std::floating_point T>
double clip_grad_norm_(std::span<T> gradients, double max_norm, const ClipOptions& options = {}) {
  detail::check(options.norm_type > 0, "norm_type value", options.norm_type);
  const double norm = detail::norm_of(gradients, options.norm_type);
  detail::multiply(gradients, detail::clip_scale(norm, max_norm, options));
  return norm;
}

/// Limits each gradient to [-clip_value, clip_value].
template<std::floating_point T>
void clip_grad_value_(std::span<T> gradients, double clip_value) {
  const T limit = static_cast<T>(clip_value);
  for (T& gradient : gradients) gradient = gradient < -limit ? -limit : gradient > limit ? limit : gradient;
}

/// The norm of all gradients of a model, taken as one vector; nothing is changed. Throws ValueError for an
/// order that is not positive.
template<class M>
  requires requires(M& m) { m.gradient_arena(); }
double grad_norm(M& model, const ClipOptions& options = {}) {
  detail::check(options.norm_type > 0, "norm_type value", options.norm_type);
  // What is not there, and padding, is 0 and adds nothing.
  return detail::norm_of(detail::gradients_of<arithmetic_of<typename M::scalar>>(model, true),
                         options.norm_type);
}

/// The same for all gradients of a model: `clip_grad_norm_(model, 1.0)`. A parameter without a gradient stays
/// so.
template<class M>
  requires requires(M& m) { m.gradient_arena(); }
double clip_grad_norm_(M& model, double max_norm, const ClipOptions& options = {}) {
  const double norm = grad_norm(model, options);
  const double scale = detail::clip_scale(norm, max_norm, options);
  detail::for_each_gradient(model, [&](auto gradient) { detail::multiply(gradient, scale); });
  return norm;
}
template<class M>
  requires requires(M& m) { m.gradient_arena(); }
void clip_grad_value_(M& model, double clip_value) {
  detail::for_each_gradient(model, [&](auto gradient) { clip_grad_value_(gradient, clip_value); });
}

} // namespace stator::optim
