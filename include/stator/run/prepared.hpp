// SPDX-License-Identifier: BSL-1.0
// Programs that are prepared: what depends on parameters alone is computed once, into memory of its own, and
// each run does the rest. `PreparedProgram` runs both halves; model/inference_session.hpp owns the memory.
#pragma once

#include "stator/core/accuracy.hpp"
#include "stator/graph/prepare.hpp"
#include "stator/run/execute.hpp"
#include "stator/trace/put_result.hpp"

namespace stator::inline v0_2 {

namespace run {
/// What a prepared program may do.
struct Preparation {
  bool fold = true; ///< fold scales and shifts of channels into the weights of the layer before them
  Accuracy accuracy = Accuracy::same; ///< of kernels, also where nothing is folded
  bool operator==(const Preparation&) const = default;
  /// What operations are recorded as.
  constexpr int order() const {
    if (accuracy == Accuracy::coarse) return fold ? takes_scale_and_is_coarse : was_scaled_coarsely;
    if (accuracy == Accuracy::other) return fold ? takes_scale_and_rounds : was_scaled;
    return fold ? takes_scale : takes_packed;
  }
};
/// Stands for E where its program is to be prepared.
template<class E, Preparation How>
struct Prepared {};
} // namespace run

template<class Net, class Mode, class... A, run::Preparation How>
struct tracer<run::Prepared<expr::ModuleCall<Net, Mode, A...>, How>> {
  using Call = tracer<expr::ModuleCall<Net, Mode, A...>>;
  /// What forward returns.
  using Results = symbol_of<expr::ModuleCall<Net, Mode, A...>>;
  /// Memory of all results but the first, the first leaves; then come those of the operands.
  static constexpr int others = static_cast<int>(detail::result_count<Results>()) - 1;
  static constexpr int input_count = (tracer<A>::leaf_count + ... + others); ///< both
  static constexpr int leaf_count = Call::leaf_count + others;
  static constexpr bool trains = Call::trains;
  template<int>
  static constexpr auto symbol(graph::Builder& b) {
    const int first = b.add_leaves(others, false);
    b.first_constant = input_count;
    return detail::put_results(Call::template symbol<How.order()>(b), first);
  }
};

namespace run {

namespace detail {
template<class E, Preparation How>
struct own_passes<Prepared<E, How>> {
  static constexpr std::array prepares{graph::Pass{"pack", &graph::pack, 120, "dead"},
                                       graph::Pass{"finish", &graph::finish, 60, "dead"},
                                       graph::Pass{"split", &graph::split, 120, "sinks"}};
  static constexpr std::array folds{graph::Pass{"fold_scale", &graph::fold_scale, 120, "common"}};
  static constexpr auto list = [] {
    constexpr auto& own = own_passes<E>::list;
    std::array<graph::Pass, own.size() + (How.fold ? 4 : 3)> all{};
    auto to = std::copy(own.begin(), own.end(), all.begin());
    if constexpr (How.fold) to = std::copy(folds.begin(), folds.end(), to);
    std::copy(prepares.begin(), prepares.end(), to);
    return all;
  }();
};
} // namespace detail

/// The program of a network that is called with E's inputs, E a ModuleCall.
template<class E, Preparation How>
struct PreparedProgram {
  using Plan = typename expr::borrowed<E>::type;                         ///< what the program depends on
  using P = Program<Prepared<Plan, How>, false>;                         ///< both halves
  using Results = symbol_of<Plan>;                                       ///< what forward returns, of symbols
  using Result = typename stator::detail::result_type<0, Results>::type; ///< the first of them
  static constexpr std::size_t result_count = stator::detail::result_count<Results>(); ///< how many there are
  static constexpr std::size_t input_count =
      static_cast<std::size_t>(tracer<Prepared<Plan, How>>::input_count); ///< leaves that are no parameters

  /// Whether a run writes to a buffer.
  static constexpr bool writes = [] {
    for (const graph::Node& n : P::nodes)
      if (n.leaf >= static_cast<int>(result_count) - 1 && n.signature->kind != graph::Kind::leaf) return true;
    return false;
  }();

private:
  static constexpr bool is_copied(std::size_t i) {
    return P::nodes[i].leaf >= 0 && P::places[i].area == graph::Area::prepared;
  }

public:
  /// A leaf that runs read: it is copied.
  struct Copy {
    std::size_t leaf, offset, bytes; ///< its number, its place in the prepared memory, its size
  };
  /// How many there are.
  static constexpr std::size_t copy_count = [] {
    std::size_t n = 0;
    for (std::size_t i = 0; i < P::nodes.size(); ++i) n += is_copied(i);
    return n;
  }();
  /// All of them.
  static constexpr auto copies = [] {
    std::array<Copy, copy_count> all{};
    std::size_t n = 0;
    for (std::size_t i = 0; i < P::nodes.size(); ++i)
      if (is_copied(i))
        all[n++] = {static_cast<std::size_t>(P::nodes[i].leaf), P::places[i].offset,
                    P::nodes[i].signature->type.bytes().fixed};
    return all;
  }();
};

} // namespace run
} // namespace stator::inline v0_2
