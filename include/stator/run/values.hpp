// SPDX-License-Identifier: BSL-1.0
// The values of several expressions, computed in one run: `auto [y, state] =
// stator::values(model.eval()(x));`
#pragma once

#include "stator/run/evaluation.hpp"
#include "stator/run/graph_names.hpp"
#include "stator/trace/put_result.hpp"

namespace stator::inline v0_2 {

namespace expr {
/// Several expressions as one, whose result is that of the first; those of the others go to memory, which is
/// a leaf for each.
template<class... E>
struct Joint {
  /// The expressions, not owned.
  detail::Pack<const E*...> parts;
  /// Memory of all results but the first.
  void* const* memory;
};
template<class... E>
struct borrowed<Joint<E...>> {
  using type = Joint<typename borrowed<E>::type...>;
};
} // namespace expr

template<class... E>
struct tracer<expr::Joint<E...>> {
  static constexpr int others = static_cast<int>(sizeof...(E)) - 1; ///< results but the first
  static constexpr int leaf_count = (tracer<E>::leaf_count + ... + others);
  static constexpr bool trains = false; ///< nothing is kept for a backward()
  template<int Order>
  static constexpr auto symbol(graph::Builder& b) {
    const int first = b.add_leaves(others, false);
    detail::Pack<decltype(tracer<E>::template symbol<Order>(b))...> parts;
    each([&]<std::size_t I>(std::integral_constant<std::size_t, I>) {
      detail::pack_item<I>(parts) =
          tracer<std::tuple_element_t<I, std::tuple<E...>>>::template symbol<Order>(b);
    });
    return detail::unpack(
        [first](const auto&... part) { return detail::put_results(std::tuple(part...), first); }, parts);
  }
  static void gather(const expr::Joint<E...>& joint, detail::Gatherer& g) {
    for (int k = 0; k < others; ++k) *g.next++ = {joint.memory[k], nullptr, nullptr};
    each([&]<std::size_t I>(std::integral_constant<std::size_t, I>) {
      tracer<std::tuple_element_t<I, std::tuple<E...>>>::gather(*detail::pack_item<I>(joint.parts), g);
    });
  }

private:
  /// f(the number of a part) of each, those with derivatives inside first: what a lower derivative needs of
  /// the same call it finds recorded.
  static constexpr void each(const auto& f) {
    [&f]<std::size_t... I>(std::index_sequence<I...>) {
      (f(std::integral_constant<std::size_t, detail::tracing_order<E...>[I]> {}), ...);
    }(std::index_sequence_for<E...>{});
  }
};

namespace run::detail {
template<class... E>
struct own_passes<expr::Joint<E...>> : all_own_passes<E...> {};
} // namespace run::detail

namespace detail {

template<class... E>
struct graph_names<expr::Joint<E...>> {
  static void leaves(std::vector<std::string>& names) {
    for (std::size_t k = 1; k < sizeof...(E); ++k) names.push_back("result " + std::to_string(k));
    [&names]<std::size_t... I>(std::index_sequence<I...>) {
      (graph_names<std::tuple_element_t<tracing_order<E...>[I], std::tuple<E...>>>::leaves(names), ...);
    }(std::index_sequence_for<E...>{});
  }
  static constexpr bool find(const graph::Call& call, Text& path) {
    return (graph_names<E>::find(call, path) || ...);
  }
};

/// The Joint of the expressions in `results`.
template<class Results>
struct joint_of {
  template<std::size_t... I>
  static expr::Joint<typename result_type<I, Results>::type...> make(std::index_sequence<I...>);
  static constexpr std::size_t count = result_count<Results>();
  using type = decltype(make(std::make_index_sequence<count>{}));
};
template<class... E>
constexpr void point_to(expr::Joint<E...>& joint, const auto& results) {
  each_result(results, [&joint]<std::size_t I>(std::integral_constant<std::size_t, I>, const auto& e) {
    pack_item<I>(joint.parts) = &e;
  });
}

} // namespace detail

/// The tensors of all expressions in a tuple, an array or a struct, in their places: what several value()
/// would give, but what they share runs once, and random numbers are drawn once. Nothing is kept for a
/// backward(). Throws as value(), which is for one expression alone.
///   auto [y, state] = stator::values(model.eval()(x));
template<class Results>
  requires(!requires(const Results& one) { one.value(); })
auto values(const Results& results) {
  static_assert(
      detail::is_result<Results>(),
      "stator: values: expected expressions: what model(x) returns, or a std::tuple of expressions");
  using Joint = typename detail::joint_of<Results>::type;
  using Symbols = decltype(detail::mapped_results(
      results, []<class E>(auto, const E&) { return symbol_of<typename expr::borrowed<E>::type>{}; }));
  constexpr std::size_t count = detail::joint_of<Results>::count;
  void* memory[count]{};
  Joint joint{{}, memory + 1};
  if constexpr (count == 1) joint.memory = memory;
  detail::point_to(joint, results);
  Index batch = 0;
  if constexpr (detail::any_dynamic<Symbols>()) {
    expr::LeafMemory leaves[static_cast<std::size_t>(tracer<Joint>::leaf_count) + 1];
    detail::Gatherer g{leaves};
    tracer<Joint>::gather(joint, g);
    batch = g.batch;
  }
  auto tensors = detail::result_tensors<Symbols>(batch);
  detail::each_result(tensors,
                      [&memory]<std::size_t I>(std::integral_constant<std::size_t, I>, const auto& tensor) {
                        memory[I] = detail::result_memory(tensor);
                      });
  run::Evaluation<Joint>::run_into(joint, memory[0]);
  return tensors;
}
/// The same of several expressions: a std::tuple of tensors.
template<class First, class Second, class... More>
auto values(const First& first, const Second& second, const More&... more) {
  return values(std::tuple<const First&, const Second&, const More&...>(first, second, more...));
}

} // namespace stator::inline v0_2
