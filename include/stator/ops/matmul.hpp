// SPDX-License-Identifier: BSL-1.0
// Matrix products: mm, and the linear map of a layer. Transposed operands are never copied.
#pragma once

#include "stator/core/accuracy.hpp"
#include "stator/core/compiler.hpp"
#include "stator/kernel/gemm.hpp"
#include "stator/ops/element_types.hpp"
#include "stator/ops/reduce.hpp"

namespace stator::inline v0_2 {

namespace ops {

/// op(a) [m, k] times op(b) [k, n]; TA and TB say that the stored operand is the transpose.
template<bool TA, bool TB>
struct Mm : OneType {
  static constexpr std::string_view name = "Mm";
  static constexpr std::string_view backward_name = "MmBackward0";
  static constexpr Index m(const Extents& a) { return TA ? a[1] : a[0]; }
  static constexpr Index k(const Extents& a) { return TA ? a[0] : a[1]; }
  static constexpr Index n(const Extents& b) { return TB ? b[0] : b[1]; }
  static constexpr Index inner(const Extents& b) { return TB ? b[1] : b[0]; }
  static constexpr Index multiply_adds(const Extents& y, const Extents& a, const Extents&) {
    return y.numel() * (k(a) == dynamic ? 1 : k(a));
  }

  static constexpr Extents shape(const Extents& a, const Extents& b) { return Extents(m(a), n(b)); }
  static constexpr Text requirement(const Extents& a, const Extents& b) {
    if (a.rank != 2 || b.rank != 2) return text("matmul: needs two matrices, has ", a, " and ", b);
    if (k(a) != inner(b))
      return text("matmul: ", a, " times ", b, " has inner extents ", k(a), " and ", inner(b),
                  ", they must be equal");
    if (n(b) == dynamic)
      return text("matmul: ", a, " times ", b, ": only the leading extent of a result may be dynamic");
    return {};
  }
  template<class A, class B>
  using Kernel = kernel::gemm<typename A::scalar, m(A::extents), n(B::extents), k(A::extents), TA, TB>;

  template<class Out, class A, class B>
  static constexpr Bytes scratch() {
    return Kernel<A, B>::scratch;
  }
  template<class Out, class A, class B>
  static void run(typename Out::scalar* out, const typename A::scalar* a, const typename B::scalar* b,
                  Index batch, std::byte* scratch) {
    call<A, B>(out, a, b, nullptr, false, batch, scratch);
  }
  template<class Out, class A, class B>
  static void accumulate(typename Out::scalar* out, const typename A::scalar* a, const typename B::scalar* b,
                         Index batch, std::byte* scratch) {
    call<A, B>(out, a, b, nullptr, true, batch, scratch);
  }
  template<class A, class B>
  STATOR_ALWAYS_INLINE static void call(typename A::scalar* out, const typename A::scalar* a,
                                        const typename B::scalar* b, const typename A::scalar* bias, bool add,
                                        Index batch, std::byte* scratch) {
    constexpr Index rows = m(A::extents), columns = n(B::extents), depth = k(A::extents);
    Kernel<A, B>::run(a, b, bias, out, add, rows == dynamic ? batch : rows, columns,
                      depth == dynamic ? batch : depth, scratch);
  }
  template<class G, class Y, class A, class B>
  static constexpr auto vjp(G g, Y, A a, B b) {
    const auto da = [&] {
      if constexpr (TA)
        return operation<Mm<TB, true>>{}(b, g);
      else
        return operation<Mm<false, !TB>>{}(g, b);
    }();
    const auto db = [&] {
      if constexpr (TB)
        return operation<Mm<true, TA>>{}(g, a);
      else
        return operation<Mm<!TA, false>>{}(a, g);
    }();
    return gradients(da, db);
  }
};

/// x [..., in] times weight [out, in] transposed, plus bias [out]: torch.nn.functional.linear.
struct Linear : LayerTypes {
  static constexpr std::string_view name = "Addmm", called = "linear";
  static constexpr std::string_view backward_name(const Extents& y, const Extents&, const Extents&,
                                                  const auto&... bias) {
    if (y.rank == 2) return sizeof...(bias) > 0 ? "AddmmBackward0" : "MmBackward0";
    if (y.rank == 1) return sizeof...(bias) > 0 ? "AddBackward0" : "SqueezeBackward3";
    return sizeof...(bias) > 0 ? "ViewBackward0" : "UnsafeViewBackward0";
  }
  static constexpr Index multiply_adds(const Extents& y, const Extents&, const Extents& w, const auto&...) {
    return y.numel() * w[1];
  }
  static constexpr Extents shape(const Extents& x, const Extents& w, const Extents&) { return shape(x, w); }
  static constexpr Extents shape(const Extents& x, const Extents& w) {
    Extents result = x;
    if (result.rank > 0) result[result.rank - 1] = w[0];
    return result;
  }
  static constexpr Text requirement(const Extents& x, const Extents& w, const Extents& b) {
    if (b.rank != 1 || b[0] != w[0]) return text("linear: bias ", b, " does not fit weight ", w);
    return requirement(x, w);
  }
  static constexpr Text requirement(const Extents& x, const Extents& w) {
    if (x.rank == 0) return text("input ", x, " has no dimensions, expected [..., ", w[1], "]");
    if (x.back() != w[1])
      return text("input ", x, " has ", x.back(), " features, expected ", w[1], " (weight ", w, ")");
    return {};
  }

