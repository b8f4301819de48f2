// SPDX-License-Identifier: BSL-1.0
// What `grad` is asked about, among the leaves of a loss: tensors, which are known by their memory when the
// program runs, and parameters, which are known by their paths when it is compiled.
#pragma once

#include "stator/ops/grad_points.hpp"

namespace stator::inline v0_2 {

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

} // namespace detail

} // namespace stator::inline v0_2
