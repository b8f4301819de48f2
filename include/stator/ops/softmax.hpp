// SPDX-License-Identifier: BSL-1.0
// softmax and log_softmax over one dimension.
#pragma once

#include "stator/kernel/softmax.hpp"
#include "stator/ops/reduce.hpp"
#include "stator/ops/unary.hpp"

namespace stator {

namespace ops {

/// Why an operation cannot take dimension `dim` of x: there is none.
constexpr Text dim_requirement(std::string_view operation, Index dim, const Extents& x) {
  const auto rank = static_cast<Index>(x.rank);
  if (dim >= rank || dim < -rank || (x.is_dynamic() && wrap(dim, x.rank) == 0))
    return text(operation, ": dimension ", dim, " is not a static dimension of a tensor of shape ", x);
  return {};
}

/// log(softmax(x)) over dimension Dim.
template<Index Dim>
struct LogSoftmax {
  static constexpr std::string_view name = "LogSoftmax";
  static constexpr std::string_view backward_name = "LogSoftmaxBackward0";
  static constexpr Promotion promotion = Promotion::floats;
  static constexpr Extents shape(const Extents& x) { return x; }
  static constexpr Text requirement(const Extents& x) { return dim_requirement("log_softmax", Dim, x); }
  template<class Out, class X>
  static void run(typename Out::scalar* y, const typename X::scalar* x, Index batch, std::byte*) {
    kernel::log_softmax<typename X::scalar, X::extents, wrap(Dim, X::extents.rank)>::forward(x, y, batch);
  }
  /// dx = g - exp(y) sum(g)
  struct Backward {
    static constexpr std::string_view name = "LogSoftmaxBackwardData";
    static constexpr Extents shape(const Extents& g, const Extents&) { return g; }
    template<class Out, class G, class Y>
    static void run(typename Out::scalar* dx, const typename G::scalar* g, const typename Y::scalar* y,
                    Index batch, std::byte*) {
      kernel::log_softmax<typename G::scalar, G::extents, wrap(Dim, G::extents.rank)>::backward(y, g, dx,
                                                                                                batch);
    }
    template<class G2, class Y2, class G, class Y>
    static constexpr auto vjp(G2 gg, Y2, G g, Y y) {
      constexpr operation<Sum<true, Dim>> total;
      const auto shared = mul(gg, operation<Exp>{}(y));
      return gradients(sub(gg, total(shared)), neg(mul(shared, total(g))));
    }
  };
  template<class G, class Y, class X>
  static constexpr auto vjp(G g, Y y, X) {
    return gradients(operation<Backward>{}(g, y));
  }
};

/// exp(x) / sum(exp(x)) over dimension Dim.
template<Index Dim>
struct Softmax {
  static constexpr std::string_view name = "Softmax";
  static constexpr std::string_view backward_name = "SoftmaxBackward0";
  static constexpr Promotion promotion = Promotion::floats;
  static constexpr Extents shape(const Extents& x) { return x; }
  static constexpr Text requirement(const Extents& x) { return dim_requirement("softmax", Dim, x); }
  template<class Out, class X>
  static void run(typename Out::scalar* y, const typename X::scalar* x, Index batch, std::byte*) {
    kernel::softmax<typename X::scalar, X::extents, wrap(Dim, X::extents.rank)>::forward(x, y, batch);
  }
  /// dx = y (g - sum(g y))
  struct Backward {
    static constexpr std::string_view name = "SoftmaxBackwardData";
    static constexpr Extents shape(const Extents& g, const Extents&) { return g; }
    template<class Out, class G, class Y>
    static void run(typename Out::scalar* dx, const typename G::scalar* g, const typename Y::scalar* y,
                    Index batch, std::byte*) {
      kernel::softmax<typename G::scalar, G::extents, wrap(Dim, G::extents.rank)>::backward(y, g, dx, batch);
    }
    template<class G2, class Y2, class G, class Y>
    static constexpr auto vjp(G2 gg, Y2, G g, Y y) {
      constexpr operation<Sum<true, Dim>> total;
      return gradients(operation<Backward>{}(gg, y),
                       sub(mul(gg, sub(g, total(mul(g, y)))), mul(g, total(mul(gg, y)))));
    }
  };
  template<class G, class Y, class X>
  static constexpr auto vjp(G g, Y y, X) {
    return gradients(operation<Backward>{}(g, y));
  }
};

} // namespace ops

namespace nn {
/// exp(x) / sum(exp(x)) over dimension Dim; same shape.
template<Index Dim = -1>
inline constexpr operation<ops::Softmax<Dim>> softmax;
/// log(softmax(x)) over dimension Dim; same shape.
template<Index Dim = -1>
inline constexpr operation<ops::LogSoftmax<Dim>> log_softmax;
} // namespace nn

} // namespace stator
