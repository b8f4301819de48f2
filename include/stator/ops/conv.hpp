// SPDX-License-Identifier: BSL-1.0
// Convolution in 1, 2 and 3 dimensions, its transpose, and the gradients, which are each other's.
#pragma once

#include "stator/core/accuracy.hpp"
#include "stator/core/dims.hpp"
#include "stator/kernel/conv.hpp"
#include "stator/ops/element_types.hpp"
#include "stator/ops/packed_conv.hpp"
#include "stator/ops/pooled_conv.hpp"
#include "stator/ops/reduce.hpp"

namespace stator::ops {

/// How a kernel moves over its input.
template<std::size_t D>
struct ConvSpec {
  Dims<D> stride{1}, padding_begin{0}, padding_end{0}, dilation{1};
  Index groups = 1;
  constexpr bool operator==(const ConvSpec&) const = default;
};

namespace detail {

/// x [N, C, spatial...], w [O, C / groups, kernel...]
template<std::size_t D>
constexpr kernel::ConvGeometry<D> geometry(const Extents& x, const Extents& w, const ConvSpec<D>& s) {
  kernel::ConvGeometry<D> g{};
  g.in_channels = x[1];
  g.out_channels = w[0];
  g.groups = s.groups;
  for (std::size_t d = 0; d < D; ++d) {
    g.input[d] = x[2 + d];
    g.kernel[d] = w[2 + d];
    g.stride[d] = s.stride[d];
    g.padding_begin[d] = s.padding_begin[d];
    g.padding_end[d] = s.padding_end[d];
    g.dilation[d] = s.dilation[d];
  }
  return g;
}

template<std::size_t D>
constexpr Index conv_output(Index input, Index kernel, const ConvSpec<D>& s, std::size_t d) {
  return (input + s.padding_begin[d] + s.padding_end[d] - s.dilation[d] * (kernel - 1) - 1) / s.stride[d] + 1;
}

/// The extents of an operand that holds a number for each index of dimension `Dim` of e, to broadcast to it.
template<std::size_t Dim>
constexpr Extents along(const Extents& e) {
  Extents result(e[Dim]);
  for (std::size_t d = Dim + 1; d < e.rank; ++d) result.push_back(1);
  return result;
}

} // namespace detail

template<std::size_t D, ConvSpec<D> S, Extents X>
struct ConvolutionInput;
template<std::size_t D, ConvSpec<D> S, Extents W>
struct ConvolutionWeight;
struct ChannelSum;
template<std::size_t D, ConvSpec<D> S>
struct Convolution;

/// x [N, C, in...], w [O, C / groups, kernel...], bias [O]; returns [N, O, out...].
template<std::size_t D, ConvSpec<D> S>
struct Convolution : LayerTypes {
  static constexpr std::string_view name = "Convolution";
  static constexpr std::string_view backward_name = "ConvolutionBackward0";
  static constexpr Index multiply_adds(const Extents& y, const Extents&, const Extents& w, const auto&...) {
    return y.numel() * w.product(1, w.rank);
  }

  static constexpr Extents shape(const Extents& x, const Extents& w) {
    Extents result(x[0], w[0]);
    for (std::size_t d = 0; d < D; ++d)
      result.push_back(std::max<Index>(detail::conv_output(x[2 + d], w[2 + d], S, d), 1));
    return result;
  }
  static constexpr Extents shape(const Extents& x, const Extents& w, const Extents&) { return shape(x, w); }
  static constexpr Text requirement(const Extents& x, const Extents& w, const Extents& b) {
    if (b.rank != 1 || b[0] != w[0]) return text("convolution: bias ", b, " does not fit weight ", w);
    return requirement(x, w);
  }
  static constexpr Text requirement(const Extents& x, const Extents& w) {
    if (x.rank != D + 2 || w.rank != D + 2)
      return text("input ", x, " has ", x.rank, " dimensions, expected ", D + 2, " (weight ", w, ")");
    if (x[1] != w[1] * S.groups)
      return text("input ", x, " has ", x[1], " channels, expected ", w[1] * S.groups, " (weight ", w, ")");
    for (std::size_t d = 0; d < D; ++d)
      if (x[2 + d] + S.padding_begin[d] + S.padding_end[d] < S.dilation[d] * (w[2 + d] - 1) + 1)
        return text("input ", x, " is smaller than the kernel of weight ", w);
    return {};
  }
  template<class X, class W>
  using Kernel = kernel::conv<typename X::scalar, detail::geometry<D>(X::extents, W::extents, S),
                              detail::batch_of<X>(dynamic)>;

