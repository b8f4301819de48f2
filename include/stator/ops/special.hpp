// SPDX-License-Identifier: BSL-1.0
// Special functions, elementwise: erfc, erfinv, lgamma, digamma, polygamma, mvlgamma, i0, igamma, igammac.
#pragma once

#include "stator/core/error.hpp"
#include "stator/core/random_math.hpp"
#include "stator/kernel/special.hpp"
#include "stator/ops/compare.hpp"
#include "stator/ops/piped.hpp"

namespace stator::inline v0_2 {

namespace ops {

/// 1 - erf(x), exact far out.
struct Erfc : RealFunction {
  static constexpr std::string_view name = "Erfc";
  template<class V>
  static V apply(const V& x) {
    return kernel::erfc(x);
  }
  static constexpr auto vjp(auto g, auto, auto x) {
    return gradients(mul(mul(g, -1.1283791670955126), operation<Exp>{}(neg(operation<Square>{}(x)))));
  }
};

/// The inverse of the error function; infinite at 1 and -1, NaN beyond.
struct Erfinv : RealFunction {
  static constexpr std::string_view name = "Erfinv";
  template<class V>
  static V apply(const V& x) {
    return kernel::each(x, [](auto e) { return stator::detail::erfinv(e); });
  }
  static constexpr auto vjp(auto g, auto y, auto) {
    return gradients(mul(mul(g, 0.886226925452758), operation<Exp>{}(operation<Square>{}(y))));
  }
};

/// The N-th derivative of the digamma function.
template<int N>
struct Polygamma : RealFunction {
  static_assert(N >= 0, "stator: polygamma: the order is negative");
  static constexpr std::string_view name = N == 0 ? "Digamma" : "Polygamma";
  static constexpr bool is_partial = true;
  template<class V>
  static V apply(const V& x) {
    return kernel::each(x, [](auto e) { return kernel::polygamma(N, e); });
  }
  template<class G, class Y, class X>
  static constexpr auto vjp(G g, Y, X x) {
    return gradients(mul(g, operation<Polygamma<N + 1>>{}(x)));
  }
};

/// log(|gamma(x)|).
struct Lgamma : RealFunction {
  static constexpr std::string_view name = "Lgamma";
  template<class V>
  static V apply(const V& x) {
    return kernel::each(x, [](auto e) { return std::lgamma(e); });
  }
  static constexpr auto vjp(auto g, auto, auto x) { return gradients(mul(g, operation<Polygamma<0>>{}(x))); }
};

/// The logarithm of the multivariate gamma function in P dimensions.
template<int P>
struct Mvlgamma : RealFunction {
  static_assert(P >= 1, "stator: mvlgamma: there is less than one dimension");
  static constexpr std::string_view name = "Mvlgamma";
  static constexpr bool is_partial = true;
  template<class V>
  static V apply(const V& x) {
    return kernel::each(x, [](auto e) {
      using T = decltype(e);
      constexpr auto least = static_cast<T>(0.5 * (P - 1));
      if (e <= least) raise(ValueError("mvlgamma: an element is not greater than (p - 1) / 2"));
      kernel::Total<T> sum;
      sum.add(static_cast<T>(0.25 * P * (P - 1) * 1.1447298858494002)); // log(pi)
      for (int j = 0; j < P; ++j) sum.add(std::lgamma(e - static_cast<T>(j) / 2));
      return sum.value();
    });
  }
  static constexpr auto vjp(auto g, auto, auto x) {
    return [&]<int... J>(std::integer_sequence<int, J...>) {
      auto slope = operation<Polygamma<0>>{}(x);
      ((slope = add(slope, operation<Polygamma<0>>{}(sub(x, 0.5 * (J + 1))))), ...);
      return gradients(mul(g, slope));
    }(std::make_integer_sequence<int, P - 1>{});
  }
};

template<int Order>
struct BesselI;
/// The modified Bessel function of the first kind, of order 0 or 1.
template<int Order>
struct BesselI : RealFunction {
  static constexpr std::string_view name = Order == 0 ? "I0" : "SpecialI1";
  static constexpr bool is_partial = true;
  template<class V>
  static V apply(const V& x) {
    return kernel::each(x, [](auto e) { return kernel::bessel_i(Order, e); });
  }
  template<class G, class Y, class X>
  static constexpr auto vjp(G g, Y y, X x) {
    if constexpr (Order == 0) {
      return gradients(mul(g, operation<BesselI<1>>{}(x)));
    } else { // i0(x) - i1(x) / x, 1 / 2 at 0
      const auto slope = sub(operation<BesselI<0>>{}(x), div(y, x));
      return gradients(mul(g, operation<Choose>{}(operation<Mask<Comparison::eq>>{}(x, 0), 0.5, slope)));
    }
  }
};

/// The regularised incomplete gamma function of x, the lower one or the upper one.
template<bool Upper>
struct Igamma : Broadcasting<Igamma<Upper>> {
  static constexpr std::string_view name = Upper ? "Igammac" : "Igamma";
  static constexpr bool is_partial = true;
  static constexpr Promotion promotion = Promotion::floats;
  template<class V>
  static V apply(const V& a, const V& x) {
    return kernel::each(a, x, [](auto s, auto e) { return kernel::incomplete_gamma(s, e, Upper); });
  }
  /// The derivative by a, which nobody has: it is refused when a program needs it.
  struct ByA {
    static constexpr std::string_view name = Upper ? "IgammacByA" : "IgammaByA";
    static constexpr Extents shape(const Extents&, const Extents& a) { return a; }
    template<class Out, class G, class A>
    static void run(typename Out::scalar*, const typename G::scalar*, const typename A::scalar*, Index,
                    std::byte*) {
      raise(ValueError(
          Upper ? "igammac: the derivative by the first operand is not implemented, as in PyTorch"
                : "igamma: the derivative by the first operand is not implemented, as in PyTorch"));
    }
  };
  template<class G, class Y, class A, class X>
  static constexpr auto vjp(G g, Y, A a, X x) {
    const auto density =
        operation<Exp>{}(sub(sub(mul(sub(a, 1), operation<Log>{}(x)), x), operation<Lgamma>{}(a)));
    const auto slope = mul(g, density);
    if constexpr (Upper)
      return gradients(operation<ByA>{}(g, a), sum_to<typename X::typed>(neg(slope)));
    else
      return gradients(operation<ByA>{}(g, a), sum_to<typename X::typed>(slope));
  }
};

} // namespace ops

// clang-format off
/// torch.erfc: 1 - erf(x), exact far out.
template<Operand X> constexpr auto erfc(X&& x) { return operation<ops::Erfc>{}(std::forward<X>(x)); }
/// torch.lgamma: log(|gamma(x)|).
template<Operand X> constexpr auto lgamma(X&& x) { return operation<ops::Lgamma>{}(std::forward<X>(x)); }
// clang-format on
/// torch.erfinv, the inverse of erf: infinite at 1 and -1, NaN beyond.
inline constexpr operation<ops::Erfinv> erfinv;
/// torch.digamma, the derivative of lgamma.
inline constexpr operation<ops::Polygamma<0>> digamma;
/// `polygamma<N>(x)`, torch.polygamma(N, x): the N-th derivative of digamma; infinite at 0 and negative
/// integers.
template<int N>
inline constexpr operation<ops::Polygamma<N>> polygamma;
/// `mvlgamma<P>(x)`, torch.mvlgamma(x, P): the logarithm of the multivariate gamma function in P dimensions.
/// Throws ValueError for elements that are not greater than (P - 1) / 2.
template<int P>
inline constexpr operation<ops::Mvlgamma<P>> mvlgamma;
/// torch.i0: the modified Bessel function of the first kind, of order 0.
inline constexpr operation<ops::BesselI<0>> i0;
/// torch.igamma: the regularised lower incomplete gamma function P(a, x), elementwise with broadcasting;
/// ValueError when its derivative by a is needed.
inline constexpr operation<ops::Igamma<false>> igamma;
/// torch.igammac: the upper one, 1 - igamma(a, x).
inline constexpr operation<ops::Igamma<true>> igammac;

STATOR_PIPE(erfc, Erfc)
STATOR_PIPE(lgamma, Lgamma)

} // namespace stator::inline v0_2
