// SPDX-License-Identifier: BSL-1.0
// From an expression's type to symbols, in constant evaluation, and from an expression's object to the memory
// of its leaves, at run time. Both go through the operands in the same order, so leaf k is the same in both.
#pragma once

#include "stator/core/compiler.hpp"
#include "stator/graph/frozen_graph.hpp"
#include "stator/trace/call.hpp"
#include "stator/trace/gather.hpp"
#include "stator/trace/prototype_visitors.hpp"

namespace stator::inline v0_2 {

namespace detail {

/// How many derivatives an expression holds inside of each other.
template<class E>
inline constexpr int gradient_depth = 0;
template<class Op, class... A>
inline constexpr int gradient_depth<expr::Expression<Op, A...>> = std::max({0, gradient_depth<A>...});

/// The order in which operands are traced: from left to right, but the highest derivatives first, so that
/// lower ones of the same call find what these have recorded.
template<class... A>
inline constexpr auto tracing_order = [] {
  std::array<std::size_t, sizeof...(A)> order{};
  const std::array<int, sizeof...(A)> depth{gradient_depth<A>...};
  for (std::size_t i = 0; i < order.size(); ++i) {
    std::size_t to = i;
    for (; to > 0 && depth[order[to - 1]] < depth[i]; --to) order[to] = order[to - 1];
    order[to] = i;
  }
  return order;
}();

/// Gathers from each operand, in the order in which they are traced.
template<class... A>
STATOR_ALWAYS_INLINE inline void gather_all(Gatherer& g, const Pack<A...>& operands) {
  [&]<std::size_t... I>(std::index_sequence<I...>) STATOR_INLINE_LAMBDA {
    const auto one = [&g]<class E>(const E& e)
                         STATOR_INLINE_LAMBDA { STATOR_INLINE_CALL tracer<E>::gather(e, g); };
    if constexpr ((gradient_depth<A> + ... + 0) > 0)
      (one(detail::pack_item<tracing_order<A...>[I]>(operands)), ...);
    else
      (one(static_cast<const PackItem<I, A>&>(operands).value), ...);
  }(std::index_sequence_for<A...>{});
}

} // namespace detail

template<class T, class S, bool NeedsGrad>
struct tracer<expr::Input<T, S, NeedsGrad>> {
  static constexpr int leaf_count = 1;
  static constexpr bool trains = false;
  template<int Order>
  static constexpr auto symbol(graph::Builder& b) {
    const int leaf = b.add_leaves(1, NeedsGrad);
    return ops::cast_to<arithmetic_of<T>>(
        Symbol<T, S, Order>{&b, b.leaf(&ops::leaf_signature<Typed<T, S>, Order>::value, leaf)});
  }
  static void gather(const expr::Input<T, S, NeedsGrad>& input, detail::Gatherer& g) {
    input.watch.check("a tensor");
    if (input.data == nullptr && S::numel > 0 && (!S::is_dynamic || input.leading > 0)) [[unlikely]]
      detail::refuse_input<S>(input.leading);
    *g.next++ = {input.data, input.gradient.grad, input.gradient.state};
    if constexpr (S::is_dynamic) g.see_batch(input.leading);
  }
};

template<class T, class S, bool NeedsGrad>
struct tracer<expr::OwnedInput<T, S, NeedsGrad>> : tracer<expr::Input<T, S, NeedsGrad>> {
  static void gather(const expr::OwnedInput<T, S, NeedsGrad>& input, detail::Gatherer& g) {
    if (input.owner == nullptr)
      raise(GraphError(
          "an expression was used that had been moved into another one, with the tensor that it owned"));
    tracer<expr::Input<T, S, NeedsGrad>>::gather(input, g);
  }
};

template<class L>
struct tracer<expr::LeafInput<L>> : tracer<typename expr::borrowed<expr::LeafInput<L>>::type> {
  static void gather(const expr::LeafInput<L>& input, detail::Gatherer& g) {
    if (input.data == nullptr)
      raise(UnboundError("a parameter has no storage: give its network to a stator::Model"));
    *g.next++ = {input.data, input.grad, input.state};
  }
};

template<class T>
struct tracer<expr::Number<T>> {
  static constexpr int leaf_count = 1;
  static constexpr bool trains = false;
  template<int Order>
  static constexpr auto symbol(graph::Builder& b) {
    const int leaf = b.add_leaves(1, false);
    return Symbol<T, Shape<>, Order>{&b, b.leaf(&ops::leaf_signature<Typed<T, Shape<>>, Order>::value, leaf)};
  }
  static void gather(const expr::Number<T>& number, detail::Gatherer& g) {
    *g.next++ = {const_cast<T*>(&number.value), nullptr, nullptr};
  }
};

template<class Op, class... A>
struct tracer<expr::Expression<Op, A...>> {
  static constexpr int leaf_count = (tracer<A>::leaf_count + ... + 0);
  static constexpr bool trains = (tracer<A>::trains || ...);
  template<int Order>
  static constexpr auto symbol(graph::Builder& b) {
    if constexpr ((detail::gradient_depth<A> + ... + 0) > 0) {
      detail::Pack<decltype(tracer<A>::template symbol<Order>(b))...> operands;
      [&]<std::size_t... I>(std::index_sequence<I...>) {
        ((detail::pack_item<detail::tracing_order<A...>[I]>(operands) =
              tracer<std::tuple_element_t<detail::tracing_order<A...>[I], std::tuple<A...>>>::template symbol<
                  Order>(b)),
         ...);
      }(std::index_sequence_for<A...>{});
      return detail::unpack(operation<Op>{}, operands);
    } else {
      // Braces: the operands are traced from left to right.
      return detail::unpack(operation<Op>{}, detail::Pack<decltype(tracer<A>::template symbol<Order>(b))...>{
                                                 {tracer<A>::template symbol<Order>(b)}...});
    }
  }
  static void gather(const expr::Expression<Op, A...>& e, detail::Gatherer& g) {
    detail::gather_all(g, e.operands);
  }
};

template<class Net, class Mode, class... A>
struct tracer<expr::ModuleCall<Net, Mode, A...>> {
  static constexpr int module_leaves = static_cast<int>(table<Net>::leaves.size());
  static constexpr int field_count = detail::plain_field_count<Net>;
  static constexpr int leaf_count = (tracer<A>::leaf_count + ... + (module_leaves + field_count));
  static constexpr bool trains = Mode::training || (tracer<A>::trains || ...);
  template<int Order>
  static constexpr auto symbol(graph::Builder& b) {
    return record<Order>(b, [](graph::Builder&) {});
  }
  /// `enter(b)` is called when the leaves of the network are registered, before its forward. `prototype` is
  /// what is called.
  template<int Order>
  static constexpr auto record(graph::Builder& b, auto&& enter,
                               const Net& prototype = reflect::prototype<Net>()) {
    const detail::Pack<decltype(tracer<A>::template symbol<Order>(b))...> operands{
        {tracer<A>::template symbol<Order>(b)}...};
    GrowingArray<const void*> handles;
    detail::AddressVisitor v(handles);
    walk(prototype, v);
    GrowingArray<int> owners;
    const int first = b.add_leaves(module_leaves, false);
    for (const LeafEntry& leaf : Mode::template tables<Net>::leaves) {
      b.needs_grad[static_cast<std::size_t>(first) + owners.size()] = leaf.is_trainable();
      owners.push_back(static_cast<int>(leaf.owner));
    }
    b.enter_network(handles.data(), owners.data(), handles.size(), first);
    b.fields.addresses.truncate(0);
    if constexpr (field_count > 0) {
      detail::FieldVisitor fields([&b](const auto& field) { b.fields.addresses.push_back(&field); });
      walk(reflect::prototype<Net>(), fields);
      b.fields.first_leaf = b.add_leaves(field_count, false);
    }
    b.modules.training = Mode::training;
    b.modules.evaluated.truncate(0);
    if constexpr (Mode::training && Mode::evaluates_some) {
      detail::EvaluatedVisitor<Net, Mode> evaluated{{}, b.modules.evaluated};
      walk(prototype, evaluated);
    }
    enter(b);
    const auto result = detail::unpack([&](const auto&... s) { return nn::call(prototype, s...); }, operands);
    b.leave_network();
    detail::locate<Net>(b);
    return result;
  }
  static void gather(const expr::ModuleCall<Net, Mode, A...>& e, detail::Gatherer& g) {
    e.watch.check("a model");
    STATOR_INLINE_CALL gather(*e.net, e.operands, g);
  }
  static void gather(const Net& net, const detail::Pack<A...>& operands, detail::Gatherer& g) {
    detail::gather_all(g, operands);
    gather_network(net, g);
  }
  /// The leaves of the network alone.
  static void gather_network(const Net& net, detail::Gatherer& g) {
    expr::LeafMemory* const first = g.next;
    detail::GatherVisitor v(first);
    STATOR_INLINE_CALL walk(net, v);
    g.next += module_leaves;
    for (int i = 0; i < module_leaves; ++i)
      if (first[i].data == nullptr) [[unlikely]]
        detail::throw_unbound(net);
    if constexpr (field_count > 0) {
      detail::FieldVisitor fields([&g](const auto& field) {
        *g.next++ = {const_cast<void*>(static_cast<const void*>(&field)), nullptr, nullptr};
      });
      walk(net, fields);
    }
  }
};

namespace detail {
template<class Call>
inline constexpr char call_identity = 0;

/// What the tracers of the results of a call share: the first result that is traced records the call, the
/// others find it there.
template<std::size_t I, class Call>
struct result_tracer {
  using Plan = typename expr::borrowed<Call>::type;
  static constexpr const void* identity = &call_identity<Plan>;
  static constexpr int leaf_count = tracer<Call>::leaf_count;
  static constexpr bool trains = tracer<Call>::trains;

