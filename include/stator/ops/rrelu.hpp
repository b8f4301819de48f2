// SPDX-License-Identifier: BSL-1.0
// rrelu: leaky_relu whose slopes are random in training, PyTorch's numbers.
#pragma once

#include "stator/core/random.hpp"
#include "stator/ops/activation.hpp"

namespace stator::inline v0_2 {

namespace ops {

/// 1 where x > 0, otherwise a number from [Lower, Upper).
template<double Lower, double Upper>
struct RreluSlopes : SameShape {
  static constexpr bool is_constant = true;
  static constexpr std::string_view name = "RreluSlopes";
  static constexpr bool is_unique = true;
  template<class Out, class X>
  static void run(typename Out::scalar* slope, const typename X::scalar* x, Index batch, std::byte*) {
    using T = typename Out::scalar;
    const Index count = Out::extents.numel() * (Out::extents.is_dynamic() ? batch : 1);
    for (Index i = 0; i < count; ++i) {
      double drawn = 1;
      if (x[i] <= 0) uniform_(std::span<double>(&drawn, 1), Lower, Upper);
      slope[i] = static_cast<T>(drawn);
    }
  }
};

/// x times its slope; in evaluation the slope is the middle of the two.
template<double Lower, double Upper>
struct Rrelu {
  static_assert(Lower <= Upper, "stator: rrelu: the lower slope is greater than the upper one");
  static constexpr std::string_view name = "Rrelu";
  static constexpr Promotion promotion = Promotion::floats;
  static constexpr bool is_composite = true;
  template<class X>
  static constexpr auto compose(X x) {
    if (!x.training()) {
      const auto y = operation<LeakyRelu>{}(x, (Lower + Upper) / 2);
      return X{y.builder, y.node};
    }
    const auto y = mul(x, operation<RreluSlopes<Lower, Upper>>{}(x));
    return X{y.builder, y.node};
  }
};

} // namespace ops

namespace nn {
/// `rrelu<Lower, Upper>(x)`: x where it is positive, otherwise x times a random number from [Lower, Upper),
/// in evaluation their middle. torch.nn.functional.rrelu. Source: Xu et al. 2015.
template<double Lower = 1.0 / 8, double Upper = 1.0 / 3>
inline constexpr operation<ops::Rrelu<Lower, Upper>> rrelu;
} // namespace nn

} // namespace stator::inline v0_2
