// SPDX-License-Identifier: BSL-1.0
// softmax and log_softmax over one dimension.
#pragma once

#include "stator/kernel/softmax.hpp"
#include "stator/ops/reduce.hpp"
#include "stator/ops/unary.hpp"

namespace stator::inline v0_2 {

namespace ops {

/// What softmax and, with Log, its logarithm have in common.
template<bool Log, Index Dim>
struct SoftmaxOver : SameShape {
  static constexpr std::string_view name = Log ? "LogSoftmax" : "Softmax";
  static constexpr std::string_view backward_name = Log ? "LogSoftmaxBackward0" : "SoftmaxBackward0";
  static constexpr std::string_view normalizer = Log ? "log_softmax" : "softmax";
  static constexpr Promotion promotion = Promotion::floats;
  static constexpr Text requirement(const Extents& x) { return static_dim_requirement(normalizer, Dim, x); }
  template<class X>
  using Kernel = kernel::softmax<Log, typename X::scalar, X::extents, wrap(Dim, X::extents.rank)>;

  template<class Out, class X>
  static void run(typename Out::scalar* y, const typename X::scalar* x, Index batch, std::byte*) {
    Kernel<X>::forward(x, y, batch);
  }
  /// dx = y (g - sum(g y)), or g - exp(y) sum(g)
  struct Backward : SameShape {
    static constexpr std::string_view name = Log ? "LogSoftmaxBackwardData" : "SoftmaxBackwardData";
    template<class Out, class G, class Y>
    static void run(typename Out::scalar* dx, const typename G::scalar* g, const typename Y::scalar* y,
                    Index batch, std::byte*) {
      Kernel<G>::backward(y, g, dx, batch);
    }
    template<class G2, class Y2, class G, class Y>
    static constexpr auto vjp(G2 gg, Y2, G g, Y y) {
      constexpr operation<Sum<true, Dim>> total;
      if constexpr (Log) {
        const auto shared = mul(gg, operation<Exp>{}(y));
        return gradients(sub(gg, total(shared)), neg(mul(shared, total(g))));
      } else {
        return gradients(operation<Backward>{}(gg, y),
                         sub(mul(gg, sub(g, total(mul(g, y)))), mul(g, total(mul(gg, y)))));
      }
    }
  };
  template<class G, class Y, class X>
  static constexpr auto vjp(G g, Y y, X) {
    return gradients(operation<Backward>{}(g, y));
  }
};

/// exp(x) / sum(exp(x)) over dimension Dim.
template<Index Dim>
struct Softmax : SoftmaxOver<false, Dim> {};
/// log(softmax(x)) over dimension Dim.
template<Index Dim>
struct LogSoftmax : SoftmaxOver<true, Dim> {};

} // namespace ops

namespace nn {
/// exp(x) / sum(exp(x)) over dimension Dim; same shape.
template<Index Dim = -1>
inline constexpr operation<ops::Softmax<Dim>> softmax;
/// log(softmax(x)) over dimension Dim; same shape.
template<Index Dim = -1>
inline constexpr operation<ops::LogSoftmax<Dim>> log_softmax;
} // namespace nn

} // namespace stator::inline v0_2
