// SPDX-License-Identifier: BSL-1.0
// What the compiler knows of a training step before it runs: its multiplications, and its memory.
#pragma once

#include "bench.hpp"

#include <stator/stator.hpp>

namespace bench {

using stator::Index;
namespace graph = stator::graph;

/// The program that `backward()` of a loss of type E runs.
template<class E>
using TrainingProgram =
    stator::run::Program<typename stator::expr::borrowed<std::remove_cvref_t<E>>::type, true>;

/// The lists of a program, without its type.
struct ProgramLists {
  std::span<const graph::Node> nodes;
  std::span<const int> edges;
  std::span<const graph::Unit> units;
  std::span<const int> members;
  std::span<const graph::Place> places;
  int root;
};
template<class P>
ProgramLists lists_of() {
  return {P::nodes, P::edges, P::units, P::members, P::places, P::root};
}

/// Floating-point operations of the products that are in the program: a first layer has no gradient of its
/// input, and what nobody reads is not computed.
inline double flops_of(const ProgramLists& p) {
  double multiply_adds = 0;
  for (const graph::Node& n : p.nodes) multiply_adds += static_cast<double>(n.signature->cost.multiply_adds);
  return 2 * multiply_adds;
}
template<class P>
double flops_of() {
  return flops_of(lists_of<P>());
}

/// The largest sum of the bytes of the workspace that are in use while one unit runs.
inline std::size_t largest_in_use(const ProgramLists& p) {
  const auto at = [](int i) { return static_cast<std::size_t>(i); };
  const auto base = [&](int n) {
    while (p.nodes[at(n)].signature->kind == graph::Kind::view) n = p.edges[at(p.nodes[at(n)].first)];
    return at(n);
  };
  std::vector<std::size_t> first(p.nodes.size(), p.units.size()), last(p.nodes.size(), 0);
  for (std::size_t u = 0; u < p.units.size(); ++u)
    for (const int member : p.members.subspan(at(p.units[u].first), at(p.units[u].count))) {
      const auto used = [&](std::size_t n) {
        first[n] = std::min(first[n], u), last[n] = std::max(last[n], u);
      };
      used(at(member));
      const graph::Node& node = p.nodes[at(member)];
      for (const int operand : p.edges.subspan(at(node.first), at(node.count))) used(base(operand));
    }
  last[base(p.root)] = p.units.size();
  std::size_t most = 0;
  for (std::size_t u = 0; u < p.units.size(); ++u) {
    std::vector<std::pair<std::size_t, std::size_t>> used; // begin and end; in place, two have the same
    const auto add = [&](const graph::Place& place, std::size_t bytes) {
      if (place.area == graph::Area::fixed) used.emplace_back(place.offset, place.offset + bytes);
    };
    for (std::size_t n = 0; n < p.nodes.size(); ++n)
      if (first[n] <= u && u <= last[n]) add(p.places[n], p.nodes[n].signature->type.bytes().fixed);
    const graph::Node& kernel = p.nodes[at(p.members[at(p.units[u].first)])];
    add(p.units[u].scratch, kernel.signature->scratch.fixed);
    std::sort(used.begin(), used.end());
    std::size_t sum = 0, end = 0;
    for (const auto& [from, to] : used)
      if (to > end) sum += to - std::max(from, end), end = to;
    most = std::max(most, sum);
  }
  return most;
}

/// The memory of a program, and of the model that it trains.
template<class P, class Model>
Plan plan_of() {
  static_assert(P::workspace.per_sample == 0);
  return {Model::parameter_bytes + Model::gradient_bytes + Model::buffer_bytes, P::workspace.fixed,
          largest_in_use(lists_of<P>())};
}

} // namespace bench
