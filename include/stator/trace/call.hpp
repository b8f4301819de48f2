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
  if constexpr (AnySymbol<Y>)
    return y;
  else
    return mapped_results(y, [&b]<class V>(auto, const V& value) {
      if constexpr (ops::detail::in_forward<V>::possible)
        return ops::detail::in_forward<V>::template symbol<Order>(&b, value);
      else
        return value;
    });
}

/// Whether the network of a call returns one value, not a tuple.
template<class Plan>
inline constexpr bool has_one_result =
    AnySymbol<decltype(tracer<Plan>::template symbol<0>(std::declval<graph::Builder&>()))>;

/// The results of a call as expressions, in the place of the symbols that forward returns.
template<class Call>
auto outputs(const std::shared_ptr<const Call>& call) {
  using Results = decltype(tracer<typename expr::borrowed<Call>::type>::template symbol<0>(
      std::declval<graph::Builder&>()));
  return mapped_results(Results{},
                        [&call]<std::size_t I>(std::integral_constant<std::size_t, I>, const auto&) {
                          return expr::Output<I, Call>(call);
                        });
}

/// The hook points of the values that a module returns, when these are several: only names that a hook waits
/// for.
constexpr void hooks_of_values(const void* module, Text (*type_name)(), graph::Builder& b,
                               const graph::Returned& results, int* out) {
  GrowingArray<std::string_view> names;
  for (const graph::Watch& w : b.hooks.watches) {
    if (w.address != module || w.type_name != type_name || w.tap.empty()) continue;
    bool known = results.find(w.tap) == results.count;
    for (const std::string_view name : names) known = known || name == w.tap;
    if (!known) names.push_back(w.tap);
  }
  for (const std::string_view name : names)
    graph::HookPointRange(b, module, type_name, name).behind(nullptr, out + results.find(name), 1);
}

/// `module.forward(x...)` between the hooks of the module. One of several results is a hook point of its own,
/// as if it had passed a tap of its name.
template<int Order, class M, class... X>
constexpr auto forward_with_hooks(const M& module, graph::Builder& b, const X&... x) {
  graph::HookPointRange points(b, &module, &display_name<M>, {});
  return [&]<std::size_t... I>(std::index_sequence<I...>) {
    int in[] = {node_of(x)..., -1};
    points.before(in, sizeof...(X));
    const auto y = as_symbols<Order>(b, module.forward(with_node(x, in[I])...));
    using Y = std::remove_const_t<decltype(y)>;
    int out[result_count<Y>() + 1]{}, *next = out;
    each_result(y, [&next](const auto& s) { *next++ = s.node; });
    points.behind(in, out, result_count<Y>());
    if constexpr (!AnySymbol<Y>) hooks_of_values(&module, &display_name<M>, b, returned<Y>::value, out);
    return mapped_results(y, [&out]<std::size_t R>(std::integral_constant<std::size_t, R>, const auto& s) {
      return with_node(s, out[R]);
    });
  }(std::index_sequence_for<X...>{});
}

/// What a call beyond the limit of its builder returns: any node.
template<class Y>
constexpr Y stand_in(graph::Builder& b) {
  return mapped_results(Y{}, [&b]<class S>(auto, const S&) { return S{&b, 0}; });
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

/// An expression that calls a module in training or evaluation mode; a tuple, an array or a struct of
/// expressions when its forward returns one.
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
    b.modules.list.push_back({&module, outer, &stator::detail::display_name<M>, -1, nullptr});
    const int here = b.modules.current = static_cast<int>(b.modules.list.size()) - 1;
    const bool outer_training = b.modules.training;
    if (b.modules.training)
      b.modules.training = !b.modules.is_evaluated(&module, &stator::detail::display_name<M>);
    auto y = stator::detail::run_forward(module, b, x...);
    b.modules.training = outer_training;
    b.modules.current = outer;
    graph::Call& ended = b.modules.list[static_cast<std::size_t>(here)];
    ended.result = static_cast<int>(b.modules.results.size());
    if constexpr (AnySymbol<decltype(y)>) {
      b.modules.results.push_back(y.node);
    } else {
      ended.several = &stator::detail::returned<decltype(y)>::value;
      stator::detail::each_result(y, [&b](const auto& s) { b.modules.results.push_back(s.node); });
    }
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
