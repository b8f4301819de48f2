// SPDX-License-Identifier: BSL-1.0
// Families of operations against PyTorch: one expression holds the results of all, one after another.
#pragma once

#include "ops/gradient_law.hpp"
#include "reference/reference.hpp"

#include <sstream>

namespace stator::test {

/// All elements of the tensors, one after another.
constexpr auto joined(const auto&... part) { return cat<0>(view<-1>(part)...); }

/// Operand I of a family.
template<class Leaf>
void read_operand(Leaf& x, const std::string& family, std::size_t i) {
  const auto values =
      reference("tensor_ops")[family + ".x" + std::to_string(i)].template as<typename Leaf::scalar>();
  REQUIRE(static_cast<Index>(values.size()) == x.numel());
  std::copy(values.begin(), values.end(), x.data());
}
template<Index... E>
Variable<double, E...> operand(const std::string& family, std::size_t i) {
  Variable<double, E...> x;
  read_operand(x, family, i);
  return x;
}
/// The same for one that has no gradient.
template<class T, Index... E>
Tensor<T, E...> constant(const std::string& family, std::size_t i) {
  Tensor<T, E...> x;
  read_operand(x, family, i);
  return x;
}

/// Compares f(x...), which is `joined(...)`, and its gradients with PyTorch's and with central differences.
template<class F, class... X>
void check_family(const std::string& family, const F& f, X&... x) {
  const io::Npz& npz = reference("tensor_ops");
  const auto expected = npz[family + ".value"].template as<double>();
  const auto ends = npz[family + ".ends"].template as<std::int64_t>();
  const auto letters = npz[family + ".names"].template as<std::uint8_t>();
  const auto value = f(x...).value();
  REQUIRE(value.values().size() == expected.size());
  std::istringstream names(std::string(letters.begin(), letters.end()));
  std::size_t first = 0;
  for (const auto end : ends) {
    std::string name;
    names >> name;
    INFO(family << ": " << name);
    const auto count = static_cast<std::size_t>(end) - first;
    check_close(std::span(value.values()).subspan(first, count), std::span(expected).subspan(first, count),
                1e-10);
    first = static_cast<std::size_t>(end);
  }
  Tensor<double, std::remove_cvref_t<decltype(value)>::shape_type::extents[0]> w;
  for (Index i = 0; i < w.numel(); ++i)
    w.data()[i] = 0.5 + static_cast<double>(i) / static_cast<double>(w.numel() - 1);
  weighed(f(x...), w).backward();
  const auto loss = [&] { // without a program of its own
    double sum = 0;
    const auto y = f(x...).value();
    for (Index i = 0; i < w.numel(); ++i) sum += y.data()[i] * w.data()[i];
    return sum;
  };
  std::size_t i = 0;
  const auto gradient = [&](auto& operand) {
    if constexpr (requires { operand.grad(); }) {
      const std::string name = family + ".grad" + std::to_string(i);
      INFO(name);
      check_close(operand.grad().values(), npz[name].template as<double>(), 1e-10);
      check_numeric(loss, operand, 1e-6);
    }
    ++i;
  };
  (gradient(x), ...);
}

} // namespace stator::test
