// SPDX-License-Identifier: BSL-1.0
// dropout and its relatives: random masks from the default generator, PyTorch's numbers.
#pragma once

#include "stator/core/random.hpp"
#include "stator/ops/unary.hpp"

namespace stator::inline v0_2 {

namespace ops {

/// 1 / Keep with probability Keep, otherwise 0, for each element of x, or with Whole for each channel of each
/// sample.
template<double P, bool Whole>
struct DropoutMask {
  static constexpr bool is_constant = true;
  static constexpr std::string_view name = "Bernoulli";
  static constexpr bool is_unique = true;
  static constexpr Extents shape(const Extents& x) {
    Extents e = x;
    for (std::size_t d = 2; Whole && d < e.rank; ++d) e[d] = 1;
    return e;
  }
  static constexpr Text requirement(const Extents& x) {
    if (Whole && x.rank < 2) return text("dropout: input ", x, " has no channels, expected [N, C, ...]");
    return {};
  }
  template<class Out, class X>
  static void run(typename Out::scalar* mask, const typename X::scalar*, Index batch, std::byte*) {
    using T = typename Out::scalar;
    const std::span<T> all(
        mask, static_cast<std::size_t>(Out::extents.numel() * (Out::extents.is_dynamic() ? batch : 1)));
    if constexpr (P >= 1) {
      std::fill(all.begin(), all.end(), T{});
    } else {
      bernoulli_(all, 1 - P);
      for (T& m : all) m /= static_cast<T>(1 - P);
    }
  }
};

/// x times a mask, in training; x itself in evaluation.
template<double P, bool Whole>
struct Dropout {
  static_assert(P >= 0 && P <= 1, "stator: dropout: the probability has to be between 0 and 1");
  static constexpr std::string_view name = "Dropout";
  static constexpr Promotion promotion = Promotion::floats;
  static constexpr bool is_composite = true;
  template<class X>
  static constexpr auto compose(X x) {
    if (!x.training() || P == 0) return x;
    const auto y = mul(x, operation<DropoutMask<P, Whole>>{}(x));
    return X{y.builder, y.node};
  }
};

/// Elements are set to selu's limit rather than to 0, so that mean and variance stay. Source: Klambauer et
/// al. 2017. Elements, or with Whole channels of samples.
template<double P, bool Whole = false>
struct AlphaDropout {
  static_assert(P >= 0 && P < 1, "stator: alpha_dropout: the probability has to be in [0, 1)");
  static constexpr std::string_view name = "AlphaDropout";
  static constexpr Promotion promotion = Promotion::floats;
  static constexpr bool is_composite = true;
  template<class X>
  static constexpr auto compose(X x) {
    if (!x.training() || P == 0) return x;
    // The mask is 0 or 1 / (1 - P).
    const auto kept = mul(operation<DropoutMask<P, Whole>>{}(x), 1 - P);
    const auto shift = add(mul(sub(kept, 1), limit * slope), limit * slope * P);
    const auto y = add(mul(x, mul(kept, slope)), shift);
    return X{y.builder, y.node};
  }

private:
  static constexpr double limit = 1.7580993408473766;
  static constexpr double square_root(double v) {
    double r = v;
    for (int i = 0; i < 60; ++i) r = (r + v / r) / 2;
    return r;
  }
  static constexpr double slope = 1 / square_root((limit * limit * P + 1) * (1 - P));
};

} // namespace ops

namespace nn {
/// Each element is 0 with probability P, otherwise x / (1 - P); x itself in evaluation.
template<double P = 0.5>
inline constexpr operation<ops::Dropout<P, false>> dropout;
/// The same for whole channels of x [N, C, ...]: dropout1d, dropout2d and dropout3d of PyTorch.
template<double P = 0.5>
inline constexpr operation<ops::Dropout<P, true>> feature_dropout;
/// torch.nn.functional.alpha_dropout: keeps mean and variance of what selu gives; x itself in evaluation.
template<double P = 0.5>
inline constexpr operation<ops::AlphaDropout<P>> alpha_dropout;
/// The same for whole channels of x [N, C, ...]: torch.nn.functional.feature_alpha_dropout.
template<double P = 0.5>
inline constexpr operation<ops::AlphaDropout<P, true>> feature_alpha_dropout;
} // namespace nn

} // namespace stator::inline v0_2
