// SPDX-License-Identifier: BSL-1.0
// nn::unfold and nn::fold: the windows of images as columns, and the sum of such columns.
#pragma once

#include "stator/core/dims.hpp"
#include "stator/ops/resample.hpp"
#include "stator/ops/strided.hpp"

namespace stator::inline v0_2 {

namespace nn {
/// How the windows of nn::unfold and nn::fold lie, PyTorch's options.
struct FoldOptions {
  Dims<2> dilation{1}; ///< steps between the elements of a window
  Dims<2> padding{0};  ///< zeros on both sides of each dimension
  Dims<2> stride{1};   ///< steps between windows
};
} // namespace nn

namespace ops {

/// x [N, C, H, W] as [N, C * the elements of a window, windows]; no padding.
template<Dims<2> Kernel, nn::FoldOptions O>
struct Im2col : Strided<Im2col<Kernel, O>> {
  static constexpr std::string_view name = "Im2Col";
  static constexpr std::string_view backward_name = "Im2ColBackward0";
  static constexpr std::string_view scattered_name = "Col2Im";
  /// Windows along spatial dimension d of x; 0 or less where x is smaller than one.
  static constexpr Index windows(const Extents& x, std::size_t d) {
    const Index room = x[2 + d] - O.dilation[d] * (Kernel[d] - 1) - 1;
    return room < 0 ? 0 : room / O.stride[d] + 1;
  }
  static constexpr Extents shape(const Extents& x) {
    return Extents(x[0], x[1] * Kernel[0] * Kernel[1], windows(x, 0) * windows(x, 1));
  }
  static constexpr Text requirement(const Extents& x) {
    if (x.rank == 4 && windows(x, 0) > 0 && windows(x, 1) > 0) return {};
    return text("unfold: the padded input ", x, ", expected [N, C, H, W], not smaller than a window");
  }
  static constexpr kernel::StridedLoops loops(const Extents& x) {
    kernel::StridedLoops l;
    l.push_back(x[0], x.product(1, 4));
    l.push_back(x[1], x.product(2, 4));
    l.push_back(Kernel[0], O.dilation[0] * x[3]);
    l.push_back(Kernel[1], O.dilation[1]);
    l.push_back(windows(x, 0), O.stride[0] * x[3]);
    l.push_back(windows(x, 1), O.stride[1]);
    return l;
  }
};

/// Im2col with padding.
template<Dims<2> Kernel, nn::FoldOptions O>
struct Unfold {
  static_assert(O.stride[0] > 0 && O.stride[1] > 0 && Kernel[0] > 0 && Kernel[1] > 0,
                "stator: unfold: the kernel and the stride are positive");
  static constexpr std::string_view name = "Unfold";
  static constexpr bool is_composite = true;
  template<class X>
  static constexpr auto compose(X x) {
    constexpr operation<Im2col<Kernel, O>> columns;
    if constexpr (O.padding == Dims<2>(0))
      return columns(x);
    else
      return columns(operation<Resample<PadRule<nn::PaddingMode::constant, 0.0, O.padding[1], O.padding[1],
                                                O.padding[0], O.padding[0]>>>{}(x));
  }
};

/// The derivative of Unfold for an image of extents Output: each column added to its window.
template<Dims<2> Output, Dims<2> Kernel, nn::FoldOptions O>
struct Fold {
  static_assert(O.stride[0] > 0 && O.stride[1] > 0 && Kernel[0] > 0 && Kernel[1] > 0,
                "stator: fold: the kernel and the stride are positive");
  static constexpr std::string_view name = "Fold";
  static constexpr bool is_composite = true;
  using Columns = Im2col<Kernel, O>;
  static constexpr Extents padded(const Extents& x) {
    return Extents(x[0], x[1] / (Kernel[0] * Kernel[1]), Output[0] + 2 * O.padding[0],
                   Output[1] + 2 * O.padding[1]);
  }
  template<class X>
  static constexpr auto compose(X x) {
    constexpr Extents e = X::extents;
    if constexpr (e.rank != 3 || e[1] % (Kernel[0] * Kernel[1]) != 0 || !(Columns::shape(padded(e)) == e)) {
      x.builder->fail(text("fold: input ", e, ", expected [N, C * ", Kernel[0] * Kernel[1], ", ",
                           Columns::shape(padded(Extents(1, Kernel[0] * Kernel[1], 1)))[2],
                           "], the windows of an image of ", Output[0], " by ", Output[1]));
      return x;
    } else {
      const auto image = operation<StridedBackward<Columns, padded(e)>>{}(x);
      if constexpr (O.padding == Dims<2>(0))
        return image;
      else
        return operation<Resample<PadRule<nn::PaddingMode::constant, 0.0, -O.padding[1], -O.padding[1],
                                          -O.padding[0], -O.padding[0]>>>{}(image);
    }
  }
};

} // namespace ops

namespace nn {
/// `nn::unfold<Kernel, Options>(x)`: x [N, C, H, W], returns [N, C * kernel elements, windows]; the windows
/// of all images as columns. torch.nn.functional.unfold; torch.Tensor.unfold is stator::unfold.
template<Dims<2> Kernel, FoldOptions Options = FoldOptions{}>
inline constexpr operation<ops::Unfold<Kernel, Options>> unfold;
/// `nn::fold<Output, Kernel, Options>(x)`: x [N, C * kernel elements, windows], returns [N, C, Output...];
/// what windows share is the sum. torch.nn.functional.fold.
template<Dims<2> Output, Dims<2> Kernel, FoldOptions Options = FoldOptions{}>
inline constexpr operation<ops::Fold<Output, Kernel, Options>> fold;
} // namespace nn

} // namespace stator::inline v0_2