  /// All leading dimensions as one: the rows of the product.
  static constexpr Extents matrix(const Extents& x) {
    return Extents(x.is_dynamic() && x.rank == 2 ? dynamic
                   : x.is_dynamic()              ? dynamic
                                                 : x.product(0, x.rank - 1),
                   x.back());
  }
  template<class X, class W>
  struct Kernel {
    using scalar = typename X::scalar;
    // Rows for each sample, when the batch is dynamic and the input has more than two dimensions.
    static constexpr Index per_sample =
        X::extents.is_dynamic() ? X::extents.product(0, X::extents.rank - 1) : 1;
    static constexpr Index rows =
        X::extents.is_dynamic() ? dynamic : X::extents.product(0, X::extents.rank - 1);
    using type = kernel::gemm<typename X::scalar, rows, W::extents[0], W::extents[1], false, true>;
    static constexpr Bytes scratch = {type::scratch.fixed,
                                      type::scratch.per_sample* static_cast<std::size_t>(per_sample)};
    STATOR_ALWAYS_INLINE static void run(typename X::scalar* out, const typename X::scalar* x,
                                         const typename X::scalar* w, const typename X::scalar* b,
                                         Index batch, std::byte* s) {
      type::run(x, w, b, out, false, rows == dynamic ? batch * per_sample : rows, W::extents[0],
                W::extents[1], s);
    }
    static void run_prepared(scalar* out, const scalar* x, const scalar* packed, const scalar* b,
                             Index batch) {
      type::run_prepared(x, packed, b, out, rows == dynamic ? batch * per_sample : rows);
    }
  };
  template<class Out, class X, class W, class... B>
  static constexpr Bytes scratch() {
    return Kernel<X, W>::scratch;
  }
  template<class Out, class X, class W, class B>
  static void run(typename Out::scalar* out, const typename X::scalar* x, const typename W::scalar* w,
                  const typename B::scalar* b, Index batch, std::byte* scratch) {
    if (b == nullptr) STATOR_UNREACHABLE(); // kernels ask
    Kernel<X, W>::run(out, x, w, b, batch, scratch);
  }
  template<class Out, class X, class W>
  static void run(typename Out::scalar* out, const typename X::scalar* x, const typename W::scalar* w,
                  Index batch, std::byte* scratch) {
    Kernel<X, W>::run(out, x, w, nullptr, batch, scratch);
  }

