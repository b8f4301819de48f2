// SPDX-License-Identifier: BSL-1.0
// Calling modules: `x | fc1`, `nn::call(attention, q, k, v)`. What `__call__` is to `forward` in PyTorch: the
// boundary of the module is recorded.
#pragma once

#include "stator/module/mode.hpp"
#include "stator/trace/forward_error.hpp"
#include "stator/trace/hook_point_range.hpp"
#include "stator/trace/operation.hpp"

namespace stator::inline v0_2 {

namespace detail {
template<class X>
constexpr int node_of(const X& x) {
  if constexpr (AnySymbol<X>)
    return x.node;
  else
    return -1;
}
template<class X>
constexpr X with_node(X x, int node) {
  if constexpr (AnySymbol<X>) x.node = node;
  return x;
}

/// What a forward returns, with expressions of parameters alone made symbols.
template<int Order, class Y>
constexpr auto as_symbols(graph::Builder& b, const Y& y) {
  if constexpr (ops::detail::in_forward<Y>::possible)
    return ops::detail::in_forward<Y>::template symbol<Order>(&b, y);
  else
    return y;
}
template<int Order, class... Y>
constexpr auto as_symbols(graph::Builder& b, const std::tuple<Y...>& ys) {
  return std::apply([&b](const Y&... y) { return std::tuple(as_symbols<Order>(b, y)...); }, ys);
}

/// Whether the network of a call returns one value, not a tuple.
template<class Plan>
inline constexpr bool has_one_result =
    AnySymbol<decltype(tracer<Plan>::template symbol<0>(std::declval<graph::Builder&>()))>;

/// The results of a call as a tuple of expressions.
template<class Call>
auto outputs(const std::shared_ptr<const Call>& call) {
  using Results = decltype(tracer<typename expr::borrowed<Call>::type>::template symbol<0>(
      std::declval<graph::Builder&>()));
  return [&]<std::size_t... I>(std::index_sequence<I...>) {
    return std::tuple(expr::Output<I, Call>(call)...);
  }(std::make_index_sequence<std::tuple_size_v<Results>>{});
}

/// `module.forward(x...)` between the hooks of the module. What forward returns may be a std::tuple.
template<int Order, class M, class... X>
constexpr auto forward_with_hooks(const M& module, graph::Builder& b, const X&... x) {
  graph::HookPointRange points(b, &module, &display_name<M>, {});
  return [&]<std::size_t... I>(std::index_sequence<I...>) {
    int in[] = {node_of(x)..., -1};
    points.before(in, sizeof...(X));
    auto y = as_symbols<Order>(b, module.forward(with_node(x, in[I])...));
    if constexpr (AnySymbol<decltype(y)>) {
      int out[] = {node_of(y)};
      points.behind(in, out, 1);
      return with_node(y, out[0]);
    } else if constexpr (requires { std::tuple_size<decltype(y)>::value; }) {
      const auto behind = [&]<class... Y>(std::tuple<Y...> ys) {
        return [&]<std::size_t... O>(std::index_sequence<O...>) {
          int out[] = {node_of(std::get<O>(ys))..., -1};
          points.behind(in, out, sizeof...(Y));
          return std::tuple<Y...>(with_node(std::get<O>(ys), out[O])...);
        }(std::index_sequence_for<Y...>{});
      };
      return std::apply(
          [&](const auto&... out) {
            return std::apply([](const auto&... s) { return decltype(y){s...}; }, behind(std::tuple(out...)));
          },
          y);
    } else {
      return y;
    }
  }(std::index_sequence_for<X...>{});
}

/// What a call beyond the limit of its builder returns: any node.
template<class Y>
constexpr Y stand_in(graph::Builder& b) {
  if constexpr (AnySymbol<Y>) {
    return Y{&b, 0};
  } else {
    return [&]<std::size_t... I>(std::index_sequence<I...>) {
      return Y{stand_in<std::tuple_element_t<I, Y>>(b)...};
    }(std::make_index_sequence<std::tuple_size_v<Y>>{});
  }
}

/// What a module is called with is not a tensor.
template<class M, class... X>
struct input_error {
  static constexpr Text message() {
    Text found;
    if (sizeof...(X) == 0) found = text("stator: ", display_name<M>(), " is called without an input");
    [[maybe_unused]] std::size_t i = 0;
    [[maybe_unused]] const auto look = [&]<class A>(std::type_identity<A>) {
      ++i;
      if constexpr (!Operand<A> && !std::is_arithmetic_v<A>)
        if (found.empty()) found = text("stator: ", display_name<M>(), ": input ", i, ": ", no_tensor<A>());
    };
    (look(std::type_identity<X>{}), ...);
    return found;
  }
};

template<class M, AnySymbol... X>
constexpr auto run_forward(const M& module, graph::Builder& b, const X&... x) {
  constexpr int order = std::remove_cvref_t<decltype(ops::detail::first_symbol(x...))>::order;
  using Y = decltype(as_symbols<order>(b, module.forward(x...)));
  if (static_cast<int>(b.modules.list.size()) > b.modules.limit) return stand_in<Y>(b);
  return b.hooks.watches.empty() ? as_symbols<order>(b, module.forward(x...))
                                 : forward_with_hooks<order>(module, b, x...);
}
} // namespace detail

namespace nn {

/// An expression that calls a module in training or evaluation mode; a tuple of expressions when its forward
/// returns one.
template<class Mode, Module M, class... X>
constexpr auto call_as(const M& module, X&&... x) {
  if constexpr (!check<stator::detail::input_error<M, std::remove_cvref_t<X>...>>() ||
                (stator::detail::is_refused<X> || ...)) {
    return expr::Refused{};
  } else {
    using Result = expr::ModuleCall<M, Mode, decltype(ops::to_handle<float>(std::forward<X>(x)))...>;
    using Plan = typename expr::borrowed<Result>::type;
    if constexpr (!check<trace_error<Plan>>())
      return expr::Refused{};
    else if constexpr (stator::detail::has_one_result<Plan>)
      return Result(module, ops::to_handle<float>(std::forward<X>(x))...);
    else
      return stator::detail::outputs(
          std::make_shared<const Result>(module, ops::to_handle<float>(std::forward<X>(x))...));
  }
}

/// Calls `module.forward(x...)`. With symbols it records the call, with tensors it returns an expression that
/// refers to `module` and to the tensors that have names, which must outlive it; temporaries are moved into
/// it.
template<Module M, class... X>
constexpr auto call(const M& module, X&&... x) {
  if constexpr (!(AnySymbol<X> || ...)) {
    return call_as<Mode<true>>(module, std::forward<X>(x)...);
  } else if constexpr (!check<stator::detail::forward_error<M, std::remove_cvref_t<X>...>>()) {
    return ops::detail::first_symbol(x...);
  } else {
    graph::Builder& b = *ops::detail::first_symbol(x...).builder;
    const int outer = b.modules.current;
    b.modules.list.push_back({&module, outer, &stator::detail::display_name<M>, -1});
    const int here = b.modules.current = static_cast<int>(b.modules.list.size()) - 1;
    const bool outer_training = b.modules.training;
    if (b.modules.training)
      b.modules.training = !b.modules.is_evaluated(&module, &stator::detail::display_name<M>);
    auto y = stator::detail::run_forward(module, b, x...);
    b.modules.training = outer_training;
    b.modules.current = outer;
    if constexpr (AnySymbol<decltype(y)>) b.modules.list[static_cast<std::size_t>(here)].result = y.node;
    return y;
  }
}

} // namespace nn

namespace ops::detail {
template<class Net, class Mode, class... A>
struct in_forward<expr::ModuleCall<Net, Mode, A...>> {
  static constexpr bool possible = (in_forward<A>::possible && ...);
  template<int Order>
  static constexpr auto symbol(graph::Builder* b, const expr::ModuleCall<Net, Mode, A...>& e) {
    return stator::detail::unpack(
        [&](const A&... a) { return nn::call(*e.net, in_forward<A>::template symbol<Order>(b, a)...); },
        e.operands);
  }
};
} // namespace ops::detail

/// Calls a module with one input. `+` binds tighter than `|`: `x + y | fc` is `(x + y) | fc`, which is also
/// how to write it, since g++ warns of the other (-Wparentheses, in -Wall); a header cannot turn that off for
/// its users alone.
template<Operand X, Module M>
constexpr auto operator|(X&& x, const M& module) {
  return nn::call(module, std::forward<X>(x));
}

namespace detail {
template<class M>
struct model_in_forward {
  static constexpr Text message() {
    return Text(
        "stator: a Model is called inside forward: a network holds networks, declare the field as the struct "
        "itself, without stator::Model");
  }
};
} // namespace detail

/// Calls a model: `x | model` is `model(x)`.
template<Operand X, class M>
  requires requires { typename M::module_type; }
constexpr auto operator|(X&& x, const M& model) {
  if constexpr (AnySymbol<X>) {
    static_assert(check<detail::model_in_forward<M>>());
    return x;
  } else {
    return model(std::forward<X>(x));
  }
}

/// Applies an operation: `x | nn::relu`.
template<Operand X, class Op>
constexpr auto operator|(X&& x, const operation<Op>& op) {
  return op(std::forward<X>(x));
}

} // namespace stator::inline v0_2
