// SPDX-License-Identifier: BSL-1.0
// MaxPool, AvgPool, LPPool, AdaptiveMaxPool and AdaptiveAvgPool, as functions and as modules.
#pragma once

#include "stator/nn/extra_repr.hpp"
#include "stator/ops/pool_indices.hpp"
#include "stator/trace/call.hpp"

#include <string>
#include <string_view>

namespace stator::nn {

/// `nn::MaxPool2d<3, nn::PoolSettings<2>{.stride = 2, .padding = 1}>`; a stride of 0 stands for the kernel.
template<std::size_t D>
struct PoolSettings {
  Dims<D> stride{0};             ///< steps between windows
  Dims<D> padding{0};            ///< on both sides of each dimension
  Dims<D> dilation{1};           ///< MaxPool only
  bool ceil_mode = false;        ///< not for adaptive pooling
  bool count_include_pad = true; ///< AvgPool only
  Index divisor_override = 0;    ///< AvgPool only
  bool return_indices = false; ///< MaxPool only: a tuple of the values and their places in the planes, int64
  constexpr bool operator==(const PoolSettings&) const = default;
};

/// `nn::AdaptiveMaxPool2d<3, nn::AdaptiveMaxPoolSettings{.return_indices = true}>`.
struct AdaptiveMaxPoolSettings {
  bool return_indices = false; ///< a tuple of the values and their places in the planes, int64
  constexpr bool operator==(const AdaptiveMaxPoolSettings&) const = default;
};

namespace detail {
template<std::size_t D>
constexpr PoolOptions<D> pool_options(const Dims<D>& kernel, const PoolSettings<D>& s) {
  PoolOptions<D> o{
      kernel, s.stride, s.padding, s.dilation, s.ceil_mode, s.count_include_pad, s.divisor_override};
  for (std::size_t d = 0; d < D; ++d)
    if (o.stride[d] == 0) o.stride[d] = kernel[d];
  return o;
}

/// The object of a max_pool: an operation, or with `Indices` what returns a tuple.
template<std::size_t D, auto O, bool Indices>
using max_pool_object =
    std::conditional_t<Indices, ops::detail::max_pool_with_indices<D, O>, operation<ops::MaxPool<D, O>>>;

/// PyTorch prints numbers as they were given: one where all are equal.
template<std::size_t D>
std::string pool_number(const Dims<D>& dims) {
  return dims == Dims<D>(dims[0]) ? std::to_string(dims[0]) : to_string(dims);
}

/// What adaptive pooling is told: "3", "(2, 3)", "(None, 3)".
template<std::size_t D>
std::string output_repr(const Dims<D>& output) {
  if (output[0] != 0 && output == Dims<D>(output[0])) return std::to_string(output[0]);
  std::string text = "(";
  for (std::size_t d = 0; d < D; ++d)
    text += (d > 0 ? ", " : "") + (output[d] == 0 ? "None" : std::to_string(output[d]));
  return text + ")";
}
} // namespace detail

// clang-format off
/// x [N, C, spatial...], returns [N, C, out...], out = (in + 2 padding - dilation (kernel - 1) - 1) / stride + 1; with
/// .return_indices what max_pool1d_with_indices returns.
template<Dims<1> Kernel, PoolSettings<1> S = PoolSettings<1>{}> inline constexpr detail::max_pool_object<1, detail::pool_options(Kernel, S), S.return_indices> max_pool1d;
/// As max_pool1d; torch.nn.functional.max_pool2d.
template<Dims<2> Kernel, PoolSettings<2> S = PoolSettings<2>{}> inline constexpr detail::max_pool_object<2, detail::pool_options(Kernel, S), S.return_indices> max_pool2d;
/// As max_pool1d; torch.nn.functional.max_pool3d.
template<Dims<3> Kernel, PoolSettings<3> S = PoolSettings<3>{}> inline constexpr detail::max_pool_object<3, detail::pool_options(Kernel, S), S.return_indices> max_pool3d;
/// `auto [values, indices] = nn::max_pool1d_with_indices<2>(x)`: max_pool1d, and of each value its number among the elements
/// of its plane, int64. torch.nn.functional.max_pool1d_with_indices.
template<Dims<1> Kernel, PoolSettings<1> S = PoolSettings<1>{}> inline constexpr detail::max_pool_object<1, detail::pool_options(Kernel, S), true> max_pool1d_with_indices;
/// As max_pool1d_with_indices; torch.nn.functional.max_pool2d_with_indices.
template<Dims<2> Kernel, PoolSettings<2> S = PoolSettings<2>{}> inline constexpr detail::max_pool_object<2, detail::pool_options(Kernel, S), true> max_pool2d_with_indices;
/// As max_pool1d_with_indices; torch.nn.functional.max_pool3d_with_indices.
template<Dims<3> Kernel, PoolSettings<3> S = PoolSettings<3>{}> inline constexpr detail::max_pool_object<3, detail::pool_options(Kernel, S), true> max_pool3d_with_indices;
/// The mean of each window, x and result as for max_pool1d; torch.nn.functional.avg_pool1d.
template<Dims<1> Kernel, PoolSettings<1> S = PoolSettings<1>{}> inline constexpr operation<ops::AvgPool<1, detail::pool_options(Kernel, S)>> avg_pool1d;
/// As avg_pool1d; torch.nn.functional.avg_pool2d.
template<Dims<2> Kernel, PoolSettings<2> S = PoolSettings<2>{}> inline constexpr operation<ops::AvgPool<2, detail::pool_options(Kernel, S)>> avg_pool2d;
/// As avg_pool1d; torch.nn.functional.avg_pool3d.
template<Dims<3> Kernel, PoolSettings<3> S = PoolSettings<3>{}> inline constexpr operation<ops::AvgPool<3, detail::pool_options(Kernel, S)>> avg_pool3d;
/// (sum of x^Norm)^(1 / Norm) over each window.
template<double Norm, Dims<1> Kernel, PoolSettings<1> S = PoolSettings<1>{}> inline constexpr operation<ops::LpPool<1, Norm, detail::pool_options(Kernel, S)>> lp_pool1d;
/// As lp_pool1d; torch.nn.functional.lp_pool2d.
template<double Norm, Dims<2> Kernel, PoolSettings<2> S = PoolSettings<2>{}> inline constexpr operation<ops::LpPool<2, Norm, detail::pool_options(Kernel, S)>> lp_pool2d;
/// x [N, C, in...], returns [N, C, Output...]; 0 keeps an extent.
template<Dims<1> Output, AdaptiveMaxPoolSettings S = AdaptiveMaxPoolSettings{}> inline constexpr detail::max_pool_object<1, AdaptivePoolOptions<1>{Output}, S.return_indices> adaptive_max_pool1d;
/// As adaptive_max_pool1d; torch.nn.functional.adaptive_max_pool2d.
template<Dims<2> Output, AdaptiveMaxPoolSettings S = AdaptiveMaxPoolSettings{}> inline constexpr detail::max_pool_object<2, AdaptivePoolOptions<2>{Output}, S.return_indices> adaptive_max_pool2d;
/// As adaptive_max_pool1d; torch.nn.functional.adaptive_max_pool3d.
template<Dims<3> Output, AdaptiveMaxPoolSettings S = AdaptiveMaxPoolSettings{}> inline constexpr detail::max_pool_object<3, AdaptivePoolOptions<3>{Output}, S.return_indices> adaptive_max_pool3d;
/// adaptive_max_pool1d and of each value its place, as max_pool1d_with_indices.
template<Dims<1> Output> inline constexpr detail::max_pool_object<1, AdaptivePoolOptions<1>{Output}, true> adaptive_max_pool1d_with_indices;
/// As adaptive_max_pool1d_with_indices; torch.nn.functional.adaptive_max_pool2d_with_indices.
template<Dims<2> Output> inline constexpr detail::max_pool_object<2, AdaptivePoolOptions<2>{Output}, true> adaptive_max_pool2d_with_indices;
/// As adaptive_max_pool1d_with_indices; torch.nn.functional.adaptive_max_pool3d_with_indices.
template<Dims<3> Output> inline constexpr detail::max_pool_object<3, AdaptivePoolOptions<3>{Output}, true> adaptive_max_pool3d_with_indices;
/// Means of windows, x and result as for adaptive_max_pool1d.
template<Dims<1> Output> inline constexpr operation<ops::AvgPool<1, AdaptivePoolOptions<1>{Output}>> adaptive_avg_pool1d;
/// As adaptive_avg_pool1d; torch.nn.functional.adaptive_avg_pool2d.
template<Dims<2> Output> inline constexpr operation<ops::AvgPool<2, AdaptivePoolOptions<2>{Output}>> adaptive_avg_pool2d;
/// As adaptive_avg_pool1d; torch.nn.functional.adaptive_avg_pool3d.
template<Dims<3> Output> inline constexpr operation<ops::AvgPool<3, AdaptivePoolOptions<3>{Output}>> adaptive_avg_pool3d;
// clang-format on

/// torch.nn.MaxPool1d/2d/3d; with .return_indices forward returns a tuple, what MaxUnpool takes.
template<std::size_t D, Dims<D> Kernel, PoolSettings<D> Settings>
struct MaxPoolNd {
  constexpr auto forward(auto x) const {
    return detail::max_pool_object<D, detail::pool_options(Kernel, Settings), Settings.return_indices>{}(x);
  }
  constexpr auto operator()(auto&& x) const { return call(*this, std::forward<decltype(x)>(x)); }
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
  static_assert(Settings.dilation == Dims<D>(1) && !Settings.return_indices,
                "stator: AvgPool has no dilation and returns no indices");
  constexpr auto forward(auto x) const {
    return operation<ops::AvgPool<D, detail::pool_options(Kernel, Settings)>>{}(x);
  }
  constexpr auto operator()(auto&& x) const { return call(*this, std::forward<decltype(x)>(x)); }
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

/// torch.nn.LPPool1d/2d: the Norm-norm of each window.
template<std::size_t D, double Norm, Dims<D> Kernel, PoolSettings<D> Settings>
struct LPPoolNd {
  static_assert(Settings == PoolSettings<D>{.stride = Settings.stride, .ceil_mode = Settings.ceil_mode},
                "stator: LPPool has a stride and a ceil_mode only");
  constexpr auto forward(auto x) const {
    return operation<ops::LpPool<D, Norm, detail::pool_options(Kernel, Settings)>>{}(x);
  }
  constexpr auto operator()(auto&& x) const { return call(*this, std::forward<decltype(x)>(x)); }
  static constexpr std::string_view class_name() { return D == 1 ? "LPPool1d" : "LPPool2d"; }
  static std::string extra_repr() {
    return "norm_type=" + python_number(Norm) + ", kernel_size=" + detail::pool_number(Kernel) +
           ", stride=" + (Settings.stride == Dims<D>(0) ? "None" : detail::pool_number(Settings.stride)) +
           ", ceil_mode=" + python_bool(Settings.ceil_mode);
  }
};

/// torch.nn.AdaptiveMaxPool1d/2d/3d: x [N, C, in...], returns [N, C, Output...], where 0 stands for None, the
/// extent of x. Window o runs from floor(o in / out) to ceil((o + 1) in / out).
template<std::size_t D, Dims<D> Output, AdaptiveMaxPoolSettings Settings = AdaptiveMaxPoolSettings{}>
struct AdaptiveMaxPoolNd {
  constexpr auto forward(auto x) const {
    return detail::max_pool_object<D, AdaptivePoolOptions<D>{Output}, Settings.return_indices>{}(x);
  }
  constexpr auto operator()(auto&& x) const { return call(*this, std::forward<decltype(x)>(x)); }
  static constexpr std::string_view class_name() {
    return D == 1 ? "AdaptiveMaxPool1d" : D == 2 ? "AdaptiveMaxPool2d" : "AdaptiveMaxPool3d";
  }
  static std::string extra_repr() { return "output_size=" + detail::output_repr(Output); }
};

/// torch.nn.AdaptiveAvgPool1d/2d/3d: as AdaptiveMaxPool.
template<std::size_t D, Dims<D> Output>
struct AdaptiveAvgPoolNd {
  constexpr auto forward(auto x) const {
    return operation<ops::AvgPool<D, AdaptivePoolOptions<D>{Output}>>{}(x);
  }
  constexpr auto operator()(auto&& x) const { return call(*this, std::forward<decltype(x)>(x)); }
  static constexpr std::string_view class_name() {
    return D == 1 ? "AdaptiveAvgPool1d" : D == 2 ? "AdaptiveAvgPool2d" : "AdaptiveAvgPool3d";
  }
  static std::string extra_repr() { return "output_size=" + detail::output_repr(Output); }
};

// clang-format off
/// torch.nn.MaxPool1d: x [N, C, L].
template<Dims<1> Kernel, PoolSettings<1> S = PoolSettings<1>{}> using MaxPool1d = MaxPoolNd<1, Kernel, S>;
/// torch.nn.MaxPool2d: x [N, C, H, W].
template<Dims<2> Kernel, PoolSettings<2> S = PoolSettings<2>{}> using MaxPool2d = MaxPoolNd<2, Kernel, S>;
/// torch.nn.MaxPool3d: x [N, C, D, H, W].
template<Dims<3> Kernel, PoolSettings<3> S = PoolSettings<3>{}> using MaxPool3d = MaxPoolNd<3, Kernel, S>;
/// torch.nn.AvgPool1d: x [N, C, L].
template<Dims<1> Kernel, PoolSettings<1> S = PoolSettings<1>{}> using AvgPool1d = AvgPoolNd<1, Kernel, S>;
/// torch.nn.AvgPool2d: x [N, C, H, W].
template<Dims<2> Kernel, PoolSettings<2> S = PoolSettings<2>{}> using AvgPool2d = AvgPoolNd<2, Kernel, S>;
/// torch.nn.AvgPool3d: x [N, C, D, H, W].
template<Dims<3> Kernel, PoolSettings<3> S = PoolSettings<3>{}> using AvgPool3d = AvgPoolNd<3, Kernel, S>;
/// torch.nn.LPPool1d: x [N, C, L].
template<double Norm, Dims<1> Kernel, PoolSettings<1> S = PoolSettings<1>{}> using LPPool1d = LPPoolNd<1, Norm, Kernel, S>;
/// torch.nn.LPPool2d: x [N, C, H, W].
template<double Norm, Dims<2> Kernel, PoolSettings<2> S = PoolSettings<2>{}> using LPPool2d = LPPoolNd<2, Norm, Kernel, S>;
/// torch.nn.AdaptiveMaxPool1d: x [N, C, L].
template<Dims<1> Output, AdaptiveMaxPoolSettings S = AdaptiveMaxPoolSettings{}> using AdaptiveMaxPool1d = AdaptiveMaxPoolNd<1, Output, S>;
/// torch.nn.AdaptiveMaxPool2d: x [N, C, H, W].
template<Dims<2> Output, AdaptiveMaxPoolSettings S = AdaptiveMaxPoolSettings{}> using AdaptiveMaxPool2d = AdaptiveMaxPoolNd<2, Output, S>;
/// torch.nn.AdaptiveMaxPool3d: x [N, C, D, H, W].
template<Dims<3> Output, AdaptiveMaxPoolSettings S = AdaptiveMaxPoolSettings{}> using AdaptiveMaxPool3d = AdaptiveMaxPoolNd<3, Output, S>;
/// torch.nn.AdaptiveAvgPool1d: x [N, C, L].
template<Dims<1> Output> using AdaptiveAvgPool1d = AdaptiveAvgPoolNd<1, Output>;
/// torch.nn.AdaptiveAvgPool2d: x [N, C, H, W].
template<Dims<2> Output> using AdaptiveAvgPool2d = AdaptiveAvgPoolNd<2, Output>;
/// torch.nn.AdaptiveAvgPool3d: x [N, C, D, H, W].
template<Dims<3> Output> using AdaptiveAvgPool3d = AdaptiveAvgPoolNd<3, Output>;
// clang-format on

} // namespace stator::nn
