// SPDX-License-Identifier: BSL-1.0
// The law of every derivative: backward() gives what central differences give, within 1e-6 relative, in
// double.
#pragma once

#include "catch.hpp"
#include "compare.hpp"

#include "stator/ops/ops.hpp"
#include "stator/run/evaluation.hpp"

#include <cmath>
#include <cstdint>
#include <cstring>
#include <vector>

namespace stator::test {

/// Numbers from [low, high) that are the same on every run.
template<class T>
void fill(T* to, Index count, double low, double high, std::uint64_t seed) {
  std::uint64_t state = seed * 0x9e3779b97f4a7c15U + 1;
  for (Index i = 0; i < count; ++i) {
    state = state * 6364136223846793005U + 1442695040888963407U;
    to[i] = static_cast<T>(low + (high - low) * static_cast<double>(state >> 11) * 0x1p-53);
  }
}

/// A Variable of doubles from [low, high).
template<Index... E>
Variable<double, E...> variable(double low = -1, double high = 1, std::uint64_t seed = 1) {
  Variable<double, E...> x;
  fill(x.data(), x.numel(), low, high, seed + 17 * sizeof...(E));
  return x;
}

/// sum(f(x...) * w) with fixed weights w.
template<class Y, class W>
auto weighed(const Y& y, const W& w) {
  return sum(mul(y, w));
}

/// What backward() finds the loss to be. A law so compiles one program: item() of an expression that has not
/// run would be a second one, which the tests of values look at.
template<class L>
double run_backward(const L& loss) {
  expr::State state;
  expr::evaluator<L>::backward(loss, state, false);
  double item = 0;
  std::memcpy(&item, state.item, sizeof item);
  return item;
}

/// `gradient` is what was found for x, `loss` gives the number that it is the gradient of.
template<class L, class X>
void check_numeric(const L& loss, X& x, const std::vector<double>& gradient, double tolerance) {
  std::vector<double> differences(static_cast<std::size_t>(x.numel()));
  for (Index i = 0; i < x.numel(); ++i) {
    const double at = x.data()[i], h = 1e-5 * std::max(1.0, std::abs(at));
    x.data()[i] = at + h;
    const double above = loss();
    x.data()[i] = at - h;
    const double below = loss();
    x.data()[i] = at;
    differences[static_cast<std::size_t>(i)] = (above - below) / (2 * h);
  }
  check_close(gradient, differences, tolerance * largest(gradient, 1));
}
template<class L, class X>
void check_numeric(const L& loss, X& x, double tolerance) {
  check_numeric(loss, x, doubles(x.grad().values()), tolerance);
}

/// Checks the gradient of f with respect to every x, all of them `Variable<double, ...>`.
template<class F, class... X>
void check_gradient(const F& f, X... x) {
  using Result = symbol_of<decltype(f(x...))>;
  typename stator::detail::tensor_of<double, typename Result::shape>::type w;
  fill(w.data(), w.numel(), 0.5, 1.5, 7);
  const auto loss = [&] { return run_backward(weighed(f(x...), w)); };
  (void)loss();
  const std::vector<double> gradients[] = {doubles(x.grad().values())...}; // before `loss` adds to them
  std::size_t operand = 0;
  (check_numeric(loss, x, gradients[operand++], 1e-6), ...);
}

/// What the derivative of Op gives for its operand Which: g is the gradient of the result, x are the
/// operands.
template<class Op, std::size_t Which>
struct Derivative {
  static constexpr std::string_view name = "Derivative";
  static constexpr bool is_composite = true;
  static constexpr auto compose(auto g, auto... x) {
    return std::get<Which>(Op::vjp(g, operation<Op>{}(x...), x...));
  }
};

/// The gradient of operand Which of an operation as an expression, to be differentiated again:
/// check_gradient([](const auto& g, const auto& x) { return derivative<0>(nn::silu, g, x); }, g, x)
template<std::size_t Which = 0, class Op>
auto derivative(operation<Op>, const auto& g, const auto&... x) {
  return operation<Derivative<Op, Which>>{}(g, x...);
}

} // namespace stator::test
