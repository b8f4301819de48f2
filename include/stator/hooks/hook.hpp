// SPDX-License-Identifier: BSL-1.0
// Hooks: functions that see, and may replace, what goes into and comes out of modules, and gradients.
//
//   auto watched = model.with(stator::forward_hook<"encoder.fc1">(
//       [&](const auto& module, auto input, auto output) { ... }));
//
// watched(x) runs with the hook, model(x) without: a hook is removed by calling the model itself.
//
// A function sees the values of the running program, as TensorViews. One in stator::traced(...) sees symbols,
// as `forward` does: it runs in the compiler, has no state, and what it returns takes the place of what it
// saw. Several inputs of a module come as a std::tuple, several outputs as forward returns them, in a tuple,
// an array or a struct; each is a place of its own for forward and tensor hooks, "encoder.1",
// "encoder.state.0", "encoder.hidden". Hooks run in the order in which they are given.
#pragma once

#include "stator/core/fixed_string.hpp"
#include "stator/expr/tensor.hpp"

#include <type_traits>
#include <utility>

namespace stator::inline v0_2 {

/// What a hook sees: torch.nn.Module's register_forward_pre_hook, register_forward_hook and
/// register_full_backward_hook, and torch.Tensor.register_hook.
enum class HookKind { forward_pre, forward, full_backward, tensor };

/// A function at a path: that of a module, "" for the network itself, a pattern with *, or, for forward and
/// tensor hooks, that of a tap or of one of the values that a module returns.
template<HookKind Kind, fixed_string Path, class F>
struct Hook {
  static constexpr HookKind kind = Kind; ///< what it sees
  static constexpr auto path = Path;     ///< where: a path, or a pattern
  /// The type of the function.
  using function_type = F;
  F function; ///< what is called there
};

/// A hook function that is called in tracing.
template<class F>
struct Traced {
  static_assert(std::is_empty_v<F> && std::is_default_constructible_v<F>,
                "stator: traced: the function must capture nothing, it runs in the compiler");
  /// Calls it with symbols.
  static constexpr auto call(const auto&... a) { return F{}(a...); }
};
/// Makes a hook function run while the graph is traced, see Traced.
template<class F>
constexpr Traced<F> traced(F) {
  return {};
}

namespace detail {
template<class F>
inline constexpr bool is_traced = false;
template<class F>
inline constexpr bool is_traced<Traced<F>> = true;
} // namespace detail

/// `f(module, input)` before the forward of a module; traced, it may return another input.
/// torch.nn.Module.register_forward_pre_hook.
template<fixed_string Path, class F>
constexpr auto forward_pre_hook(F f) {
  return Hook<HookKind::forward_pre, Path, F>{std::move(f)};
}

/// `f(module, input, output)` after the forward of a module, `f(value)` at a tap; traced, it may return
/// another output. torch.nn.Module.register_forward_hook.
template<fixed_string Path, class F>
constexpr auto forward_hook(F f) {
  return Hook<HookKind::forward, Path, F>{std::move(f)};
}

/// `f(module, grad_input, grad_output)` once the gradients of a module's inputs are there; may return another
/// grad_input: the backward goes on with it. An input that needs no gradient is a stator::NoGradient.
/// torch.nn.Module.register_full_backward_hook.
template<fixed_string Path, class F>
constexpr auto full_backward_hook(F f) {
  return Hook<HookKind::full_backward, Path, F>{std::move(f)};
}

/// `f(grad)` with the gradient of what a module returns, or of a tap; may return another one (a tensor or an
/// expression of the same shape). torch.Tensor.register_hook.
template<fixed_string Path, class F>
constexpr auto tensor_hook(F f) {
  return Hook<HookKind::tensor, Path, F>{std::move(f)};
}

namespace detail {
/// Copies each gradient that it sees.
template<class T, Index... E>
struct GradientKeeper {
  Tensor<T, E...>* to;
  void operator()(const TensorView<const T, E...>& grad) const {
    if (to->leading() == grad.leading())
      std::copy_n(grad.data(), grad.numel(), to->data());
    else
      *to = Tensor<T, E...>(grad);
  }
};
} // namespace detail

/// Keeps the gradient of what a module returns, or of a tap, in `to`, which must outlive the hook.
/// torch.Tensor.retain_grad.
template<fixed_string Path, class T, Index... E>
constexpr auto retain_grad(Tensor<T, E...>& to) {
  return tensor_hook<Path>(detail::GradientKeeper<T, E...>{&to});
}

} // namespace stator::inline v0_2
