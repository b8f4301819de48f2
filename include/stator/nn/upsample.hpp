// SPDX-License-Identifier: BSL-1.0
// Upsample, PixelShuffle, PixelUnshuffle.
#pragma once

#include "stator/nn/extra_repr.hpp"
#include "stator/ops/resample.hpp"
#include "stator/trace/call.hpp"

namespace stator::nn {

/// `Upsample<InterpolateOptions{.scale_factor = {2}, .mode = "bilinear"}>`
template<InterpolateOptions Options>
struct Upsample {
  constexpr auto forward(auto x) const { return interpolate<Options>(x); }
  constexpr auto operator()(auto&& x) const { return call(*this, std::forward<decltype(x)>(x)); }
  static std::string extra_repr() {
    const bool sized = Options.size[0] > 0;
    std::size_t count = 1;
    while (count < 3 && (sized ? Options.size[count] > 0 : Options.scale_factor[count] > 0)) ++count;
    std::string numbers;
    for (std::size_t i = 0; i < count; ++i)
      numbers += (i > 0 ? ", " : "") +
                 (sized ? std::to_string(Options.size[i]) : python_float(Options.scale_factor[i]));
    if (count > 1) numbers = "(" + numbers + ")";
    return (sized ? "size=" : "scale_factor=") + numbers + ", mode=" + std::string(Options.mode.view());
  }
};

/// x [N, C R^2, H, W], returns [N, C, H R, W R]. Source: Shi et al. 2016.
template<Index R>
struct PixelShuffle {
  constexpr auto forward(auto x) const { return pixel_shuffle<R>(x); }
  constexpr auto operator()(auto&& x) const { return call(*this, std::forward<decltype(x)>(x)); }
  static std::string extra_repr() { return "upscale_factor=" + std::to_string(R); }
};
/// The inverse of PixelShuffle: [N, C, H R, W R] to [N, C R^2, H, W].
template<Index R>
struct PixelUnshuffle {
  constexpr auto forward(auto x) const { return pixel_unshuffle<R>(x); }
  constexpr auto operator()(auto&& x) const { return call(*this, std::forward<decltype(x)>(x)); }
  static std::string extra_repr() { return "downscale_factor=" + std::to_string(R); }
};

} // namespace stator::nn
