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

#include "stator/core/compiler.hpp"
#include "stator/graph/differentiate.hpp"
#include "stator/ops/compare.hpp"
#include "stator/ops/grad_points.hpp"
#include "stator/ops/slicing.hpp"
#include "stator/trace/trace.hpp"
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

namespace expr {
/// A tensor of zeros that stands for the gradient of a result, to differentiate with respect to it.
template<class T, class S>
struct Direction {
  OwnedInput<T, S, false> input; ///< its memory
  /// By which it is known.
  T* data() const { return input.data; }
};
} // namespace expr

template<class T, class S>
struct tracer<expr::Direction<T, S>> : tracer<expr::Input<T, S, false>> {
  static void gather(const expr::Direction<T, S>& direction, detail::Gatherer& g) {
    tracer<expr::OwnedInput<T, S, false>>::gather(direction.input, g);
  }
};

namespace detail {

/// What a leaf of an expression is to `grad`.
struct GradLeaf {
  enum Kind : std::uint8_t { none, variable, tensor, parameter, direction };
  graph::ValueType type{};   ///< of the leaf
  Kind kind = none;          ///< what may be meant by it
  const void* net = nullptr; ///< identity of its network's type
  std::string_view name{};   ///< its path there
  bool trainable = false;    ///< a parameter of the network that is not frozen
};

/// The leaves of an expression in their order: `list(next)`. Those of expressions that are not known are
/// none.
template<class E>
struct grad_leaves {
  static constexpr void list(GradLeaf*& to) { to += tracer<E>::leaf_count; }
};
template<class T, class S, bool NeedsGrad>
struct grad_leaves<expr::Input<T, S, NeedsGrad>> {
  static constexpr void list(GradLeaf*& to) {
    *to++ = {Typed<T, S>::value, NeedsGrad ? GradLeaf::variable : GradLeaf::tensor};
  }
};
/// In the order in which operands are traced.
template<class... A>
struct grad_leaves_of_all {
  static constexpr void list(GradLeaf*& to) {
    [&]<std::size_t... I>(std::index_sequence<I...>) {
      (grad_leaves<std::tuple_element_t<tracing_order<A...>[I], std::tuple<A...>>>::list(to), ...);
    }(std::index_sequence_for<A...>{});
  }
};
template<class Op, class... A>
struct grad_leaves<expr::Expression<Op, A...>> : grad_leaves_of_all<A...> {};
template<class Net, class Mode, class... A>
struct grad_leaves<expr::ModuleCall<Net, Mode, A...>> {
  static constexpr void list(GradLeaf*& to) {
    (grad_leaves<A>::list(to), ...);
    std::size_t i = 0;
    for (const LeafEntry& leaf : Mode::template tables<Net>::leaves) {
      // Other names of a shared tensor are never read.
      if (leaf.is_parameter() && leaf.owner == i)
        *to = {{leaf.dtype, leaf.extents},
               GradLeaf::parameter,
               &network_identity<Net>,
               leaf.name,
               leaf.is_trainable()};
      ++to, ++i;
    }
    to += tracer<expr::ModuleCall<Net, Mode, A...>>::field_count;
  }
};
/// Hooks have leaves of their own behind those of the call.
template<class E>
  requires requires { typename E::unhooked; }
struct grad_leaves<E> {
  static constexpr void list(GradLeaf*& to) {
    grad_leaves<typename E::unhooked>::list(to);
    to += tracer<E>::leaf_count - tracer<typename E::unhooked>::leaf_count;
  }
};
template<std::size_t I, class Call>
struct grad_leaves<expr::Output<I, Call>> : grad_leaves<Call> {};

/// All of them.
template<class E>
inline constexpr auto grad_leaf_table = [] {
  std::array<GradLeaf, static_cast<std::size_t>(tracer<E>::leaf_count) + 1> table{};
  GradLeaf* next = table.data();
  grad_leaves<E>::list(next);
  return table;
}();

/// A tensor that `grad` is asked about: its type and what it may be in the loss.
template<class T, class S, GradLeaf::Kind Kind>
struct GradWanted {
  static constexpr graph::ValueType type = Typed<T, S>::value;
  static constexpr GradLeaf::Kind kind = Kind;
};
template<class T, class S>
struct grad_leaves<expr::Direction<T, S>> {
  static constexpr void list(GradLeaf*& to) { *to++ = {Typed<T, S>::value, GradLeaf::direction}; }
};
template<class X>
struct grad_wanted {
  using type = GradWanted<typename X::scalar, typename X::shape_type,
                          requires(const X& x) { x.grad_data(); } ? GradLeaf::variable : GradLeaf::tensor>;
};
template<class T, class S>
struct grad_wanted<expr::Direction<T, S>> {
  using type = GradWanted<T, S, GradLeaf::direction>;
};
template<Leaf X>
struct grad_wanted<X> {
  using type = GradWanted<typename X::scalar, typename X::shape_tag, GradLeaf::parameter>;
};

/// Gradients with respect to tensors.
template<bool AllowUnused, class... Wanted>
struct grad_of_tensors {
  static constexpr bool allows_unused = AllowUnused;
  static constexpr bool by_memory = true;
  static constexpr std::size_t pointers = sizeof...(Wanted);
  static constexpr std::size_t count(const auto&) { return sizeof...(Wanted); }
  static constexpr graph::ValueType type(const auto&, std::size_t result) {
    constexpr graph::ValueType types[] = {Wanted::type...};
    return types[result];
  }
  static constexpr bool fits(const auto& table, std::size_t result, std::size_t leaf) {
    constexpr graph::ValueType types[] = {Wanted::type...};
    constexpr GradLeaf::Kind kinds[] = {Wanted::kind...};
    // A parameter beside a network is a variable of the expression.
    const bool fit = table[leaf].kind == kinds[result] ||
                     (kinds[result] == GradLeaf::parameter && table[leaf].kind == GradLeaf::variable);
    return fit && table[leaf].type == types[result];
  }
  static constexpr Text unused(const auto& table, std::size_t result) {
    return text("stator: grad: the loss does not depend on input ", result + 1, ", of shape ",
                type(table, result).extents, ": stator::allow_unused gives zeros for it");
  }
};

/// Gradients with respect to the trainable parameters whose paths match one of the patterns.
template<bool AllowUnused, fixed_string... Pattern>
struct grad_of_parameters {
  static constexpr bool allows_unused = AllowUnused;
  static constexpr bool by_memory = false;
  static constexpr std::size_t pointers = 0;
  /// The leaf that result number `wanted` is first seen as; the number of results when there are fewer.
  static constexpr std::size_t find(const auto& table, std::size_t wanted, bool& found) {
    std::size_t n = 0;
    for (std::size_t i = 0; i < table.size(); ++i) {
      if (!table[i].trainable || !(glob_match(Pattern.view(), table[i].name) || ...)) continue;
      bool first = true;
      for (std::size_t k = 0; k < i; ++k) first = first && !same(table[k], table[i]);
      if (first && n++ == wanted) return found = true, i;
    }
    return n;
  }
  static constexpr bool same(const GradLeaf& a, const GradLeaf& b) {
    return a.net != nullptr && a.net == b.net && a.name == b.name;
  }
  static constexpr std::size_t count(const auto& table) {
    bool found = false;
    return find(table, static_cast<std::size_t>(-1), found);
  }
  static constexpr graph::ValueType type(const auto& table, std::size_t result) {
    bool found = false;
    return table[find(table, result, found)].type;
  }
  static constexpr bool fits(const auto& table, std::size_t result, std::size_t leaf) {
    bool found = false;
    return same(table[find(table, result, found)], table[leaf]);
  }
  static constexpr Text unused(const auto&, std::size_t) { return {}; }
  /// Whether one of the patterns names a trainable parameter of the expression.
  static constexpr bool any(const auto& table) { return count(table) > 0; }
  /// A path that names none, beside others that do.
  static constexpr Text mistake(const auto& table) {
    constexpr std::string_view patterns[] = {Pattern.view()...};
    for (const std::string_view pattern : patterns) {
      bool found = false;
      for (const GradLeaf& leaf : table) found = found || (leaf.trainable && glob_match(pattern, leaf.name));
      if (!found)
        return text("stator: grad: \"", pattern,
                    "\" is no trainable parameter of a network in this expression, "
                    "as the other paths are: ask for modules and taps in a call of their own");
    }
    return {};
  }
};

/// Gradients by path: of parameters if one of the paths names one, otherwise of what modules return and of
/// taps.
template<class Loss, bool AllowUnused, fixed_string... Path>
struct grad_by_path {
  using parameters = grad_of_parameters<AllowUnused, Path...>;
  using type = std::conditional_t<parameters::any(grad_leaf_table<Loss>), parameters,
                                  grad_of_points<Loss, AllowUnused, Path...>>;
};

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
    static constexpr DType dtype = value.dtype;
    static constexpr Extents extents = value.extents;
    using scalar = scalar_of<dtype>;
    using shape = stator::to_shape<extents>;
    template<int Order>
    using symbol = Symbol<scalar, shape, Order>;
  };
  static constexpr std::array<graph::ValueType, results> types = [] {
    std::array<graph::ValueType, results> list{};
    for (std::size_t r = 0; r < results; ++r) list[r] = Select::type(table, r);
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
          if (seen[r] == nullptr)
            raise(GraphError("grad: the loss does not depend on input " + std::to_string(r + 1) +
                             ": stator::allow_unused gives zeros for it"));
    }
  }

