// SPDX-License-Identifier: BSL-1.0
// Maximum pooling that says where the maxima are, and what is made of such places: max_unpool. Fractional
// pooling is in ops/fractional_pool.hpp.
#pragma once

#include "stator/core/fixed_string.hpp"
#include "stator/kernel/pool_indices.hpp"
#include "stator/ops/indexing.hpp"
#include "stator/ops/pool.hpp"

#include <cstdint>

namespace stator::inline v0_2 {

/// What max_unpool undoes.
template<std::size_t D>
struct UnpoolOptions {
  /// Extents of a window, how it moved, and the zeros around what was pooled.
  Dims<D> kernel{1}, stride{1}, padding{0};
  Dims<D> output{
      0}; ///< extents of the result, less than a stride from (in - 1) stride - 2 padding + kernel; 0: that
  constexpr bool operator==(const UnpoolOptions&) const = default;
};

namespace ops {

namespace detail {
/// Elements of a plane: the last D dimensions.
template<class X, std::size_t D>
inline constexpr Index plane_size = X::extents.product(X::extents.rank - D, X::extents.rank);
/// Planes X with the places I in them.
template<class X, class I, std::size_t D>
using indexed_planes = kernel::indexed_planes<typename X::scalar, plane_size<X, D>, plane_size<I, D>>;
/// A name as a template argument.
template<class Op>
inline constexpr fixed_string<Op::backward_name.size()> backward_of{Op::backward_name};
} // namespace detail

template<std::size_t D, fixed_string Backward>
struct PlanePick;

/// Zeros [..., planes of shape X] to which the elements of g [..., windows] are added at their places.
template<std::size_t D, Extents X>
struct PlaneAdd {
  static constexpr std::string_view name = "PoolBackward";
  static constexpr Extents shape(const Extents& g, const Extents&) {
    Extents e = X;
    e[0] = g[0];
    return e;
  }
  template<class Out, class G, class I>
  static void accumulate(typename Out::scalar* dx, const typename G::scalar* g, const std::int64_t* at,
                         Index batch, std::byte*) {
    detail::indexed_planes<Out, I, D>::add(g, at, dx, detail::planes<I, D>(batch));
  }
  template<class Out, class G, class I>
  static void run(typename Out::scalar* dx, const typename G::scalar* g, const std::int64_t* at, Index batch,
                  std::byte* scratch) {
    std::fill_n(dx, detail::elements(Out::extents, batch), typename Out::scalar{});
    accumulate<Out, G, I>(dx, g, at, batch, scratch);
  }
  template<class GG, class Y, class G, class I>
  static constexpr auto vjp(GG gg, Y, G, I at) {
    return gradients(operation<PlanePick<D, "PoolBackward">>{}(gg, at), no_gradient);
  }
};

/// From the planes x the elements at the places that an operation of this file has found there. `Backward`:
/// what PyTorch calls the derivative.
template<std::size_t D, fixed_string Backward>
struct PlanePick {
  static constexpr std::string_view name = "PoolPick", backward_name = Backward.view();
  static constexpr Extents shape(const Extents&, const Extents& at) { return at; }
  template<class Out, class X, class I>
  static void run(typename Out::scalar* y, const typename X::scalar* x, const std::int64_t* at, Index batch,
                  std::byte*) {
    detail::indexed_planes<X, I, D>::pick(x, at, y, detail::planes<I, D>(batch));
  }
  template<class G, class Y, class X, class I>
  static constexpr auto vjp(G g, Y, X, I at) {
    return gradients(operation<PlaneAdd<D, X::extents>>{}(g, at), no_gradient);
  }
};

/// Of each window the place of its largest element in the plane. `O`: PoolOptions<D> or
/// AdaptivePoolOptions<D>.
template<std::size_t D, auto O>
struct MaxPoolIndices {
  static constexpr bool is_constant = true;
  static constexpr std::string_view name = "MaxPoolIndices";
  template<class X>
  using scalar = std::int64_t;
  static constexpr Extents shape(const Extents& x) { return detail::pool_shape(x, O); }
  static constexpr Text requirement(const Extents& x) {
    Text no = detail::pool_requirement("max_pool", x, O);
    if (no.empty() && kernel::detail::has_empty_window(detail::pool_geometry(x, O)))
      return text("max_pool: with this padding and dilation a window of ", x,
                  " holds no element, so it has no index");
    return no;
  }
  template<class Out, class X>
  static void run(std::int64_t* at, const typename X::scalar* x, Index batch, std::byte*) {
    MaxPool<D, O>::template Kernel<X>::indices(x, at, detail::planes<X, D>(batch));
  }
};

/// Zeros with the elements of x at their places: where several have one, the last wins.
template<std::size_t D, UnpoolOptions<D> O>
struct MaxUnpool {
  static constexpr std::string_view name = std::array{"MaxUnpool1D", "MaxUnpool2D", "MaxUnpool3D"}[D - 1];
  static constexpr std::string_view called =
      std::array{"max_unpool1d", "max_unpool2d", "max_unpool3d"}[D - 1];
  static constexpr std::string_view usage = "the input and the indices that pooling has returned";
  static constexpr std::string_view backward_name =
      std::array{"SqueezeBackward1", "MaxUnpool2DBackward0", "MaxUnpool3DBackward0"}[D - 1];
  static constexpr int checked_operand = 1;

