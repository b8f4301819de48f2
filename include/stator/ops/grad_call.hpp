// SPDX-License-Identifier: BSL-1.0
// A call of `grad` in the graph: the loss is recorded once for all gradients of the call, and swept once, by
// the code of the pass "differentiate".
#pragma once

#include "stator/core/compiler.hpp"
#include "stator/graph/differentiate.hpp"
#include "stator/ops/compare.hpp"
#include "stator/ops/grad_selection.hpp"
#include "stator/ops/slicing.hpp"

namespace stator::inline v0_2 {

namespace detail {

/// What a call of `grad` computes from the leaves of its loss.
template<class Loss, class Select>
struct GradPlan {
  static constexpr const auto& table = grad_leaf_table<Loss>;
  /// Tensors that are asked about.
  static constexpr std::size_t results = Select::count(table);
  /// A leaf that may be one of them.
  struct Candidate {
    std::size_t result, leaf;
    int mask; ///< which of the leaves behind those of the loss says whether it is; -1: it must be
  };
  static constexpr auto made = [] {
    struct {
      std::array<Candidate, table.size() * (results + 1)> list{};
      std::size_t size = 0;
      int masks = 0;
    } all;
    for (std::size_t r = 0; r < results; ++r) {
      const std::size_t first = all.size;
      for (std::size_t l = 0; l < table.size(); ++l)
        if (Select::fits(table, r, l)) all.list[all.size++] = {r, l, -1};
      if (Select::by_memory && (all.size - first > 1 || Select::allows_unused))
        for (std::size_t k = first; k < all.size; ++k) all.list[k].mask = all.masks++;
    }
    return all;
  }();
  static constexpr std::size_t candidate_count = made.size;
  static constexpr std::array<Candidate, candidate_count> candidates = [] {
    std::array<Candidate, candidate_count> list{};
    for (std::size_t k = 0; k < candidate_count; ++k) list[k] = made.list[k];
    return list;
  }();
  static constexpr int masks = made.masks;
  /// The type of a result.
  template<std::size_t R>
  struct Type {
    static constexpr graph::ValueType value = Select::type(table, R);
    static constexpr DType dtype = arithmetic_dtype(value.dtype); // of a gradient
    static constexpr Extents extents = value.extents;
    using scalar = scalar_of<dtype>;
    using shape = stator::to_shape<extents>;
    template<int Order>
    using symbol = Symbol<scalar, shape, Order>;
  };
  static constexpr std::array<graph::ValueType, results> types = [] {
    std::array<graph::ValueType, results> list{};
    for (std::size_t r = 0; r < results; ++r) {
      list[r] = Select::type(table, r);
      list[r].dtype = arithmetic_dtype(list[r].dtype);
    }
    return list;
  }();
};

/// No gradient of the result is given: it has one element.
struct NoSeed {};
/// Each element of the result is differentiated by itself: a Jacobian.
struct EverySeed {};

/// A node that is asked about.
struct GradSource {
  std::size_t result; ///< the gradient is added to this one
  int node;
  int mask; ///< as Candidate::mask
};

/// The extents of a Jacobian.
constexpr Extents jacobian_extents(const Extents& y, const Extents& x) {
  Extents all = y;
  for (std::size_t d = 0; d < x.rank && all.rank < max_rank; ++d) all.push_back(x[d]);
  return all;
}
template<class Y, class X>
struct jacobian_type {
  static constexpr Extents extents = jacobian_extents(Y::extents, X::extents);
  static constexpr Extents row = Extents(Index{1}, X::extents.numel());
  template<int Order>
  using symbol = Symbol<typename X::scalar, stator::to_shape<extents>, Order>;
};

} // namespace detail

namespace expr {

/// The results of one call of `grad`: the loss, and its gradient with respect to each tensor that Select
/// says.
template<class Select, class Loss, class Seed>
struct GradCall {
  using differentiated = Loss; ///< whose networks take part in a backward of the gradient
  Loss loss;                   ///< what is differentiated
  Seed seed;                   ///< the gradient of the loss
  std::array<const void*, Select::pointers> wanted; ///< memory of the tensors that are asked about
};

template<class Select, class Loss, class Seed>
struct borrowed<GradCall<Select, Loss, Seed>> {
  using type = GradCall<Select, typename borrowed<Loss>::type, typename borrowed<Seed>::type>;
};

} // namespace expr

namespace detail {
template<std::size_t I, class Select, class Loss, class Seed>
inline constexpr int gradient_depth<expr::Output<I, expr::GradCall<Select, Loss, Seed>>> =
    gradient_depth<Loss> + 1;

template<class Select, class Loss, class Seed>
struct grad_networks<expr::GradCall<Select, Loss, Seed>> {
  static constexpr void each(auto&& f) {
    grad_networks<Loss>::each(f);
    grad_networks<Seed>::each(f);
  }
};
template<class Select, class Loss, class Seed>
struct grad_leaves<expr::GradCall<Select, Loss, Seed>> {
  static constexpr void list(GradLeaf*& to) {
    GradLeaf* const end = to + tracer<expr::GradCall<Select, Loss, Seed>>::leaf_count;
    grad_leaves<Loss>::list(to);
    if constexpr (tracer<Seed>::leaf_count > 0) grad_leaves<Seed>::list(to);
    to = end;
  }
};
} // namespace detail

template<>
struct tracer<detail::NoSeed> {
  static constexpr int leaf_count = 0;
  static constexpr bool trains = false;
  static void gather(const auto&, detail::Gatherer&) {}
};
template<>
struct tracer<detail::EverySeed> : tracer<detail::NoSeed> {};

template<class Select, class Loss, class Seed>
struct tracer<expr::GradCall<Select, Loss, Seed>> {
  using Plan = detail::GradPlan<typename expr::borrowed<Loss>::type, Select>;
  static constexpr int leaf_count = tracer<Loss>::leaf_count + tracer<Seed>::leaf_count + Plan::masks;
  static constexpr bool trains = tracer<Loss>::trains;

