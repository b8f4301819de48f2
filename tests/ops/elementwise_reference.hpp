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

/// Compares row i of f(x...) and its gradients with what PyTorch has under names[i]; rows without a
/// derivative there are not looked at.
template<std::size_t Operands, std::size_t K, class F>
void check_rows(const std::array<const char*, K>& names, const F& f) {
  constexpr Index n = numbers_of<Operands>;
  constexpr Closeness how{.relative_to = 1e-30, .equal_nan = true};
  const io::Npz& data = reference("elementwise");
  const auto array = [&](const std::string& key) { return data[key].as<double>(); };
  const auto of = std::to_string(Operands) + "/";
  [&]<std::size_t... I>(std::index_sequence<I...>) {
    std::array<Variable<double, static_cast<Index>(K), n>, Operands> x;
    Tensor<double, n> w;
    std::ranges::copy(array(of + "w"), w.data());
    for (std::size_t i = 0; i < x.size(); ++i)
      for (std::size_t k = 0; k < K; ++k)
        std::ranges::copy(array(of + std::to_string(i)), x[i].data() + static_cast<Index>(k) * n);
    const auto y = f(x[I]...).value();
    sum(mul(f(x[I]...), w)).backward();
    for (std::size_t k = 0; k < K; ++k) {
      INFO(names[k]);
      const auto row = [&](const auto* p) {
        return std::span(p + static_cast<Index>(k) * n, std::size_t{n});
      };
      const std::string name = names[k];
      check_close(row(y.data()), array(name + "/y"), 1e-10, how);
      for (std::size_t i = 0; i < x.size(); ++i)
        if (const auto key = name + "/d" + std::to_string(i); data.contains(key))
          check_close(row(x[i].grad_data()), array(key), 1e-10, how);
    }
  }(std::make_index_sequence<Operands>{});
}

/// Checks f(x...), rows as above, where it is smooth: its gradient against central differences, and that
/// floats give what doubles do.
template<class F, class... X>
void check_smooth(const F& f, const X&... x) {
  check_gradient(f, x...);
  const auto single = [](const auto& of) { return to<float>(of); };
  check_close(f(single(x)...).value().values(), f(x...).value().values(), 1e-5, {.relative_to = 1});
}

} // namespace stator::test
