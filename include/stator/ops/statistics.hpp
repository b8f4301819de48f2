// SPDX-License-Identifier: BSL-1.0
// More reductions: any, all, count_nonzero, aminmax, nansum, nanmean, logsumexp, norm, dist, renorm,
// var_mean, std_mean, cov, corrcoef; and diff.
#pragma once

#include "stator/kernel/total.hpp"
#include "stator/ops/extremum.hpp"
#include "stator/ops/logical.hpp"
#include "stator/ops/matmul.hpp"
#include "stator/ops/permute.hpp"
#include "stator/ops/pow.hpp"
#include "stator/ops/variance.hpp"

namespace stator::inline v0_2 {

namespace ops {

/// How many elements are not 0 over Dims, all when empty; or with Zeros, how many are.
template<bool Keep, bool Zeros, Index... Dims>
struct CountNonzero {
  static constexpr std::string_view name = "CountNonzero";
  static constexpr bool is_composite = true;
  template<class X>
  static constexpr auto compose(X x) {
    using Mask = std::conditional_t<Zeros, Property<Question::zero>, Compare<Comparison::ne>>;
    const auto count = [](auto mask) { return operation<Sum<Keep, Dims...>>{}(cast_to<std::int64_t>(mask)); };
    if constexpr (Zeros)
      return count(operation<Mask>{}(x));
    else
      return count(operation<Mask>{}(x, 0));
  }
};

/// Whether any element is not 0 over Dims, all when empty; or with Every, whether every one is.
template<bool Every, bool Keep, Index... Dims>
struct AnyNonzero {
  static constexpr std::string_view name = Every ? "All" : "Any";
  static constexpr bool is_composite = true;
  static constexpr auto compose(auto x) {
    const auto count = operation<CountNonzero<Keep, Every, Dims...>>{}(x);
    return operation<Compare<Every ? Comparison::eq : Comparison::ne>>{}(count, 0);
  }
};

/// x, 0 for NaN; a gradient that is not finite there comes through as NaN, as in PyTorch.
struct NanToZero : SameShape {
  static constexpr std::string_view name = "Nansum";
  static constexpr Promotion promotion = Promotion::common;
  template<class V>
  static V apply(const V& x) {
    return select(x == x, x, V(typename V::value_type{}));
  }
  static constexpr auto vjp(auto g, auto, auto x) {
    return gradients(mul(g, sub(1, operation<PropertyMask<Question::nan>>{}(x))));
  }
};

/// The sum of what is not NaN over Dims, all when empty; or with OfMean its mean.
template<bool OfMean, bool Keep, Index... Dims>
struct Nansum {
  static constexpr std::string_view name = OfMean ? "Nanmean" : "Nansum";
  static constexpr Promotion promotion = OfMean ? Promotion::floats : Promotion::counted;
  static constexpr bool is_composite = true;
  static constexpr auto compose(auto x) {
    const auto total = operation<Sum<Keep, Dims...>>{}(operation<NanToZero>{}(x));
    if constexpr (OfMean)
      return div(total, operation<Sum<Keep, Dims...>>{}(sub(1, operation<PropertyMask<Question::nan>>{}(x))));
    else
      return total;
  }
};

/// log(sum(exp(x))) over Dims, all when empty, without overflow.
template<bool Keep, Index... Dims>
struct Logsumexp {
  static constexpr std::string_view name = "Logsumexp";
  static constexpr Promotion promotion = Promotion::floats;
  static constexpr std::string_view usage = "dimensions are template arguments, logsumexp_dims<1>(x)";
  static constexpr Extents shape(const Extents& x) { return reduced(x, dim_mask(x.rank, {Dims...}), Keep); }
  static constexpr Text requirement(const Extents& x) { return Sum<Keep, Dims...>::requirement(x); }
  template<class Out, class X>
  static constexpr Bytes scratch() {
    const auto size =
        sizeof(kernel::Total<typename Out::scalar>) * static_cast<std::size_t>(Out::extents.numel());
    return Out::extents.is_dynamic() ? Bytes{0, size} : Bytes{size, 0};
  }
  template<class Out, class X>
  static void run(typename Out::scalar* out, const typename X::scalar* x, Index batch, std::byte* scratch) {
    using T = typename Out::scalar;
    constexpr DimMask mask = dim_mask(X::extents.rank, {Dims...});
    const Index size = Out::extents.numel() * (Out::extents.is_dynamic() ? batch : 1);
    auto* const total = reinterpret_cast<kernel::Total<T>*>(scratch);
    std::fill_n(out, size, -std::numeric_limits<T>::infinity());
    std::fill_n(total, size, kernel::Total<T>{});
    detail::for_reduced<X, mask>(batch, [=](Index o, Index i) {
      if (x[i] != x[i] || x[i] > out[o]) out[o] = x[i];
    });
    detail::for_reduced<X, mask>(
        batch, [=](Index o, Index i) { total[o].add(std::exp(x[i] - (std::isinf(out[o]) ? T{} : out[o]))); });
    for (Index o = 0; o < size; ++o)
      out[o] = std::log(total[o].value()) + (std::isinf(out[o]) ? T{} : out[o]);
  }
  template<class G, class Y, class X>
  static constexpr auto vjp(G g, Y y, X x) {
    constexpr Extents kept = reduced(X::extents, dim_mask(X::extents.rank, {Dims...}), true);
    return gradients(mul(reshape_to<kept>(g), operation<Exp>{}(sub(x, reshape_to<kept>(y)))));
  }
};

/// s^(1 / P), the end of a norm; its gradient is 0 where s is.
template<double P>
struct NormRoot : SameShape {
  static constexpr std::string_view name = "Norm", backward_name = "NormBackward1";
  template<class V>
  static V apply(const V& s) {
    if constexpr (P == 2)
      return kernel::sqrt(s);
    else
      return kernel::pow(s, constant<V>(1 / P));
  }
  static constexpr auto vjp(auto g, auto y, auto s) {
    const auto none = operation<Mask<Comparison::eq>>{}(s, 0);
    return gradients(operation<Choose>{}(none, 0, div(mul(mul(g, y), 1 / P), s)));
  }
};

/// The largest (or smallest) |x| over Dims, whose gradient equal ones share, NaN as well.
template<bool Larger, bool Keep, Index... Dims>
struct NormExtremum : Amax<Larger, Keep, Dims...> {
  static constexpr std::string_view name = "Norm", backward_name = "NormBackward1";
  template<class G, class Y, class X>
  static constexpr auto vjp(G g, Y y, X size) {
    constexpr Extents kept = reduced(X::extents, dim_mask(X::extents.rank, {Dims...}), true);
    const auto mask = operation<SameMask>{}(size, reshape_to<kept>(y));
    const auto count = operation<Sum<true, Dims...>>{}(mask);
    return gradients(mul(mask, div(reshape_to<kept>(g), reshape_to<kept>(count))));
  }
};

/// The P-norm over Dims, all when empty: (sum of |x|^P)^(1 / P). How many are not 0 for P = 0, the largest
/// |x| for infinity, the smallest one for -infinity. The gradient at 0 is 0.
template<double P, bool Keep, Index... Dims>
struct Norm {
  static constexpr std::string_view name = "Norm";
  static constexpr Promotion promotion = Promotion::floats;
  static constexpr std::string_view usage =
      "the order and dimensions are template arguments, norm<1.0>(x), norm_dims<2.0, 1>(x)";
  static constexpr bool is_composite = true;
  static constexpr auto compose(auto x) {
    using Total = operation<Sum<Keep, Dims...>>;
    constexpr double inf = std::numeric_limits<double>::infinity();
    if constexpr (P == inf || P == -inf) {
      return operation<NormExtremum<(P > 0), Keep, Dims...>>{}(operation<Abs>{}(x));
    } else if constexpr (P == 0) {
      return Total{}(operation<Mask<Comparison::ne>>{}(x, 0));
    } else if constexpr (P == 1) {
      return Total{}(operation<Abs>{}(x));
    } else if constexpr (P == 2) {
      return operation<NormRoot<P>>{}(Total{}(operation<Square>{}(x)));
    } else if constexpr (P > 1) {
      return operation<NormRoot<P>>{}(Total{}(operation<Pow>{}(operation<Abs>{}(x), P)));
    } else { // the slope of |x|^P at 0 is infinite
      const auto none = operation<Mask<Comparison::eq>>{}(x, 0);
      const auto size = operation<Choose>{}(none, 1, operation<Abs>{}(x));
      const double at_0 = P > 0 ? 0.0 : inf;
      return operation<NormRoot<P>>{}(Total{}(operation<Choose>{}(none, at_0, operation<Pow>{}(size, P))));
    }
  }
};

/// The P-norm of a - b, which broadcast.
template<double P>
struct Dist {
  static constexpr std::string_view name = "Dist";
  static constexpr bool is_composite = true;
  static constexpr auto compose(auto a, auto b) { return operation<Norm<P, false>>{}(sub(a, b)); }
};

/// x with every slice of dimension Dim whose P-norm is larger than a number scaled down to it.
template<double P, Index Dim>
struct Renorm {
  static constexpr std::string_view name = "Renorm";
  static constexpr Promotion promotion = Promotion::floats;
  static constexpr bool is_composite = true;
  template<class X>
  static constexpr auto compose(X x, auto most) {
    constexpr std::size_t dim = wrap(Dim, X::extents.rank);
    const auto size = [](auto of) {
      return [&]<std::size_t... D>(std::index_sequence<D...>) {
        return operation<Norm<P, true, (static_cast<Index>(D) + (D >= dim ? 1 : 0))...>>{}(of);
      }(std::make_index_sequence<X::extents.rank - 1>{});
    };
    // Slices that stay are ones where the norm is differentiated: nothing of them is infinite or NaN.
    const auto larger = operation<Mask<Comparison::gt>>{}(size(x), most);
    const auto scaled = div(most, add(size(operation<Choose>{}(larger, x, 1)), 1e-7));
    return mul(x, operation<Choose>{}(larger, scaled, 1));
  }
};

/// The covariances of the rows of x [n, m], [n, n], divided by m - Correction; of a row its variance.
template<Index Correction>
struct Cov {
  static constexpr std::string_view name = "Cov";
  static constexpr Promotion promotion = Promotion::floats;
  static constexpr bool is_composite = true;
  template<class X>
  static constexpr auto compose(X x) {
    if constexpr (X::extents.rank < 2) {
      return operation<Var<Correction, false>>{}(x);
    } else {
      const auto apart = sub(x, operation<Mean<true, 1>>{}(x));
      const auto products = matmul(apart, operation<Transpose<0, 1>>{}(apart));
      return div(products, static_cast<double>(std::max<Index>(X::extents[1] - Correction, 0)));
    }
  }
};

/// The correlations of the rows of x [n, m], [n, n], within [-1, 1].
struct Corrcoef {
  static constexpr std::string_view name = "Corrcoef";
  static constexpr Promotion promotion = Promotion::floats;
  static constexpr bool is_composite = true;
  template<class X>
  static constexpr auto compose(X x) {
    const auto c = operation<Cov<1>>{}(x);
    if constexpr (X::extents.rank < 2) {
      return div(c, c);
    } else {
      const auto deviation = operation<Sqrt>{}(operation<Var<1, true, 1>>{}(x));
      const auto each = div(c, deviation);
      return operation<Clamp>{}(div(each, operation<Transpose<0, 1>>{}(deviation)), -1, 1);
    }
  }
};

/// The differences of neighbours along a dimension, N times.
template<int N, Index Dim>
struct Diff {
  static constexpr std::string_view name = "Diff";
  static constexpr bool is_composite = true;
  template<class X>
  static constexpr auto compose(X x) {
    static_assert(N >= 0, "stator: diff: the number of times is negative");
    constexpr Index n = X::extents[wrap(Dim, X::extents.rank)];
    if constexpr (N == 0)
      return x;
    else
      return Diff<N - 1, Dim>::compose(
          sub(operation<Narrow<Dim, 1, n - 1>>{}(x), operation<Narrow<Dim, 0, n - 1>>{}(x)));
  }
};

} // namespace ops

// clang-format off
/// `any(x)`, `any<Dims...>(x)`: whether any element is not 0, of all or over dimensions; a bool tensor. torch.any.
template<Index... Dims, Operand X> constexpr auto any(X&& x) { return operation<ops::AnyNonzero<false, false, Dims...>>{}(std::forward<X>(x)); }
/// `all(x)`, `all<Dims...>(x)`: whether all elements are not 0; a bool tensor. torch.all.
template<Index... Dims, Operand X> constexpr auto all(X&& x) { return operation<ops::AnyNonzero<true, false, Dims...>>{}(std::forward<X>(x)); }
/// As any and all, with the dimensions kept as one.
template<Index... Dims, Operand X> constexpr auto any_keepdim(X&& x) { return operation<ops::AnyNonzero<false, true, Dims...>>{}(std::forward<X>(x)); }
/// As all, with the dimensions kept as one.
template<Index... Dims, Operand X> constexpr auto all_keepdim(X&& x) { return operation<ops::AnyNonzero<true, true, Dims...>>{}(std::forward<X>(x)); }
/// `count_nonzero<Dims...>(x)`: how many elements are not 0, int64; torch.count_nonzero.
template<Index... Dims, Operand X> constexpr auto count_nonzero(X&& x) { return operation<ops::CountNonzero<false, false, Dims...>>{}(std::forward<X>(x)); }
/// `nansum<Dims...>(x)`: the sum of what is not NaN; torch.nansum.
template<Index... Dims, Operand X> constexpr auto nansum(X&& x) { return operation<ops::Nansum<false, false, Dims...>>{}(std::forward<X>(x)); }
/// `nanmean<Dims...>(x)`: the mean of what is not NaN; torch.nanmean.
template<Index... Dims, Operand X> constexpr auto nanmean(X&& x) { return operation<ops::Nansum<true, false, Dims...>>{}(std::forward<X>(x)); }
/// As nansum, with the dimensions kept as one.
template<Index... Dims, Operand X> constexpr auto nansum_keepdim(X&& x) { return operation<ops::Nansum<false, true, Dims...>>{}(std::forward<X>(x)); }
/// As nanmean, with the dimensions kept as one.
template<Index... Dims, Operand X> constexpr auto nanmean_keepdim(X&& x) { return operation<ops::Nansum<true, true, Dims...>>{}(std::forward<X>(x)); }
/// `logsumexp<Dims...>(x)`: log(sum(exp(x))) of all elements or over dimensions, without overflow; torch.logsumexp.
template<Index... Dims, Operand X> constexpr auto logsumexp(X&& x) { return operation<ops::Logsumexp<false, Dims...>>{}(std::forward<X>(x)); }
/// As logsumexp, with the dimensions kept as one.
template<Index... Dims, Operand X> constexpr auto logsumexp_keepdim(X&& x) { return operation<ops::Logsumexp<true, Dims...>>{}(std::forward<X>(x)); }
/// `norm(x)`, `norm<P>(x)`, `norm<P, Dims...>(x)`: the P-norm, P a double (2.0, Frobenius', by default; also 0.0 and the
/// infinities), of all elements or over dimensions; torch.norm.
template<double P = 2.0, Index... Dims, Operand X> constexpr auto norm(X&& x) { return operation<ops::Norm<P, false, Dims...>>{}(std::forward<X>(x)); }
/// As norm, with the dimensions kept as one.
template<double P = 2.0, Index... Dims, Operand X> constexpr auto norm_keepdim(X&& x) { return operation<ops::Norm<P, true, Dims...>>{}(std::forward<X>(x)); }
/// `dist<P>(a, b)`: the P-norm of a - b, which broadcast; torch.dist.
template<double P = 2.0, Operand A, Operand B> constexpr auto dist(A&& a, B&& b) { return operation<ops::Dist<P>>{}(std::forward<A>(a), std::forward<B>(b)); }
/// `renorm<P, Dim>(x, maxnorm)`: every slice of a dimension whose P-norm is larger scaled down to maxnorm; torch.renorm.
template<double P, Index Dim, Operand X> constexpr auto renorm(X&& x, double maxnorm) { return operation<ops::Renorm<P, Dim>>{}(std::forward<X>(x), maxnorm); }
/// `cov<Correction>(x)`: the covariances of the rows of x [n, m], [n, n], of a row its variance; torch.cov.
template<Index Correction = 1, Operand X> constexpr auto cov(X&& x) { return operation<ops::Cov<Correction>>{}(std::forward<X>(x)); }
/// The correlations of the rows of x [n, m], [n, n]; torch.corrcoef.
template<Operand X> constexpr auto corrcoef(X&& x) { return operation<ops::Corrcoef>{}(std::forward<X>(x)); }
/// `diff<N, Dim>(x)`: the differences of neighbours along a dimension, N times; torch.diff. What torch takes as
/// `prepend` and `append` is for cat.
template<int N = 1, Index Dim = -1, Operand X> constexpr auto diff(X&& x) { return operation<ops::Diff<N, Dim>>{}(std::forward<X>(x)); }
// clang-format on
/// `auto [least, most] = aminmax<Dims...>(x)`: amin and amax; torch.aminmax.
template<Index... Dims, Operand X>
constexpr auto aminmax(X&& operand) {
  decltype(auto) x = ops::detail::reusable(std::forward<X>(operand));
  return std::tuple(operation<ops::Amax<false, false, Dims...>>{}(x),
                    operation<ops::Amax<true, false, Dims...>>{}(x));
}
/// As aminmax, with the dimensions kept as one.
template<Index... Dims, Operand X>
constexpr auto aminmax_keepdim(X&& operand) {
  decltype(auto) x = ops::detail::reusable(std::forward<X>(operand));
  return std::tuple(operation<ops::Amax<false, true, Dims...>>{}(x),
                    operation<ops::Amax<true, true, Dims...>>{}(x));
}
/// `auto [variance, mean] = var_mean<Dims...>(x)`; torch.var_mean.
template<Index... Dims, Operand X>
constexpr auto var_mean(X&& operand) {
  decltype(auto) x = ops::detail::reusable(std::forward<X>(operand));
  return std::tuple(operation<ops::Var<1, false, Dims...>>{}(x), operation<ops::Mean<false, Dims...>>{}(x));
}
/// As var_mean, with the dimensions kept as one.
template<Index... Dims, Operand X>
constexpr auto var_mean_keepdim(X&& operand) {
  decltype(auto) x = ops::detail::reusable(std::forward<X>(operand));
  return std::tuple(operation<ops::Var<1, true, Dims...>>{}(x), operation<ops::Mean<true, Dims...>>{}(x));
}
/// `auto [deviation, mean] = std_mean<Dims...>(x)`; torch.std_mean.
template<Index... Dims, Operand X>
constexpr auto std_mean(X&& operand) {
  decltype(auto) x = ops::detail::reusable(std::forward<X>(operand));
  return std::tuple(operation<ops::Std<1, false, Dims...>>{}(x), operation<ops::Mean<false, Dims...>>{}(x));
}
/// As std_mean, with the dimensions kept as one.
template<Index... Dims, Operand X>
constexpr auto std_mean_keepdim(X&& operand) {
  decltype(auto) x = ops::detail::reusable(std::forward<X>(operand));
  return std::tuple(operation<ops::Std<1, true, Dims...>>{}(x), operation<ops::Mean<true, Dims...>>{}(x));
}

} // namespace stator::inline v0_2
