// SPDX-License-Identifier: BSL-1.0
// What a hook adds to the graph at one of its hook points.
#pragma once

#include "stator/hooks/hook_points.hpp"

namespace stator::detail {

/// A value on its way into or out of a module: the gradient that passes here calls the hook of this point.
template<class Code, bool Output>
struct Gate {
  static constexpr std::string_view name = "BackwardHook";
  static constexpr bool is_view = true;
  static constexpr bool is_unique = true;
  static constexpr Extents shape(const Extents& x) { return x; }
  template<class G, class Y, class X>
  static constexpr auto vjp(G g, Y y, X) {
    if (g.builder == nullptr || (Output && Code::sees_inputs)) return gradients(g);
    graph::Builder& b = *g.builder;
    graph::Gates& gates = b.gates_of(y.node);
    if (!gates.fired) {
      gates.fired = true;
      Code::fire(b, gates);
    }
    return gradients(G{&b, Output ? g.node : b.grads.data()[y.node]});
  }
};

/// What the hook of hook point K adds to the graph.
template<class E, std::size_t K, int Order>
struct point_code {
  static constexpr const graph::HookPoint& point = hook_points<E>::list[K];
  using Net = typename E::net_type;
  using H = std::tuple_element_t<point.hook, typename E::hooks_type>;
  using F = typename H::function_type;
  using Handle = expr::HookHandle<H, Net>;
  static constexpr std::string_view module_path = table<Net>::modules[point.module].path;
  static constexpr fixed_string<module_path.size()> path{module_path};
  template<bool Output>
  using values = point_values<E, K, Output, false, Order>;
  template<bool Output>
  using gradients_of = point_values<E, K, Output, true, Order - 1>;
  static constexpr const auto& module() { return descend<path>(reflect::prototype<Net>()); }

  /// What forward returns for inputs of these types; void for one value.
  template<class... In>
  static auto returned(const std::tuple<In...>&)
      -> decltype(as_symbols<Order>(std::declval<graph::Builder&>(),
                                    module().forward(std::declval<const In&>()...)));
  template<bool Several>
  static auto results_of() {
    if constexpr (Several)
      return std::type_identity<decltype(returned(
          values<false>::all(std::declval<graph::Builder&>(), nullptr)))>{};
    else
      return std::type_identity<void>{};
  }
  using Results = typename decltype(results_of<!point.is_tap && (point.out_count > 1)>())::type;

  /// Calls the hook: returns what a traced one returned, or a node of what one of the running program
  /// returned, or nothing.
  template<class Call, class... Shown>
  static constexpr auto run(graph::Builder& b, int leaf, const std::tuple<Shown...>& values) {
    return std::apply(
        [&](const auto& first, const auto&... rest) {
          using R =
              decltype(Call::invoke(nullptr, std::declval<ops::detail::view_of<typename Shown::typed>>()...));
          if constexpr (std::is_void_v<R>)
            ops::observe<Call>(b, leaf, first, rest...);
          else
            return operation<ops::Replace<Call>>{}(ops::hook_symbol(b, leaf), first, rest...);
        },
        values);
  }

  static constexpr void before(graph::Builder& b, graph::Gates& gates, int* in) {
    using In = values<false>;
    if constexpr (is_traced<F>) {
      const auto input = In::shown(b, in);
      if constexpr (std::is_void_v<decltype(F::call(module(), input))>)
        F::call(module(), input);
      else
        In::replace(in, F::call(module(), input));
    } else {
      using Call = ModuleHookCall<Handle, path, void, typename In::mask, std::integer_sequence<bool>>;
      if constexpr (std::is_void_v<decltype(run<Call>(b, 0, In::all(b, in)))>)
        run<Call>(b, gates.leaf, In::all(b, in));
      else
        b.fail(text("a forward pre-hook that replaces its input is given as stator::traced(f)"));
    }
  }

