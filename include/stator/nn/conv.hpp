// SPDX-License-Identifier: BSL-1.0
// Conv1d, Conv2d, Conv3d.
#pragma once

#include "stator/nn/init.hpp"
#include "stator/ops/call.hpp"
#include "stator/ops/conv.hpp"

#include <string>
#include <string_view>

namespace stator::nn {

/// Zero padding of a convolution: a number for each dimension, or "same" (output as large as the input, stride 1)
/// or "valid" (none).
template<std::size_t D>
struct ConvPadding {
  Dims<D> amount{0};
  bool same = false;

  constexpr ConvPadding() = default;
  constexpr ConvPadding(Index all) : amount(all) {}
  constexpr ConvPadding(const Dims<D>& each) : amount(each) {}
  template<std::size_t N>
  consteval ConvPadding(const char (&mode)[N]) : same(std::string_view(mode) == "same") {
    if (!same && std::string_view(mode) != "valid")
      throw "stator: the padding of a convolution is a number, \"same\" or \"valid\"";
  }
  constexpr bool operator==(const ConvPadding&) const = default;
};

/// `nn::Conv2d<16, 32, 3, nn::ConvOptions<2>{.stride = 2, .padding = 1}>`
template<std::size_t D>
struct ConvOptions {
  Dims<D> stride{1};
  ConvPadding<D> padding{};
  Dims<D> dilation{1};
  Index groups = 1;
  bool bias = true;
  constexpr bool operator==(const ConvOptions&) const = default;
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

template<class T, Index In, Index Out, auto Kernel, class Dimensions>
struct conv_weight;
template<class T, Index In, Index Out, auto Kernel, std::size_t... D>
struct conv_weight<T, In, Out, Kernel, std::index_sequence<D...>> {
  using type = Parameter<T, Out, In, Kernel[D]...>;
};

/// The part of `extra_repr` behind the channels that all convolutions share.
template<std::size_t D>
std::string conv_repr(const Dims<D>& kernel, const Dims<D>& stride, const std::string& padding,
                      const Dims<D>& dilation, Index groups, bool bias) {
  std::string text = ", kernel_size=" + to_string(kernel) + ", stride=" + to_string(stride) + padding;
  if (!(dilation == Dims<D>(1))) text += ", dilation=" + to_string(dilation);
  if (groups != 1) text += ", groups=" + std::to_string(groups);
  if (!bias) text += ", bias=False";
  return text;
}

} // namespace detail

/// Cross-correlation over D dimensions: x [N, In, in...], returns [N, Out, out...], where
/// out = (in + padding - dilation * (kernel - 1) - 1) / stride + 1.
/// weight [Out, In / groups, kernel...] and bias [Out] start uniform in +-1/sqrt(fan_in). torch.nn.Conv1d/2d/3d.
template<std::size_t D, Index In, Index Out, Dims<D> Kernel, ConvOptions<D> Options, class T>
struct ConvNd {
  static_assert(In % Options.groups == 0, "stator: Conv: in_channels must be divisible by groups");
  static_assert(Out % Options.groups == 0, "stator: Conv: out_channels must be divisible by groups");
  static_assert(!Options.padding.same || Options.stride == Dims<D>(1),
                "stator: Conv: padding \"same\" needs a stride of one");

  typename detail::conv_weight<T, In / Options.groups, Out, Kernel, std::make_index_sequence<D>>::type weight;
  std::conditional_t<Options.bias, Parameter<T, Out>, Absent> bias;

  constexpr auto forward(auto x) const {
    constexpr operation<ops::Convolution<D, detail::conv_spec<D>(Kernel, Options)>> convolution;
    if constexpr (Options.bias) return convolution(x, weight, bias);
    else return convolution(x, weight);
  }
  constexpr auto operator()(const auto& x) const { return call(*this, x); }

  void reset_parameters() { init::reset_weight_and_bias_(weight, bias); }
  static constexpr std::string_view class_name() { return D == 1 ? "Conv1d" : D == 2 ? "Conv2d" : "Conv3d"; }
  static std::string extra_repr() {
    std::string padding;
    if (Options.padding.same) padding = ", padding=same";
    else if (!(Options.padding.amount == Dims<D>(0))) padding = ", padding=" + to_string(Options.padding.amount);
    return std::to_string(In) + ", " + std::to_string(Out) +
           detail::conv_repr<D>(Kernel, Options.stride, padding, Options.dilation, Options.groups, Options.bias);
  }
};

template<Index In, Index Out, Dims<1> Kernel, ConvOptions<1> Options = ConvOptions<1>{}, class T = float>
using Conv1d = ConvNd<1, In, Out, Kernel, Options, T>;
template<Index In, Index Out, Dims<2> Kernel, ConvOptions<2> Options = ConvOptions<2>{}, class T = float>
using Conv2d = ConvNd<2, In, Out, Kernel, Options, T>;
template<Index In, Index Out, Dims<3> Kernel, ConvOptions<3> Options = ConvOptions<3>{}, class T = float>
using Conv3d = ConvNd<3, In, Out, Kernel, Options, T>;

} // namespace stator::nn
