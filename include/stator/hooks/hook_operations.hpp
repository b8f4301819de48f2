// SPDX-License-Identifier: BSL-1.0
// Hooks as operations. A hook function of the running program is a leaf, whose memory is the function object:
// Observe calls it with the values of its other operands, Replace takes its result. GradientHook is a view,
// so that a hook on a gradient costs the forward nothing.
#pragma once

#include "stator/hooks/hook.hpp"
#include "stator/trace/trace.hpp"

namespace stator::inline v0_2 {

namespace expr {
/// A hook function as an operand of an expression.
template<class F>
struct HookInput {
  mutable F function; ///< called when the program runs
};
} // namespace expr

namespace ops {

/// The leaf of a hook function.
using HookLeaf = Typed<std::uint8_t, Shape<>>;
/// The symbol of a hook: it has no elements.
using HookSymbol = Symbol<std::uint8_t, Shape<>, 0>;
/// The symbol of the hook that is leaf number `leaf`.
constexpr HookSymbol hook_symbol(graph::Builder& b, int leaf) {
  return {&b, b.leaf(&leaf_signature<HookLeaf, 0>::value, leaf)};
}

namespace detail {
template<class T, class S>
struct const_view;
template<class T, Index... E>
struct const_view<T, Shape<E...>> {
  using type = TensorView<const T, E...>;
};
template<class Typed>
using view_of = typename const_view<typename Typed::scalar, typename Typed::shape>::type;

template<class Typed>
auto make_view(const typename Typed::scalar* data, Index batch) {
  if constexpr (Typed::extents.is_dynamic())
    return view_of<Typed>(data, batch);
  else
    return view_of<Typed>(data);
}
constexpr void* handle_of(const std::uint8_t* leaf) { return const_cast<std::uint8_t*>(leaf); }
} // namespace detail

/// How a plain function is called: with the values.
template<class F>
struct PlainCall {
  template<class... V>
  static auto invoke(void* function, const V&... value) {
    static_assert(std::is_invocable_v<F&, const V&...>, "stator: a tensor hook is called as f(tensor)");
    return (*static_cast<F*>(function))(value...);
  }
};

/// Calls a hook with the values of all operands but the first, its leaf.
template<class Call>
struct Observe {
  static constexpr std::string_view name = "Hook";
  static constexpr bool is_unique = true;
  template<class... T>
  using scalar = std::uint8_t;
  static constexpr Extents shape(const auto&...) { return {}; }
  template<class Out, class Leaf, class... In>
  static void run(std::uint8_t*, const std::uint8_t* leaf, const typename In::scalar*... in, Index batch,
                  std::byte*) {
    Call::invoke(detail::handle_of(leaf), detail::make_view<In>(in, batch)...);
  }
};

/// The same, and the result of the hook takes the place of the first value.
template<class Call>
struct Replace {
  static constexpr std::string_view name = "Hook";
  static constexpr bool is_unique = true;
  template<class Leaf, class T, class...>
  using scalar = T;
  static constexpr Extents shape(const Extents&, const Extents& value, const auto&...) { return value; }
  template<class Out, class Leaf, class... In>
  static void run(typename Out::scalar* out, const std::uint8_t* leaf, const typename In::scalar*... in,
                  Index batch, std::byte*) {
    auto result = Call::invoke(detail::handle_of(leaf), detail::make_view<In>(in, batch)...);
    const auto same = detail::make_view<Out>(out, batch);
    if (!(result.shape() == same.shape()))
      raise(ShapeError("a hook returned a gradient of shape " + to_string(result.shape().extents) +
                       ", expected " + to_string(same.shape().extents)));
    if constexpr (requires { result.data(); }) {
      std::copy_n(result.data(), same.numel(), out);
    } else {
      const auto value = result.value();
      std::copy_n(value.data(), same.numel(), out);
    }
  }
};

/// Records a call of a hook that replaces nothing.
template<class Call, AnySymbol... S>
constexpr void observe(graph::Builder& b, int leaf, const S&... value) {
  b.effects.push_back(operation<Observe<Call>>{}(hook_symbol(b, leaf), value...).node);
}

/// What a traced hook returned, which must be as what it takes the place of.
template<AnySymbol Old, class New>
constexpr int replacement(const New& value) {
  static_assert(AnySymbol<New> && std::is_same_v<typename Old::typed, typename New::typed>,
                "stator: what a hook returns must have the shape and the element type of what it replaces");
  return value.node;
}

/// The gradient g after a hook.
template<class F, AnySymbol G>
constexpr G hooked_gradient(const G& g, [[maybe_unused]] int leaf) {
  if constexpr (stator::detail::is_traced<F>) {
    if constexpr (std::is_void_v<decltype(F::call(g))>)
      F::call(g);
    else
      return G{g.builder, replacement<G>(F::call(g))};
  } else {
    using Result =
        decltype(PlainCall<F>::invoke(nullptr, std::declval<detail::view_of<typename G::typed>>()));
    if constexpr (std::is_void_v<Result>)
      observe<PlainCall<F>>(*g.builder, leaf, g);
    else
      return G{g.builder, operation<Replace<PlainCall<F>>>{}(hook_symbol(*g.builder, leaf), g).node};
  }
  return g;
}

/// The value itself, whose gradient passes through a hook. The second operand is the leaf of the function.
template<class F>
struct GradientHook {
  static constexpr std::string_view name = "Hook";
  static constexpr bool is_view = true;
  static constexpr bool is_unique = true;
  static constexpr Extents shape(const Extents& x, const Extents&) { return x; }
  template<class G, class Y, class X, class Leaf>
  static constexpr auto vjp(G g, Y, X, Leaf leaf) {
    const int which = g.builder == nullptr ? -1 : g.builder->nodes[static_cast<std::size_t>(leaf.node)].leaf;
    return gradients(hooked_gradient<F>(g, which), no_gradient);
  }
};

} // namespace ops

template<class F>
struct tracer<expr::HookInput<F>> {
  static constexpr int leaf_count = 1;
  static constexpr bool trains = false;
  template<int Order>
  static constexpr auto symbol(graph::Builder& b) {
    return ops::hook_symbol(b, b.add_leaves(1, false));
  }
  static void gather(const expr::HookInput<F>& input, detail::Gatherer& g) {
    *g.next++ = {&input.function, nullptr, nullptr};
  }
};

/// The expression x, whose gradient `f(grad)` sees in backward(), and replaces when it returns one.
/// torch.Tensor.register_hook.
template<Operand X, class F>
auto register_hook(X&& x, F f) {
  using Handle = decltype(ops::to_handle<float>(std::forward<X>(x)));
  return expr::Expression<ops::GradientHook<F>, Handle, expr::HookInput<F>>(
      ops::to_handle<float>(std::forward<X>(x)), expr::HookInput<F>{std::move(f)});
}

/// The expression x, whose gradient backward() leaves in `to`. torch.Tensor.retain_grad.
template<Operand X, class T, Index... E>
auto retain_grad(X&& x, Tensor<T, E...>& to) {
  return register_hook(std::forward<X>(x), detail::GradientKeeper<T, E...>{&to});
}

namespace detail {
/// The object of `tap`.
template<fixed_string Name>
struct tap_object {
  template<AnySymbol X>
  constexpr X operator()(const X& x) const {
    graph::Builder& b = *x.builder;
    b.modules.taps.push_back({b.modules.current, Name.view(), x.node});
    if (b.hooks.watches.empty()) return x;
    const graph::Call& inside = b.modules.list[static_cast<std::size_t>(b.modules.current)];
    graph::HookPointRange points(b, inside.address, inside.type_name, Name.view());
    int node[] = {x.node};
    points.behind(nullptr, node, 1);
    return {x.builder, node[0]};
  }
};
} // namespace detail

/// Inside of `forward`: gives an intermediate value a name that hooks can use, `h | stator::tap<"hidden">` in
/// module `encoder` is "encoder.hidden"; stator::grad<"encoder.hidden">(loss) is the gradient there. Without
/// hooks it leaves no trace.
template<fixed_string Name>
inline constexpr detail::tap_object<Name> tap;

template<AnySymbol X, fixed_string Name>
constexpr X operator|(const X& x, const detail::tap_object<Name>& tap) {
  return tap(x);
}

} // namespace stator::inline v0_2
