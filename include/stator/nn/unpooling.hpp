// SPDX-License-Identifier: BSL-1.0
// MaxUnpool: puts what MaxPool has returned back to where it came from, as functions and as modules.
#pragma once

#include "stator/nn/extra_repr.hpp"
#include "stator/ops/pool_indices.hpp"
#include "stator/trace/call.hpp"

#include <string>
#include <string_view>

namespace stator::nn {

/// `nn::MaxUnpool2d<2, nn::UnpoolSettings<2>{.output_size = {5, 5}}>`; a stride of 0 stands for the kernel.
template<std::size_t D>
struct UnpoolSettings {
  Dims<D> stride{0};  ///< steps between windows
  Dims<D> padding{0}; ///< that was on both sides of each dimension
  /// Extents of the result, less than a stride from (in - 1) stride - 2 padding + kernel, which 0 stands for.
  Dims<D> output_size{0};
  constexpr bool operator==(const UnpoolSettings&) const = default;
};

namespace detail {
template<std::size_t D>
constexpr UnpoolOptions<D> unpool_options(const Dims<D>& kernel, const UnpoolSettings<D>& s) {
  UnpoolOptions<D> o{kernel, s.stride, s.padding, s.output_size};
  for (std::size_t d = 0; d < D; ++d)
    if (o.stride[d] == 0) o.stride[d] = kernel[d];
  return o;
}
} // namespace detail

// clang-format off
/// `nn::max_unpool1d<2>(x, indices)`: x [N, C, in] and the indices that max_pool1d has returned with it, int64; returns
/// [N, C, out], zeros but for the elements of x at their indices. Throws ValueError for an index that is not in the result.
/// torch.nn.functional.max_unpool1d.
template<Dims<1> Kernel, UnpoolSettings<1> S = UnpoolSettings<1>{}> inline constexpr operation<ops::MaxUnpool<1, detail::unpool_options(Kernel, S)>> max_unpool1d;
/// As max_unpool1d; torch.nn.functional.max_unpool2d.
template<Dims<2> Kernel, UnpoolSettings<2> S = UnpoolSettings<2>{}> inline constexpr operation<ops::MaxUnpool<2, detail::unpool_options(Kernel, S)>> max_unpool2d;
/// As max_unpool1d; torch.nn.functional.max_unpool3d.
template<Dims<3> Kernel, UnpoolSettings<3> S = UnpoolSettings<3>{}> inline constexpr operation<ops::MaxUnpool<3, detail::unpool_options(Kernel, S)>> max_unpool3d;
// clang-format on

/// torch.nn.MaxUnpool1d/2d/3d: forward takes what MaxPool with .return_indices returns, the values and the
/// indices.
template<std::size_t D, Dims<D> Kernel, UnpoolSettings<D> Settings>
struct MaxUnpoolNd {
  constexpr auto forward(auto x, auto indices) const {
    return operation<ops::MaxUnpool<D, detail::unpool_options(Kernel, Settings)>>{}(x, indices);
  }
  constexpr auto operator()(auto&&... x) const { return call(*this, std::forward<decltype(x)>(x)...); }
  static constexpr std::string_view class_name() {
    return D == 1 ? "MaxUnpool1d" : D == 2 ? "MaxUnpool2d" : "MaxUnpool3d";
  }
  static std::string extra_repr() {
    constexpr UnpoolOptions<D> o = detail::unpool_options(Kernel, Settings);
    return "kernel_size=" + to_string(o.kernel) + ", stride=" + to_string(o.stride) +
           ", padding=" + to_string(o.padding);
  }
};

// clang-format off
/// torch.nn.MaxUnpool1d: x [N, C, L].
template<Dims<1> Kernel, UnpoolSettings<1> S = UnpoolSettings<1>{}> using MaxUnpool1d = MaxUnpoolNd<1, Kernel, S>;
/// torch.nn.MaxUnpool2d: x [N, C, H, W].
template<Dims<2> Kernel, UnpoolSettings<2> S = UnpoolSettings<2>{}> using MaxUnpool2d = MaxUnpoolNd<2, Kernel, S>;
/// torch.nn.MaxUnpool3d: x [N, C, D, H, W].
template<Dims<3> Kernel, UnpoolSettings<3> S = UnpoolSettings<3>{}> using MaxUnpool3d = MaxUnpoolNd<3, Kernel, S>;
// clang-format on

} // namespace stator::nn
