// SPDX-License-Identifier: BSL-1.0
// pow: powers, elementwise with broadcasting.
#pragma once

#include "stator/core/error.hpp"
#include "stator/ops/arithmetic.hpp"
#include "stator/ops/same_shape.hpp"

namespace stator::inline v0_2 {

namespace ops {

/// x^e, elementwise.
struct Pow {
  static constexpr std::string_view name = "Pow";
  /// Operands without dimensions are taken for numbers.
  static constexpr std::string_view backward_name(const Extents&, const Extents& x, const Extents& e) {
    return e.rank == 0 ? "PowBackward0" : x.rank == 0 ? "PowBackward2" : "PowBackward1";
  }
  static constexpr Promotion promotion = Promotion::numeric;
  static constexpr Extents shape(const Extents& x, const Extents& e) { return broadcast(x, e); }
  static constexpr Text requirement(const Extents& x, const Extents& e) {
    return broadcast_requirement("pow", x, e);
  }
  template<class V>
  static V apply(const V& x, const V& exponent) {
    return kernel::pow(x, exponent);
  }
  /// g e x^(e - 1), 0 where e is 0
  struct Backward : SameShape {
    static constexpr std::string_view name = "PowBackward";
    template<class V>
    static V apply(const V& g, const V& x, const V& exponent) {
      return select(exponent == V(0), V(0), g * exponent * kernel::pow(x, exponent - V(1)));
    }
    template<class G2, class Y2, class G, class X, class E>
    static constexpr auto vjp(G2 gg, Y2, G g, X x, E exponent) {
      constexpr operation<Backward> slope;
      const auto by_x = slope(mul(mul(gg, g), exponent), x, sub(exponent, 1));
      const auto each = mul(gg, g);
      // d/de e x^(e - 1) = x^(e - 1) + e x^(e - 1) log(x)
      const auto by_e = add(mul(each, operation<Pow>{}(x, sub(exponent, 1))),
                            mul(slope(each, x, exponent), operation<LogBase>{}(x, exponent)));
      return gradients(slope(gg, x, exponent), sum_to<typename X::typed>(by_x),
                       unless_number(exponent, sum_to<typename E::typed>(by_e)));
    }
  };
  /// log(x), but 0 where x is 0 and e is not negative: 0^e does not change with e there.
  struct LogBase {
    static constexpr std::string_view name = "PowLog";
    static constexpr Extents shape(const Extents& x, const Extents& e) { return broadcast(x, e); }
    template<class V>
    static V apply(const V& x, const V& exponent) {
      return select(x == V(0), select(exponent < V(0), kernel::log(x), V(0)), kernel::log(x));
    }
    template<class G, class Y, class X, class E>
    static constexpr auto vjp(G g, Y, X x, E) {
      return gradients(sum_to<typename X::typed>(div(g, x)), no_gradient);
    }
  };
  template<class G, class Y, class X, class E>
  static constexpr auto vjp(G g, Y y, X x, E exponent) {
    return gradients(sum_to<typename X::typed>(operation<Backward>{}(g, x, exponent)),
                     unless_number(exponent, sum_to<typename E::typed>(
                                                 mul(g, mul(y, operation<LogBase>{}(x, exponent))))));
  }

private:
  /// The gradient of an exponent that is a number is not wanted: no node.
  template<class E, class D>
  static constexpr D unless_number(const E& exponent, D gradient) {
    const graph::Node& node = exponent.builder->nodes[static_cast<std::size_t>(exponent.node)];
    const bool wanted = node.signature->kind != graph::Kind::constant &&
                        (node.signature->kind != graph::Kind::leaf ||
                         exponent.builder->needs_grad[static_cast<std::size_t>(node.leaf)]);
    if (!wanted) gradient.node = -1;
    return gradient;
  }
};

} // namespace ops

/// a^b, elementwise with broadcasting; one of them may be a number: torch.pow. Throws ValueError for a
/// negative whole number as exponent of integers.
template<class A, class B>
  requires Operands<A, B>
constexpr auto pow(A&& a, B&& b) {
  if constexpr (Arithmetic<B> && std::is_integral_v<detail::number_type_t<ops::Pow, A, B>>)
    if (b < 0)
      raise(ValueError(
          "pow: integers to negative integer powers are not allowed: convert them, pow(to<float>(x), -1)"));
  return operation<ops::Pow>{}(std::forward<A>(a), std::forward<B>(b));
}

} // namespace stator::inline v0_2
