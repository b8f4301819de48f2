// SPDX-License-Identifier: BSL-1.0
// jacobian, hessian, vjp, jvp and hvp as torch.autograd.functional has them, as expressions. What is
// differentiated is a function, called with the inputs, or an expression that reads them:
//   auto j = stator::jacobian([&](const auto& x) { return model(x); }, x);   // [y..., x...]
//   auto h = stator::hvp(loss, model->fc.weight, v);
// Several inputs: std::tie(x, w). Forward mode is reverse mode twice: the gradient for v of a result's
// gradient is linear in v, so its derivative is the product of the Jacobian with a vector. What only the
// first sweep computes is dead code, so the program has the forward and one pass of about its size: the
// kernels that rules of forward mode would have, and 1.9 to 2.1 times the time of the forward
// (benchmarks/README.md).
#pragma once

#include "stator/ops/grad.hpp"

namespace stator::inline v0_2 {

namespace detail {

/// Inputs as a tuple of references.
template<class... X>
constexpr const std::tuple<X&...>& inputs_of(const std::tuple<X&...>& x) {
  return x;
}
template<class X>
constexpr std::tuple<const X&> inputs_of(const X& x) {
  return {x};
}

/// The expression that is differentiated.
template<class F, class Inputs>
constexpr auto differentiated(const F& f, const Inputs& inputs) {
  if constexpr (Operand<F>)
    return f;
  else
    return std::apply([&f](auto&... x) { return f(x...); }, inputs);
}

/// A direction in the space of an expression's results.
template<class E>
auto direction([[maybe_unused]] const E& y) {
  using Y = symbol_of<typename expr::borrowed<E>::type>;
  using T = typename Y::scalar;
  using Zeros = typename tensor_of<T, typename Y::shape>::type;
  using Direction = expr::Direction<T, typename Y::shape>;
  if constexpr (Y::extents.is_dynamic())
    return Direction{ops::to_handle<T>(Zeros(y.shape()[0]))};
  else
    return Direction{ops::to_handle<T>(Zeros())};
}

/// The sum of the products of gradients and vectors.
template<class Gradient, class V>
auto inner_product(const Gradient& g, const V& v) {
  return sum(mul(g, v));
}
template<class... G, class... V>
auto inner_product(const std::tuple<G...>& g, const std::tuple<V&...>& v) {
  return [&]<std::size_t... I>(std::index_sequence<I...>) {
    return (sum(mul(std::get<I>(g), std::get<I>(v))) + ...);
  }(std::index_sequence_for<G...>{});
}

} // namespace detail

/// torch.autograd.functional.jacobian(f, x): [y..., x...], or a tuple of one for each of several x. All rows
/// are one program with one forward and a backward for each element of the result, so it is for small
/// results.
template<class F, class X>
auto jacobian(const F& f, const X& x) {
  const auto& inputs = detail::inputs_of(x);
  const auto y = detail::differentiated(f, inputs);
  return std::apply([&y](auto&... of) { return detail::grad_call<1>(y, detail::EverySeed{}, of...); },
                    inputs);
}
/// With respect to the parameters whose paths match: jacobian<"fc.weight">(model(x)).
template<fixed_string First, fixed_string... Pattern, class Y>
auto jacobian(const Y& y) {
  return detail::grad_call<1, First, Pattern...>(y, detail::EverySeed{});
}

/// torch.autograd.functional.hessian(f, x): [x..., x...] for a result of one element.
template<class F, class X>
auto hessian(const F& f, const X& x) {
  return jacobian(grad(detail::differentiated(f, detail::inputs_of(x)), x), x);
}

/// torch.autograd.functional.vjp(f, x, v): the result y and, for v of its shape, v times the Jacobian for
/// each x: auto [y, gx] = vjp(f, x, v).
template<class F, class X, class V>
auto vjp(const F& f, const X& x, const V& v) {
  const auto& inputs = detail::inputs_of(x);
  const auto y = detail::differentiated(f, inputs);
  return std::apply([&](auto&... of) { return value_and_grad(y, of..., grad_outputs(v)); }, inputs);
}

/// torch.autograd.functional.jvp(f, x, v): the result y and, for v of the shapes of x, the Jacobian times v,
/// of y's shape: auto [y, dy] = jvp(f, x, v).
template<class F, class X, class V>
auto jvp(const F& f, const X& x, const V& v) {
  const auto& inputs = detail::inputs_of(x);
  const auto y = detail::differentiated(f, inputs);
  const auto u = detail::direction(y);
  const auto g = std::apply(
      [&](auto&... of) { return grad(y, of..., GradOutputs<std::remove_const_t<decltype(u)>>{u}); }, inputs);
  return std::tuple(y, grad(detail::inner_product(g, v), u));
}

/// torch.autograd.functional.hvp(f, x, v): the result and, for v of the shapes of x, the Hessian times v for
/// each x: auto [y, hv] = hvp(f, x, v). Two sweeps, whatever the number of elements.
template<class F, class X, class V>
auto hvp(const F& f, const X& x, const V& v) {
  const auto& inputs = detail::inputs_of(x);
  const auto y = detail::differentiated(f, inputs);
  const auto g = std::apply([&y](auto&... of) { return grad(y, of...); }, inputs);
  return std::apply(
      [&](auto&... of) {
        auto products = grad(detail::inner_product(g, v), of...);
        if constexpr (sizeof...(of) == 1)
          return std::tuple(y, std::move(products));
        else
          return std::tuple_cat(std::tuple(y), std::move(products));
      },
      inputs);
}

} // namespace stator::inline v0_2
