// SPDX-License-Identifier: BSL-1.0
// layer_norm and group_norm: rows of a tensor normalised to mean 0 and variance 1, then scaled and shifted.
#pragma once

#include "stator/kernel/normalize.hpp"
#include "stator/ops/element_types.hpp"
#include "stator/ops/variance.hpp"

namespace stator::inline v0_2 {

namespace ops {

namespace detail {

template<class Norm, double Eps>
struct NormalRows;

/// What both have in common. `Norm` says how the rows lie: Norm::kernel<X>::type, Norm::rows(x),
/// Norm::weights(x) (the extents of weight and bias) and Norm::along(x) (the same, so that they broadcast to
/// x).
template<class Norm, double Eps>
struct RowNorm : LayerTypes {
  static constexpr Extents shape(const Extents& x, const auto&...) { return x; }

  template<class X>
  static Index rows(Index batch) {
    return Norm::rows(X::extents) * (X::extents.is_dynamic() ? batch : 1);
  }
  template<class X>
  using Kernel = typename Norm::template kernel<X>::type;

  template<class Out, class X, class... W>
  static void run(typename Out::scalar* y, const typename X::scalar* x, const typename W::scalar*... w,
                  Index batch, std::byte*) {
    const typename X::scalar* const affine[] = {w..., nullptr, nullptr};
    Kernel<X>::forward(x, affine[0], affine[1], y, rows<X>(batch), static_cast<typename X::scalar>(Eps));
  }

  struct Input {
    static constexpr std::string_view name = "NormInput";
    static constexpr Extents shape(const Extents& g, const auto&...) { return g; }
    template<class Out, class G, class X, class... W>
    static void run(typename Out::scalar* dx, const typename G::scalar* g, const typename X::scalar* x,
                    const typename W::scalar*... w, Index batch, std::byte*) {
      const typename X::scalar* const affine[] = {w..., nullptr};
      Kernel<X>::backward(g, x, affine[0], dx, rows<X>(batch), static_cast<typename X::scalar>(Eps));
    }
    template<class GG, class Y, class G, class X>
    static constexpr auto vjp(GG gg, Y, G g, X x) {
      return gradients(operation<Input>{}(gg, x), curvature(gg, g, x));
    }
    template<class GG, class Y, class G, class X, class W>
    static constexpr auto vjp(GG gg, Y, G g, X x, W w) {
      constexpr Extents along = Norm::along(X::extents);
      using Along = Typed<typename X::scalar, to_shape<along>>;
      const auto weight = reshape_to<along>(w);
      const auto dx = operation<Input>{}(gg, x);
      return gradients(mul(dx, weight), curvature(gg, mul(g, weight), x),
                       reshape_to<W::extents>(sum_to<Along>(mul(dx, g))));
    }

    /// The gradient by x of v . dx for g without weights, where dx = r (g - m(g) - n m(g n)), n = (x - m(x))
    /// r is normal, r = 1 / sqrt(variance + Eps), and m are means of rows.
    template<class X>
    static constexpr auto curvature(X v, X g, X x) {
      constexpr Index count = Norm::rows(X::extents);
      constexpr Extents by_rows(X::extents.is_dynamic() ? dynamic : 1, count, X::extents.numel() / count);
      constexpr operation<Mean<true, 2>> m;
      const auto row = [&](auto t) { return reshape_to<by_rows>(t); };
      const auto r = operation<Rsqrt>{}(add(operation<Var<0, true, 2>>{}(row(x)), Eps));
      const auto a = row(v), b = row(g), n = mul(sub(row(x), m(row(x))), r);
      const auto an = m(mul(a, n)), bn = m(mul(b, n));
      const auto inner = sub(m(mul(a, b)), add(mul(m(a), m(b)), mul(an, bn)));
      const auto through_n = operation<Input>{}(reshape_to<X::extents>(add(mul(a, bn), mul(b, an))), x);
      return neg(reshape_to<X::extents>(mul(r, add(mul(mul(r, n), inner), row(through_n)))));
    }
  };
  struct Weight {
    static constexpr std::string_view name = "NormWeight";
    static constexpr Extents shape(const Extents&, const Extents& x) { return Norm::weights(x); }
    template<class Out, class G, class X>
    static constexpr Bytes scratch() {
      const auto n = static_cast<std::size_t>(Norm::rows(X::extents)) * sizeof(typename Kernel<X>::Moments);
      return X::extents.is_dynamic() ? Bytes{0, n} : Bytes{n, 0};
    }
    template<class Out, class G, class X>
    static void run(typename Out::scalar* dw, const typename G::scalar* g, const typename X::scalar* x,
                    Index batch, std::byte* scratch) {
      Kernel<X>::backward_weight(g, x, dw, rows<X>(batch), static_cast<typename X::scalar>(Eps),
                                 reinterpret_cast<typename Kernel<X>::Moments*>(scratch));
    }
    template<class GG, class Y, class G, class X>
    static constexpr auto vjp(GG gg, Y, G g, X x) {
      const auto along = reshape_to<Norm::along(X::extents)>(gg);
      return gradients(mul(operation<NormalRows<Norm, Eps>>{}(x), along),
                       operation<Input>{}(mul(g, along), x));
    }
  };

