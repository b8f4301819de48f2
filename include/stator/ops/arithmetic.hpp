// SPDX-License-Identifier: BSL-1.0
// a + b, a - b, a * b, a / b, -a with broadcasting, and what differentiation itself needs: adding gradients,
// filling a shape with a number, reducing a gradient to the shape of a broadcast operand.
#pragma once

#include "stator/ops/shapes.hpp"
#include "stator/trace/operation.hpp"

#include <bit>
#include <cstdint>

namespace stator::inline v0_2 {

namespace ops {

template<class Target, class G>
constexpr auto sum_to(const G& g); // ops/reduce.hpp

/// Repeats the operand to the extents E.
template<Extents E>
struct Expand {
  static constexpr std::string_view name = "Expand";
  static constexpr std::string_view backward_name = "ExpandBackward0";
  static constexpr Promotion promotion = Promotion::common;
  static constexpr bool repeats = true;
  static constexpr Extents shape(const Extents&) { return E; }
  static constexpr Text requirement(const Extents& x) {
    if (broadcast(x, E) == E && broadcast_requirement(name, x, E).empty()) return {};
    return text("expand: a tensor of shape ", x, " does not expand to ", E);
  }
  template<class V>
  static V apply(const V& x) {
    return x;
  }
  template<class G, class Y, class X>
  static constexpr auto vjp(G g, Y, X) {
    return gradients(sum_to<typename X::typed>(g));
  }
};

/// Whether a number has a minus, -0 too.
constexpr bool negative(double x) { return (std::bit_cast<std::uint64_t>(x) >> 63) != 0; }

/// a + b.
struct Add {
  static constexpr std::string_view name = "Add";
  static constexpr std::string_view backward_name = "AddBackward0";
  template<class A, class B>
  static constexpr graph::Finish finish = graph::Finish::sum;
  static constexpr Promotion promotion = Promotion::common;
  static constexpr Extents shape(const Extents& a, const Extents& b) { return broadcast(a, b); }
  static constexpr Text requirement(const Extents& a, const Extents& b) {
    return broadcast_requirement("add", a, b);
  }
  static constexpr bool can_fold(double, double) { return true; }
  /// x + (-0) is x; x + 0 is not, for x = -0.
  static constexpr int neutral(const double* x, const bool* known) {
    const auto nothing = [&](int k) { return known[k] && x[k] == 0 && negative(x[k]); };
    return nothing(1) ? 0 : nothing(0) ? 1 : -1;
  }
  template<class V>
  static constexpr V apply(const V& a, const V& b) {
    return a + b;
  }
  template<class G, class Y, class A, class B>
  static constexpr auto vjp(G g, Y, A, B) {
    return gradients(sum_to<typename A::typed>(g), sum_to<typename B::typed>(g));
  }
};

/// -x.
struct Neg {
  static constexpr std::string_view name = "Neg";
  static constexpr std::string_view backward_name = "NegBackward0";
  static constexpr Promotion promotion = Promotion::numeric;
  static constexpr Extents shape(const Extents& x) { return x; }
  static constexpr bool can_fold(double) { return true; }
  template<class V>
  static constexpr V apply(const V& x) {
    return -x;
  }
  template<class G, class Y, class X>
  static constexpr auto vjp(G g, Y, X) {
    return gradients(operation<Neg>{}(g));
  }
};

/// a - b.
struct Sub {
  static constexpr std::string_view name = "Sub";
  static constexpr std::string_view backward_name = "SubBackward0";
  static constexpr Promotion promotion = Promotion::signed_;
  static constexpr Extents shape(const Extents& a, const Extents& b) { return broadcast(a, b); }
  static constexpr Text requirement(const Extents& a, const Extents& b) {
    return broadcast_requirement("sub", a, b);
  }
  static constexpr bool can_fold(double, double) { return true; }
  /// x - 0 is x.
  static constexpr int neutral(const double* x, const bool* known) {
    return known[1] && x[1] == 0 && !negative(x[1]) ? 0 : -1;
  }
  template<class V>
  static constexpr V apply(const V& a, const V& b) {
    return a - b;
  }
  template<class G, class Y, class A, class B>
  static constexpr auto vjp(G g, Y, A, B) {
    return gradients(sum_to<typename A::typed>(g), sum_to<typename B::typed>(operation<Neg>{}(g)));
  }
};

/// a * b.
struct Mul {
  static constexpr std::string_view name = "Mul";
  static constexpr std::string_view backward_name = "MulBackward0";
  static constexpr Promotion promotion = Promotion::common;
  static constexpr Extents shape(const Extents& a, const Extents& b) { return broadcast(a, b); }
  static constexpr Text requirement(const Extents& a, const Extents& b) {
    return broadcast_requirement("mul", a, b);
  }
  static constexpr bool can_fold(double, double) { return true; }
  /// x * 1 is x.
  static constexpr int neutral(const double* x, const bool* known) {
    return known[1] && x[1] == 1 ? 0 : known[0] && x[0] == 1 ? 1 : -1;
  }
  template<class V>
  static constexpr V apply(const V& a, const V& b) {
    return a * b;
  }
  template<class G, class Y, class A, class B>
  static constexpr auto vjp(G g, Y, A a, B b) {
    constexpr operation<Mul> mul;
    return gradients(sum_to<typename A::typed>(mul(g, b)), sum_to<typename B::typed>(mul(g, a)));
  }
};

/// a / b; of integers a floating-point number, as in PyTorch.
struct Div {
  static constexpr std::string_view name = "Div";
  static constexpr std::string_view backward_name = "DivBackward0";
  static constexpr Promotion promotion = Promotion::floating;
  static constexpr Extents shape(const Extents& a, const Extents& b) { return broadcast(a, b); }
  static constexpr Text requirement(const Extents& a, const Extents& b) {
    return broadcast_requirement("div", a, b);
  }
  static constexpr bool can_fold(double, double divisor) { return divisor != 0; }
  /// x / 1 is x.
  static constexpr int neutral(const double* x, const bool* known) { return known[1] && x[1] == 1 ? 0 : -1; }
  template<class V>
  static constexpr V apply(const V& a, const V& b) {
    return a / b;
  }
  template<class G, class Y, class A, class B>
  static constexpr auto vjp(G g, Y y, A, B b) {
    constexpr operation<Div> div;
    const auto by_b = div(g, b);
    return gradients(sum_to<typename A::typed>(by_b),
                     sum_to<typename B::typed>(operation<Neg>{}(operation<Mul>{}(by_b, y))));
  }
};

/// Adds the second operand to the memory of the first, which is a gradient.
struct AccumulateGrad {
  static constexpr std::string_view name = "AccumulateGrad";
  static constexpr bool is_store = true;
  static constexpr Extents shape(const Extents& a, const Extents&) { return a; }
  template<class V>
  static V apply(const V& sum, const V& g) {
    return sum + g;
  }
};

} // namespace ops

/// torch.add: a + b, elementwise with broadcasting; one of them may be a number.
inline constexpr operation<ops::Add> add;
/// torch.sub: a - b, as `add`.
inline constexpr operation<ops::Sub> sub;
/// torch.mul: a * b, as `add`.
inline constexpr operation<ops::Mul> mul;
/// torch.div: a / b, as `add`; the quotient of integers is a floating-point number.
inline constexpr operation<ops::Div> div;
/// torch.neg: -x.
inline constexpr operation<ops::Neg> neg;
/// Repeats a tensor to the extents E..., as torch.Tensor.expand.
template<Index... E>
inline constexpr operation<ops::Expand<Extents(E...)>> expand;

// clang-format off
/// What binary operators take: two operands, or an operand and a number.
template<class A, class B> concept Operands = (Operand<A> && (Operand<B> || Arithmetic<B>)) || (Arithmetic<A> && Operand<B>);
template<class A, class B> requires Operands<A, B> constexpr auto operator+(A&& a, B&& b) { return add(std::forward<A>(a), std::forward<B>(b)); }
template<class A, class B> requires Operands<A, B> constexpr auto operator-(A&& a, B&& b) { return sub(std::forward<A>(a), std::forward<B>(b)); }
template<class A, class B> requires Operands<A, B> constexpr auto operator*(A&& a, B&& b) { return mul(std::forward<A>(a), std::forward<B>(b)); }
template<class A, class B> requires Operands<A, B> constexpr auto operator/(A&& a, B&& b) { return div(std::forward<A>(a), std::forward<B>(b)); }
template<Operand A> constexpr auto operator-(A&& a) { return neg(std::forward<A>(a)); }
// clang-format on

namespace ops {

/// What differentiation appends to a graph for values of the type Typed.
template<class Typed, int Order>
struct gradient_functions {
  static constexpr graph::AddFunction add() {
    if constexpr (std::is_floating_point_v<typename Typed::scalar>)
      return [](graph::Builder& b, int x, int y) {
        using S = Symbol<typename Typed::scalar, typename Typed::shape, Order>;
        return operation<Add>{}(S{&b, x}, S{&b, y}).node;
      };
    else
      return nullptr;
  }

  static constexpr graph::FillFunction fill() {
    if constexpr (std::is_floating_point_v<typename Typed::scalar>)
      return [](graph::Builder& b, double value) {
        return operation<Expand<Typed::extents>>{}(detail::number<typename Typed::scalar, 0>(&b, value)).node;
      };
    else
      return nullptr;
  }

  static constexpr graph::AccumulateFunction accumulate() {
    return [](graph::Builder& b, int leaf, int grad) {
      using S = Symbol<typename Typed::scalar, typename Typed::shape, Order>;
      const int which = b.nodes[static_cast<std::size_t>(leaf)].leaf;
      const int memory = b.memory(&leaf_signature<Typed, 0>::value, which, true);
      const int store = operation<AccumulateGrad>{}(S{&b, memory}, S{&b, grad}).node;
      b.nodes[static_cast<std::size_t>(store)].leaf = which;
      b.nodes[static_cast<std::size_t>(store)].gradient = true;
      return store;
    };
  }
};

} // namespace ops
} // namespace stator::inline v0_2
