// SPDX-License-Identifier: BSL-1.0
// sum and mean over dimensions.
#pragma once

#include "stator/core/compiler.hpp"
#include "stator/kernel/reduce.hpp"
#include "stator/ops/arithmetic.hpp"

#include <limits>

namespace stator::inline v0_2 {

namespace ops {

/// A set of dimensions: bit d for dimension d.
using DimMask = unsigned;

/// The mask of a list of dimensions as PyTorch takes them; an empty list means all.
constexpr DimMask dim_mask(std::size_t rank, std::initializer_list<Index> dims) {
  DimMask mask = 0;
  for (const Index d : dims) mask |= 1u << wrap(d, rank);
  return dims.size() == 0 ? (1u << rank) - 1 : mask;
}

/// The extents that remain of x when the dimensions of the mask are reduced; `keep`: as ones.
constexpr Extents reduced(const Extents& x, DimMask mask, bool keep) {
  Extents result;
  for (std::size_t d = 0; d < x.rank; ++d)
    if ((mask >> d & 1u) == 0)
      result.push_back(x[d]);
    else if (keep)
      result.push_back(1);
  return result;
}

/// The same elements under other extents; E may hold one `dynamic` where the operand does.
template<Extents E>
struct Reshape {
  static constexpr std::string_view name = "View";
  static constexpr std::string_view backward_name = "ViewBackward0";
  static constexpr bool is_view = true;
  static constexpr Extents shape(const Extents&) { return E; }
  static constexpr Text requirement(const Extents& x) {
    if (x.numel() == E.numel() && x.is_dynamic() == E.is_dynamic()) return {};
    return text("view: a tensor of shape ", x, " cannot be seen as ", E);
  }
  template<class G, class Y, class X>
  static constexpr auto vjp(G g, Y, X) {
    return gradients(operation<Reshape<X::extents>>{}(g));
  }
};

/// x with the extents E, which have as many elements.
template<Extents E, class X>
constexpr auto reshape_to(const X& x) {
  if constexpr (X::extents == E)
    return x;
  else
    return operation<Reshape<E>>{}(x);
}

namespace detail {
/// Calls `body(o, i)` for each element i of X and the element o of the reduced tensor that it belongs to.
template<class X, DimMask Mask>
void for_reduced(Index batch, auto&& body) {
  constexpr Extents e = X::extents;
  std::array<Index, max_rank> step{}, at{};
  Index out = 1, all = 1;
  for (std::size_t d = e.rank; d-- > 0;) {
    const Index n = e[d] == dynamic ? batch : e[d];
    step[d] = (Mask >> d & 1u) != 0 ? 0 : out;
    if (step[d] != 0) out *= n;
    all *= n;
  }
  Index o = 0;
  for (Index i = 0; i < all; ++i) {
    body(o, i);
    for (std::size_t d = e.rank; d-- > 0;) {
      const Index n = e[d] == dynamic ? batch : e[d];
      o += step[d];
      if (++at[d] < n) break;
      o -= step[d] * n;
      at[d] = 0;
    }
  }
}
} // namespace detail

/// Sum over the dimensions Dims (all when empty), as torch.sum(x, dim, keepdim).
template<bool Keep, Index... Dims>
struct Sum {
  static constexpr std::string_view name = "Sum";
  static constexpr std::string_view backward_name = sizeof...(Dims) == 0 ? "SumBackward0" : "SumBackward1";
  static constexpr Promotion promotion = Promotion::counted;
  static constexpr std::string_view usage = "dimensions are template arguments, sum_dims<1>(x)";
  static constexpr Extents shape(const Extents& x) { return reduced(x, dim_mask(x.rank, {Dims...}), Keep); }
  static constexpr Text requirement(const Extents& x) {
    for (const Index d : std::initializer_list<Index>{Dims...})
      if (d >= static_cast<Index>(x.rank) || d < -static_cast<Index>(x.rank))
        return text("sum: dimension ", d, " is out of range for a tensor of shape ", x);
    return {};
  }
  template<class Out, class X>
  static void run(typename Out::scalar* out, const typename X::scalar* x, Index batch, std::byte* scratch) {
    constexpr DimMask mask = dim_mask(X::extents.rank, {Dims...});
    if constexpr (std::is_floating_point_v<typename X::scalar>) {
      STATOR_INLINE_CALL kernel::sum<typename X::scalar, X::extents, mask>::run(x, out, batch, scratch);
    } else { // integers
      std::fill_n(out, Out::extents.numel() * (Out::extents.is_dynamic() ? batch : 1), 0);
      detail::for_reduced<X, mask>(batch, [&](Index o, Index i) { out[o] += x[i]; });
    }
  }
  template<class Out, class X>
  static constexpr Bytes scratch() {
    if constexpr (!std::is_floating_point_v<typename X::scalar>)
      return {};
    else
      return kernel::sum<typename X::scalar, X::extents, dim_mask(X::extents.rank, {Dims...})>::scratch;
  }
  template<class G, class Y, class X>
  static constexpr auto vjp(G g, Y, X) {
    constexpr Extents kept = reduced(X::extents, dim_mask(X::extents.rank, {Dims...}), true);
    return gradients(operation<Expand<X::extents>>{}(reshape_to<kept>(g)));
  }
};

/// The dimensions of `from` along which `to` was repeated, and their number.
constexpr std::pair<std::array<Index, max_rank>, std::size_t> broadcast_dims(const Extents& from,
                                                                             const Extents& to) {
  std::array<Index, max_rank> list{};
  std::size_t n = 0;
  for (std::size_t d = 0; d < from.rank; ++d) {
    const std::size_t right = from.rank - 1 - d;
    if (right >= to.rank || (from_right(to, right) == 1 && from[d] != 1)) list[n++] = static_cast<Index>(d);
  }
  return {list, n};
}

/// Sums a gradient over the dimensions along which an operand of type Target was broadcast.
template<class Target, class G>
constexpr auto sum_to(const G& g) {
  constexpr Extents to = Target::extents, from = G::extents;
  if constexpr (to == from) {
    return g;
  } else {
    constexpr auto dims = broadcast_dims(from, to);
    return [&]<std::size_t... I>(std::index_sequence<I...>) {
      return reshape_to<to>(operation<Sum<true, dims.first[I]...>>{}(g));
    }(std::make_index_sequence<dims.second>{});
  }
}

} // namespace ops

namespace ops {

/// sum / n, NaN for a mean of nothing, as in PyTorch. (0 / 0 is NaN as well, but with a sign.)
template<class T>
constexpr T mean_of(T sum, T n) {
  return n == T{0} && sum == T{0} ? std::numeric_limits<T>::quiet_NaN() : sum / n;
}

/// g / (batch * PerSample - Correction), which is not less than 0; the second operand only says that there is
/// a batch.
template<Index PerSample, Index Correction = 0>
struct DivideByBatch {
  static constexpr std::string_view name = "DivideByBatch";
  static constexpr Extents shape(const Extents& g, const Extents&) { return g; }
  template<class Out, class A, class X>
  static void run(typename Out::scalar* out, const typename A::scalar* g, const typename X::scalar*,
                  Index batch, std::byte*) {
    const auto n = static_cast<typename A::scalar>(std::max<Index>(PerSample * batch - Correction, 0));
    for (Index i = 0; i < Out::extents.numel(); ++i) out[i] = mean_of(g[i], n);
  }
  template<class G2, class Y2, class A, class X>
  static constexpr auto vjp(G2 g, Y2, A, X x) {
    return gradients(operation<DivideByBatch>{}(g, x), no_gradient);
  }
};

/// sum / count: linear in the number of elements that are summed, which may depend on the batch.
template<bool Keep, Index... Dims>
struct Mean {
  using Base = Sum<Keep, Dims...>;
  static constexpr std::string_view name = "Mean";
  static constexpr std::string_view backward_name = sizeof...(Dims) == 0 ? "MeanBackward0" : "MeanBackward1";
  static constexpr Promotion promotion = Promotion::floats;
  static constexpr std::string_view usage = "dimensions are template arguments, mean_dims<1>(x)";
  static constexpr Extents shape(const Extents& x) { return Base::shape(x); }
  static constexpr Text requirement(const Extents& x) { return Base::requirement(x); }