  static constexpr void behind(graph::Builder& b, graph::Gates& gates, const int* in, int* out) {
    using In = values<false>;
    using Out = values<true>;
    if constexpr (is_traced<F>) {
      const auto call = [&] {
        const auto output =
            std::apply([](const auto&... v) { return arranged<Results>(v...); }, Out::all(b, out));
        if constexpr (point.is_tap)
          return F::call(output);
        else
          return F::call(module(), In::shown(b, in), output);
      };
      if constexpr (std::is_void_v<decltype(call())>)
        call();
      else
        Out::replace(out, call());
    } else {
      using Call =
          std::conditional_t<point.is_tap, TapHookCall<Handle>,
                             ModuleHookCall<Handle, path, Results, typename In::mask, typename Out::mask>>;
      const auto shown = std::tuple_cat(In::all(b, in), Out::all(b, out));
      if constexpr (std::is_void_v<decltype(run<Call>(b, 0, shown))>)
        run<Call>(b, gates.leaf, shown);
      else
        b.fail(text("a forward hook that replaces its output is given as stator::traced(f)"));
    }
  }

  /// A hook on the gradient of what comes out.
  static constexpr void behind_tensor(graph::Builder& b, graph::Gates& gates, int* out) {
    using Out = point_values<E, K, true, true, Order>;
    Out::replace(out, Out::mapped(b, out, [&](const auto& v) {
                   return operation<ops::GradientHook<F>>{}(v, ops::hook_symbol(b, gates.leaf));
                 }));
  }

  /// Gates for a full backward hook.
  static constexpr bool sees_inputs = [] {
    for (const graph::HookPointValue& v : point.in)
      if (v.needs_grad) return true;
    return false;
  }();
  template<bool Output>
  static constexpr void place_gates(graph::Builder& b, std::array<int, graph::max_hooked>& gates, int* node) {
    using Values = point_values<E, K, Output, true, Order>;
    for (int& g : gates) g = -1;
    Values::replace(gates.data(), Values::mapped(b, node, operation<Gate<point_code, Output>>{}));
    for (std::size_t i = 0; i < gates.size(); ++i)
      if (gates[i] >= 0) node[i] = gates[i];
  }
  static constexpr void before_gates(graph::Builder& b, graph::Gates& gates, int* in) {
    place_gates<false>(b, gates.in, in);
  }
  static constexpr void behind_gates(graph::Builder& b, graph::Gates& gates, int* out) {
    place_gates<true>(b, gates.out, out);
  }

  /// Calls a full backward hook, once the gradients at all its gates are there. What got no gradient has
  /// zeros.
  static constexpr void fire(graph::Builder& b, const graph::Gates& gates) {
    using In = gradients_of<false>;
    using Out = gradients_of<true>;
    int in[graph::max_hooked]{}, out[graph::max_hooked]{};
    const auto read = [&](const auto& from, int* to) {
      for (std::size_t i = 0; i < from.size(); ++i) {
        if (from[i] < 0) continue;
        to[i] = b.grads.data()[from[i]];
        if (to[i] < 0) to[i] = b.signature(from[i]).fill(b, 0);
      }
    };
    read(gates.in, in);
    read(gates.out, out);
    if constexpr (is_traced<F>) {
      const auto call = [&] { return F::call(module(), In::shown(b, in), Out::shown(b, out)); };
      if constexpr (std::is_void_v<decltype(call())>)
        call();
      else
        In::replace(in, call());
    } else {
      using Call = ModuleHookCall<Handle, path, void, typename In::mask, typename Out::mask>;
      const auto shown = std::tuple_cat(In::symbols(b, in), Out::symbols(b, out));
      if constexpr (std::is_void_v<decltype(run<Call>(b, 0, shown))>) {
        run<Call>(b, gates.leaf, shown);
      } else {
        static_assert(In::size == 1 && sees_inputs,
                      "stator: a full backward hook that replaces the gradients of several "
                      "inputs is given as stator::traced(f)");
        in[In::at(0)] = run<Call>(b, gates.leaf, shown).node;
      }
    }
    for (std::size_t i = 0; i < graph::max_hooked; ++i)
      if (gates.in[i] >= 0) b.grads.data()[gates.in[i]] = in[i];
  }

  static constexpr graph::HookPointCode code() {
    graph::HookPointCode c;
    if constexpr (H::kind == HookKind::forward_pre) c.before = &before;
    if constexpr (H::kind == HookKind::forward) c.behind = &behind;
    if constexpr (H::kind == HookKind::tensor && Order > 0) c.behind_gradient = &behind_tensor;
    if constexpr (H::kind == HookKind::full_backward && Order > 0) {
      c.before_gradient = &before_gates;
      c.behind_gradient = &behind_gates;
    }
    return c;
  }
};

} // namespace stator::detail
