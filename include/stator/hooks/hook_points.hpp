// SPDX-License-Identifier: BSL-1.0
// A network with hooks as an expression, and its hook points: the types of what they see there.
#pragma once

#include "stator/core/frozen.hpp"
#include "stator/graph/differentiate.hpp"
#include "stator/hooks/hook_operations.hpp"
#include "stator/module/access.hpp"

namespace stator::inline v0_2 {

namespace expr {

/// A hook in an expression: the function and the network that it is shown.
template<class H, class Net>
struct HookHandle {
  mutable typename H::function_type function; ///< called when the program runs
  const Net* net;                             ///< what it is shown, not owned
};

/// A network with hooks, applied to operands. Hooks is a std::tuple of Hook.
template<class Net, class Mode, class Hooks, class... A>
class HookedCall;
template<class Net, class Mode, class... H, class... A>
class HookedCall<Net, Mode, std::tuple<H...>, A...>
    : public Evaluated<HookedCall<Net, Mode, std::tuple<H...>, A...>> {
public:
  using net_type = Net;
  using hooks_type = std::tuple<H...>;
  using unhooked = ModuleCall<Net, Mode, A...>; ///< the same without hooks
  const Net* net;
  [[no_unique_address]] detail::Watch watch;
  detail::Pack<A...> operands;
  std::tuple<HookHandle<H, Net>...> hooks;
  HookedCall(const Net& n, const std::tuple<H...>& h, A... a)
      : net(&n), watch(&n), operands{{std::move(a)}...},
        hooks(HookHandle<H, Net>{std::get<H>(h).function, &n}...) {}
};

} // namespace expr

/// The hook points of a HookedCall.
template<class E>
struct hook_points {
  /// Traces the network and collects them.
  static constexpr GrowingArray<graph::HookPoint> make() {
    graph::Builder b;
    tracer<E>::template record<1, true>(b);
    const GrowingArray<bool> needs = graph::needs_gradient(b);
    for (graph::HookPoint& point : b.hooks.points) {
      for (graph::HookPointValue& v : point.in)
        v.needs_grad = v.is_symbol && needs[static_cast<std::size_t>(v.node)];
      for (graph::HookPointValue& v : point.out)
        v.needs_grad = v.is_symbol && needs[static_cast<std::size_t>(v.node)];
    }
    return b.hooks.points;
  }
  static constexpr const auto& list = frozen<hook_points, 256>::value; ///< the same as a constant
  static constexpr std::size_t count = list.size();                    ///< how many there are
};

namespace detail {

template<class... V>
constexpr auto one_or_tuple(const V&... value) {
  if constexpr (sizeof...(V) == 1)
    return std::get<0>(std::tuple(value...));
  else
    return std::tuple(value...);
}

/// Values as the forward of a module returns them: in the place of the symbols of `Results`, or the only one,
/// or, where Results is void, in a std::tuple.
template<class Results, class... V>
constexpr auto arranged(const V&... value) {
  if constexpr (std::is_void_v<Results>) {
    return one_or_tuple(value...);
  } else {
    const std::tuple<const V&...> all(value...);
    return mapped_results(Results{}, [&all]<std::size_t I>(std::integral_constant<std::size_t, I>,
                                                           const auto&) { return std::get<I>(all); });
  }
}

/// How a hook of a module is called at run time: with the views of its inputs and outputs, as far as there
/// are any, the outputs arranged as `Results`.
template<class Handle, fixed_string Path, class Results, class Inputs, class Outputs>
struct ModuleHookCall;
template<class Handle, fixed_string Path, class Results, bool... Ins, bool... Outs>
struct ModuleHookCall<Handle, Path, Results, std::integer_sequence<bool, Ins...>,
                      std::integer_sequence<bool, Outs...>> {
  static constexpr std::array<bool, sizeof...(Ins) + sizeof...(Outs)> there{Ins..., Outs...};
  static constexpr std::size_t rank(std::size_t slot) {
    std::size_t n = 0;
    for (std::size_t i = 0; i < slot; ++i) n += there[i];
    return n;
  }
  template<std::size_t Slot>
  static auto get(const auto& views) {
    if constexpr (there[Slot])
      return std::get<rank(Slot)>(views);
    else
      return NoGradient{};
  }
  template<class... V>
  static auto invoke(void* memory, const V&... view) {
    auto& handle = *static_cast<Handle*>(memory);
    const std::tuple<V...> views(view...);
    return [&]<std::size_t... I, std::size_t... O>(std::index_sequence<I...>, std::index_sequence<O...>) {
      if constexpr (sizeof...(O) == 0)
        return handle.function(stator::get<Path>(*handle.net), one_or_tuple(get<I>(views)...));
      else
        return handle.function(stator::get<Path>(*handle.net), one_or_tuple(get<I>(views)...),
                               arranged<Results>(get<sizeof...(I) + O>(views)...));
    }(std::make_index_sequence<sizeof...(Ins)>{}, std::make_index_sequence<sizeof...(Outs)>{});
  }
};

/// The same at a tap.
template<class Handle>
struct TapHookCall {
  template<class V>
  static auto invoke(void* memory, const V& view) {
    return static_cast<Handle*>(memory)->function(view);
  }
};

/// The symbols on one side of a hook point: `Gradients` says whether those count that have a gradient, or
/// all.
template<class E, std::size_t K, bool Output, bool Gradients, int Order>
struct point_values {
  static constexpr const graph::HookPoint& point = hook_points<E>::list[K];
  static constexpr const auto& values = Output ? point.out : point.in;
  static constexpr std::size_t size = [] {
    std::size_t n = 0;
    for (std::size_t i = 0; i < (Output ? point.out_count : point.in_count); ++i) n += values[i].is_symbol;
    return n;
  }();
  using indices = std::make_index_sequence<size>;
  /// Position of the symbol number `i` among the operands.
  static constexpr std::size_t at(std::size_t i) {
    for (std::size_t k = 0;; ++k)
      if (values[k].is_symbol && i-- == 0) return k;
  }
  static constexpr bool there(std::size_t i) {
    const graph::HookPointValue& v = values[at(i)];
    return !Gradients ||
           ((v.dtype == DType::float32 || v.dtype == DType::float64) && (Output || v.needs_grad));
  }
  template<std::size_t I>
  struct symbol_at {
    static constexpr DType dtype = values[at(I)].dtype;
    static constexpr Extents extents = values[at(I)].type().extents;
    using type = Symbol<scalar_of<dtype>, stator::to_shape<extents>, Order>;
  };
  template<std::size_t I>
  using symbol = typename symbol_at<I>::type;
  template<std::size_t... I>
  static constexpr auto make_mask(std::index_sequence<I...>) {
    return std::integer_sequence<bool, there(I)...>{};
  }
  using mask = decltype(make_mask(indices{}));

