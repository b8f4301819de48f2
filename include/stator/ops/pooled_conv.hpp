// SPDX-License-Identifier: BSL-1.0
// A convolution with relu and the maximum of windows of two by two behind it as one kernel, and its gradients
// from that of the maxima: what the pass of graph/pooled.hpp puts in place of all of them.
#pragma once

#include "stator/kernel/normalize.hpp"
#include "stator/ops/packed_conv.hpp"
#include "stator/ops/view.hpp"

namespace stator::ops {

/// `Of` on x X, weights W and a bias B, which gives Y, by `Kernel`. The result begins with the maxima.
template<class Of, class Kernel, class Y, class X, class W, class B>
struct PooledConvolution {
  static constexpr std::string_view name = "ConvolutionReluMaxPool";
  using T = typename Y::scalar;
  static constexpr Index multiply_adds(const Extents&, const auto&...) {
    return Of::multiply_adds(Y::extents, X::extents, W::extents);
  }
  static constexpr Extents maxima{Y::extents[0], Y::extents[1], Y::extents[2] / 2, Y::extents[3] / 2};
  static constexpr Extents layout{Y::extents[0], Kernel::pooled_elements()};
  using Maxima = Typed<T, to_shape<maxima>>;
  using Pooled = Typed<T, to_shape<layout>>;

  template<class...>
  static constexpr Bytes scratch() {
    return detail::scratch_for<X>(Kernel::forward_scratch(detail::batch_of<X>(dynamic)));
  }
  template<class...>
  static void run(T* y, const T* x, const T* w, const T* b, Index batch, std::byte* scratch) {
    Kernel::forward_pooled(x, w, b, y, detail::batch_of<X>(batch), scratch);
  }

  /// As `Op`, the gradient of the input.
  template<class Op>
  struct Input {
    static constexpr std::string_view name = "Convolution";
    static constexpr Index multiply_adds(const Extents&, const auto&...) {
      return PooledConvolution::multiply_adds({});
    }
    template<class...>
    static constexpr Bytes scratch() {
      return Op::template scratch<X, Y, W>();
    }
    template<class...>
    static void run(T* dx, const T* g, const T* pooled, const T* w, Index batch, std::byte* scratch) {
      Kernel::backward_input_pooled(g, pooled, w, dx, detail::batch_of<X>(batch), scratch);
    }
  };
  /// As `Op`, the gradient of the weights.
  template<class Op>
  struct Weight {
    static constexpr std::string_view name = "Convolution";
    static constexpr Index multiply_adds(const Extents&, const auto&...) {
      return PooledConvolution::multiply_adds({});
    }
    template<class...>
    static constexpr Bytes scratch() {
      return Op::template scratch<W, X, Y>();
    }
    template<class...>
    static void run(T* dw, const T* x, const T* g, const T* pooled, Index batch, std::byte* scratch) {
      Kernel::backward_weight_pooled(x, g, pooled, dw, false, detail::batch_of<X>(batch), scratch);
    }
    template<class...>
    static void accumulate(T* dw, const T* x, const T* g, const T* pooled, Index batch, std::byte* scratch) {
      Kernel::backward_weight_pooled(x, g, pooled, dw, true, detail::batch_of<X>(batch), scratch);
    }
  };
  /// The gradient of the bias: the sums of what belongs to maxima above 0.
  struct Sum {
    static constexpr std::string_view name = "ChannelSum";
    template<class...>
    static void run(T* out, const T* g, const T* pooled, Index batch, std::byte*) {
      add<false>(out, g, pooled, batch);
    }
    template<class...>
    static void accumulate(T* out, const T* g, const T* pooled, Index batch, std::byte*) {
      add<true>(out, g, pooled, batch);
    }
    template<bool Accumulate>
    static void add(T* out, const T* g, const T* y, Index batch) {
      kernel::channel_sums<T, maxima[1], maxima[2] * maxima[3]>::template run<1>(
          detail::batch_of<X>(batch),
          [&]<class V>(Index at, Index) {
            const V zero(T{0});
            return std::array<V, 1>{select(V::load(y + at) <= zero, zero, V::load(g + at))};
          },
          [&](Index c, const std::array<T, 1>& sum) { out[c] = Accumulate ? out[c] + sum[0] : sum[0]; });
    }
  };

  /// The signatures of all of them: `InputOp`, `WeightOp` and `SumOp` read the gradient otherwise.
  template<class InputOp, class WeightOp, class SumOp>
  struct signatures {
    static constexpr graph::Pooled value{
        &signature<PooledConvolution, 0, Pooled, X, W, B>::value,
        &signature<Beginning<maxima>, 0, Maxima, Pooled>::value,
        {{&signature<InputOp, 0, X, Y, W>::value, &signature<Input<InputOp>, 0, X, Maxima, Pooled, W>::value},
         {&signature<WeightOp, 0, W, X, Y>::value,
          &signature<Weight<WeightOp>, 0, W, X, Maxima, Pooled>::value},
         {&signature<SumOp, 0, B, Y>::value, &signature<Sum, 0, B, Maxima, Pooled>::value}}};
  };
};

} // namespace stator::ops
