// SPDX-License-Identifier: BSL-1.0
// rms_norm: rows of a tensor divided by the root of the mean of their squares.
#pragma once

#include "stator/ops/reduce.hpp"
#include "stator/ops/unary.hpp"

#include <limits>
#include <utility>

namespace stator::inline v0_2 {

namespace ops {

/// x / sqrt(mean of x^2 over the last Rank dimensions + Eps), times a weight of these dimensions if there is
/// one. A negative Eps stands for that of the element type.
template<std::size_t Rank, double Eps>
struct RmsNorm {
  static constexpr std::string_view name = "RmsNorm";
  static constexpr Promotion promotion = Promotion::floats;
  static constexpr bool is_composite = true;
  template<class X, class... W>
    requires(sizeof...(W) < 2)
  static constexpr auto compose(X x, W... weight) {
    using T = typename X::scalar;
    constexpr double eps = Eps < 0 ? static_cast<double>(std::numeric_limits<T>::epsilon()) : Eps;
    if constexpr (!fits(X::extents, W::extents...)) {
      x.builder->fail(text("rms_norm: input ", X::extents, " does not end in the ", Rank,
                           " dimensions that are normalised"));
      return x;
    } else {
      const auto mean = [&]<std::size_t... D>(std::index_sequence<D...>) {
        return operation<Mean<true, -1 - static_cast<Index>(D)...>>{}(mul(x, x));
      }(std::make_index_sequence<Rank>{});
      const auto normal = mul(x, operation<Rsqrt>{}(add(mean, eps)));
      if constexpr (sizeof...(W) > 0)
        return mul(normal, weight...);
      else
        return normal;
    }
  }

private:
  static constexpr bool ends_in(const Extents& x, const Extents& weight) {
    if (weight.rank != Rank) return false;
    for (std::size_t d = 0; d < Rank; ++d)
      if (x[x.rank - Rank + d] != weight[d]) return false;
    return true;
  }
  static constexpr bool fits(const Extents& x, const auto&... weight) {
    return x.rank >= Rank && (ends_in(x, weight) && ...);
  }
};

} // namespace ops

namespace nn {
/// `rms_norm<Rank>(x, weight)`: over the last Rank dimensions, which are those of the weight; it may be left
/// out. A negative Eps stands for that of the element type. torch.nn.functional.rms_norm of PyTorch 2.4.
/// Source: Zhang and Sennrich 2019.
template<std::size_t Rank = 1, double Eps = -1.0>
inline constexpr operation<ops::RmsNorm<Rank, Eps>> rms_norm;
} // namespace nn

} // namespace stator::inline v0_2