  /// Rows of a small product that may be side by side in the lanes of vectors; 0: none.
  template<class X, class W, class... B>
  static constexpr Index lanes = X::extents.rank == 2 ? Kernel<X, W>::type::rows_in_lanes : 0;
  template<class Out, class X, class W, class... B>
  static void in_lanes(typename Out::scalar* out, const typename X::scalar* x, const typename W::scalar* w,
                       const typename B::scalar*... b) {
    const typename X::scalar* const bias[] = {b..., nullptr};
    kernel::detail::product_in_lanes<typename X::scalar, lanes<X, W>, W::extents[0], W::extents[1]>(
        x, w, bias[0], out);
  }

  template<class X, class W, class... B>
  static constexpr bool can_prepare = Kernel<X, W>::type::prepared_bytes > 0;
  template<Accuracy, class X, class W, class... B>
  static constexpr auto prepare(X x, W w, B... b) {
    using K = Kernel<typename X::typed, typename W::typed>;
    const auto packed = operation<PackLinear<K, W::extents>>{}(w);
    return operation<PackedLinear<K, W::extents>>{}(x, packed, b...);
  }
  /// Of rows, features are the channels; of more dimensions BatchNorm takes another one.
  static constexpr Extents along_channels(const Extents& y) {
    return y.rank == 2 ? Extents(y[1]) : Extents();
  }
  template<class C, class X, class W, class... B>
  static constexpr auto scaled(C scale, C shift, X x, W w, B... bias) {
    const auto weight = mul(w, reshape_to<Extents(W::extents[0], 1)>(scale));
    if constexpr (sizeof...(B) > 0)
      return operation<Linear>{}(x, weight, add(mul(bias..., scale), shift));
    else
      return operation<Linear>{}(x, weight, shift);
  }

  /// weight [out, in] as a kernel reads it.
  template<class K, Extents W>
  struct PackLinear {
    static constexpr std::string_view name = "PackLinear";
    using T = typename K::scalar;
    static constexpr Extents shape(const Extents&) {
      return Extents(static_cast<Index>(K::type::prepared_bytes / sizeof(T)));
    }
    template<class Out, class In>
    static void run(T* packed, const T* w, Index, std::byte*) {
      K::type::prepare(w, packed);
    }
  };
  /// The same map by a weight of the extents W that `PackLinear` has packed.
  template<class K, Extents W>
  struct PackedLinear {
    static constexpr std::string_view name = "Addmm";
    using T = typename K::scalar;
    static constexpr Index multiply_adds(const Extents& y, const auto&...) { return y.numel() * W[1]; }
    static constexpr Extents shape(const Extents& x, const Extents&, const auto&...) {
      return Linear::shape(x, W);
    }
    template<class Out, class X, class Packed>
    static void run(T* out, const T* x, const T* packed, Index batch, std::byte*) {
      K::run_prepared(out, x, packed, nullptr, batch);
    }
    template<class Out, class X, class Packed, class Bias>
    static void run(T* out, const T* x, const T* packed, const T* b, Index batch, std::byte*) {
      K::run_prepared(out, x, packed, b, batch);
    }
  };

  template<class G, class Y, class X, class W, class B>
  static constexpr auto vjp(G g, Y y, X x, W w, B) {
    const auto [dx, dw] = vjp(g, y, x, w);
    return gradients(dx, dw, sum_to<typename B::typed>(g));
  }
  template<class G, class Y, class X, class W>
  static constexpr auto vjp(G g, Y, X x, W w) {
    return gradients(operation<LinearInput>{}(g, w), operation<LinearWeight>{}(g, x));
  }

