// SPDX-License-Identifier: BSL-1.0
// MaxPool and AvgPool in 1, 2 and 3 dimensions, as functions and as modules.
#pragma once

#include "stator/ops/call.hpp"
#include "stator/ops/pool.hpp"

#include <string>
#include <string_view>

namespace stator::nn {

/// `nn::MaxPool2d<3, nn::PoolSettings<2>{.stride = 2, .padding = 1}>`; a stride of 0 stands for the kernel.
template<std::size_t D>
struct PoolSettings {
  Dims<D> stride{0};
  Dims<D> padding{0};
  Dims<D> dilation{1};            ///< of MaxPool only
  bool ceil_mode = false;
  bool count_include_pad = true;  ///< of AvgPool only
  Index divisor_override = 0;     ///< of AvgPool only
  constexpr bool operator==(const PoolSettings&) const = default;
};

namespace detail {
template<std::size_t D>
constexpr PoolOptions<D> pool_options(const Dims<D>& kernel, const PoolSettings<D>& s) {
  PoolOptions<D> o{kernel, s.stride, s.padding, s.dilation, s.ceil_mode, s.count_include_pad, s.divisor_override};
  for (std::size_t d = 0; d < D; ++d)
    if (o.stride[d] == 0) o.stride[d] = kernel[d];
  return o;
}

/// PyTorch prints numbers as they were given: one where all are equal.
template<std::size_t D>
std::string pool_number(const Dims<D>& dims) {
  return dims == Dims<D>(dims[0]) ? std::to_string(dims[0]) : to_string(dims);
}
} // namespace detail

// clang-format off
/// x [N, C, spatial...], returns [N, C, out...], out = (in + 2 padding - dilation (kernel - 1) - 1) / stride + 1.
template<Dims<1> Kernel, PoolSettings<1> S = PoolSettings<1>{}> inline constexpr operation<ops::MaxPool<1, detail::pool_options(Kernel, S)>> max_pool1d;
template<Dims<2> Kernel, PoolSettings<2> S = PoolSettings<2>{}> inline constexpr operation<ops::MaxPool<2, detail::pool_options(Kernel, S)>> max_pool2d;
template<Dims<3> Kernel, PoolSettings<3> S = PoolSettings<3>{}> inline constexpr operation<ops::MaxPool<3, detail::pool_options(Kernel, S)>> max_pool3d;
template<Dims<1> Kernel, PoolSettings<1> S = PoolSettings<1>{}> inline constexpr operation<ops::AvgPool<1, detail::pool_options(Kernel, S)>> avg_pool1d;
template<Dims<2> Kernel, PoolSettings<2> S = PoolSettings<2>{}> inline constexpr operation<ops::AvgPool<2, detail::pool_options(Kernel, S)>> avg_pool2d;
template<Dims<3> Kernel, PoolSettings<3> S = PoolSettings<3>{}> inline constexpr operation<ops::AvgPool<3, detail::pool_options(Kernel, S)>> avg_pool3d;
// clang-format on

/// torch.nn.MaxPool1d/2d/3d.
template<std::size_t D, Dims<D> Kernel, PoolSettings<D> Settings>
struct MaxPoolNd {
  constexpr auto forward(auto x) const {
    return operation<ops::MaxPool<D, detail::pool_options(Kernel, Settings)>>{}(x);
  }
  constexpr auto operator()(const auto& x) const { return call(*this, x); }
  static constexpr std::string_view class_name() {
    return D == 1 ? "MaxPool1d" : D == 2 ? "MaxPool2d" : "MaxPool3d";
  }
  static std::string extra_repr() {
    constexpr PoolOptions<D> o = detail::pool_options(Kernel, Settings);
    return "kernel_size=" + detail::pool_number(o.kernel) + ", stride=" + detail::pool_number(o.stride) +
           ", padding=" + detail::pool_number(o.padding) + ", dilation=" + detail::pool_number(o.dilation) +
           ", ceil_mode=" + (o.ceil_mode ? "True" : "False");
  }
};

/// torch.nn.AvgPool1d/2d/3d.
template<std::size_t D, Dims<D> Kernel, PoolSettings<D> Settings>
struct AvgPoolNd {
  static_assert(Settings.dilation == Dims<D>(1), "stator: AvgPool has no dilation");
  constexpr auto forward(auto x) const {
    return operation<ops::AvgPool<D, detail::pool_options(Kernel, Settings)>>{}(x);
  }
  constexpr auto operator()(const auto& x) const { return call(*this, x); }
  static constexpr std::string_view class_name() {
    return D == 1 ? "AvgPool1d" : D == 2 ? "AvgPool2d" : "AvgPool3d";
  }
  static std::string extra_repr() {
    constexpr PoolOptions<D> o = detail::pool_options(Kernel, Settings);
    // AvgPool1d keeps its numbers as tuples.
    if constexpr (D == 1)
      return "kernel_size=" + to_string(o.kernel) + ", stride=" + to_string(o.stride) +
             ", padding=" + to_string(o.padding);
    else
      return "kernel_size=" + detail::pool_number(o.kernel) + ", stride=" + detail::pool_number(o.stride) +
             ", padding=" + detail::pool_number(o.padding);
  }
};

// clang-format off
template<Dims<1> Kernel, PoolSettings<1> S = PoolSettings<1>{}> using MaxPool1d = MaxPoolNd<1, Kernel, S>;
template<Dims<2> Kernel, PoolSettings<2> S = PoolSettings<2>{}> using MaxPool2d = MaxPoolNd<2, Kernel, S>;
template<Dims<3> Kernel, PoolSettings<3> S = PoolSettings<3>{}> using MaxPool3d = MaxPoolNd<3, Kernel, S>;
template<Dims<1> Kernel, PoolSettings<1> S = PoolSettings<1>{}> using AvgPool1d = AvgPoolNd<1, Kernel, S>;
template<Dims<2> Kernel, PoolSettings<2> S = PoolSettings<2>{}> using AvgPool2d = AvgPoolNd<2, Kernel, S>;
template<Dims<3> Kernel, PoolSettings<3> S = PoolSettings<3>{}> using AvgPool3d = AvgPoolNd<3, Kernel, S>;
// clang-format on

} // namespace stator::nn
