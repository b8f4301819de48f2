// SPDX-License-Identifier: BSL-1.0
// Fold and Unfold.
#pragma once

#include "stator/ops/fold.hpp"
#include "stator/trace/call.hpp"

#include <string>

namespace stator::nn {

namespace detail {
/// PyTorch prints numbers as they were given: one where both are equal.
inline std::string fold_number(const Dims<2>& dims) {
  return dims[0] == dims[1] ? std::to_string(dims[0]) : to_string(dims);
}
inline std::string fold_repr(const Dims<2>& kernel, const FoldOptions& o) {
  return "kernel_size=" + fold_number(kernel) + ", dilation=" + fold_number(o.dilation) +
         ", padding=" + fold_number(o.padding) + ", stride=" + fold_number(o.stride);
}
} // namespace detail

/// torch.nn.Unfold: x [N, C, H, W], see nn::unfold.
template<Dims<2> Kernel, FoldOptions Options = FoldOptions{}>
struct Unfold {
  constexpr auto forward(auto x) const { return unfold<Kernel, Options>(x); }
  constexpr auto operator()(auto&& x) const { return call(*this, std::forward<decltype(x)>(x)); }
  static std::string extra_repr() { return detail::fold_repr(Kernel, Options); }
};

/// torch.nn.Fold: x [N, C * kernel elements, windows], see nn::fold.
template<Dims<2> Output, Dims<2> Kernel, FoldOptions Options = FoldOptions{}>
struct Fold {
  constexpr auto forward(auto x) const { return fold<Output, Kernel, Options>(x); }
  constexpr auto operator()(auto&& x) const { return call(*this, std::forward<decltype(x)>(x)); }
  static std::string extra_repr() {
    return "output_size=" + detail::fold_number(Output) + ", " + detail::fold_repr(Kernel, Options);
  }
};

} // namespace stator::nn