  template<int Order, std::size_t R>
  using Result = typename Plan::template Type<R>::template symbol<Order>;

  /// The loss and its gradients as a tuple of symbols.
  template<int Order>
  static constexpr auto symbol(graph::Builder& b) {
    const std::size_t first = b.values.size();
    const auto loss = tracer<Loss>::template symbol<Order + 1>(b);
    using Value = std::remove_const_t<decltype(loss)>;
    int seed = -1;
    if constexpr (std::is_same_v<Seed, detail::NoSeed>)
      seed = ops::gradient_functions<typename Value::typed, 0>::fill()(b, 1.0);
    else if constexpr (!is_jacobian)
      seed = tracer<Seed>::template symbol<Order>(b).node;
    const int masks = b.add_leaves(Plan::masks, false);

    // Which nodes lead from a candidate to the loss.
    const int end = loss.node + 1;
    GrowingArray<bool> needed(static_cast<std::size_t>(end));
    bool* const needs = needed.data();
    GrowingArray<detail::GradSource> sources;
    const auto ask = [&](std::size_t result, int node, int mask) {
      if (node < 0 || node >= end) return;
      needs[node] = true;
      if (mask < 0)
        for (const detail::GradSource& s : sources)
          if (s.result == result && s.node == node) return; // two equal calls are one value
      sources.push_back({result, node, mask});
    };
    if constexpr (requires { Select::found; }) {
      Select::each_node(b, [&](std::size_t result, int node) { ask(result, node, -1); });
    } else {
      for (std::size_t k = 0; k < Plan::candidate_count; ++k)
        ask(Plan::candidates[k].result, b.values[first + Plan::candidates[k].leaf], Plan::candidates[k].mask);
    }
    const GrowingArray<bool> wanted = needed;
    graph::spread_needs(b, needs, end);

    return [&]<std::size_t... R>(std::index_sequence<R...>) {
      const Symbol<typename Value::scalar, typename Value::shape, Order> value{&b, loss.node};
      GrowingArray<int> grads;
      const auto sweep = [&](int from) {
        grads = GrowingArray<int>(static_cast<std::size_t>(end), -1);
        grads.data()[loss.node] = from;
        graph::sweep(b, needs, grads.data(), end, 0, graph::WithoutDerivative{b, wanted.data()});
      };
      if constexpr (is_jacobian) {
        constexpr std::size_t rows = static_cast<std::size_t>(Value::extents.numel());
        GrowingArray<int> found[Plan::results]; // of each result the nodes of its rows
        [&]<std::size_t... Row>(std::index_sequence<Row...>) {
          ((sweep(unit<Value, Row>(b)),
            (found[R].push_back(gradient<R>(b, sources, grads, masks, Result<Order, R>{}).node), ...)),
           ...);
        }(std::make_index_sequence<rows>{});
        return std::tuple{value, stacked<Value, Result<Order, R>>(b, found[R])...};
      } else {
        sweep(seed);
        return std::tuple{value, gradient<R>(b, sources, grads, masks, Result<Order, R>{})...};
      }
    }(std::make_index_sequence<Plan::results>{});
  }

  static void gather(const expr::GradCall<Select, Loss, Seed>& call, detail::Gatherer& g) {
    const expr::LeafMemory* const first = g.next;
    tracer<Loss>::gather(call.loss, g);
    tracer<Seed>::gather(call.seed, g);
    if constexpr (Plan::candidate_count > 0) {
      std::array<const void*, Plan::results> seen{};
      for (const auto& candidate : Plan::candidates) {
        const void* const memory = first[candidate.leaf].data;
        const void*& found = seen[candidate.result];
        if constexpr (Select::by_memory) {
          const bool same = memory == call.wanted[candidate.result];
          if (same) found = memory;
          if (candidate.mask >= 0)
            *g.next++ = {chosen_as(Plan::types[candidate.result].dtype, same), nullptr, nullptr};
        } else {
          if (found != nullptr && found != memory) refuse_two_networks(candidate.leaf);
          found = memory;
        }
      }
      if constexpr (!Select::allows_unused && !requires { Select::found; })
        for (std::size_t r = 0; r < Plan::results; ++r)
          if (seen[r] == nullptr) refuse_unused(r + 1);
    }
  }

private:
  [[noreturn]] STATOR_COLD static void refuse_unused(std::size_t input) {
    raise(GraphError("grad: the loss does not depend on input " + std::to_string(input) +
                     ": stator::allow_unused gives zeros for it"));
  }
  [[noreturn]] STATOR_COLD static void refuse_two_networks(std::size_t leaf) {
    const std::string name(Plan::table[leaf].name);
    if constexpr (requires { Select::found; })
      raise(GraphError(
          "grad: two networks of one type in this expression have the module that is asked for, each "
          "with a parameter " +
          name +
          " of its own: take the gradient of the part of the loss that "
          "calls one of them"));
    else
      raise(GraphError("grad: " + name +
                       " is a parameter of two networks of one type in this expression: ask for it by "
                       "the tensor, grad(loss, model->layer.weight)"));
  }
  static constexpr bool is_jacobian = std::is_same_v<Seed, detail::EverySeed>;

