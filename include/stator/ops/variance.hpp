// SPDX-License-Identifier: BSL-1.0
// var and stddev over dimensions: torch.var and torch.std (`std` is C++'s).
#pragma once

#include "stator/ops/reduce.hpp"
#include "stator/ops/unary.hpp"

namespace stator::inline v0_2 {

namespace ops {

/// The sum of (x - mean)^2 over Dims, all when empty, divided by n - Correction. Computed from the
/// differences to the mean, so that nothing cancels; NaN where n is Correction.
template<Index Correction, bool Keep, Index... Dims>
struct Var {
  static constexpr std::string_view name = "Var";
  static constexpr Promotion promotion = Promotion::floats;
  static constexpr std::string_view usage = "dimensions are template arguments, var_dims<1>(x)";
  static constexpr bool is_composite = true;
  template<class X>
  static constexpr auto compose(X x) {
    constexpr auto count = [](Index batch) { return Mean<Keep, Dims...>::count(X::extents, batch); };
    const auto squares =
        operation<Sum<Keep, Dims...>>{}(operation<Square>{}(sub(x, operation<Mean<true, Dims...>>{}(x))));
    if constexpr (count(1) != count(2))
      return operation<DivideByBatch<count(1), Correction>>{}(squares, x);
    else
      return div(squares, static_cast<double>(std::max<Index>(count(1) - Correction, 0)));
  }
};

/// The square root, whose gradient at 0 is 0.
struct StdRoot : SameShape {
  static constexpr std::string_view name = "Std";
  static constexpr std::string_view backward_name = "StdBackward0";
  template<class V>
  static V apply(const V& x) {
    return kernel::sqrt(x);
  }
  /// g / (2 y), 0 where y is 0
  struct Backward : SameShape {
    static constexpr std::string_view name = "StdBackward";
    template<class V>
    static V apply(const V& g, const V& y) {
      return select(y == V(0), V(0), g / (y + y));
    }
    template<class G2, class Y2, class G, class Y>
    static constexpr auto vjp(G2 gg, Y2, G g, Y y) {
      constexpr operation<Backward> by;
      return gradients(by(gg, y), mul(by(g, y), mul(by(gg, y), -2)));
    }
  };
  template<class G, class Y, class X>
  static constexpr auto vjp(G g, Y y, X) {
    return gradients(operation<Backward>{}(g, y));
  }
};

/// The square root of the variance.
template<Index Correction, bool Keep, Index... Dims>
struct Std {
  static constexpr std::string_view name = "Std";
  static constexpr Promotion promotion = Promotion::floats;
  static constexpr std::string_view usage = "dimensions are template arguments, stddev_dims<1>(x)";
  static constexpr bool is_composite = true;
  template<class X>
  static constexpr auto compose(X x) {
    return operation<StdRoot>{}(Var<Correction, Keep, Dims...>::compose(x));
  }
};

} // namespace ops

// clang-format off
/// torch.var(unbiased=True), divided by n - 1: `var(x)` of all elements, `var_dims<1>(x)` over dimensions,
/// `var_keepdim<1>(x)` with the dimension kept as one. `biased_var` is unbiased=False, divided by n.
inline constexpr operation<ops::Var<1, false>> var;
/// torch.var(unbiased=False) of all elements.
inline constexpr operation<ops::Var<0, false>> biased_var;
/// torch.var over these dimensions.
template<Index... Dims> inline constexpr operation<ops::Var<1, false, Dims...>> var_dims;
/// torch.var(unbiased=False) over these dimensions.
template<Index... Dims> inline constexpr operation<ops::Var<0, false, Dims...>> biased_var_dims;
/// As var_dims, with the dimensions kept as one.
template<Index... Dims> inline constexpr operation<ops::Var<1, true, Dims...>> var_keepdim;
/// As biased_var_dims, with the dimensions kept as one.
template<Index... Dims> inline constexpr operation<ops::Var<0, true, Dims...>> biased_var_keepdim;
/// torch.std: the root of the variance, in the same forms. Its gradient is 0 where it is 0.
inline constexpr operation<ops::Std<1, false>> stddev;
/// torch.std(unbiased=False) of all elements.
inline constexpr operation<ops::Std<0, false>> biased_stddev;
/// torch.std over these dimensions.
template<Index... Dims> inline constexpr operation<ops::Std<1, false, Dims...>> stddev_dims;
/// torch.std(unbiased=False) over these dimensions.
template<Index... Dims> inline constexpr operation<ops::Std<0, false, Dims...>> biased_stddev_dims;
/// As stddev_dims, with the dimensions kept as one.
template<Index... Dims> inline constexpr operation<ops::Std<1, true, Dims...>> stddev_keepdim;
/// As biased_stddev_dims, with the dimensions kept as one.
template<Index... Dims> inline constexpr operation<ops::Std<0, true, Dims...>> biased_stddev_keepdim;
// clang-format on

} // namespace stator::inline v0_2
