// SPDX-License-Identifier: BSL-1.0
// What `model.with(hooks...)` returns, and how a network is traced with hooks.
#pragma once

#include "stator/core/glob.hpp"
#include "stator/hooks/hook_point_code.hpp"

namespace stator::inline v0_2 {

namespace detail {

template<class E, int Order, class Indices>
struct point_codes;
template<class E, int Order, std::size_t... K>
struct point_codes<E, Order, std::index_sequence<K...>> {
  static constexpr std::array<graph::HookPointCode, sizeof...(K) + 1> list{point_code<E, K, Order>::code()...,
                                                                           graph::HookPointCode{}};
};

/// Adds the watches of hook number `hook`.
template<class Net, class H>
struct WatchVisitor : visitor_base {
  graph::Builder& b;
  std::size_t hook, seen = 0;
  constexpr WatchVisitor(graph::Builder& builder, std::size_t h) : b(builder), hook(h) {}
  template<class M>
  constexpr void module(const M& m) {
    using T = table<Net>;
    constexpr std::string_view path = H::path.view();
    const std::size_t here = seen++;
    const std::string_view own = T::modules[here].path;
    // A shared module is one object, whatever path the hook names it by.
    bool itself = false;
    for (const ModuleEntry& entry : T::modules)
      itself = itself || (entry.owner == T::modules[here].owner && glob_match(path, entry.path));
    if (itself)
      b.hooks.watches.push_back({&m, &display_name<M>, {}, here, hook});
    else if (const std::string_view name = inside_of(own, path); !name.empty())
      b.hooks.watches.push_back({&m, &display_name<M>, name, here, hook});
  }
};

/// The first hook that meets nothing.
template<class E>
constexpr Text useless_hook() {
  using Net = typename E::net_type;
  Text found;
  [&]<std::size_t... I>(std::index_sequence<I...>) {
    (
        [&] {
          using H = std::tuple_element_t<I, typename E::hooks_type>;
          bool met = !found.empty();
          for (const graph::HookPoint& point : hook_points<E>::list) met = met || point.hook == I;
          if (met) return;
          const std::string_view path = H::path.view();
          found += text("stator: hook at \"", path, "\": ", reflect::class_name<Net>());
          if (table<Net>::find_module(path) != not_found) {
            found += " does not call that module in forward";
          } else {
            found += " has no module, tap or result of that name";
            found += nearest(path, table<Net>::modules.size(),
                             [](std::size_t i) { return table<Net>::modules[i].path; });
          }
        }(),
        ...);
  }(std::make_index_sequence<std::tuple_size_v<typename E::hooks_type>>{});
  return found;
}

} // namespace detail

template<class Net, class Mode, class Hooks, class... A>
struct tracer<expr::HookedCall<Net, Mode, Hooks, A...>> {
  using E = expr::HookedCall<Net, Mode, Hooks, A...>;
  using Call = tracer<expr::ModuleCall<Net, Mode, A...>>;
  static constexpr int hook_count = static_cast<int>(std::tuple_size_v<Hooks>);
  static constexpr int leaf_count = Call::leaf_count + hook_count;
  static constexpr bool trains = Call::trains;

  template<int Order, bool Collect>
  static constexpr auto record(graph::Builder& b) {
    const auto result = Call::template record<Order>(b, [](graph::Builder& inside) {
      inside.hooks.leaf = inside.add_leaves(hook_count, false);
      inside.hooks.next_point = 0;
      if constexpr (!Collect)
        inside.hooks.code =
            detail::point_codes<E, Order, std::make_index_sequence<hook_points<E>::count>>::list.data();
      [&]<std::size_t... I>(std::index_sequence<I...>) {
        (
            [&] {
              detail::WatchVisitor<Net, std::tuple_element_t<I, Hooks>> v(inside, I);
              walk(reflect::prototype<Net>(), v);
            }(),
            ...);
      }(std::make_index_sequence<std::tuple_size_v<Hooks>>{});
    });
    b.hooks.watches.truncate(0);
    b.hooks.code = nullptr;
    return result;
  }
  template<int Order>
  static constexpr auto symbol(graph::Builder& b) {
    const auto result = record<Order, false>(b);
    if (b.mistake.text.empty()) b.mistake.text = detail::useless_hook<E>();
    return result;
  }
  static void gather(const E& e, detail::Gatherer& g) {
    e.watch.check("a model");
    Call::gather(*e.net, e.operands, g);
    std::apply([&](const auto&... handle) { ((*g.next++ = {memory(handle), nullptr, nullptr}), ...); },
               e.hooks);
  }

private:
  /// What the leaf of a hook points to.
  template<class H>
  static void* memory(const expr::HookHandle<H, Net>& handle) {
    if constexpr (H::kind == HookKind::tensor)
      return &handle.function;
    else
      return const_cast<expr::HookHandle<H, Net>*>(&handle);
  }
};

/// A network that is called with hooks. Expressions that it makes hold copies of the hook functions, so what
/// these collect is captured by reference.
template<class Net, class Mode, class... H>
class HookedModel {
public:
  explicit HookedModel(const Net& net, H... hook) : net_(&net), watch_(&net), hooks_(std::move(hook)...) {}

  /// An expression: the network's outputs for these inputs.
  template<class... X>
  auto operator()(X&&... x) const {
    watch_.check("a model");
    using Result =
        expr::HookedCall<Net, Mode, std::tuple<H...>, decltype(ops::to_handle<float>(std::forward<X>(x)))...>;
    static_assert(check<trace_error<Result>>());
    if constexpr (detail::has_one_result<Result>)
      return Result(*net_, hooks_, ops::to_handle<float>(std::forward<X>(x))...);
    else
      return detail::outputs(
          std::make_shared<const Result>(*net_, hooks_, ops::to_handle<float>(std::forward<X>(x))...));
  }
  /// These hooks, then those.
  template<class... More>
  auto with(More... hook) const {
    return std::apply(
        [&](const H&... mine) {
          return HookedModel<Net, Mode, H..., More...>(*net_, mine..., std::move(hook)...);
        },
        hooks_);
  }

private:
  const Net* net_;
  [[no_unique_address]] detail::Watch watch_;
  std::tuple<H...> hooks_;
};

} // namespace stator::inline v0_2