  template<std::size_t I>
  static constexpr auto value(graph::Builder& b, const int* node) {
    if constexpr (there(I))
      return symbol<I>{&b, node[at(I)]};
    else
      return NoGradient{};
  }
  /// A std::tuple of symbols, with NoGradient for what has none.
  static constexpr auto all(graph::Builder& b, const int* node) {
    return [&]<std::size_t... I>(std::index_sequence<I...>) {
      return std::tuple(value<I>(b, node)...);
    }(indices{});
  }
  /// As a hook sees them: the only one, or a std::tuple.
  static constexpr auto shown(graph::Builder& b, const int* node) {
    return std::apply([](const auto&... v) { return one_or_tuple(v...); }, all(b, node));
  }
  /// A std::tuple of f(symbol) for each symbol.
  static constexpr auto mapped(graph::Builder& b, const int* node, const auto& f) {
    const auto one = [&](const auto& v) {
      if constexpr (AnySymbol<decltype(v)>)
        return f(v);
      else
        return v;
    };
    return std::apply([&](const auto&... v) { return std::tuple(one(v)...); }, all(b, node));
  }
  /// The symbols alone.
  static constexpr auto symbols(graph::Builder& b, const int* node) {
    return std::apply(
        [](const auto&... v) {
          return std::tuple_cat([&] {
            if constexpr (AnySymbol<decltype(v)>)
              return std::tuple(v);
            else
              return std::tuple<>();
          }()...);
        },
        all(b, node));
  }
  /// Writes what a traced hook returned over the nodes; NoGradient leaves one as it is.
  template<class R>
  static constexpr void replace(int* node, const R& result) {
    static_assert(result_kind<R>() != ResultKind::none && result_count<R>() == size,
                  "stator: a hook returns as many values as it replaces");
    mapped_results(result,
                   [node]<std::size_t I, class V>(std::integral_constant<std::size_t, I>, const V& value) {
                     replace_one<I>(node, value);
                     return value;
                   });
  }
  template<std::size_t I, class V>
  static constexpr void replace_one(int* node, const V& value) {
    static_assert(AnySymbol<V> || std::is_same_v<V, NoGradient>,
                  "stator: what a hook returns must have the shape and the element type of what it replaces");
    if constexpr (AnySymbol<V>) node[at(I)] = ops::replacement<symbol<I>>(value);
  }
};

} // namespace detail
} // namespace stator::inline v0_2
