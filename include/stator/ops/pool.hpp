// SPDX-License-Identifier: BSL-1.0
// Pooling in 1, 2 and 3 dimensions over [N, C, spatial...], with windows of one size or adaptive ones.
#pragma once

#include "stator/core/dims.hpp"
#include "stator/kernel/pool.hpp"
#include "stator/ops/activation.hpp"
#include "stator/ops/pow.hpp"
#include "stator/ops/reduce.hpp"

namespace stator::inline v0_2 {

/// The window of a pooling operation.
template<std::size_t D>
struct PoolOptions {
  /// Extents of a window, and how it moves.
  Dims<D> kernel{1}, stride{1}, padding{0}, dilation{1};
  bool ceil_mode = false;        ///< a last window that is only partly inside counts
  bool count_include_pad = true; ///< averages divide by the whole window
  Index divisor_override = 0;    ///< averages divide by this, when it is not 0
  constexpr bool operator==(const PoolOptions&) const = default;
};

/// The extents of the result of adaptive pooling; 0 keeps that of the input.
template<std::size_t D>
struct AdaptivePoolOptions {
  Dims<D> output{1}; ///< extents of the result; 0 keeps that of the input
  constexpr bool operator==(const AdaptivePoolOptions&) const = default;
};

namespace ops {

namespace detail {

template<std::size_t D>
constexpr kernel::PoolGeometry<D> pool_geometry(const Extents& x, const PoolOptions<D>& o) {
  kernel::PoolGeometry<D> g{};
  for (std::size_t d = 0; d < D; ++d) {
    g.input[d] = x[x.rank - D + d];
    g.kernel[d] = o.kernel[d];
    g.stride[d] = o.stride[d];
    g.padding[d] = o.padding[d];
    g.dilation[d] = o.dilation[d];
  }
  g.ceil_mode = o.ceil_mode;
  g.count_include_pad = o.count_include_pad;
  g.divisor_override = o.divisor_override;
  return g;
}

template<std::size_t D>
constexpr kernel::AdaptivePoolGeometry<D> pool_geometry(const Extents& x, const AdaptivePoolOptions<D>& o) {
  kernel::AdaptivePoolGeometry<D> g{};
  for (std::size_t d = 0; d < D; ++d) {
    g.input[d] = x[x.rank - D + d];
    g.result[d] = o.output[d] == 0 ? g.input[d] : o.output[d];
  }
  return g;
}

template<std::size_t D, template<std::size_t> class Options>
constexpr Extents pool_shape(Extents x, const Options<D>& o) {
  const auto out = pool_geometry(x, o).output();
  for (std::size_t d = 0; d < D; ++d) x[x.rank - D + d] = std::max<Index>(out[d], 1);
  return x;
}

template<std::size_t D>
constexpr Text pool_requirement(std::string_view operation, const Extents& x, const PoolOptions<D>& o) {
  if (x.rank != D + 2 && x.rank != D + 1)
    return text(operation, ": input ", x, " has ", x.rank, " dimensions, expected ", D + 1, " or ", D + 2);
  for (std::size_t d = 0; d < D; ++d) {
    if (o.padding[d] > o.kernel[d] / 2)
      return text(operation, ": the padding is more than half of the kernel");
    if (x[x.rank - D + d] + 2 * o.padding[d] < o.dilation[d] * (o.kernel[d] - 1) + 1)
      return text(operation, ": input ", x, " is smaller than the window");
  }
  return {};
}

template<std::size_t D>
constexpr Text pool_requirement(std::string_view operation, const Extents& x, const AdaptivePoolOptions<D>&) {
  if (x.rank == D + 2 || x.rank == D + 1) return {};
  return text("adaptive_", operation, ": input ", x, " has ", x.rank, " dimensions, expected ", D + 1, " or ",
              D + 2);
}

/// PyTorch's name of a pooling, from those for 1, 2 and 3 dimensions.
template<std::size_t D>
constexpr std::string_view pool_name(const PoolOptions<D>&, const std::array<std::string_view, 6>& names) {
  return names[D - 1];
}
template<std::size_t D>
constexpr std::string_view pool_name(const AdaptivePoolOptions<D>&,
                                     const std::array<std::string_view, 6>& names) {
  return names[2 + D];
}

/// Planes to be pooled: all dimensions before the spatial ones.
template<class X, std::size_t D>
constexpr Index planes(Index batch) {
  return X::extents.product(0, X::extents.rank - D) * (X::extents.is_dynamic() ? batch : 1);
}

} // namespace detail

/// `O`: PoolOptions<D> or AdaptivePoolOptions<D>.
template<std::size_t D, auto O>
struct MaxPool {
  static constexpr std::string_view name =
      detail::pool_name(O, {"MaxPool1DWithIndices", "MaxPool2DWithIndices", "MaxPool3DWithIndices",
                            "AdaptiveMaxPool1D", "AdaptiveMaxPool2D", "AdaptiveMaxPool3D"});
  static constexpr std::string_view backward_name = detail::pool_name(
      O, {"SqueezeBackward1", "MaxPool2DWithIndicesBackward0", "MaxPool3DWithIndicesBackward0",
          "SqueezeBackward1", "AdaptiveMaxPool2DBackward0", "AdaptiveMaxPool3DBackward0"});
  static constexpr Extents shape(const Extents& x) { return detail::pool_shape(x, O); }
  static constexpr Text requirement(const Extents& x) { return detail::pool_requirement("max_pool", x, O); }
  template<class X>
  static constexpr graph::Finish finish = kernel::detail::halves(detail::pool_geometry<D>(X::extents, O)) &&
                                                  X::extents.numel() == 4 * shape(X::extents).numel()
                                              ? graph::Finish::halve_max
                                              : graph::Finish::none;
  template<class X>
  using Kernel = kernel::max_pool<typename X::scalar, detail::pool_geometry<D>(X::extents, O)>;
  template<class Out, class X>
  static void run(typename Out::scalar* y, const typename X::scalar* x, Index batch, std::byte*) {
    Kernel<X>::forward(x, y, detail::planes<X, D>(batch));
  }
  /// The gradient of pooling and of relu before it: as `Backward`, and 0 where x <= 0.
  struct CutBackward {
    static constexpr std::string_view name = "MaxPoolReluBackward";
    static constexpr Extents shape(const Extents&, const Extents& x) { return x; }
    template<class Out, class G, class X>
    static void run(typename Out::scalar* dx, const typename G::scalar* g, const typename X::scalar* x,
                    Index batch, std::byte*) {
      Kernel<X>::template backward<true>(x, g, dx, detail::planes<X, D>(batch));
    }
  };
  /// The gradient goes to the first largest element of each window, found again from the input.
  struct Backward {
    static constexpr std::string_view name = "MaxPoolBackward";
    template<class...>
    static constexpr graph::Finish finish = graph::Finish::unpool;
    using cut = CutBackward;
    static constexpr Extents shape(const Extents&, const Extents& x) { return x; }
    template<class Out, class G, class X>
    static void run(typename Out::scalar* dx, const typename G::scalar* g, const typename X::scalar* x,
                    Index batch, std::byte*) {
      Kernel<X>::backward(x, g, dx, detail::planes<X, D>(batch));
    }
    template<class GG, class Y, class G, class X>
    static constexpr auto vjp(GG gg, Y, G, X x) {
      return gradients(operation<Pick>{}(gg, x), no_gradient);
    }
  };
  /// From each window of x the element of v where x is largest.
  struct Pick {
    static constexpr std::string_view name = "MaxPoolPick";
    static constexpr Extents shape(const Extents&, const Extents& x) { return MaxPool::shape(x); }
    template<class Out, class V, class X>
    static void run(typename Out::scalar* y, const typename V::scalar* v, const typename X::scalar* x,
                    Index batch, std::byte*) {
      Kernel<X>::pick(x, v, y, detail::planes<X, D>(batch));
    }
    template<class G, class Y, class V, class X>
    static constexpr auto vjp(G g, Y, V, X x) {
      return gradients(operation<Backward>{}(g, x), no_gradient);
    }
  };
  template<class G, class Y, class X>
  static constexpr auto vjp(G g, Y, X x) {
    return gradients(operation<Backward>{}(g, x));
  }
};

/// `O`: PoolOptions<D> or AdaptivePoolOptions<D>.
template<std::size_t D, auto O>
struct AvgPool {
  static constexpr std::string_view name =
      detail::pool_name(O, {"AvgPool1D", "AvgPool2D", "AvgPool3D", "AdaptiveAvgPool1D", "AdaptiveAvgPool2D",
                            "AdaptiveAvgPool3D"});
  static constexpr std::string_view backward_name = [] {
    if constexpr (std::is_same_v<std::remove_const_t<decltype(O)>, AdaptivePoolOptions<2>>)
      if (O.output == Dims<2>{1}) return std::string_view("MeanBackward1"); // the average of all
    return detail::pool_name(O, {"SqueezeBackward1", "AvgPool2DBackward0", "AvgPool3DBackward0",
                                 "SqueezeBackward1", "AdaptiveAvgPool2DBackward0",
                                 "AdaptiveAvgPool3DBackward0"});
  }();
  static constexpr Extents shape(const Extents& x) { return detail::pool_shape(x, O); }
  static constexpr Text requirement(const Extents& x) { return detail::pool_requirement("avg_pool", x, O); }
  template<class X>
  using Kernel = kernel::avg_pool<typename X::scalar, detail::pool_geometry<D>(X::extents, O)>;
  template<class Out, class X>
  static void run(typename Out::scalar* y, const typename X::scalar* x, Index batch, std::byte*) {
    Kernel<X>::forward(x, y, detail::planes<X, D>(batch));
  }
  template<Extents X>
  struct Backward {
    static constexpr std::string_view name = "AvgPoolBackward";
    static constexpr Extents shape(const Extents& g) {
      Extents result = X;
      result[0] = g[0];
      return result;
    }
    template<class Out, class G>
    static void run(typename Out::scalar* dx, const typename G::scalar* g, Index batch, std::byte*) {
      Kernel<Out>::backward(g, dx, detail::planes<Out, D>(batch));
    }
    template<class GG, class Y, class G>
    static constexpr auto vjp(GG gg, Y, G) {
      return gradients(operation<AvgPool>{}(gg));
    }
  };
  template<class G, class Y, class X>
  static constexpr auto vjp(G g, Y, X) {
    return gradients(operation<Backward<X::extents>>{}(g));
  }
};

/// The p-norm of each window, the sum of x^P to the power of 1 / P: where it is 0 its gradient is 0.
template<std::size_t D, double P, PoolOptions<D> O>
struct LpPool {
  static constexpr std::string_view name = "Pow";
  static constexpr bool is_composite = true;
  template<class X>
  static constexpr auto compose(X x) {
    const auto mean = operation<AvgPool<D, O>>{}(operation<Pow>{}(x, P));
    const auto size = static_cast<double>(kernel::detail::product(O.kernel.value));
    const auto positive = mul(operation<Sign>{}(mean), operation<Relu>{}(operation<Abs>{}(mean)));
    return operation<Pow>{}(mul(positive, size), 1 / P);
  }
};

} // namespace ops
} // namespace stator::inline v0_2