  template<class G, class Y, class X>
  static constexpr auto vjp(G g, Y, X x) {
    return gradients(operation<Input>{}(g, x));
  }
  template<class G, class Y, class X, class W>
  static constexpr auto vjp(G g, Y, X x, W w) {
    return gradients(operation<Input>{}(g, x, w), operation<Weight>{}(g, x));
  }
  template<class G, class Y, class X, class W, class B>
  static constexpr auto vjp(G g, Y, X x, W w, B) {
    constexpr Extents along = Norm::along(X::extents);
    using Along = Typed<typename X::scalar, to_shape<along>>;
    return gradients(operation<Input>{}(g, x, w), operation<Weight>{}(g, x),
                     reshape_to<B::extents>(sum_to<Along>(g)));
  }
};

/// Without weights and biases.
template<class Norm, double Eps>
struct NormalRows : RowNorm<Norm, Eps> {
  static constexpr std::string_view name = "NormalRows";
};

/// How the rows of layer_norm lie.
template<std::size_t Rank>
struct LastDims {
  static constexpr Extents weights(const Extents& x) {
    Extents e;
    for (std::size_t d = x.rank - Rank; d < x.rank; ++d) e.push_back(x[d]);
    return e;
  }
  static constexpr Extents along(const Extents& x) { return weights(x); }
  static constexpr Index rows(const Extents& x) { return x.product(0, x.rank - Rank); }
  template<class X>
  struct kernel {
    static constexpr Index length = X::extents.product(X::extents.rank - Rank, X::extents.rank);
    using type = stator::kernel::row_norm<typename X::scalar, length, 1, 1>;
  };
};

/// How the rows of group_norm lie.
template<Index Groups>
struct ChannelGroups {
  static constexpr Extents weights(const Extents& x) { return Extents(x[1]); }
  static constexpr Extents along(const Extents& x) {
    Extents e(x[1]);
    for (std::size_t d = 2; d < x.rank; ++d) e.push_back(1);
    return e;
  }
  static constexpr Index rows(const Extents& x) { return x.product(0, 1) * Groups; }
  template<class X>
  struct kernel {
    static constexpr Index length = X::extents.product(1, X::extents.rank) / Groups;
    static constexpr Index inner = X::extents.product(2, X::extents.rank);
    using type = stator::kernel::row_norm<typename X::scalar, length, Groups, inner>;
  };
};

} // namespace detail

/// Normalises over the last Rank dimensions; weight and bias have their shape.
template<std::size_t Rank, double Eps>
struct LayerNorm : detail::RowNorm<detail::LastDims<Rank>, Eps> {
  static constexpr std::string_view name = "NativeLayerNorm";
  static constexpr std::string_view backward_name = "NativeLayerNormBackward0";
  static constexpr Text requirement(const Extents& x, const auto&... affine) {
    if (x.rank < Rank || (x.rank == Rank && x.is_dynamic()))
      return text("layer_norm: input ", x, " has too few dimensions to normalise the last ", Rank);
    if (((detail::LastDims<Rank>::weights(x) == affine) && ...)) return {};
    Text result = text("layer_norm: input ", x, " does not end in the normalized shape");
    ((result += text(" ", affine)), ...);
    return result;
  }
};

/// x [N, C, ...]: normalises each of Groups groups of neighbouring channels; weight and bias [C].
template<Index Groups, double Eps>
struct GroupNorm : detail::RowNorm<detail::ChannelGroups<Groups>, Eps> {
  static constexpr std::string_view name = "NativeGroupNorm";
  static constexpr std::string_view backward_name = "NativeGroupNormBackward0";
  static constexpr Text requirement(const Extents& x, const auto&... affine) {
    if (x.rank < 2) return text("group_norm: input ", x, " has no channels, expected [N, C, ...]");
    if (x[1] % Groups != 0)
      return text("group_norm: ", x[1], " channels cannot be cut into ", Groups, " groups");
    if (((Extents(x[1]) == affine) && ...)) return {};
    return text("group_norm: input ", x, " has ", x[1], " channels, the weight has another number");
  }
};

} // namespace ops

namespace nn {
/// `layer_norm<Rank>(x, weight, bias)`: over the last Rank dimensions; weight and bias may be left out.
template<std::size_t Rank = 1, double Eps = 1e-5>
inline constexpr operation<ops::LayerNorm<Rank, Eps>> layer_norm;
/// `group_norm<Groups>(x, weight, bias)`; weight and bias [C] may be left out.
template<Index Groups, double Eps = 1e-5>
inline constexpr operation<ops::GroupNorm<Groups, Eps>> group_norm;
} // namespace nn

} // namespace stator::inline v0_2
