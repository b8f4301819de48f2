// SPDX-License-Identifier: BSL-1.0
// Comparisons and choices, elementwise with broadcasting. Comparisons give bool tensors, as in PyTorch. They
// are computed as masks of ones and zeros in the type of what is compared, so that a choice by a comparison
// is one region of the program.
#pragma once

#include "stator/ops/activation.hpp"

namespace stator::inline v0_2 {

namespace ops {

/// What Compare compares with.
enum class Comparison { lt, le, gt, ge, eq, ne };

/// 1 where the comparison holds, otherwise 0.
template<Comparison C>
struct Mask {
  static constexpr bool is_constant = true;
  static constexpr std::string_view name = "Mask";
  static constexpr Promotion promotion = Promotion::common;
  static constexpr Extents shape(const Extents& a, const Extents& b) { return broadcast(a, b); }
  static constexpr Text requirement(const Extents& a, const Extents& b) {
    return broadcast_requirement("compare", a, b);
  }
  template<class V>
  static V apply(const V& a, const V& b) {
    if constexpr (C == Comparison::lt)
      return select(a < b, V(1), V(0));
    else if constexpr (C == Comparison::le)
      return select(a <= b, V(1), V(0));
    else if constexpr (C == Comparison::gt)
      return select(a > b, V(1), V(0));
    else if constexpr (C == Comparison::ge)
      return select(a >= b, V(1), V(0));
    else if constexpr (C == Comparison::eq)
      return select(a == b, V(1), V(0));
    else
      return select(a == b, V(0), V(1));
  }
};

/// The comparison as a bool tensor.
template<Comparison C>
struct Compare {
  static constexpr std::string_view name = "Compare";
  static constexpr Promotion promotion = Promotion::common;
  static constexpr bool is_composite = true;
  template<class A, class B>
  static constexpr auto compose(A a, B b) {
    const auto mask = operation<Mask<C>>{}(a, b);
    using M = std::remove_const_t<decltype(mask)>;
    if constexpr (std::is_same_v<typename M::scalar, bool>)
      return mask;
    else
      return operation<MaskToBool>{}(mask);
  }
};

/// a where the mask is not 0, otherwise b; all of one type.
struct Choose {
  static constexpr std::string_view name = "Where";
  static constexpr std::string_view backward_name = "WhereBackward0";
  static constexpr Promotion promotion = Promotion::common;
  static constexpr Extents shape(const Extents& mask, const Extents& a, const Extents& b) {
    return broadcast(mask, a, b);
  }
  static constexpr Text requirement(const Extents& mask, const Extents& a, const Extents& b) {
    const Text first = broadcast_requirement("where", a, b);
    return first.empty() ? broadcast_requirement("where", mask, broadcast(a, b)) : first;
  }
  template<class V>
  static V apply(const V& mask, const V& a, const V& b) {
    return select(mask == V(0), b, a);
  }
  template<class G, class Y, class M, class A, class B>
  static constexpr auto vjp(G g, Y, M mask, A, B) {
    constexpr operation<Choose> choose;
    return gradients(no_gradient, sum_to<typename A::typed>(choose(mask, g, 0)),
                     sum_to<typename B::typed>(choose(mask, 0, g)));
  }
};

/// a where the condition holds, otherwise b.
struct Where {
  static constexpr std::string_view name = "Where";
  static constexpr Promotion promotion = Promotion::chosen;
  static constexpr bool is_composite = true;
  template<class M, class A, class B>
  static constexpr auto compose(M condition, A a, B b) {
    return operation<Choose>{}(cast_to<typename A::scalar>(condition), a, b);
  }
};

/// The larger of two, or the smaller; NaN when either is NaN. The gradient of equal ones is halved.
template<bool Larger>
struct Extremum {
  static constexpr std::string_view name = Larger ? "Maximum" : "Minimum";
  static constexpr std::string_view backward_name = Larger ? "MaximumBackward0" : "MinimumBackward0";
  static constexpr Promotion promotion = Promotion::common;
  static constexpr Extents shape(const Extents& a, const Extents& b) { return broadcast(a, b); }
  static constexpr Text requirement(const Extents& a, const Extents& b) {
    return broadcast_requirement(name, a, b);
  }
  template<class V>
  static V apply(const V& a, const V& b) {
    if constexpr (Larger)
      return kernel::maximum(a, b);
    else
      return kernel::minimum(a, b);
  }
  /// g where a was chosen, half of it where both are equal.
  struct Share {
    static constexpr std::string_view name = "ExtremumBackward";
    static constexpr Extents shape(const Extents& g, const Extents&, const Extents&) { return g; }
    template<class V>
    static V apply(const V& g, const V& a, const V& b) {
      return select(a == b, g * constant<V>(0.5), select(Larger ? a < b : b < a, V(0), g));
    }
    template<class G2, class Y2, class G, class A, class B>
    static constexpr auto vjp(G2 gg, Y2, G, A a, B b) {
      return gradients(operation<Share>{}(gg, a, b), no_gradient, no_gradient);
    }
  };
  template<class G, class Y, class A, class B>
  static constexpr auto vjp(G g, Y, A a, B b) {
    return gradients(sum_to<typename A::typed>(operation<Share>{}(g, a, b)),
                     sum_to<typename B::typed>(operation<Share>{}(g, b, a)));
  }
};

/// x clamped to [min, max].
struct Clamp : SameShape {
  static constexpr std::string_view name = "Clamp";
  static constexpr std::string_view backward_name = "ClampBackward1";
  static constexpr Promotion promotion = Promotion::common;
  template<class V>
  static V apply(const V& x, const V& min, const V& max) {
    const V raised = select(x < min, min, x), y = select(raised > max, max, raised);
    return select(min == min, select(max == max, y, max),
                  min); // bounds are numbers mostly, and this is outside of loops
  }
  /// 1 inside of the interval, bounds included, where NaN is not.
  struct Inside : SameShape {
    static constexpr bool is_constant = true;
    static constexpr std::string_view name = "Inside";
    template<class V>
    static V apply(const V& x, const V& min, const V& max) {
      return select(x >= min, select(x <= max, V(1), V(0)), V(0));
    }
  };
  template<class G, class Y, class X, class A, class B>
  static constexpr auto vjp(G g, Y, X x, A min, B max) {
    return gradients(mul(g, operation<Inside>{}(x, min, max)), no_gradient, no_gradient);
  }
};

} // namespace ops

/// Comparisons of tensors of one shape, or that broadcast; the result has bool elements.
/// `mean(to<float>(eq(a, b)))` is how many are equal.
inline constexpr operation<ops::Compare<ops::Comparison::lt>> lt;
/// a <= b, see `lt`; torch.le.
inline constexpr operation<ops::Compare<ops::Comparison::le>> le;
/// a > b, see `lt`; torch.gt.
inline constexpr operation<ops::Compare<ops::Comparison::gt>> gt;
/// a >= b, see `lt`; torch.ge.
inline constexpr operation<ops::Compare<ops::Comparison::ge>> ge;
/// a == b, see `lt`; torch.eq.
inline constexpr operation<ops::Compare<ops::Comparison::eq>> eq;
/// a != b, see `lt`; torch.ne.
inline constexpr operation<ops::Compare<ops::Comparison::ne>> ne;
// clang-format off
template<class A, class B> requires Operands<A, B> constexpr auto operator<(A&& a, B&& b) { return lt(std::forward<A>(a), std::forward<B>(b)); }
template<class A, class B> requires Operands<A, B> constexpr auto operator<=(A&& a, B&& b) { return le(std::forward<A>(a), std::forward<B>(b)); }
template<class A, class B> requires Operands<A, B> constexpr auto operator>(A&& a, B&& b) { return gt(std::forward<A>(a), std::forward<B>(b)); }
template<class A, class B> requires Operands<A, B> constexpr auto operator>=(A&& a, B&& b) { return ge(std::forward<A>(a), std::forward<B>(b)); }
template<class A, class B> requires Operands<A, B> constexpr auto operator==(A&& a, B&& b) { return eq(std::forward<A>(a), std::forward<B>(b)); }
template<class A, class B> requires Operands<A, B> constexpr auto operator!=(A&& a, B&& b) { return ne(std::forward<A>(a), std::forward<B>(b)); }
// clang-format on

/// where(condition, a, b): a where the condition, of bool elements, holds, otherwise b.
inline constexpr operation<ops::Where> where;
/// clamp(x, min, max), both numbers
inline constexpr operation<ops::Clamp> clamp;

/// torch.maximum: the larger of a and b, elementwise with broadcasting; NaN where either is NaN.
template<class A, class B>
  requires Operands<A, B>
constexpr auto maximum(A&& a, B&& b) {
  return operation<ops::Extremum<true>>{}(std::forward<A>(a), std::forward<B>(b));
}
/// torch.minimum: the smaller of a and b, elementwise with broadcasting; NaN where either is NaN.
template<class A, class B>
  requires Operands<A, B>
constexpr auto minimum(A&& a, B&& b) {
  return operation<ops::Extremum<false>>{}(std::forward<A>(a), std::forward<B>(b));
}

} // namespace stator::inline v0_2
