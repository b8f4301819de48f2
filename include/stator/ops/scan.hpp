// SPDX-License-Identifier: BSL-1.0
// Products, and what runs along a dimension: prod, cumprod, logcumsumexp, cummax, cummin.
#pragma once

#include "stator/kernel/total.hpp"
#include "stator/ops/indexing.hpp"
#include "stator/ops/logical.hpp"
#include "stator/ops/slicing.hpp"

namespace stator::inline v0_2 {

namespace ops {

namespace detail {
/// Calls body(p, step, n) for each row of X along dimension Dim: its elements are p, p + step, ...
template<class X, Index Dim>
void for_rows(Index batch, auto&& body) {
  constexpr std::size_t dim = wrap(Dim, X::extents.rank);
  constexpr Index inner = X::extents.product(dim + 1, X::extents.rank), n = X::extents[dim];
  for (Index b = 0; b < blocks<X>(dim, batch); ++b)
    for (Index i = 0; i < inner; ++i) body(b * n * inner + i, inner, n);
}
} // namespace detail

/// y[k] = b[k] + a[k] y[k - 1] along dimension Dim, or with Reverse, its adjoint, y[k] = b[k] + a[k + 1] y[k
/// + 1]; beyond the ends y is 0. The derivative of each is made of the other one: products run through it,
/// exact where factors are 0, and can be differentiated as often as one likes.
template<Index Dim, bool Reverse>
struct LinearRecurrence {
  static constexpr std::string_view name = "LinearRecurrence";
  static constexpr Extents shape(const Extents& b, const Extents&) { return b; }
  template<class Out, class B, class A>
  static void run(typename Out::scalar* y, const typename B::scalar* b, const typename A::scalar* a,
                  Index batch, std::byte*) {
    using T = typename Out::scalar;
    detail::for_rows<Out, Dim>(batch, [=](Index first, Index step, Index n) {
      T last{}, factor{};
      for (Index k = 0; k < n; ++k) {
        const Index at = first + (Reverse ? n - 1 - k : k) * step;
        if constexpr (!Reverse) factor = a[at];
        last = k == 0 ? b[at] : static_cast<T>(b[at] + factor * last);
        y[at] = last;
        if constexpr (Reverse) factor = a[at];
      }
    });
  }
  template<class G, class Y, class B, class A>
  static constexpr auto vjp(G g, Y y, B, A a) {
    const auto by_b = operation<LinearRecurrence<Dim, !Reverse>>{}(g, a);
    if constexpr (Reverse)
      return gradients(by_b, mul(y, before<0>(by_b)));
    else
      return gradients(by_b, mul(by_b, before<0>(y)));
  }

