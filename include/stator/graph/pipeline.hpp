// SPDX-License-Identifier: BSL-1.0
// From a recorded graph to a program: the passes, in their order. A pass is a file with a function that takes
// and gives one graph; to add one, write the file and its line here. A network adds its own: see `Pass`.
#pragma once

#include "stator/graph/common.hpp"
#include "stator/graph/dead.hpp"
#include "stator/graph/differentiate.hpp"
#include "stator/graph/fold.hpp"
#include "stator/graph/frozen_graph.hpp"
#include "stator/graph/memory.hpp"
#include "stator/graph/order.hpp"
#include "stator/graph/pooled.hpp"
#include "stator/graph/sinks.hpp"

#include <span>

namespace stator::graph {

/// A pass. `run` may append nodes with `insert`, change operands in place, and replace a node by another
/// wherever it is used with `replace_uses`; it finds operands before their users and need not leave them so.
/// A network's own passes are a list in its struct:
///   static constexpr std::array passes{stator::graph::Pass{"mine", &my_pass}};
struct Pass {
  std::string_view name; ///< for dumps and for `before`
  /// Takes a graph and gives the next.
  Graph (*run)(Graph);
  int steps = 120; ///< about how many steps of a constant evaluation it takes a node, at most
  std::string_view before{"dead",
                          4}; ///< of a network's own: which pass it comes before; with its length, or else
                              ///< g++ 12 fails here after any other error of a file, and lists its whole way
};

/// The list of passes: what turns a recorded graph into a program, in this order.
inline constexpr std::array pipeline{
    Pass{"differentiate", &differentiate, 120}, ///< the backward appended
    Pass{"fold", &fold, 60},                    ///< numbers computed, x * 1 dropped
    Pass{"common", &common, 60},                ///< equal nodes merged
    Pass{"dead", &dead, 40},                    ///< what nothing needs dropped
    Pass{"pooled", &pooled, 20},                ///< pooling and relu joined with their convolution
    Pass{"sinks", &sinks, 30},                  ///< kernels that add to gradients
    Pass{"fuse", &fuse, 90},                    ///< elementwise nodes joined to regions
    Pass{"order", &order, 90},                  ///< units in the order of execution
    Pass{"memory", &memory, 120},               ///< each value's place in the workspace
};

/// Passes share an evaluation while they take fewer steps than this together: small graphs need few
/// evaluations, and those of large ones stay as far below clang's limit of 2^20 as their longest pass.
inline constexpr std::size_t evaluation_budget = 25'000;

/// Runs passes from number `next` on while the budget lasts, one at least; returns the number of the next.
/// `passes` is the pipeline with a network's own in it.
constexpr int advance(Graph& g, std::span<const Pass> passes, int next) {
  std::size_t budget = evaluation_budget;
  for (const int first = next; next < static_cast<int>(passes.size());) {
    const Pass& pass = passes[static_cast<std::size_t>(next)];
    const std::size_t steps = static_cast<std::size_t>(pass.steps) * g.nodes.size();
    if (steps > budget && next > first) break;
    g = pass.run(static_cast<Graph&&>(g));
    g.settle();
    if (g.undone > 0) break; // the rest of it in the next evaluation
    ++next;
    if (steps >= budget) break;
    budget -= steps;
  }
  return next;
}

/// The pipeline with a network's own passes in their places.
template<std::size_t N>
constexpr auto pipeline_with(const std::array<Pass, N>& own) {
  std::array<Pass, pipeline.size() + N> all{};
  std::size_t size = 0;
  for (const Pass& pass : pipeline) {
    for (const Pass& o : own)
      if (o.before == pass.name) all[size++] = o;
    all[size++] = pass;
  }
  if (size < all.size())
    stop_evaluation("stator: a network's pass must come before a pass of graph/pipeline.hpp");
  return all;
}

} // namespace stator::graph