private:
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
struct tracer<expr::Output<I, expr::GradCall<Select, Loss, Seed>>> {
  using Call = expr::GradCall<Select, Loss, Seed>;
  using Plan = typename expr::borrowed<Call>::type;
  static constexpr const void* identity = &detail::call_identity<Plan>;
  static constexpr int leaf_count = tracer<Call>::leaf_count;
  static constexpr bool trains = tracer<Call>::trains;

  template<int Order>
  static constexpr auto symbol(graph::Builder& b) {
    using Results = decltype(tracer<Plan>::template symbol<Order>(b));
    using Result = std::tuple_element_t<I, Results>;
    if (const int first = b.shared.find(identity, Order); first >= 0) {
      b.add_leaves(leaf_count, false); // so that leaves keep their numbers
      return Result{&b, b.shared.node(first, I)};
    }
    const Results results = tracer<Plan>::template symbol<Order>(b);
    std::apply([&b](const auto&... s) { b.shared.add(identity, Order, s.node...); }, results);
    return std::get<I>(results);
  }
  static void gather(const expr::Output<I, Call>& output, detail::Gatherer& g) {
    g.see_call(identity, output.call.get(), "stator::grad",
               "make the type of one loss another, stator::distinct<1>(loss)");
    tracer<Call>::gather(*output.call, g);
  }
};

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
