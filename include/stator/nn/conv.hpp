// SPDX-License-Identifier: BSL-1.0
// Conv1d, Conv2d, Conv3d and ConvTranspose1d, ConvTranspose2d, ConvTranspose3d.
#pragma once

#include "stator/nn/init.hpp"
#include "stator/ops/conv.hpp"
#include "stator/ops/resample.hpp"
#include "stator/trace/call.hpp"

#include <algorithm>
#include <string>
#include <string_view>
#include <tuple>

namespace stator::nn {

/// Padding of a convolution: a number for each dimension, or "same" (output as large as the input, stride 1)
/// or "valid" (none).
template<std::size_t D>
struct ConvPadding {
  Dims<D> amount{0};                ///< on both sides of each dimension
  bool same = false, valid = false; ///< "same", "valid"; `amount` is then unused

  constexpr ConvPadding() = default;
  constexpr ConvPadding(Index all) : amount(all) {}
  constexpr ConvPadding(const Dims<D>& each) : amount(each) {}
  template<std::size_t N>
  consteval ConvPadding(const char (&mode)[N])
      : same(std::string_view(mode) == "same"), valid(std::string_view(mode) == "valid") {
    if (!same && !valid)
      stop_evaluation("stator: the padding of a convolution is a number, \"same\" or \"valid\"");
  }
  constexpr bool operator==(const ConvPadding&) const = default;
};

/// What the padding is filled with: "zeros", "reflect", "replicate" or "circular".
struct ConvPaddingMode {
  PaddingMode mode = PaddingMode::constant; ///< the mode as an enumerator

  constexpr ConvPaddingMode() = default;
  constexpr ConvPaddingMode(PaddingMode m) : mode(m) {}
  template<std::size_t N>
  consteval ConvPaddingMode(const char (&word)[N]) {
    std::size_t i = 0;
    while (i < 4 && std::string_view(word) != words[i]) ++i;
    if (i == 4)
      stop_evaluation("stator: the padding_mode of a convolution is \"zeros\", \"reflect\", \"replicate\" or "
                      "\"circular\"");
    mode = static_cast<PaddingMode>(i);
  }
  /// PyTorch's name of the mode.
  constexpr std::string_view word() const { return words[static_cast<std::size_t>(mode)]; }
  constexpr bool operator==(const ConvPaddingMode&) const = default;

private:
  static constexpr std::string_view words[] = {"zeros", "reflect", "replicate", "circular"};
};

/// `nn::Conv2d<16, 32, 3, nn::ConvOptions<2>{.stride = 2, .padding = 1}>`
template<std::size_t D>
struct ConvOptions {
  Dims<D> stride{1};              ///< steps between windows
  ConvPadding<D> padding{};       ///< on both sides of each dimension
  Dims<D> dilation{1};            ///< steps between elements of the kernel
  Index groups = 1;               ///< groups of channels that are convolved separately
  bool bias = true;               ///< adds a learned number to each channel
  ConvPaddingMode padding_mode{}; ///< what the padding is filled with
  constexpr bool operator==(const ConvOptions&) const = default;
};

/// `nn::ConvTranspose2d<32, 16, 3, nn::ConvTransposeOptions<2>{.stride = 2, .padding = 1, .output_padding =
/// 1}>`
template<std::size_t D>
struct ConvTransposeOptions {
  Dims<D> stride{1};         ///< steps between windows in the output
  Dims<D> padding{0};        ///< cut off on both sides of the output
  Dims<D> output_padding{0}; ///< added to one side of the output
  Index groups = 1;          ///< groups of channels that are convolved separately
  bool bias = true;          ///< adds a learned number to each channel
  Dims<D> dilation{1};       ///< steps between elements of the kernel
  Dims<D> output_size{0};    ///< extents of the output, in place of output_padding; 0: none are asked for
  constexpr bool operator==(const ConvTransposeOptions&) const = default;
};

namespace detail {

template<std::size_t D>
constexpr ops::ConvSpec<D> conv_spec(const Dims<D>& kernel, const ConvOptions<D>& o) {
  ops::ConvSpec<D> s{o.stride, o.padding.amount, o.padding.amount, o.dilation, o.groups};
  if (o.padding.same)
    for (std::size_t d = 0; d < D; ++d) {
      const Index total = o.dilation[d] * (kernel[d] - 1);
      s.padding_begin[d] = total / 2;
      s.padding_end[d] = total - total / 2;
    }
  return s;
}

/// A transposed convolution of x [N, In, in...] with a kernel.
template<std::size_t D>
struct transposed_conv {
  ConvTransposeOptions<D> options;
  Extents x;
  Dims<D> kernel;

