// SPDX-License-Identifier: BSL-1.0
// to<T>(x): the same numbers in another element type.
#pragma once

#include "stator/trace/operation.hpp"

namespace stator::inline v0_2 {

namespace ops {

/// `to<T>(x)`
template<class T>
struct To {
  static constexpr std::string_view name = "ToCopy";
  static constexpr bool is_composite = true;
  template<class X>
  static constexpr auto compose(X x) {
    return cast_to<T>(x);
  }
};

} // namespace ops

/// x with elements of type T, as torch.Tensor.to(dtype): `to<double>(x)`, `x | to<float>`. Gradients come
/// back in the type of x. To bool: not 0; to integers: truncated towards 0, NaN gives 0.
template<class T>
inline constexpr operation<ops::To<T>> to;

} // namespace stator::inline v0_2
