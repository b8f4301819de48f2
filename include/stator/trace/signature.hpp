// SPDX-License-Identifier: BSL-1.0
// What an operation becomes in a graph: one constant object for operands of given types, with its kernel, its
// vector-Jacobian product, its cost and its names.
#pragma once

#include "stator/core/accuracy.hpp"
#include "stator/core/compiler.hpp"
#include "stator/core/fixed_string.hpp"
#include "stator/kernel/elementwise.hpp"
#include "stator/kernel/math.hpp"
#include "stator/trace/symbol.hpp"

#include <limits>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

namespace stator::inline v0_2 {

/// For `vjp`: an operand that gets no gradient.
struct NoGradient {};
/// The one value of NoGradient.
inline constexpr NoGradient no_gradient;

/// For `vjp`: the gradient of each operand.
template<class... S>
constexpr auto gradients(const S&... s) {
  return std::tuple<S...>(s...);
}

template<class Op>
struct operation;

namespace ops {

namespace detail {

template<class Op>
concept IsView = requires { Op::is_view; };
template<class Op>
concept IsStore = requires { Op::is_store; };
template<class Op>
concept IsPartial = requires { Op::is_partial; };

template<class Op, class V, std::size_t... I>
void call(const V* a, V& result) {
  result = Op::template apply<V>(a[I]...);
}
template<class Op, class T, class Indices>
struct code;
template<class Op, class T, std::size_t... I>
struct code<Op, T, std::index_sequence<I...>> {
  static constexpr kernel::Elementwise<T> value{&call<Op, kernel::Simd<T, 1>, I...>,
                                                &call<Op, kernel::Simd<T>, I...>, IsPartial<Op>};
};

template<class Op, class Out, class... In>
concept IsElementwise = requires {
  Op::template apply<kernel::Simd<typename Out::scalar, 1>>(
      std::declval<kernel::Simd<typename In::scalar, 1>>()...);
};

/// An elementwise operation on numbers while compiling, rounded to their element type, where
/// Op::can_fold(number...) says that the result is defined; what is not finite is left to the program.
template<class Op, class T, class Indices>
struct fold;
template<class Op, class T, std::size_t... I>
struct fold<Op, T, std::index_sequence<I...>> {
  static constexpr bool run(const double* number, double* result) {
    if (!Op::can_fold(number[I]...)) return false;
    const auto exact = Op::template apply<double>(number[I]...);
    if (!(exact <= static_cast<double>(std::numeric_limits<T>::max())) ||
        !(exact >= static_cast<double>(std::numeric_limits<T>::lowest())))
      return false;
    *result = static_cast<double>(Op::template apply<T>(static_cast<T>(number[I])...));
    return true;
  }
};

template<class Op>
inline constexpr auto default_backward_name = [] {
  constexpr std::size_t size = std::string_view(Op::name).size();
  return fixed_string<size>(Op::name) + fixed_string("Backward0");
}();
/// "MmBackward0": what the operation says, or its name with PyTorch's ending.
template<class Op, class Out, class... In>
constexpr std::string_view backward_name() {
  if constexpr (requires { std::string_view(Op::backward_name); })
    return Op::backward_name;
  else if constexpr (requires { Op::backward_name(Out::extents, In::extents...); })
    return Op::backward_name(Out::extents, In::extents...);
  else
    return default_backward_name<Op>.view();
}

template<class Op, bool Accumulate, class Out, class... In>
struct kernel_call {
  static void run(void* out, const void* const* in, Index batch, std::byte* scratch) {
    [&]<std::size_t... I>(std::index_sequence<I...>) STATOR_INLINE_LAMBDA {
      auto* const to = static_cast<typename Out::scalar*>(out);
      if constexpr (Accumulate)
        STATOR_INLINE_CALL Op::template accumulate<Out, In...>(
            to, static_cast<const typename In::scalar*>(in[I])..., batch, scratch);
      else
        STATOR_INLINE_CALL Op::template run<Out, In...>(to, static_cast<const typename In::scalar*>(in[I])...,
                                                        batch, scratch);
    }(std::index_sequence_for<In...>{});
  }
};

/// The same of some rows, each in a lane: Op::lanes<In...> says how many.
template<class Op, class Out, class... In>
struct lanes_call {
  static void run(void* out, const void* const* in, Index, std::byte*) {
    [&]<std::size_t... I>(std::index_sequence<I...>) STATOR_INLINE_LAMBDA {
      STATOR_INLINE_CALL Op::template in_lanes<Out, In...>(static_cast<typename Out::scalar*>(out),
                                                           static_cast<const typename In::scalar*>(in[I])...);
    }(std::index_sequence_for<In...>{});
  }
};

/// An operation that takes indices says which operand holds them, `checked_operand`, and looks at them in
/// `check`.
template<class Op>
concept HasIndices = requires { Op::checked_operand; };

template<class Op, class Out, class... In>
struct check_call {
  using Checked = std::tuple_element_t<static_cast<std::size_t>(Op::checked_operand), std::tuple<In...>>;
  static void run(const void* indices, Index batch) {
    Op::template check<In...>(static_cast<const typename Checked::scalar*>(indices), batch);
  }
};

/// The type of the gradient of a result: that of the result, floats where it has 16 bits, unless the
/// operation says another shape.
template<class Op, class Out>
struct gradient_type {
  using type = Typed<arithmetic_of<typename Out::scalar>, typename Out::shape>;
};
template<class Op, class Out>
  requires requires { Op::gradient_shape(Out::extents); }
struct gradient_type<Op, Out> {
  static constexpr Extents extents = Op::gradient_shape(Out::extents);
  using type = Typed<arithmetic_of<typename Out::scalar>, to_shape<extents>>;
};

template<class Op, int Order, class Out, class... In>
struct vjp_call {
  static constexpr void run(graph::Builder& b, int node, int grad, int* result) {
    using Grad = typename gradient_type<Op, Out>::type;
    [&]<std::size_t... I>(std::index_sequence<I...>) {
      const auto products = Op::vjp(Symbol<typename Grad::scalar, typename Grad::shape, Order>{&b, grad},
                                    Symbol<typename Out::scalar, typename Out::shape, Order>{&b, node},
                                    Symbol<typename In::scalar, typename In::shape, Order>{
                                        &b, b.operand(node, static_cast<int>(I))}...);
      static_assert(std::tuple_size_v<std::remove_const_t<decltype(products)>> == sizeof...(In),
                    "stator: vjp returns one gradient for each operand");
      ((result[I] = take<In>(std::get<I>(products))), ...);
    }(std::index_sequence_for<In...>{});
  }
  template<class X, class S>
  static constexpr int take(const S& s) {
    if constexpr (AnySymbol<S>) {
      static_assert(
          S::extents == X::extents || requires { Op::takes_other_gradient; },
          "stator: a gradient must have the shape of its operand");
      return s.node;
    } else {
      return -1;
    }
  }
};

/// Appends to a prepared program what an operation says in `prepare`.
template<class Op, Accuracy How, class... In>
struct prepare_call {
  static constexpr int run(graph::Builder& b, int node) {
    return [&]<std::size_t... I>(std::index_sequence<I...>) {
      return Op::template prepare<How>(Symbol<typename In::scalar, typename In::shape, 0>{
                                           &b, b.operand(node, static_cast<int>(I))}...)
          .node;
    }(std::index_sequence_for<In...>{});
  }
};
/// The same for `scaled`: the scale and the shift of each channel lie along the dimension of the channels.
template<class Op, int After, class Out, class... In>
struct scaled_call {
  static constexpr Extents along = Op::along_channels(Out::extents);
  using Channels = Symbol<typename Out::scalar, to_shape<along>, After>;
  static constexpr int run(graph::Builder& b, int node, int scale, int shift) {
    const graph::ValueType type{Out::value.dtype, along};
    if (!(b.type(scale) == type && b.type(shift) == type)) return -1;
    return [&]<std::size_t... I>(std::index_sequence<I...>) {
      return Op::scaled(Channels{&b, scale}, Channels{&b, shift},
                        Symbol<typename In::scalar, typename In::shape, After>{
                            &b, b.operand(node, static_cast<int>(I))}...)
          .node;
    }(std::index_sequence_for<In...>{});
  }
};

/// Appends a kernel with what it does before it writes its result.
template<class Op, class Out, class... In>
struct finished_call {
  static constexpr int run(graph::Builder& b, int node, graph::Finished how, int summand) {
    return [&]<std::size_t... I>(std::index_sequence<I...>) {
      return Op::finished(
          how, Symbol<typename Out::scalar, typename Out::shape, 0>{&b, summand},
          Symbol<typename In::scalar, typename In::shape, 0>{&b, b.operand(node, static_cast<int>(I))}...);
    }(std::index_sequence_for<In...>{});
  }
};

/// Op::prepare<Accuracy>(x...): the same result from weights that a kernel has packed.
template<class Op, class... In>
concept CanPrepare = requires { requires Op::template can_prepare<In...>; };
/// Op::scaled(scale, shift, x...): the result times a scale plus a shift, from other weights.
template<class Op, class Out, class... In>
concept CanScale =
    requires { Op::along_channels(Out::extents); } && std::is_floating_point_v<typename Out::scalar>;

template<class Op, class Out, int Order, class... In>
concept HasVjp = Order > 0 && is_floating_point(dtype_of<typename Out::scalar>) && requires {
  &Op::template vjp<
      Symbol<arithmetic_of<typename Out::scalar>, typename gradient_type<Op, Out>::type::shape, 0>,
      Symbol<typename Out::scalar, typename Out::shape, 0>,
      Symbol<typename In::scalar, typename In::shape, 0>...>;
};

} // namespace detail

/// Extension point: what differentiation needs for values of one type: the functions that append a + b, a
/// value filled with a number, and the addition to the gradient of a leaf. Defined by ops/arithmetic.hpp.
template<class Typed, int Order>
struct gradient_functions;

/// The constants of an operation on operands of given types.
template<class Op, int Order, class Out, class... In>
struct signature {
  static constexpr graph::ValueType operands[sizeof...(In) + 1]{In::value..., {}};
  static constexpr graph::Cost cost() {
    graph::Cost c;
    if constexpr (requires { Op::multiply_adds(Out::extents, In::extents...); })
      c.multiply_adds = Op::multiply_adds(Out::extents, In::extents...);
    if constexpr (!detail::IsView<Op>)
      ((c.bytes = static_cast<std::size_t>(Out::extents.numel()) * sizeof(typename Out::scalar)), ...,
       (c.bytes += static_cast<std::size_t>(In::extents.numel()) * sizeof(typename In::scalar)));
    return c;
  }
  static constexpr graph::Signature make() {
    graph::Signature s;
    s.name = Op::name;
    s.backward_name = detail::backward_name<Op, Out, In...>();
    s.type = Out::value;
    s.operands = operands;
    s.operand_count = static_cast<int>(sizeof...(In));
    s.cost = cost();
    s.identity = &signature<Op, 0, Out, In...>::value;
    if constexpr (requires { Op::normalizer; }) s.normalizer = Op::normalizer;
    if constexpr (requires { typename Op::undoing; })
      s.undone_by = &signature<typename Op::undoing, 0, In..., Out>::value;
    s.unique = requires { Op::is_unique; };
    s.constant = requires { Op::is_constant; };
    s.order = Order;
    if constexpr (requires { Op::template finish<In...>; }) s.finish = Op::template finish<In...>;
    if constexpr (requires { requires Op::can_finish; })
      s.finished = &detail::finished_call<Op, Out, In...>::run;
    if constexpr (requires { typename Op::cut; }) s.cut = &signature<typename Op::cut, 0, Out, In...>::value;
    if constexpr (Order > 0)
      if constexpr (requires { typename Op::template pooled<Out, In...>; })
        s.pooled = &Op::template pooled<Out, In...>::value;
    if constexpr (Order < 0) {
      s.mul_add = requires { Op::is_mul_add; };
      if constexpr (detail::CanPrepare<Op, In...>)
        s.prepare = &detail::prepare_call<Op, accuracy_of(Order), In...>::run;
      if constexpr (after_scale(Order) != 0 && detail::CanScale<Op, Out, In...>)
        s.scaled = &detail::scaled_call<Op, after_scale(Order), Out, In...>::run;
    }
    if constexpr (detail::IsView<Op>) {
      s.kind = graph::Kind::view;
    } else if constexpr (detail::IsElementwise<Op, Out, In...>) {
      s.kind = detail::IsStore<Op> ? graph::Kind::store : graph::Kind::elementwise;
      s.elementwise = &detail::code<Op, typename Out::scalar, std::index_sequence_for<In...>>::value;
      if constexpr (std::is_floating_point_v<typename Out::scalar> && requires { &Op::can_fold; })
        s.fold = &detail::fold<Op, typename Out::scalar, std::index_sequence_for<In...>>::run;
      if constexpr (requires { &Op::neutral; }) s.neutral = &Op::neutral;
      s.repeats = requires { Op::repeats; };
    } else {
      s.kind = graph::Kind::kernel;
      s.run = &detail::kernel_call<Op, false, Out, In...>::run;
      if constexpr (requires { &Op::template accumulate<Out, In...>; })
        s.accumulate = &detail::kernel_call<Op, true, Out, In...>::run;
      if constexpr (requires { requires Op::template lanes<In...> > 0; }) {
        s.lanes = Op::template lanes<In...>;
        s.in_lanes = &detail::lanes_call<Op, Out, In...>::run;
      }
      if constexpr (requires { Op::template scratch<Out, In...>(); })
        s.scratch = Op::template scratch<Out, In...>();
      if constexpr (detail::HasIndices<Op>) {
        s.check = &detail::check_call<Op, Out, In...>::run;
        s.checked = Op::checked_operand;
      }
    }
    if constexpr (detail::HasVjp<Op, Out, Order, In...>) {
      s.vjp = &detail::vjp_call<Op, Order - 1, Out, In...>::run;
      s.add = gradient_functions<typename detail::gradient_type<Op, Out>::type, Order - 1>::add();
      s.fill = gradient_functions<Typed<arithmetic_of<typename Out::scalar>, typename Out::shape>, 0>::fill();
    }
    return s;
  }
  static constexpr graph::Signature value = make();
};

/// The constants of a leaf.
template<class Typed, int Order>
struct leaf_signature {
  static constexpr graph::Signature make() {
    graph::Signature s;
    s.kind = graph::Kind::leaf;
    s.type = Typed::value;
    s.unique = true;
    s.identity = &value;
    if constexpr (Order > 0 && is_floating_point(dtype_of<typename Typed::scalar>)) {
      using Gradient = stator::Typed<arithmetic_of<typename Typed::scalar>, typename Typed::shape>;
      s.add = gradient_functions<Gradient, Order - 1>::add();
      s.fill = gradient_functions<Gradient, 0>::fill();
      s.accumulate_grad = gradient_functions<Gradient, Order - 1>::accumulate();
    }
    return s;
  }
  static constexpr graph::Signature value = make();
};

/// The constants of a number.
template<class T>
struct number_signature {
  static constexpr graph::Signature make() {
    graph::Signature s;
    s.kind = graph::Kind::constant;
    s.type = Typed<T, Shape<>>::value;
    s.identity = &value;
    return s;
  }
  static constexpr graph::Signature value = make();
};

} // namespace ops
} // namespace stator::inline v0_2