  template<class Out, class X, class W, class... B>
  static constexpr Bytes scratch() {
    return detail::scratch_for<X>(Kernel<X, W>::forward_scratch(detail::batch_of<X>(dynamic)));
  }
  template<class Out, class X, class W, class B>
  static void run(typename Out::scalar* y, const typename X::scalar* x, const typename W::scalar* w,
                  const typename B::scalar* b, Index batch, std::byte* scratch) {
    Kernel<X, W>::forward(x, w, b, y, detail::batch_of<X>(batch), scratch);
  }
  template<class Out, class X, class W>
  static void run(typename Out::scalar* y, const typename X::scalar* x, const typename W::scalar* w,
                  Index batch, std::byte* scratch) {
    Kernel<X, W>::forward(x, w, nullptr, y, detail::batch_of<X>(batch), scratch);
  }
  template<class G, class Y, class X, class W>
  static constexpr auto vjp(G g, Y, X x, W w) {
    return gradients(operation<ConvolutionInput<D, S, X::extents>>{}(g, w),
                     operation<ConvolutionWeight<D, S, W::extents>>{}(x, g));
  }
  template<class G, class Y, class X, class W, class B>
  static constexpr auto vjp(G g, Y y, X x, W w, B) {
    const auto [dx, dw] = vjp(g, y, x, w);
    return gradients(dx, dw, operation<ChannelSum>{}(g));
  }

  /// What the pass "pooled" makes of it, see graph/pooled.hpp.
  template<class Y, class X, class W, class B>
    requires(Kernel<X, W>::pools)
  using pooled = typename PooledConvolution<Convolution, Kernel<X, W>, Y, X, W, B>::template signatures<
      ConvolutionInput<D, S, X::extents>, ConvolutionWeight<D, S, W::extents>, ChannelSum>;

  template<class... In>
  static constexpr bool can_prepare = true;
  template<Accuracy How, class X, class W, class... B>
  static constexpr auto prepare(X x, W w, B... b) {
    using Packed = typename Kernel<X, W>::template prepared<How>;
    return operation<PackedConvolution<typename X::scalar, Packed, Convolution, W::extents>>{}(
        x, operation<PackConvolution<typename X::scalar, Packed>>{}(w, b...));
  }
  static constexpr Extents along_channels(const Extents& y) { return detail::along<1>(y); }
  template<class C, class X, class W, class... B>
  static constexpr auto scaled(C scale, C shift, X x, W w, B... bias) {
    const auto factors = reshape_to<Extents(W::extents[0])>(scale);
    const auto weight = mul(w, reshape_to<detail::along<0>(W::extents)>(scale));
    const auto summands = reshape_to<Extents(W::extents[0])>(shift);
    if constexpr (sizeof...(B) > 0)
      return operation<Convolution>{}(x, weight, add(mul(bias..., factors), summands));
    else
      return operation<Convolution>{}(x, weight, summands);
  }
};

/// The gradient of a convolution's input: g [N, O, out...], w [O, C / groups, kernel...]; returns the extents
/// X (its batch from g). With w as [in, out / groups, kernel...] it is the transposed convolution of g, which
/// may have a bias [C].
template<std::size_t D, ConvSpec<D> S, Extents X>
struct ConvolutionInput {
  static constexpr std::string_view name = "Convolution";
  static constexpr std::string_view backward_name = "ConvolutionBackward0";
  static constexpr Index multiply_adds(const Extents&, const Extents& g, const Extents& w, const auto&...) {
    return g.numel() * w.product(1, w.rank);
  }
  static constexpr Extents shape(const Extents& g, const Extents&, const auto&...) {
    Extents result = X;
    result[0] = g[0];
    return result;
  }
  static constexpr Text requirement(const Extents& g, const Extents& w, const Extents& b) {
    if (b.rank != 1 || b[0] != X[1]) return text("convolution: bias ", b, " does not fit weight ", w);
    return requirement(g, w);
  }
  static constexpr Text requirement(const Extents& g, const Extents& w) {
    if (g.rank != D + 2)
      return text("input ", g, " has ", g.rank, " dimensions, expected ", D + 2, " (weight ", w, ")");
    if (g[1] != w[0])
      return text("input ", g, " has ", g[1], " channels, expected ", w[0], " (weight ", w, ")");
    return {};
  }
  template<class G, class W>
  using Kernel =
      kernel::conv<typename G::scalar, detail::geometry<D>(X, W::extents, S), detail::batch_of<G>(dynamic)>;
  template<class Out, class G, class W, class... B>
  static constexpr Bytes scratch() {
    return detail::scratch_for<G>(Kernel<G, W>::backward_input_scratch(detail::batch_of<G>(dynamic)));
  }
  template<class Out, class G, class W, class B>
  static void run(typename Out::scalar* dx, const typename G::scalar* g, const typename W::scalar* w,
                  const typename B::scalar* b, Index batch, std::byte* scratch) {
    Kernel<G, W>::backward_input(g, w, dx, detail::batch_of<G>(batch), scratch, b);
  }
  template<class Out, class G, class W>
  static void run(typename Out::scalar* dx, const typename G::scalar* g, const typename W::scalar* w,
                  Index batch, std::byte* scratch) {
    Kernel<G, W>::backward_input(g, w, dx, detail::batch_of<G>(batch), scratch);
  }
  template<class GG, class Y, class G, class W>
  static constexpr auto vjp(GG gg, Y, G g, W w) {
    return gradients(operation<Convolution<D, S>>{}(gg, w),
                     operation<ConvolutionWeight<D, S, W::extents>>{}(gg, g));
  }
  template<class GG, class Y, class G, class W, class B>
  static constexpr auto vjp(GG gg, Y y, G g, W w, B) {
    const auto [dg, dw] = vjp(gg, y, g, w);
    return gradients(dg, dw, operation<ChannelSum>{}(gg));
  }