  /// An extent of the result without output_padding.
  constexpr Index least(std::size_t d) const {
    return (x[2 + d] - 1) * options.stride[d] - 2 * options.padding[d] +
           options.dilation[d] * (kernel[d] - 1) + 1;
  }
  constexpr bool has_size() const { return !(options.output_size == Dims<D>(0)); }
  constexpr Index added(std::size_t d) const {
    return has_size() ? options.output_size[d] - least(d) : options.output_padding[d];
  }
  /// The extents of the result; not positive where the padding cuts everything off.
  constexpr Extents output(Index channels) const {
    Extents y(x[0], channels);
    for (std::size_t d = 0; d < D; ++d) y.push_back(least(d) + added(d));
    return y;
  }
  /// It has the geometry of the convolution whose input its output is.
  constexpr ops::ConvSpec<D> spec() const {
    ops::ConvSpec<D> s{options.stride, options.padding, options.padding, options.dilation, options.groups};
    for (std::size_t d = 0; d < D; ++d) s.padding_end[d] -= added(d);
    return s;
  }
  /// Why there is no such result; empty when there is.
  constexpr Text requirement() const {
    if (x.rank != D + 2) return text("input ", x, " has ", x.rank, " dimensions, expected ", D + 2);
    for (std::size_t d = 0; d < D; ++d) {
      const Index most = least(d) + options.stride[d] - 1;
      if (has_size() && (added(d) < 0 || options.output_size[d] > most))
        return text("output_size ", options.output_size[d], " of dimension ", 2 + d, ", expected ", least(d),
                    " to ", most, " for an input ", x);
      if (least(d) + added(d) < 1) return text("input ", x, " is so small that the padding leaves no output");
    }
    return {};
  }
  constexpr bool fits() const { return requirement().empty(); }
};

/// x [N, C, spatial...] padded as `S` says.
template<PaddingMode Mode, auto S, class X>
constexpr auto pad_for_conv(const X& x) {
  constexpr std::size_t dims = std::tuple_size_v<decltype(S.stride.value)>;
  return [&]<std::size_t... I>(std::index_sequence<I...>) {
    return pad_with<Mode, 0.0, (I % 2 == 0 ? S.padding_begin : S.padding_end)[dims - 1 - I / 2]...>(x);
  }(std::make_index_sequence<2 * dims>{});
}

template<class T, Index First, Index Second, auto Kernel, class Dimensions>
struct conv_weight;
template<class T, Index First, Index Second, auto Kernel, std::size_t... D>
struct conv_weight<T, First, Second, Kernel, std::index_sequence<D...>> {
  using type = Parameter<T, First, Second, Kernel[D]...>;
};

/// The text of `extra_repr`; `padding` and `output_padding` are empty or begin with a comma.
template<std::size_t D>
std::string conv_repr(Index in, Index out, const Dims<D>& kernel, const auto& o, const std::string& padding,
                      const std::string& output_padding = {}) {
  std::string text = std::to_string(in) + ", " + std::to_string(out) + ", kernel_size=" + to_string(kernel) +
                     ", stride=" + to_string(o.stride) + padding;
  if (!(o.dilation == Dims<D>(1))) text += ", dilation=" + to_string(o.dilation);
  text += output_padding;
  if (o.groups != 1) text += ", groups=" + std::to_string(o.groups);
  return o.bias ? text : text + ", bias=False";
}
template<std::size_t D>
std::string nonzero_repr(const std::string& name, const Dims<D>& dims) {
  return dims == Dims<D>(0) ? "" : ", " + name + "=" + to_string(dims);
}

} // namespace detail

/// Cross-correlation over D dimensions: x [N, In, in...], returns [N, Out, out...], where
/// out = (in + padding - dilation * (kernel - 1) - 1) / stride + 1.
/// weight [Out, In / groups, kernel...] and bias [Out] start uniform in +-1/sqrt(fan_in).
/// torch.nn.Conv1d/2d/3d.
template<std::size_t D, Index In, Index Out, Dims<D> Kernel, ConvOptions<D> Options, class T>
struct ConvNd {
  static_assert(In % Options.groups == 0, "stator: Conv: in_channels must be divisible by groups");
  static_assert(Out % Options.groups == 0, "stator: Conv: out_channels must be divisible by groups");
  static_assert(!Options.padding.same || Options.stride == Dims<D>(1),
                "stator: Conv: padding \"same\" needs a stride of one");

  /// [Out, In / groups, kernel...]
  typename detail::conv_weight<T, Out, In / Options.groups, Kernel, std::make_index_sequence<D>>::type weight;
  /// [Out]
  std::conditional_t<Options.bias, Parameter<T, Out>, Absent> bias;

  constexpr auto forward(auto x) const {
    constexpr auto spec = detail::conv_spec<D>(Kernel, Options);
    constexpr PaddingMode mode = Options.padding_mode.mode;
    if constexpr (mode == PaddingMode::constant || spec.padding_end == Dims<D>(0))
      return convolve<spec>(x);
    else
      return convolve<ops::ConvSpec<D>{spec.stride, 0, 0, spec.dilation, spec.groups}>(
          detail::pad_for_conv<mode, spec>(x));
  }
  constexpr auto operator()(auto&& x) const { return call(*this, std::forward<decltype(x)>(x)); }