  /// A record serves that can be differentiated at least `least` times; else the call is recorded once more.
  template<int Order>
  static constexpr auto shared_symbol(graph::Builder& b, int least) {
    using Results = decltype(tracer<Plan>::template symbol<Order>(b));
    int first = b.shared.find(identity, least);
    if (first >= 0) {
      b.add_leaves(leaf_count, false); // so that leaves keep their numbers
    } else {
      const Results results = tracer<Plan>::template symbol<Order>(b);
      b.shared.add(identity, Order);
      each_result(results, [&b](const auto& s) { b.shared.push_back(s.node); });
      first = b.shared.find(identity, least);
    }
    return typename result_type<I, Results>::type{&b, b.shared.node(first, I)};
  }
};
} // namespace detail

template<std::size_t I, class Call>
struct tracer<expr::Output<I, Call>> : detail::result_tracer<I, Call> {
  using Shared = detail::result_tracer<I, Call>;
  /// Whatever its order: a second record would draw other random numbers.
  template<int Order>
  static constexpr auto symbol(graph::Builder& b) {
    return Shared::template shared_symbol<Order>(b, graph::SharedResults::any_order);
  }
  static void gather(const expr::Output<I, Call>& output, detail::Gatherer& g) {
    using Net = std::remove_cvref_t<decltype(*output.call->net)>;
    g.see_call(Shared::identity, output.call.get(), reflect::class_name<Net>());
    tracer<Call>::gather(*output.call, g);
  }
};

/// The symbol type that an expression is traced to: its element type and shape.
template<class E>
using symbol_of = decltype(tracer<E>::template symbol<0>(std::declval<graph::Builder&>()));

/// What was recorded of an expression, as a constant. Evaluated once for each order.
template<class E, int Order>
struct recorded {
private:
  template<std::size_t Room>
  struct in_room {
    // The compiler shows this line where its limit on one evaluation is met.
    static constexpr auto value = [] { // stator: too large: raise -fconstexpr-steps= or split it
      graph::Builder b;
      const auto root = tracer<E>::template symbol<Order>(b);
      if constexpr (AnySymbol<decltype(root)>)
        b.root = root.node;
      else
        detail::each_result(root, [&b](const auto& s) { b.root = b.root < 0 ? s.node : b.root; });
      b.forward_nodes = static_cast<int>(b.nodes.size());
      b.backward = Order > 0;
      return graph::freeze<Room>(b, 0);
    }();
  };
  // A guess: a leaf, an operation for each, and half as many others.
  static constexpr std::size_t guess = 5 * static_cast<std::size_t>(tracer<E>::leaf_count) / 2;

public:
  /// The graph.
  static constexpr const auto& value = graph::fitting<in_room, graph::room_for(guess)>();
};

/// The calls of modules, in the order in which they began, recorded once more: a constant of them would have
/// addresses in a prototype, which no running program has.
template<class E, int Order>
constexpr graph::ModuleCalls recorded_calls() {
  graph::Builder b;
  tracer<E>::template symbol<Order>(b);
  return static_cast<graph::ModuleCalls&&>(b.modules);
}

} // namespace stator::inline v0_2