  template<class... In>
  static constexpr bool can_prepare = true;
  template<Accuracy, class G, class W, class... B>
  static constexpr auto prepare(G g, W w, B... b) {
    using Packed = typename Kernel<G, W>::prepared_input;
    return operation<PackedConvolution<typename G::scalar, Packed, ConvolutionInput, W::extents>>{}(
        g, operation<PackConvolution<typename G::scalar, Packed>>{}(w, b...));
  }
  /// With groups, the second dimension of the weight is not all channels.
  static constexpr Extents along_channels(const Extents& y)
    requires(S.groups == 1)
  {
    return detail::along<1>(y);
  }
  template<class C, class G, class W, class... B>
  static constexpr auto scaled(C scale, C shift, G g, W w, B... bias) {
    const auto weight = mul(w, scale); // [in, out, kernel...] times [out, 1...]
    const auto summands = reshape_to<Extents(X[1])>(shift);
    if constexpr (sizeof...(B) > 0)
      return operation<ConvolutionInput>{}(g, weight,
                                           add(mul(bias..., reshape_to<Extents(X[1])>(scale)), summands));
    else
      return operation<ConvolutionInput>{}(g, weight, summands);
  }
};

/// The gradient of a convolution's weight: x [N, C, in...], g [N, O, out...]; returns the extents W.
template<std::size_t D, ConvSpec<D> S, Extents W>
struct ConvolutionWeight {
  static constexpr std::string_view name = "Convolution";
  static constexpr Index multiply_adds(const Extents&, const Extents&, const Extents& g) {
    return g.numel() * W.product(1, W.rank);
  }
  static constexpr Extents shape(const Extents&, const Extents&) { return W; }
  template<class X>
  using Kernel =
      kernel::conv<typename X::scalar, detail::geometry<D>(X::extents, W, S), detail::batch_of<X>(dynamic)>;
  template<class Out, class X, class G>
  static constexpr Bytes scratch() {
    return detail::scratch_for<X>(Kernel<X>::backward_weight_scratch(detail::batch_of<X>(dynamic)));
  }
  template<class Out, class X, class G>
  static void run(typename Out::scalar* dw, const typename X::scalar* x, const typename G::scalar* g,
                  Index batch, std::byte* scratch) {
    Kernel<X>::backward_weight(x, g, dw, false, detail::batch_of<X>(batch), scratch);
  }
  template<class Out, class X, class G>
  static void accumulate(typename Out::scalar* dw, const typename X::scalar* x, const typename G::scalar* g,
                         Index batch, std::byte* scratch) {
    Kernel<X>::backward_weight(x, g, dw, true, detail::batch_of<X>(batch), scratch);
  }
  template<class GG, class Y, class X, class G>
  static constexpr auto vjp(GG gw, Y, X x, G g) {
    return gradients(operation<ConvolutionInput<D, S, X::extents>>{}(g, gw),
                     operation<Convolution<D, S>>{}(x, gw));
  }
};

/// Sum over everything but the channels: [N, C, ...] to [C]. The gradient of a bias.
struct ChannelSum {
  static constexpr std::string_view name = "ChannelSum";
  static constexpr Extents shape(const Extents& g) { return Extents(g[1]); }
  template<class Out, class G>
  static void run(typename Out::scalar* out, const typename G::scalar* g, Index batch, std::byte*) {
    add<G>(out, g, false, batch);
  }
  template<class Out, class G>
  static void accumulate(typename Out::scalar* out, const typename G::scalar* g, Index batch, std::byte*) {
    add<G>(out, g, true, batch);
  }
  template<class G>
  static void add(typename G::scalar* out, const typename G::scalar* g, bool accumulate, Index batch) {
    constexpr Index channels = G::extents[1], pixels = G::extents.product(2, G::extents.rank);
    kernel::channel_sum<typename G::scalar, channels, pixels>(g, out, accumulate, detail::batch_of<G>(batch));
  }
  template<class GG, class Y, class G>
  static constexpr auto vjp(GG gg, Y, G) {
    constexpr Extents aligned = [] {
      Extents e = G::extents;
      for (std::size_t d = 0; d < e.rank; ++d)
        if (d != 1) e[d] = 1;
      return e;
    }();
    return gradients(operation<Expand<G::extents>>{}(reshape_to<aligned>(gg)));
  }
};

} // namespace stator::ops