  /// Elements that one element of the result is computed from.
  static constexpr Index count(const Extents& x, Index batch) {
    Index n = 1;
    for (std::size_t d = 0; d < x.rank; ++d)
      if (dim_mask(x.rank, {Dims...}) >> d & 1u) n *= x[d] == dynamic ? batch : x[d];
    return n;
  }
  template<class Out, class X>
  static void run(typename Out::scalar* out, const typename X::scalar* x, Index batch, std::byte* scratch) {
    STATOR_INLINE_CALL Base::template run<Out, X>(out, x, batch, scratch);
    const auto n = static_cast<typename X::scalar>(count(X::extents, batch));
    const Index size = Out::extents.numel() * (Out::extents.is_dynamic() ? batch : 1);
    for (Index i = 0; i < size; ++i) out[i] = mean_of(out[i], n);
  }
  template<class Out, class X>
  static constexpr Bytes scratch() {
    return Base::template scratch<Out, X>();
  }
  template<class G, class Y, class X>
  static constexpr auto vjp(G g, Y, X x) {
    constexpr Extents kept = reduced(X::extents, dim_mask(X::extents.rank, {Dims...}), true);
    constexpr bool by_batch = count(X::extents, 1) != count(X::extents, 2);
    const auto each = [&] {
      if constexpr (by_batch)
        return operation<DivideByBatch<count(X::extents, 1)>>{}(reshape_to<kept>(g), x);
      else
        return operation<Div>{}(reshape_to<kept>(g), static_cast<double>(count(X::extents, 1)));
    }();
    return gradients(operation<Expand<X::extents>>{}(each));
  }
};

} // namespace ops

/// torch.sum and torch.mean: `sum(x)` of all elements, `sum_dims<1>(x)` and `sum_dims<-1, 0>(x)` over
/// dimensions, `sum_keepdim<1>(x)` with the dimension kept as one.
inline constexpr operation<ops::Sum<false>> sum;
/// torch.mean of all elements.
inline constexpr operation<ops::Mean<false>> mean;
/// `sum_dims<1>(x)`: the sum over these dimensions, negative ones from the end.
template<Index... Dims>
inline constexpr operation<ops::Sum<false, Dims...>> sum_dims;
/// `mean_dims<1>(x)`: the mean over these dimensions, negative ones from the end.
template<Index... Dims>
inline constexpr operation<ops::Mean<false, Dims...>> mean_dims;
/// As sum_dims, with the dimensions kept as one.
template<Index... Dims>
inline constexpr operation<ops::Sum<true, Dims...>> sum_keepdim;
/// As mean_dims, with the dimensions kept as one.
template<Index... Dims>
inline constexpr operation<ops::Mean<true, Dims...>> mean_keepdim;

} // namespace stator::inline v0_2
