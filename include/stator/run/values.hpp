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

/// The expressions in `results` that are to be computed in one run.
template<class Results>
class ValuesRun {
  static_assert(
      is_result<Results>(),
      "stator: values: expected expressions: what model(x) returns, or a std::tuple of expressions");
  using Joint = typename joint_of<Results>::type;

public:
  /// The symbols of the results, in their places.
  using Symbols = decltype(mapped_results(std::declval<const Results&>(), [](auto, const auto& e) {
    return symbol_of<typename expr::borrowed<std::remove_cvref_t<decltype(e)>>::type>{};
  }));
  static constexpr std::size_t count = joint_of<Results>::count; ///< how many there are

  explicit ValuesRun(const Results& results) : joint_{{}, memory_ + (count > 1)} {
    point_to(joint_, results);
  }
  ValuesRun(const ValuesRun&) = delete;
  ValuesRun& operator=(const ValuesRun&) = delete;

  /// The batch of the operands; throws ShapeError where they differ.
  Index batch() const {
    if constexpr (any_dynamic<Symbols>()) {
      expr::LeafMemory leaves[static_cast<std::size_t>(tracer<Joint>::leaf_count) + 1];
      Gatherer g{leaves};
      tracer<Joint>::gather(joint_, g);
      return g.batch;
    } else {
      return 0;
    }
  }
  /// Runs, and writes to these tensors or views.
  void operator()(const auto& tensors) {
    each_result(tensors, [this]<std::size_t I>(std::integral_constant<std::size_t, I>, const auto& tensor) {
      memory_[I] = result_memory(tensor);
    });
    run::Evaluation<Joint>::run_into(joint_, memory_[0]);
  }

private:
  void* memory_[count]{};
  Joint joint_;
};

} // namespace detail

/// The tensors of all expressions in a tuple, an array or a struct, in their places: what several value()
/// would give, but what they share runs once, and random numbers are drawn once. Nothing is kept for a
/// backward(). Throws as value(), which is for one expression alone.
///   auto [y, state] = stator::values(model.eval()(x));
template<class Results>
  requires(!requires(const Results& one) { one.value(); })
auto values(const Results& results) {
  using Run = detail::ValuesRun<Results>;
  Run run(results);
  auto tensors = detail::result_tensors<typename Run::Symbols>(run.batch());
  run(tensors);
  return tensors;
}
/// The same of several expressions: a std::tuple of tensors.
template<class First, class Second, class... More>
auto values(const First& first, const Second& second, const More&... more) {
  return values(std::tuple<const First&, const Second&, const More&...>(first, second, more...));
}

/// The same into memory of the caller: as many tensors or views, in a tuple (`std::tie(y, h)`), an array or a
/// struct, in their order. Throws ShapeError for one of another shape, before anything has run.
template<class Results, class Out>
void values_into(const Results& results, Out&& out) {
  using Run = detail::ValuesRun<Results>;
  using Given = std::remove_cvref_t<Out>;
  static_assert(detail::result_kind<Given>() != detail::ResultKind::none &&
                    detail::result_count<Given>() == Run::count,
                "stator: values_into: as many tensors as there are expressions");
  Run run(results);
  const Index batch = run.batch();
  detail::each_result(out,
                      [batch]<std::size_t I>(std::integral_constant<std::size_t, I>, const auto& tensor) {
                        detail::check_result<typename detail::result_type<I, typename Run::Symbols>::type>(
                            tensor, "values_into", batch);
                      });
  run(out);
}

} // namespace stator::inline v0_2