  void reset_parameters() { init::reset_weight_and_bias_(weight, bias); }
  static constexpr std::string_view class_name() { return D == 1 ? "Conv1d" : D == 2 ? "Conv2d" : "Conv3d"; }
  static std::string extra_repr() {
    constexpr ConvPadding<D> p = Options.padding;
    const std::string padding = p.same    ? ", padding=same"
                                : p.valid ? ", padding=valid"
                                          : detail::nonzero_repr("padding", p.amount);
    std::string text = detail::conv_repr(In, Out, Kernel, Options, padding);
    if (Options.padding_mode == ConvPaddingMode()) return text;
    return text + ", padding_mode=" + std::string(Options.padding_mode.word());
  }

private:
  template<ops::ConvSpec<D> Spec>
  constexpr auto convolve(auto x) const {
    constexpr operation<ops::Convolution<D, Spec>> convolution;
    if constexpr (Options.bias)
      return convolution(x, weight, bias);
    else
      return convolution(x, weight);
  }
};

/// The transpose of a convolution as a linear map, its gradient: x [N, In, in...], returns [N, Out, out...],
/// where out = (in - 1) * stride - 2 padding + dilation * (kernel - 1) + output_padding + 1, or output_size
/// where that is given, from there without output_padding to stride - 1 more. weight [In, Out / groups,
/// kernel...] and bias [Out] start uniform in +-1/sqrt(Out / groups * kernel elements).
/// torch.nn.ConvTranspose1d/2d/3d.
template<std::size_t D, Index In, Index Out, Dims<D> Kernel, ConvTransposeOptions<D> Options, class T>
struct ConvTransposeNd {
  static_assert(In % Options.groups == 0, "stator: ConvTranspose: in_channels must be divisible by groups");
  static_assert(Out % Options.groups == 0, "stator: ConvTranspose: out_channels must be divisible by groups");
  static_assert(
      [] {
        for (std::size_t d = 0; d < D; ++d)
          if (Options.output_padding[d] >= std::max(Options.stride[d], Options.dilation[d])) return false;
        return true;
      }(),
      "stator: ConvTranspose: output padding must be smaller than either stride or dilation");

  /// [In, Out / groups, kernel...]
  typename detail::conv_weight<T, In, Out / Options.groups, Kernel, std::make_index_sequence<D>>::type weight;
  /// [Out]
  std::conditional_t<Options.bias, Parameter<T, Out>, Absent> bias;

  constexpr auto forward(auto x) const {
    constexpr detail::transposed_conv<D> geometry{Options, decltype(x)::extents, Kernel};
    if constexpr (geometry.fits()) {
      constexpr operation<ops::ConvolutionInput<D, geometry.spec(), geometry.output(Out)>> transposed;
      if constexpr (Options.bias)
        return transposed(x, weight, bias);
      else
        return transposed(x, weight);
    } else {
      x.builder->fail(geometry.requirement());
      return x;
    }
  }
  constexpr auto operator()(auto&& x) const { return call(*this, std::forward<decltype(x)>(x)); }

  void reset_parameters() { init::reset_weight_and_bias_(weight, bias); }
  static constexpr std::string_view class_name() {
    return D == 1 ? "ConvTranspose1d" : D == 2 ? "ConvTranspose2d" : "ConvTranspose3d";
  }
  static std::string extra_repr() {
    return detail::conv_repr(In, Out, Kernel, Options, detail::nonzero_repr("padding", Options.padding),
                             detail::nonzero_repr("output_padding", Options.output_padding));
  }
};

// clang-format off
/// torch.nn.Conv1d: x [N, In, L], see ConvNd.
template<Index In, Index Out, Dims<1> Kernel, ConvOptions<1> Options = ConvOptions<1>{}, class T = float> using Conv1d = ConvNd<1, In, Out, Kernel, Options, T>;
/// torch.nn.Conv2d: x [N, In, H, W], see ConvNd.
template<Index In, Index Out, Dims<2> Kernel, ConvOptions<2> Options = ConvOptions<2>{}, class T = float> using Conv2d = ConvNd<2, In, Out, Kernel, Options, T>;
/// torch.nn.Conv3d: x [N, In, D, H, W], see ConvNd.
template<Index In, Index Out, Dims<3> Kernel, ConvOptions<3> Options = ConvOptions<3>{}, class T = float> using Conv3d = ConvNd<3, In, Out, Kernel, Options, T>;
/// torch.nn.ConvTranspose1d: x [N, In, L], see ConvTransposeNd.
template<Index In, Index Out, Dims<1> Kernel, ConvTransposeOptions<1> Options = ConvTransposeOptions<1>{}, class T = float> using ConvTranspose1d = ConvTransposeNd<1, In, Out, Kernel, Options, T>;
/// torch.nn.ConvTranspose2d: x [N, In, H, W], see ConvTransposeNd.
template<Index In, Index Out, Dims<2> Kernel, ConvTransposeOptions<2> Options = ConvTransposeOptions<2>{}, class T = float> using ConvTranspose2d = ConvTransposeNd<2, In, Out, Kernel, Options, T>;
/// torch.nn.ConvTranspose3d: x [N, In, D, H, W], see ConvTransposeNd.
template<Index In, Index Out, Dims<3> Kernel, ConvTransposeOptions<3> Options = ConvTransposeOptions<3>{}, class T = float> using ConvTranspose3d = ConvTransposeNd<3, In, Out, Kernel, Options, T>;
// clang-format on

} // namespace stator::nn
