// SPDX-License-Identifier: BSL-1.0
// RMSNorm.
#pragma once

#include "stator/nn/row_norm.hpp"
#include "stator/ops/rms_norm.hpp"

namespace stator::nn {

/// Options of RMSNorm, those of PyTorch 2.4.
struct RMSNormOptions {
  double eps = -1;                ///< added to the mean of the squares; negative: that of the element type
  bool elementwise_affine = true; ///< a learned factor for each element
};

/// Divides by the root of the mean of the squares over the last dimensions of x, which must be Normalized.
/// Source: Zhang and Sennrich 2019.
template<NormalizedShape Normalized, RMSNormOptions Options = RMSNormOptions{}, class T = float>
struct RMSNorm {
  static constexpr bool affine = Options.elementwise_affine; ///< whether there is a weight
  /// Factor of each element.
  detail::FieldIf<affine, typename detail::parameter_of<T, to_shape<Normalized.extents>>::type> weight;

  constexpr auto forward(auto x) const {
    using X = decltype(x);
    constexpr std::size_t rank = Normalized.extents.rank;
    if constexpr (!LayerNorm<Normalized>::fits(X::extents)) {
      x.builder->fail(text("input ", X::extents, ", expected it to end in ", Normalized.extents));
      return x;
    } else if constexpr (affine) {
      return rms_norm<rank, Options.eps>(x, weight);
    } else {
      return rms_norm<rank, Options.eps>(x);
    }
  }
  constexpr auto operator()(auto&& x) const { return call(*this, std::forward<decltype(x)>(x)); }

  void reset_parameters() {
    if constexpr (affine) init::ones_(weight);
  }
  static std::string extra_repr() {
    return python_tuple(Normalized.extents) +
           ", eps=" + (Options.eps < 0 ? std::string("None") : python_float(Options.eps)) +
           ", elementwise_affine=" + python_bool(affine);
  }
};

} // namespace stator::nn
