// SPDX-License-Identifier: BSL-1.0
// FractionalMaxPool, as functions and as modules: maximum pooling over windows at random places.
#pragma once

#include "stator/ops/fractional_pool.hpp"
#include "stator/trace/call.hpp"

#include <string_view>

namespace stator::nn {

/// `nn::FractionalMaxPool2d<3, nn::FractionalPoolSettings<2>{.output_ratio = 0.5}>`: one of both, the size or
/// the ratio.
template<std::size_t D>
struct FractionalPoolSettings {
  Dims<D> output_size{0};      ///< extents of the result
  Ratios<D> output_ratio{0};   ///< extents of the result as parts of those of the input, between 0 and 1
  bool return_indices = false; ///< a tuple of the values and their places in the planes, int64
  constexpr bool operator==(const FractionalPoolSettings&) const = default;
};

/// torch.nn.FractionalMaxPool2d/3d: x [N, C, in...], and random samples [N, C, D] from [0, 1] that say where
/// the windows are, `model(x, samples)`; without them they are drawn, in evaluation as well. Returns [N, C,
/// out...], with .return_indices a tuple as MaxPool. Source: Graham 2014, "Fractional max-pooling".
template<std::size_t D, Dims<D> Kernel, FractionalPoolSettings<D> Settings>
struct FractionalMaxPoolNd {
  static_assert((Settings.output_size == Dims<D>(0)) != (Settings.output_ratio == Ratios<D>(0)),
                "stator: FractionalMaxPool: one of output_size and output_ratio has to be given");
  static_assert(
      [] {
        for (const double r : Settings.output_ratio.value)
          if (!(Settings.output_ratio == Ratios<D>(0)) && !(r > 0 && r < 1)) return false;
        return true;
      }(),
      "stator: FractionalMaxPool: output_ratio has to be between 0 and 1");
  constexpr auto forward(auto x) const { return forward(x, operation<ops::PoolSamples<D>>{}(x)); }
  constexpr auto forward(auto x, auto samples) const {
    using Indices = ops::FractionalPoolIndices<D, FractionalPoolOptions<D>{Kernel, Settings.output_size,
                                                                           Settings.output_ratio}>;
    const auto results =
        ops::detail::pool_with_indices<D, Indices, ops::detail::backward_of<Indices>>{}(x, samples);
    if constexpr (Settings.return_indices)
      return results;
    else
      return std::get<0>(results);
  }
  constexpr auto operator()(auto&&... x) const { return call(*this, std::forward<decltype(x)>(x)...); }
  static constexpr std::string_view class_name() {
    return D == 2 ? "FractionalMaxPool2d" : "FractionalMaxPool3d";
  }
};

// clang-format off
/// torch.nn.FractionalMaxPool2d: x [N, C, H, W].
template<Dims<2> Kernel, FractionalPoolSettings<2> S> using FractionalMaxPool2d = FractionalMaxPoolNd<2, Kernel, S>;
/// torch.nn.FractionalMaxPool3d: x [N, C, D, H, W].
template<Dims<3> Kernel, FractionalPoolSettings<3> S> using FractionalMaxPool3d = FractionalMaxPoolNd<3, Kernel, S>;

namespace detail {
/// The module of a function that draws: its results are those of one call.
template<std::size_t D, Dims<D> Kernel, FractionalPoolSettings<D> S>
inline constexpr FractionalMaxPoolNd<D, Kernel, FractionalPoolSettings<D>{S.output_size, S.output_ratio, true}> fractional_with_indices{};
} // namespace detail

/// `nn::fractional_max_pool2d<3, nn::FractionalPoolSettings<2>{.output_ratio = 0.5}>(x)`, and with samples `(x, samples)`:
/// see FractionalMaxPool2d. torch.nn.functional.fractional_max_pool2d.
template<Dims<2> Kernel, FractionalPoolSettings<2> S> inline constexpr FractionalMaxPoolNd<2, Kernel, S> fractional_max_pool2d{};
/// As fractional_max_pool2d; torch.nn.functional.fractional_max_pool3d.
template<Dims<3> Kernel, FractionalPoolSettings<3> S> inline constexpr FractionalMaxPoolNd<3, Kernel, S> fractional_max_pool3d{};
/// fractional_max_pool2d with .return_indices; torch.nn.functional.fractional_max_pool2d_with_indices.
template<Dims<2> Kernel, FractionalPoolSettings<2> S> inline constexpr const auto& fractional_max_pool2d_with_indices = detail::fractional_with_indices<2, Kernel, S>;
/// fractional_max_pool3d with .return_indices; torch.nn.functional.fractional_max_pool3d_with_indices.
template<Dims<3> Kernel, FractionalPoolSettings<3> S> inline constexpr const auto& fractional_max_pool3d_with_indices = detail::fractional_with_indices<3, Kernel, S>;
// clang-format on

} // namespace stator::nn