  /// Zeros of the type of Value with a one as element number Row.
  template<class Value, std::size_t Row>
  static constexpr int unit(graph::Builder& b) {
    using One = Typed<typename Value::scalar, Shape<1>>;
    constexpr Index at = static_cast<Index>(Row), count = Value::extents.numel();
    const Symbol<typename Value::scalar, Shape<1>, 0> one{&b,
                                                          ops::gradient_functions<One, 0>::fill()(b, 1.0)};
    return ops::reshape_to<Value::extents>(operation<ops::ZeroAround<0, at, count - 1 - at>>{}(one)).node;
  }
  /// Rows of the type X as one Jacobian.
  template<class Value, class X>
  static constexpr auto stacked(graph::Builder& b, const GrowingArray<int>& rows) {
    using Type = detail::jacobian_type<Value, X>;
    constexpr std::size_t count = static_cast<std::size_t>(Value::extents.numel());
    return ops::reshape_to<Type::extents>(joined<Type, X, 0, count>(b, rows));
  }
  template<class Type, class X, std::size_t First, std::size_t Count>
  static constexpr auto joined(graph::Builder& b, const GrowingArray<int>& rows) {
    constexpr std::size_t at_once = 16; // so that few kernels are compiled for many rows
    if constexpr (Count == 1) {
      return ops::reshape_to<Type::row>(X{&b, rows[First]});
    } else if constexpr (Count <= at_once) {
      return [&]<std::size_t... I>(std::index_sequence<I...>) {
        return operation<ops::Cat<0>>{}(joined<Type, X, First + I, 1>(b, rows)...);
      }(std::make_index_sequence<Count>{});
    } else {
      constexpr std::size_t half = Count / 2 / at_once * at_once + (Count < 2 * at_once ? at_once : 0);
      return operation<ops::Cat<0>>{}(joined<Type, X, First, half>(b, rows),
                                      joined<Type, X, First + half, Count - half>(b, rows));
    }
  }

  /// The memory of a 1 or a 0.
  template<class T>
  static constexpr T chosen[2] = {0, 1};
  static void* chosen_as(DType dtype, bool is_meant) {
    return dtype == DType::float64 ? static_cast<void*>(const_cast<double*>(&chosen<double>[is_meant]))
                                   : const_cast<float*>(&chosen<float>[is_meant]);
  }

  template<std::size_t R, class S>
  static constexpr S gradient(graph::Builder& b, const GrowingArray<detail::GradSource>& sources,
                              const GrowingArray<int>& grads, int masks, S none) {
    using T = typename S::scalar;
    S total = none;
    for (const detail::GradSource& source : sources) {
      if (source.result != R) continue;
      S g{&b, grads[static_cast<std::size_t>(source.node)]};
      if (g.node < 0) continue;
      if (const int mask = source.mask; mask >= 0) {
        using Mask = Symbol<T, Shape<>, S::order>;
        const Mask is_meant{
            &b, b.leaf(&ops::leaf_signature<typename Mask::typed, S::order>::value, masks + mask)};
        g = operation<ops::Choose>{}(is_meant, g, 0.0);
      }
      total = total.node < 0 ? g : add(total, g);
    }
    if (total.node < 0) total = {&b, ops::gradient_functions<typename S::typed, 0>::fill()(b, 0.0)};
    return total;
  }
};

/// The results of one call of `grad` share what is recorded of it.
template<std::size_t I, class Select, class Loss, class Seed>
struct tracer<expr::Output<I, expr::GradCall<Select, Loss, Seed>>>
    : detail::result_tracer<I, expr::GradCall<Select, Loss, Seed>> {
  using Call = expr::GradCall<Select, Loss, Seed>;
  using Shared = detail::result_tracer<I, Call>;

  template<int Order>
  static constexpr auto symbol(graph::Builder& b) {
    return Shared::template shared_symbol<Order>(b, Order);
  }
  static void gather(const expr::Output<I, Call>& output, detail::Gatherer& g) {
    g.see_call(Shared::identity, output.call.get(), "stator::grad",
               "make the type of one loss another, stator::distinct<1>(loss)");
    tracer<Call>::gather(*output.call, g);
  }
};

} // namespace stator::inline v0_2