  static constexpr Index usual(const Extents& x, std::size_t d) {
    return (x[x.rank - D + d] - 1) * O.stride[d] - 2 * O.padding[d] + O.kernel[d];
  }
  static constexpr Extents shape(const Extents& x, const Extents&) {
    Extents e = x;
    for (std::size_t d = 0; d < D; ++d)
      e[x.rank - D + d] = std::max<Index>(O.output[d] != 0 ? O.output[d] : usual(x, d), 1);
    return e;
  }
  static constexpr Text type_requirement(DType, DType at) {
    if (at == DType::int64) return {};
    return text(called, ": the indices are ", to_string(at), ", expected int64");
  }
  static constexpr Text requirement(const Extents& x, const Extents& at) {
    if (x.rank != D + 2 && x.rank != D + 1)
      return text(called, ": input ", x, " has ", x.rank, " dimensions, expected ", D + 1, " or ", D + 2);
    if (!(x == at)) return text(called, ": indices ", at, " are not of the shape of the input, ", x);
    for (std::size_t d = 0; d < D; ++d) {
      const Index size = usual(x, d);
      if (O.output[d] == 0 ? size < 1
                           : O.output[d] <= size - O.stride[d] || O.output[d] >= size + O.stride[d])
        return text(called, ": output_size ", O.output[d], " in dimension ", d, " for input ", x,
                    ": expected more than ", size - O.stride[d], " and less than ", size + O.stride[d]);
    }
    return {};
  }
  template<class X, class I>
  static constexpr Index largest =
      shape(X::extents, I::extents).product(X::extents.rank - D, X::extents.rank);

  template<class X, class I>
  static void check(const std::int64_t* at, Index batch) {
    detail::check_indices(called, at, detail::elements(I::extents, batch), largest<X, I>);
  }
  template<class Out, class X, class I>
  static void run(typename Out::scalar* y, const typename X::scalar* x, const std::int64_t* at, Index batch,
                  std::byte*) {
    check<X, I>(at, batch);
    detail::indexed_planes<Out, I, D>::put(x, at, y, detail::planes<I, D>(batch));
  }
  template<class G, class Y, class X, class I>
  static constexpr auto vjp(G g, Y, X, I at) {
    return gradients(operation<PlanePick<D, "MaxUnpoolBackward">>{}(g, at), no_gradient);
  }
};

namespace detail {

/// `(values, indices)` of a pooling; Indices finds the places, `Backward` is PyTorch's name of the
/// derivative.
template<std::size_t D, class Indices, fixed_string Backward>
struct pool_with_indices {
  template<Operand X, Operand... More>
  constexpr auto operator()(X&& operand, More&&... more) const {
    decltype(auto) x = reusable(std::forward<X>(operand));
    const auto at = operation<Indices>{}(x, std::forward<More>(more)...);
    return std::tuple(operation<PlanePick<D, Backward>>{}(x, at), at);
  }
};
/// `x | max_pool2d_with_indices<2>`
template<Operand X, std::size_t D, class Indices, fixed_string Backward>
constexpr auto operator|(X&& x, const pool_with_indices<D, Indices, Backward>& pool) {
  return pool(std::forward<X>(x));
}

/// max_pool with a tuple of values and indices.
template<std::size_t D, auto O>
using max_pool_with_indices = pool_with_indices<D, MaxPoolIndices<D, O>, backward_of<MaxPool<D, O>>>;

} // namespace detail
} // namespace ops
} // namespace stator::inline v0_2