  /// dx [..., in] = g [..., out] weight [out, in].
  struct LinearInput {
    static constexpr std::string_view name = "Mm";
    static constexpr std::string_view backward_name(const Extents& y, const auto&...) {
      return y.rank == 2 ? "MmBackward0" : "UnsafeViewBackward0";
    }
    static constexpr Index multiply_adds(const Extents&, const Extents& g, const Extents& w) {
      return g.numel() * w[1];
    }
    static constexpr Extents shape(const Extents& g, const Extents& w) {
      Extents result = g;
      result[result.rank - 1] = w[1];
      return result;
    }
    template<class A, class W>
    struct Kernel {
      static constexpr Index per_sample =
          A::extents.is_dynamic() ? A::extents.product(0, A::extents.rank - 1) : 1;
      static constexpr Index rows =
          A::extents.is_dynamic() ? dynamic : A::extents.product(0, A::extents.rank - 1);
      using type = kernel::gemm<typename A::scalar, rows, W::extents[1], W::extents[0], false, false>;
    };
    template<class Out, class A, class W>
    static constexpr Bytes scratch() {
      using K = Kernel<A, W>;
      return {K::type::scratch.fixed, K::type::scratch.per_sample * static_cast<std::size_t>(K::per_sample)};
    }
    template<class Out, class A, class W>
    static void run(typename Out::scalar* out, const typename A::scalar* g, const typename W::scalar* w,
                    Index batch, std::byte* scratch) {
      using K = Kernel<A, W>;
      K::type::run(g, w, nullptr, out, false, K::rows == dynamic ? batch * K::per_sample : K::rows,
                   W::extents[1], W::extents[0], scratch);
    }
    template<class G, class Y, class A, class W>
    static constexpr auto vjp(G g, Y, A a, W w) {
      return gradients(operation<Linear>{}(g, w), operation<LinearWeight>{}(a, g));
    }
  };

  /// dw [out, in] = g [..., out] transposed times x [..., in].
  struct LinearWeight {
    static constexpr std::string_view name = "Mm";
    static constexpr Index multiply_adds(const Extents&, const Extents& g, const Extents& x) {
      return g.numel() * x.back();
    }
    static constexpr Extents shape(const Extents& g, const Extents& x) { return Extents(g.back(), x.back()); }
    template<class A, class X>
    struct Kernel {
      static constexpr Index per_sample =
          A::extents.is_dynamic() ? A::extents.product(0, A::extents.rank - 1) : 1;
      static constexpr Index depth =
          A::extents.is_dynamic() ? dynamic : A::extents.product(0, A::extents.rank - 1);
      using type = kernel::gemm<typename A::scalar, A::extents.back(), X::extents.back(), depth, true, false>;
      STATOR_ALWAYS_INLINE static void run(typename A::scalar* out, const typename A::scalar* g,
                                           const typename A::scalar* x, bool add, Index batch, std::byte* s) {
        type::run(g, x, nullptr, out, add, A::extents.back(), X::extents.back(),
                  depth == dynamic ? batch * per_sample : depth, s);
      }
    };
    template<class Out, class A, class X>
    static constexpr Bytes scratch() {
      using K = Kernel<A, X>;
      return {K::type::scratch.fixed, K::type::scratch.per_sample * static_cast<std::size_t>(K::per_sample)};
    }
    template<class Out, class A, class X>
    static void run(typename Out::scalar* out, const typename A::scalar* g, const typename X::scalar* x,
                    Index batch, std::byte* scratch) {
      Kernel<A, X>::run(out, g, x, false, batch, scratch);
    }
    template<class Out, class A, class X>
    static void accumulate(typename Out::scalar* out, const typename A::scalar* g,
                           const typename X::scalar* x, Index batch, std::byte* scratch) {
      Kernel<A, X>::run(out, g, x, true, batch, scratch);
    }
    template<class G, class Y, class A, class X>
    static constexpr auto vjp(G g, Y, A a, X x) {
      // out = a^T x: da = x g^T, dx = a g
      return gradients(operation<Linear>{}(x, g), operation<LinearInput>{}(a, g));
    }
  };
};

} // namespace ops

/// Product of two matrices: a [m, k], b [k, n], returns [m, n]. torch.mm.
inline constexpr operation<ops::Mm<false, false>> mm;

namespace nn {
/// x [..., in], weight [out, in], bias [out]; returns [..., out]. torch.nn.functional.linear.
inline constexpr operation<ops::Linear> linear;
} // namespace nn

} // namespace stator::inline v0_2