  /// x[k - 1], and First before the first one.
  template<int First, class X>
  static constexpr auto before(X x) {
    constexpr Index n = X::extents[wrap(Dim, X::extents.rank)];
    if constexpr (n == 0)
      return x;
    else
      return add(operation<ZeroAround<Dim, 1, 0>>{}(operation<Narrow<Dim, 0, n - 1>>{}(x)),
                 unit<0, First>(x));
  }
  /// Zeros in the shape of x with Value at element At of the dimension.
  template<Index At, int Value, class X>
  static constexpr auto unit(X x) {
    constexpr Index n = X::extents[wrap(Dim, X::extents.rank)], at = At < 0 ? At + n : At;
    constexpr Extents one = [] {
      Extents e = X::extents;
      e[wrap(Dim, e.rank)] = 1;
      return e;
    }();
    const auto value =
        operation<Expand<one>>{}(detail::number<typename X::scalar, X::order>(x.builder, Value));
    return operation<ZeroAround<Dim, at, n - 1 - at>>{}(value);
  }
};

/// y[k] = x[0] ... x[k] along dimension Dim.
template<Index Dim>
struct Cumprod {
  static constexpr std::string_view name = "Cumprod";
  static constexpr Promotion promotion = Promotion::counted;
  static constexpr Extents shape(const Extents& x) { return x; }
  static constexpr Text requirement(const Extents& x) { return static_dim_requirement("cumprod", Dim, x); }
  template<class Out, class X>
  static void run(typename Out::scalar* y, const typename X::scalar* x, Index batch, std::byte*) {
    detail::for_rows<X, Dim>(batch, [=](Index first, Index step, Index n) {
      typename Out::scalar all{1};
      for (Index k = 0; k < n; ++k) y[first + k * step] = all = all * x[first + k * step];
    });
  }
  template<class G, class Y, class X>
  static constexpr auto vjp(G g, Y y, X x) {
    using Backward = LinearRecurrence<Dim, true>;
    return gradients(mul(Backward::template before<1>(y), operation<Backward>{}(g, x)));
  }
};

/// The product along dimension Dim, of one dimension with OfAll.
template<bool Keep, Index Dim, bool OfAll = false>
struct Prod {
  static constexpr std::string_view name = "Prod";
  static constexpr std::string_view backward_name = OfAll ? "ProdBackward0" : "ProdBackward1";
  static constexpr Promotion promotion = Promotion::counted;
  static constexpr Extents shape(const Extents& x) { return reduced(x, 1u << wrap(Dim, x.rank), Keep); }
  static constexpr Text requirement(const Extents& x) { return static_dim_requirement("prod", Dim, x); }
  template<class Out, class X>
  static void run(typename Out::scalar* y, const typename X::scalar* x, Index batch, std::byte*) {
    detail::for_rows<X, Dim>(batch, [&](Index first, Index step, Index n) {
      typename Out::scalar all{1};
      for (Index k = 0; k < n; ++k) all = all * x[first + k * step];
      *y++ = all;
    });
  }
  /// g times the product of what is before and the product of what is behind each element.
  template<class G, class Y, class X>
  static constexpr auto vjp(G g, Y, X x) {
    using Forward = LinearRecurrence<Dim, false>;
    using Backward = LinearRecurrence<Dim, true>;
    constexpr Extents kept = reduced(X::extents, 1u << wrap(Dim, X::extents.rank), true);
    if constexpr (X::extents[wrap(Dim, X::extents.rank)] == 0) {
      return gradients(x);
    } else {
      const auto first =
          operation<Forward>{}(Forward::template unit<0, 1>(x), Forward::template before<0>(x));
      const auto last = operation<Backward>{}(Forward::template unit<-1, 1>(x), x);
      return gradients(mul(reshape_to<kept>(g), mul(first, last)));
    }
  }
};

/// The product of all elements.
struct ProdOfAll {
  static constexpr std::string_view name = "Prod";
  static constexpr Promotion promotion = Promotion::counted;
  static constexpr bool is_composite = true;
  template<class X>
  static constexpr auto compose(X x) {
    return operation<Prod<false, 0, true>>{}(
        reshape_to<Extents{X::extents.is_dynamic() ? dynamic : X::extents.numel()}>(x));
  }
};

/// y[k] = log(exp(x[0]) + ... + exp(x[k])) along dimension Dim; with Reverse from the end.
template<Index Dim, bool Reverse = false>
struct Logcumsumexp {
  static constexpr std::string_view name = "Logcumsumexp";
  static constexpr Promotion promotion = Promotion::floats;
  static constexpr Extents shape(const Extents& x) { return x; }
  static constexpr Text requirement(const Extents& x) {
    return static_dim_requirement("logcumsumexp", Dim, x);
  }
  template<class Out, class X>
  static void run(typename Out::scalar* y, const typename X::scalar* x, Index batch, std::byte*) {
    using T = typename Out::scalar;
    detail::for_rows<X, Dim>(batch, [=](Index first, Index step, Index n) {
      // exp(x - shift) of all so far; shift is a large one of them, another one when one is much larger
      T shift = -std::numeric_limits<T>::infinity();
      kernel::Total<T> total;
      for (Index k = 0; k < n; ++k) {
        const Index at = first + (Reverse ? n - 1 - k : k) * step;
        const T e = x[at];
        if (!(e <= shift + 1)) {
          total.scale(std::exp(shift - e));
          shift = e;
        }
        // equal ones may be infinite, and their difference not a number
        total.add(e == shift ? T{1} : std::exp(e - shift));
        y[at] = std::isinf(shift) ? shift : shift + std::log(total.value());
      }
    });
  }
  /// The sum of g[k] exp(x[i] - y[k]) over k from i on, of positive and of negative g apart, as sums of
  /// logarithms.
  template<class G, class Y, class X>
  static constexpr auto vjp(G g, Y y, X x) {
    constexpr operation<Choose> choose;
    const auto part = [&](auto positive) {
      const auto mask = operation<Mask<Comparison::gt>>{}(positive, 0);
      const auto logarithm =
          choose(mask, operation<Log>{}(choose(mask, positive, 1)), -std::numeric_limits<double>::infinity());
      return operation<Exp>{}(add(operation<Logcumsumexp<Dim, !Reverse>>{}(sub(logarithm, y)), x));
    };
    return gradients(sub(part(g), part(neg(g))));
  }
};

/// Where the largest (or smallest) element up to each place of a dimension is; of equal ones the last, NaN is
/// larger (or smaller) than all.
template<bool Larger, Index Dim>
struct CumulativeIndex {
  static constexpr bool is_constant = true;
  static constexpr std::string_view name = Larger ? "Cummax" : "Cummin";
  template<class T>
  using scalar = std::int64_t;
  static constexpr Extents shape(const Extents& x) { return x; }
  static constexpr Text requirement(const Extents& x) {
    return static_dim_requirement(Larger ? "cummax" : "cummin", Dim, x);
  }
  template<class Out, class X>
  static void run(std::int64_t* y, const typename X::scalar* x, Index batch, std::byte*) {
    detail::for_rows<X, Dim>(batch, [=](Index first, Index step, Index n) {
      Index best = 0;
      for (Index k = 0; k < n; ++k) {
        const auto e = x[first + k * step], so_far = x[first + best * step];
        if (e != e || (Larger ? e >= so_far : e <= so_far)) best = k;
        y[first + k * step] = best;
      }
    });
  }
};

} // namespace ops

// clang-format off
/// `prod(x)`: the product of all elements, int64 of integers and bools; torch.prod. No shape may be dynamic.
template<Operand X> constexpr auto prod(X&& x) { return operation<ops::ProdOfAll>{}(std::forward<X>(x)); }
/// `prod<Dim>(x)`: the product along a dimension.
template<Index Dim, Operand X> constexpr auto prod(X&& x) { return operation<ops::Prod<false, Dim>>{}(std::forward<X>(x)); }
/// `prod_keepdim<Dim>(x)`: with the dimension kept as one.
template<Index Dim> inline constexpr operation<ops::Prod<true, Dim>> prod_keepdim;
/// `cumprod<Dim>(x)`: the products of the elements up to each place of a dimension; torch.cumprod.
template<Index Dim> inline constexpr operation<ops::Cumprod<Dim>> cumprod;
/// `logcumsumexp<Dim>(x)`: log(exp(x[0]) + ... + exp(x[k])) along a dimension; torch.logcumsumexp.
template<Index Dim> inline constexpr operation<ops::Logcumsumexp<Dim>> logcumsumexp;
// clang-format on

namespace ops::detail {
/// Elements of x and their numbers along dimension Dim, which an operation IndexOf says.
template<class IndexOf, Index Dim, class X>
constexpr auto chosen_elements(X&& operand) {
  decltype(auto) x = reusable(std::forward<X>(operand));
  const auto index = operation<IndexOf>{}(x);
  return std::tuple(operation<Gather<Dim>>{}(x, index), index);
}
} // namespace ops::detail

/// `auto [values, indices] = cummax<Dim>(x)`: the largest element up to each place of a dimension, and its
/// number, of equal ones the last; torch.cummax.
template<Index Dim, Operand X>
constexpr auto cummax(X&& x) {
  return ops::detail::chosen_elements<ops::CumulativeIndex<true, Dim>, Dim>(std::forward<X>(x));
}
/// The same of the smallest elements; torch.cummin.
template<Index Dim, Operand X>
constexpr auto cummin(X&& x) {
  return ops::detail::chosen_elements<ops::CumulativeIndex<false, Dim>, Dim>(std::forward<X>(x));
}

} // namespace stator::inline v0_2
