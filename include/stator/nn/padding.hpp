// SPDX-License-Identifier: BSL-1.0
// Padding layers: ConstantPad1d ... CircularPad3d. One number pads all sides; otherwise two for each
// dimension, the last dimension first, as in PyTorch.
#pragma once

#include "stator/nn/extra_repr.hpp"
#include "stator/ops/resample.hpp"
#include "stator/trace/call.hpp"

namespace stator::nn {

/// Pads the last Dims dimensions of x [N, C, ...].
template<std::size_t Dims, PaddingMode Mode, double Value, bool Zero, Index... P>
struct Pad {
  static_assert(sizeof...(P) == 1 || sizeof...(P) == 2 * Dims,
                "stator: padding: give one number, or two for each dimension");
  /// Two numbers for each dimension, the last dimension first.
  static constexpr Extents pads = [] {
    Extents e(P...);
    for (std::size_t i = 1; sizeof...(P) == 1 && i < 2 * Dims; ++i) e.push_back(e[0]);
    return e;
  }();
  static constexpr std::string_view class_name() {
    constexpr std::string_view names[][3] = {{"ConstantPad1d", "ConstantPad2d", "ConstantPad3d"},
                                             {"ReflectionPad1d", "ReflectionPad2d", "ReflectionPad3d"},
                                             {"ReplicationPad1d", "ReplicationPad2d", "ReplicationPad3d"},
                                             {"CircularPad1d", "CircularPad2d", "CircularPad3d"}};
    return Zero ? std::string_view("ZeroPad2d") : names[static_cast<std::size_t>(Mode)][Dims - 1];
  }

  constexpr auto forward(auto x) const {
    return [&]<std::size_t... I>(std::index_sequence<I...>) {
      return pad_with<Mode, Value, pads[I]...>(x);
    }(std::make_index_sequence<2 * Dims>{});
  }
  constexpr auto operator()(auto&& x) const { return call(*this, std::forward<decltype(x)>(x)); }
  static std::string extra_repr() {
    std::string padding = python_tuple(pads);
    if (Zero || Mode != PaddingMode::constant) return padding;
    return "padding=" + padding + ", value=" + python_float(Value);
  }
};

// clang-format off
/// ConstantPad2d<3.5, 1>: one element of value 3.5 on each side.
template<double Value, Index... P> using ConstantPad1d = Pad<1, PaddingMode::constant, Value, false, P...>;
/// torch.nn.ConstantPad2d: x [N, C, H, W].
template<double Value, Index... P> using ConstantPad2d = Pad<2, PaddingMode::constant, Value, false, P...>;
/// torch.nn.ConstantPad3d: x [N, C, D, H, W].
template<double Value, Index... P> using ConstantPad3d = Pad<3, PaddingMode::constant, Value, false, P...>;
/// torch.nn.ZeroPad2d: x [N, C, H, W].
template<Index... P> using ZeroPad2d = Pad<2, PaddingMode::constant, 0.0, true, P...>;
/// Mirrors at the border, which is not repeated.
template<Index... P> using ReflectionPad1d = Pad<1, PaddingMode::reflect, 0.0, false, P...>;
/// torch.nn.ReflectionPad2d: x [N, C, H, W].
template<Index... P> using ReflectionPad2d = Pad<2, PaddingMode::reflect, 0.0, false, P...>;
/// torch.nn.ReflectionPad3d: x [N, C, D, H, W].
template<Index... P> using ReflectionPad3d = Pad<3, PaddingMode::reflect, 0.0, false, P...>;
/// Repeats the border.
template<Index... P> using ReplicationPad1d = Pad<1, PaddingMode::replicate, 0.0, false, P...>;
/// torch.nn.ReplicationPad2d: x [N, C, H, W].
template<Index... P> using ReplicationPad2d = Pad<2, PaddingMode::replicate, 0.0, false, P...>;
/// torch.nn.ReplicationPad3d: x [N, C, D, H, W].
template<Index... P> using ReplicationPad3d = Pad<3, PaddingMode::replicate, 0.0, false, P...>;
/// Continues on the other side.
template<Index... P> using CircularPad1d = Pad<1, PaddingMode::circular, 0.0, false, P...>;
/// x [N, C, H, W]; PyTorch has it as a padding mode only.
template<Index... P> using CircularPad2d = Pad<2, PaddingMode::circular, 0.0, false, P...>;
/// x [N, C, D, H, W]; PyTorch has it as a padding mode only.
template<Index... P> using CircularPad3d = Pad<3, PaddingMode::circular, 0.0, false, P...>;
// clang-format on

} // namespace stator::nn
