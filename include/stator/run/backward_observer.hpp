// SPDX-License-Identifier: BSL-1.0
// A backward that is watched: whoever observes it is told after each unit of the program, and knows which
// unit is the last that adds to a gradient. Gradients can so be sent to other machines while the rest is
// computed.
//
// Which type observes is said by how a network is called: a Mode with a `backward_observer`. It has
//   void begin(std::span<const expr::LeafMemory>, std::span<const GradientUse>);  // before the first unit
//   void after(std::size_t unit);
//   void end();
// and is made anew for every backward. Expressions without one are compiled as if there were no observers.
#pragma once

#include "stator/run/execute.hpp"

#include <span>

namespace stator::run {

/// A leaf whose gradient a program adds to, and the last unit that does.
struct GradientUse {
  int leaf = 0;              ///< its number in the expression
  std::size_t last_unit = 0; ///< after this one the gradient is complete
};

/// Who observes the backward of an expression of type E: what the first network in it says that says so;
/// void: nobody.
template<class E>
struct backward_observer {
  using type = void; ///< nobody
};

namespace detail {

template<class... E>
struct first_observer {
  using type = void;
};
template<class First, class... Rest>
struct first_observer<First, Rest...> {
  using here = typename backward_observer<First>::type;
  using type = typename std::conditional_t<std::is_void_v<here>, first_observer<Rest...>,
                                           std::type_identity<here>>::type;
};

} // namespace detail

template<class Op, class... A>
struct backward_observer<expr::Expression<Op, A...>> : detail::first_observer<A...> {};
template<std::size_t I, class Call>
struct backward_observer<expr::Output<I, Call>> : backward_observer<Call> {};
template<class Net, class Mode, class... A>
struct backward_observer<expr::ModuleCall<Net, Mode, A...>> : detail::first_observer<A...> {};
template<class Net, class Mode, class... A>
  requires requires { typename Mode::backward_observer; }
struct backward_observer<expr::ModuleCall<Net, Mode, A...>> {
  using type = typename Mode::backward_observer; ///< what the mode says
};
template<class Call> // a gradient as an expression
  requires requires { typename Call::differentiated; }
struct backward_observer<Call> : backward_observer<typename Call::differentiated> {};
template<class E>
  requires requires { typename E::unhooked; }
struct backward_observer<E> : backward_observer<typename E::unhooked> {};

/// The gradients of program P with the units that complete them.
template<class P>
inline constexpr auto gradient_uses = [] {
  constexpr auto is_gradient = [](int node) { return P::places[P::at(node)].area == graph::Area::gradient; };
  std::array<std::size_t, P::leaf_count + 1> last{};
  for (std::size_t u = P::forward_units; u < P::units.size(); ++u)
    for (int m = 0; m < P::units[u].count; ++m)
      if (const int node = P::members[P::at(P::units[u].first + m)]; is_gradient(node))
        last[P::places[P::at(node)].offset] = u + 1;
  constexpr std::size_t count = [is_gradient] {
    std::array<bool, P::leaf_count + 1> seen{};
    std::size_t n = 0;
    for (std::size_t u = P::forward_units; u < P::units.size(); ++u)
      for (int m = 0; m < P::units[u].count; ++m)
        if (const int node = P::members[P::at(P::units[u].first + m)]; is_gradient(node))
          n += !std::exchange(seen[P::places[P::at(node)].offset], true);
    return n;
  }();
  std::array<GradientUse, count> uses{};
  std::size_t n = 0;
  for (std::size_t leaf = 0; leaf < last.size(); ++leaf)
    if (last[leaf] > 0) uses[n++] = {static_cast<int>(leaf), last[leaf] - 1};
  return uses;
}();

namespace detail {

template<class P, std::size_t First, class Observer, std::size_t... U>
void run_observed_chunk(const Frame& f, Observer& observer, std::index_sequence<U...>) {
  ((run_unit<P, First + U>(f), observer.after(First + U)), ...);
}

} // namespace detail

/// Runs the units from `First` on, and tells the observer.
template<class P, std::size_t First, class Observer>
void execute_observed(const Frame& f, Observer& observer) {
  if constexpr (First < P::units.size()) {
    constexpr std::size_t count = std::min(P::units.size() - First, detail::chunk);
    detail::run_observed_chunk<P, First>(f, observer, std::make_index_sequence<count>{});
    execute_observed<P, First + count>(f, observer);
  }
}

/// The backward of program P, observed.
template<class P, class Observer>
void observe_backward(const Frame& f) {
  Observer observer;
  observer.begin(std::span<const expr::LeafMemory>(f.leaves, P::leaf_count),
                 std::span<const GradientUse>(gradient_uses<P>));
  execute_observed<P, P::forward_units>(f, observer);
  observer.end();
}

} // namespace stator::run
