// SPDX-License-Identifier: BSL-1.0
// torch.autograd.grad with create_graph=True: gradients as expressions. `stator::grad(loss, x, ...)` gives an
// expression for each x, which can be evaluated, combined, put into a loss and differentiated again:
//   auto [gw, gx] = stator::grad(loss, model->fc.weight, x);
//   auto penalty = loss + 0.1 * sum(gw * gw);
// The loss is recorded once for all gradients of one call, and swept once, by the code of the pass
// "differentiate". Which of the loss's leaves is meant is known by its memory when the program runs: where a
// loss has several of one type, all their gradients are computed and those that are meant are added up.
// grad<"fc.weight">(loss) says it to the compiler, and computes no other; grad<"encoder">(loss) is the
// gradient of what the module `encoder` returns.
#pragma once

#include "stator/ops/grad_call.hpp"
#include "stator/trace/trace_error.hpp"

namespace stator::inline v0_2 {

namespace ops {
/// The operand itself, in an expression of another type for each N.
template<int N>
struct Distinct {
  static constexpr std::string_view name = "Alias", backward_name = "AliasBackward0";
  static constexpr bool is_view = true;
  static constexpr Extents shape(const Extents& x) { return x; }
  template<class G, class Y, class X>
  static constexpr auto vjp(G g, Y, X) {
    return gradients(g);
  }
};
} // namespace ops

/// The same values by an expression of another type for each N. Two calls of `grad` whose losses have one
/// type cannot stand in one expression, since what is recorded of a call is found by its type:
///   penalty<1>(a) + penalty<2>(b)   // with grad(distinct<N>(loss), x) in penalty<N>
template<int N>
inline constexpr operation<ops::Distinct<N>> distinct;

/// In a call of `grad`: a gradient with respect to what the loss does not depend on is zero, not an error.
struct allow_unused_t {};
/// `grad(loss, x, y, stator::allow_unused)`.
inline constexpr allow_unused_t allow_unused;

/// What `grad_outputs` returns.
template<class V>
struct GradOutputs {
  V value; ///< handle of the gradient of the result
};
/// In a call of `grad`: the gradient of a result that has more than one element, of its shape. A tensor that
/// has a name is referred to, as in every expression.
template<Operand V>
constexpr auto grad_outputs(V&& v) {
  using H = decltype(ops::to_handle<float>(std::forward<V>(v)));
  return GradOutputs<H>{ops::to_handle<float>(std::forward<V>(v))};
}

namespace detail {

/// What is wrong with a call of `grad`.
template<class Select, class Loss, class Seed>
struct grad_error {
  using Plan = GradPlan<Loss, Select>;
  using Value = symbol_of<Loss>;
  static constexpr Text message() {
    if constexpr (!std::is_floating_point_v<typename Value::scalar>) {
      return Text("stator: grad: the result has no floating-point elements, so it has no gradient");
    } else if constexpr (std::is_same_v<Seed, NoSeed>) {
      if (Value::extents.is_dynamic() || Value::extents.numel() != 1)
        return text("stator: grad: the result has shape ", Value::extents,
                    ": reduce it with sum or mean, or give its gradient, stator::grad_outputs(v)");
    } else if constexpr (std::is_same_v<Seed, EverySeed>) {
      if (Value::extents.is_dynamic())
        return text("stator: jacobian: the result has shape ", Value::extents,
                    ": its extents must be known, give the input a batch that is");
      for (const graph::ValueType& x : Plan::types)
        if (x.extents.is_dynamic() || x.extents.rank + Value::extents.rank > max_rank)
          return text("stator: jacobian: an input has shape ", x.extents,
                      ": with the result's it must be static and have at most 8 dimensions");
    } else if constexpr (!(symbol_of<Seed>::typed::value == Value::typed::value)) {
      return text("stator: grad: grad_outputs has shape ", symbol_of<Seed>::extents, ", the result ",
                  Value::extents);
    }
    if constexpr (requires { Select::found; }) {
      return Select::mistake();
    } else if constexpr (!Select::by_memory) {
      return Select::mistake(Plan::table);
    } else if constexpr (!Select::allows_unused) {
      for (std::size_t r = 0; r < Plan::results; ++r) {
        bool found = false;
        for (const auto& candidate : Plan::candidates) found = found || candidate.result == r;
        if (!found) return Select::unused(Plan::table, r);
      }
    }
    return {};
  }
};

/// The outputs of a call from number First on.
template<std::size_t First, class Call>
auto grad_results(Call&& made) {
  using C = std::remove_cvref_t<Call>;
  constexpr std::size_t all = tracer<C>::Plan::results + 1;
  const auto call = std::make_shared<const C>(std::forward<Call>(made));
  if constexpr (all - First == 1)
    return expr::Output<First, C>(call);
  else
    return [&]<std::size_t... I>(std::index_sequence<I...>) {
      return std::tuple(expr::Output<First + I, C>(call)...);
    }(std::make_index_sequence<all - First>{});
}

/// What `grad` is asked about has no memory to be known by.
template<class X, std::size_t Before>
struct grad_input_error {
  static constexpr Text message() {
    if constexpr (requires(const X& x) { x.data(); })
      return {};
    else
      return text("stator: grad: input ", Before + 1,
                  " is no tensor with memory: ask for a Variable, a tensor or a parameter, for an "
                  "intermediate value inside of a network by the path of its module or tap, "
                  "grad<\"encoder\">(loss), and compute another one before, with value()");
  }
};

/// A call with its options taken apart.
template<std::size_t First, fixed_string... Pattern>
struct GradFunction {
  template<class Loss, class Seed, bool AllowUnused, class... X>
  static auto call(Loss loss, Seed seed, std::bool_constant<AllowUnused>, std::tuple<X...>,
                   std::array<const void*, sizeof...(X)> memory) {
    using Borrowed = typename expr::borrowed<Loss>::type;
    using Select =
        typename std::conditional_t<(sizeof...(Pattern) > 0), grad_by_path<Borrowed, AllowUnused, Pattern...>,
                                    std::type_identity<grad_of_tensors<AllowUnused, X...>>>::type;
    if constexpr (!check<grad_error<Select, Borrowed, typename expr::borrowed<Seed>::type>>())
      return expr::Refused{};
    else if constexpr (!check<
                           trace_error<typename expr::borrowed<expr::GradCall<Select, Loss, Seed>>::type>>())
      return expr::Refused{};
    else
      return grad_results<First>(
          expr::GradCall<Select, Loss, Seed>{std::move(loss), std::move(seed), memory});
  }
  // One argument after the other, until none is left.
  template<class Loss, class Seed, class Allow, class Done, std::size_t N, class X, class... Rest>
  static auto call(Loss loss, Seed seed, Allow allow, Done done, std::array<const void*, N> memory,
                   const X& x, const Rest&... rest) {
    if constexpr (std::is_same_v<X, allow_unused_t>) {
      return call(std::move(loss), std::move(seed), std::true_type{}, done, memory, rest...);
    } else if constexpr (!Operand<X> && requires { x.value; }) {
      return call(std::move(loss), x.value, allow, done, memory, rest...);
    } else if constexpr (!check<grad_input_error<X, N>>()) {
      return expr::Refused{};
    } else {
      std::array<const void*, N + 1> more{};
      std::copy(memory.begin(), memory.end(), more.begin());
      more[N] = x.data();
      using Wanted = typename grad_wanted<X>::type;
      return call(std::move(loss), std::move(seed), allow, std::tuple_cat(done, std::tuple<Wanted>{}), more,
                  rest...);
    }
  }
};

/// `GradFunction` from the beginning.
template<std::size_t First, fixed_string... Pattern>
auto grad_call(const auto& loss, auto seed, const auto&... x) {
  return GradFunction<First, Pattern...>::call(std::remove_cvref_t<decltype(loss)>(loss), seed,
                                               std::false_type{}, std::tuple<>{},
                                               std::array<const void*, 0>{}, x...);
}

} // namespace detail

/// torch.autograd.grad(loss, x, create_graph=True): the gradient of `loss` with respect to each of `x`, which
/// are Variables, tensors that have names, and parameters, `model->fc.weight`; one expression, or a tuple of
/// them, each of its x's shape. Besides, in any order: `grad_outputs(v)`, for a result that is not one
/// number, and `allow_unused`. Results of one call share their record; in one expression two different calls
/// of one type cannot meet (GraphError), see `distinct`. Throws GraphError when it runs and the loss does not
/// read an x.
///   auto [gw, gx] = stator::grad(loss, model->fc.weight, x);
template<class Loss, class... X>
auto grad(const Loss& loss, const X&... x) {
  return detail::grad_call<1>(loss, detail::NoSeed{}, x...);
}
/// With respect to the trainable parameters whose paths match the patterns (* is any characters), in the
/// order of named_parameters(): grad<"fc.weight">(loss), grad<"*">(loss). Nothing else is computed.
/// Where no path is that of a parameter, they are paths of modules, "" for the network itself, of one of the
/// values that a module returns ("lstm.1", "encoder.hidden"), and of taps: the gradient with respect to what
/// each returns, as autograd.grad(loss, h) of an intermediate h, here for Grad-CAM:
///   const auto weights = mean<2, 3>(stator::grad<"layer4">(score));
/// A module that is called several times gives the sum over its calls; a tap tells one from the others. Equal
/// computations are one value: what two modules without parameters make of one tensor has one gradient.
template<fixed_string First, fixed_string... Pattern, class Loss, class... Option>
auto grad(const Loss& loss, const Option&... option) {
  return detail::grad_call<1, First, Pattern...>(loss, detail::NoSeed{}, option...);
}
/// As `grad`, with the value of the loss before the gradients, from the same record: jax.value_and_grad.
template<class Loss, class... X>
auto value_and_grad(const Loss& loss, const X&... x) {
  return detail::grad_call<0>(loss, detail::NoSeed{}, x...);
}
/// With respect to parameters by path.
template<fixed_string First, fixed_string... Pattern, class Loss, class... Option>
auto value_and_grad(const Loss& loss, const Option&... option) {
  return detail::grad_call<0, First, Pattern...>(loss, detail::NoSeed{}, option...);
}

} // namespace stator::inline v0_2
