// SPDX-License-Identifier: BSL-1.0
// Values inside of networks that `grad` is asked about by path: what a module returns, and taps. Which nodes
// these are is known when the loss has been recorded: calls of modules and taps are remembered with their
// nodes, and found here by their module's place in the prototype of its network.
#pragma once

#include "stator/core/glob.hpp"
#include "stator/trace/trace.hpp"

namespace stator::detail {

template<class Net>
inline constexpr char network_identity = 0;

/// The networks that an expression calls: `each(f)` calls f(std::type_identity<Net>) for each call.
template<class E>
struct grad_networks {
  static constexpr void each(auto&&) {}
};
template<class Op, class... A>
struct grad_networks<expr::Expression<Op, A...>> {
  static constexpr void each(auto&& f) { (grad_networks<A>::each(f), ...); }
};
template<class Net, class Mode, class... A>
struct grad_networks<expr::ModuleCall<Net, Mode, A...>> {
  static constexpr void each(auto&& f) {
    (grad_networks<A>::each(f), ...);
    f(std::type_identity<Net>{});
  }
};
template<class E>
  requires requires { typename E::unhooked; }
struct grad_networks<E> : grad_networks<typename E::unhooked> {};
template<std::size_t I, class Call>
struct grad_networks<expr::Output<I, Call>> : grad_networks<Call> {};

/// Calls f(node) for each call of the module of Net that `path` names, with the node of what it returned (-1:
/// several values), for each call that has returned several values, one of which is called so, and for each
/// passage of the tap of that name.
template<class Net, class F>
struct GradPointVisitor : visitor_base {
  const graph::Builder& b;
  std::string_view path;
  F f;
  bool exists = false; ///< Net has such a module, or a tap of that name was passed
  std::size_t seen = 0;
  constexpr GradPointVisitor(const graph::Builder& builder, std::string_view p, F found)
      : b(builder), path(p), f(found) {}

  template<class M>
  constexpr void module(const M& m) {
    using T = table<Net>;
    const std::size_t here = seen++;
    // A shared module is one object, whatever path it is called by.
    const std::size_t named = T::find_module(path);
    if (named != not_found && T::modules[named].owner == T::modules[here].owner) {
      exists = true;
      for (const graph::Call& call : b.modules.list)
        if (is(call, m)) f(graph::ModuleCalls::result_count(call) == 1 ? b.modules.result(call) : -1);
      return;
    }
    const std::string_view name = inside_of(T::modules[here].path, path);
    if (name.empty()) return;
    for (const graph::Call& call : b.modules.list)
      if (call.several != nullptr && is(call, m) && call.several->find(name) < call.several->count) {
        exists = true;
        f(b.modules.result(call, call.several->find(name)));
      }
    for (const graph::Tap& tap : b.modules.taps)
      if (tap.name == name && is(b.modules.list[static_cast<std::size_t>(tap.call)], m)) {
        exists = true;
        f(tap.node);
      }
  }

private:
  template<class M>
  static constexpr bool is(const graph::Call& call, const M& m) {
    return call.address == static_cast<const void*>(&m) && call.type_name == &display_name<M>;
  }
};

/// Calls f(node) for each value at `path` in the networks of the expression E that has been recorded in `b`;
/// returns how many network types have such a path, and in `net` the identity of the last of them.
template<class E>
constexpr int each_grad_point(const graph::Builder& b, std::string_view path, const void*& net,
                              const auto& f) {
  int count = 0;
  GrowingArray<const void*> seen;
  grad_networks<E>::each([&]<class Net>(std::type_identity<Net>) {
    for (const void* s : seen)
      if (s == &network_identity<Net>) return; // called again: its calls have been seen
    seen.push_back(&network_identity<Net>);
    GradPointVisitor<Net, std::remove_cvref_t<decltype(f)>> v(b, path, f);
    walk(reflect::prototype<Net>(), v);
    if (v.exists) ++count, net = &network_identity<Net>;
  });
  return count;
}

/// Gradients with respect to what modules return and to taps, one for each path: of all calls of a module in
/// the loss the sum.
template<class Loss, bool AllowUnused, fixed_string... Path>
struct grad_of_points {
  static constexpr bool allows_unused = AllowUnused;
  static constexpr bool by_memory = false;
  static constexpr std::size_t pointers = 0;

  /// What is at a path.
  struct Found {
    graph::ValueType type{};   ///< of the value
    const void* net = nullptr; ///< identity of its network's type
    int networks = 0;          ///< how many types have the path
    int values = 0;            ///< calls of the module, passages of the tap
    bool is_one = true;        ///< each returns one value
    bool is_alike = true;      ///< all have the same type
  };
  static constexpr std::array<Found, sizeof...(Path)> found = [] {
    graph::Builder b;
    tracer<Loss>::template symbol<0>(b);
    const auto look = [&b](std::string_view path) {
      Found result;
      result.networks = each_grad_point<Loss>(b, path, result.net, [&](int node) {
        if (node < 0) return void(result.is_one = false);
        if (result.values++ == 0)
          result.type = b.type(node);
        else
          result.is_alike = result.is_alike && result.type == b.type(node);
      });
      return result;
    };
    return std::array{look(Path.view())...};
  }();

  static constexpr std::size_t count(const auto&) { return sizeof...(Path); }
  static constexpr graph::ValueType type(const auto&, std::size_t result) { return found[result].type; }
  /// The first parameter of each call of its network, by whose memory two networks of one type are told from
  /// one that is called twice.
  static constexpr bool fits(const auto& table, std::size_t result, std::size_t leaf) {
    if (table[leaf].net == nullptr || table[leaf].net != found[result].net) return false;
    for (std::size_t i = 0; i < leaf; ++i)
      if (table[i].net == table[leaf].net) return table[i].name == table[leaf].name;
    return true;
  }
  /// Calls f(result, node) for each node that is asked about.
  static constexpr void each_node(const graph::Builder& b, const auto& f) {
    std::size_t result = 0;
    const void* net = nullptr;
    ((each_grad_point<Loss>(b, Path.view(), net, [&](int node) { f(result, node); }), ++result), ...);
  }
  static constexpr Text unused(const auto&, std::size_t) { return {}; }
  /// What cannot be asked.
  static constexpr Text mistake() {
    constexpr std::string_view paths[] = {Path.view()...};
    for (std::size_t r = 0; r < sizeof...(Path); ++r) {
      const Found& at = found[r];
      if (at.networks == 0)
        return text(
            "stator: grad: no network in this expression has a trainable parameter, a module or a tap "
            "at \"",
            paths[r], "\"");
      if (at.networks > 1)
        return text("stator: grad: networks of different types in this expression have a module \"", paths[r],
                    "\"");
      if (!at.is_one)
        return text("stator: grad: module \"", paths[r],
                    "\" returns several values: say which is meant, grad<\"", paths[r],
                    paths[r].empty() ? "" : ".", "0\">, or the name of a field");
      if (at.values == 0)
        return text("stator: grad: module \"", paths[r], "\" is not called in this expression");
      if (!at.is_alike)
        return text("stator: grad: the calls of module \"", paths[r],
                    "\" return values of different shapes, whose gradients cannot be added up: give the one "
                    "that is meant a name, stator::tap<\"name\">");
      if (!is_floating_point(at.type.dtype))
        return text("stator: grad: what is at \"", paths[r],
                    "\" has no floating-point elements, so it has no gradient");
    }
    return {};
  }
};

} // namespace stator::detail
