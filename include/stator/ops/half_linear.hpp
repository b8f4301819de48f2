// SPDX-License-Identifier: BSL-1.0
// The product of one row with a weight of 16 bits: what reads the weight from memory decides how long it
// takes, and that is half as much as of floats. More rows are multiplied with the weight as floats,
// ops/matmul.hpp.
#pragma once

#include "stator/kernel/half.hpp"
#include "stator/ops/matmul.hpp"

namespace stator::inline v0_2 {

namespace ops {

/// Linear for one row and parameters of 16 bits, the same sums bit by bit: the weight becomes floats in
/// registers.
struct HalfLinear : Linear {
  static constexpr bool takes_halves = true;
  static constexpr Text type_requirement(DType, std::same_as<DType> auto...) { return {}; }
  /// Whether it suits these operands: a large weight, and one row.
  template<class X, class W>
  static constexpr bool suits =
      is_half(dtype_of<typename W::scalar>) && std::is_same_v<typename X::scalar, float> &&
      X::extents.rank > 0 && !X::extents.is_dynamic() && X::extents.numel() == X::extents.back() &&
      W::extents[1] >= 64 && W::extents[0] * W::extents[1] >= 8192;
  /// Nothing: the weight stays in 16 bits.
  template<class X, class W, class... B>
  static constexpr bool can_prepare = false;

  /// The bias as floats.
  template<class Out, class X, class W, class... B>
  static constexpr Bytes scratch() {
    return {static_cast<std::size_t>(sizeof...(B) > 0 ? W::extents[0] : 0) * sizeof(float), 0};
  }
  template<class Out, class X, class W, class B>
  static void run(float* out, const float* x, const typename W::scalar* w, const typename B::scalar* b, Index,
                  std::byte* scratch) {
    float* const bias = reinterpret_cast<float*>(scratch);
    kernel::widen(bias, b, W::extents[0]);
    multiply<W>(out, x, w, bias);
  }
  template<class Out, class X, class W>
  static void run(float* out, const float* x, const typename W::scalar* w, Index, std::byte*) {
    multiply<W>(out, x, w, nullptr);
  }

private:
  template<class W>
  static void multiply(float* out, const float* x, const typename W::scalar* w, const float* bias) {
    constexpr Index columns = W::extents[0], depth = W::extents[1];
    kernel::detail::inner_products<float, 1, 8, depth, columns % 8 != 0, kernel::DotsLayout::rows>(
        x, w, bias, out, false, 1, columns, depth);
  }
};

} // namespace ops

namespace nn {
/// linear(x, weight, bias) for what ops::HalfLinear suits.
inline constexpr operation<ops::HalfLinear> half_linear;
} // namespace nn

} // namespace stator::inline v0_2
