// SPDX-License-Identifier: BSL-1.0
// Elementwise operations against data/elementwise.npz. Those of a family are the rows of one expression, so
// that a family costs the compiler one program: `f(x...)` stacks them, each of its own row of x.
#pragma once

#include "ops/gradient_law.hpp"
#include "reference/reference.hpp"

#include <array>

namespace stator::test {

/// How many numbers, or pairs of numbers, the file has for operations of so many operands.
template<std::size_t Operands>
inline constexpr Index numbers_of = Operands == 1 ? 19 : 121;

namespace detail {
/// Operand i of K operations, from a set of numbers of the file.
template<class X, std::size_t K>
std::array<X, K> operands(const std::string& set, std::size_t i) {
  std::array<X, K> x;
  const auto row = reference("elementwise")[set + "/" + std::to_string(i)].as<double>();
  for (X& each : x) std::ranges::copy(row, each.data());
  return x;
}

/// Compares what was found with the array of the file called name + what, if it has one.
template<class Found>
void check_row(const std::string& name, const std::string& what, const Found& found, double tolerance) {
  INFO(name << what);
  if (reference("elementwise").contains(name + what))
    check_close(found, reference("elementwise")[name + what].as<double>(), tolerance,
                {.relative_to = 1e-30, .equal_nan = true});
  else
    CHECK(what != "/y");
}

template<std::size_t N, class T>
void check_values(const std::array<const char*, N>& names, const T* found, Index columns, double tolerance) {
  for (const char* name : names) {
    check_row(name, "/y", std::span(found, static_cast<std::size_t>(columns)), tolerance);
    found += columns;
  }
}
} // namespace detail

/// f takes operands as arrays, x[0], x[1], ..., and stacks one operation of each, which names[i] has.
/// Compares the values with PyTorch's.
template<std::size_t Operands, std::size_t K, class F>
void check_values(const std::array<const char*, K>& names, const F& f,
                  const std::string& set = std::to_string(Operands), double tolerance = 1e-10) {
  constexpr Index n = numbers_of<Operands>;
  using X = Tensor<double, n>;
  const auto x = detail::operands<X, K>(set, 0), y = detail::operands<X, K>(set, Operands - 1);
  if constexpr (Operands == 1)
    detail::check_values(names, f(x).value().data(), n, tolerance);
  else
    detail::check_values(names, f(x, y).value().data(), n, tolerance);
}

/// The same, and the gradients where PyTorch has some.
template<std::size_t Operands, std::size_t K, class F>
void check_rows(const std::array<const char*, K>& names, const F& f,
                const std::string& set = std::to_string(Operands), double tolerance = 1e-10) {
  constexpr Index n = numbers_of<Operands>;
  using X = Variable<double, n>;
  auto x = detail::operands<X, K>(set, 0), y = detail::operands<X, K>(set, Operands - 1);
  Tensor<double, n> w;
  std::ranges::copy(reference("elementwise")[set + "/w"].as<double>(), w.data());
  const auto check = [&](const auto& of) {
    detail::check_values(names, of.value().data(), n, tolerance);
    sum(mul(of, w)).backward();
    for (std::size_t k = 0; k < K; ++k)
      detail::check_row(names[k], "/d0", std::span(x[k].grad_data(), std::size_t{n}), tolerance);
  };
  if constexpr (Operands == 1) {
    check(f(x));
  } else {
    check(f(x, y));
    for (std::size_t k = 0; k < K; ++k)
      detail::check_row(names[k], "/d1", std::span(y[k].grad_data(), std::size_t{n}), tolerance);
  }
}

/// Checks f(x, y), which stacks operations of x[0], y[0], x[1], ..., where they are smooth, between 0.2 and
/// 0.8: their gradients against central differences.
template<std::size_t K, class F>
void check_smooth(const F& f) {
  std::array<Variable<double, 3>, K> x, y;
  for (std::size_t k = 0; k < K; ++k) {
    fill(x[k].data(), 3, 0.2, 0.8, k + 1);
    fill(y[k].data(), 3, 0.2, 0.8, 100 + k);
  }
  Tensor<double, 3> w;
  fill(w.data(), 3, 0.5, 1.5, 7);
  weighed(f(x, y), w).backward();
  const auto loss = [&] { return weighed(f(x, y), w).item(); };
  for (std::size_t k = 0; k < K; ++k) {
    INFO("operation " << k);
    check_numeric(loss, x[k], 1e-6);
    check_numeric(loss, y[k], 1e-6);
  }
}

} // namespace stator::test
