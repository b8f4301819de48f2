// SPDX-License-Identifier: BSL-1.0
// Checks what every pass relies on. Tests run it after each pass; a program that is made is not checked
// again.
#pragma once

#include "stator/core/text.hpp"
#include "stator/graph/graph.hpp"

#include <algorithm>
#include <string>
#include <vector>

namespace stator::graph {

namespace detail {

struct Verifier {
  const Graph& g;
  std::string mistake{};

  bool fail(int n, const std::string& what) {
    if (mistake.empty()) {
      const Signature& s = g.signature(n);
      mistake = "node " + std::to_string(n) + " (" + std::string(s.name) + "): " + what;
    }
    return false;
  }
  static std::string_view name(DType dtype) { return stator::to_string(dtype); }
  int size() const { return static_cast<int>(g.nodes.size()); }
  bool is_node(int n) const { return n >= 0 && n < size(); }

  /// An operand has the type that its user was made for; an elementwise one may be a number that is repeated.
  bool operand_type(int n, int k, int o) {
    const Signature& s = g.signature(n);
    if (s.operands == nullptr || k >= s.operand_count) return true;
    const ValueType &wanted = s.operands[k], &found = g.type(o);
    if (found == wanted) return true;
    const bool repeated =
        s.elementwise != nullptr && g.kind(o) == Kind::constant && found.dtype == wanted.dtype;
    return repeated || fail(n, std::string(text("operand ", k, " is ", name(found.dtype), " ", found.extents,
                                                ", expected ", name(wanted.dtype), " ", wanted.extents)
                                               .view()));
  }

  bool node(int n) {
    const Node& node = g.nodes[Graph::index(n)];
    if (node.signature == nullptr) {
      mistake = "node " + std::to_string(n) + " has no operation";
      return false;
    }
    const Signature& s = *node.signature;
    if (node.count < 0 || node.first < 0 || Graph::index(node.first + node.count) > g.edges.size())
      return fail(n, "its operands lie outside of the list of edges");
    if (s.operands != nullptr && node.count != s.operand_count)
      return fail(n, std::to_string(node.count) + " operands, expected " + std::to_string(s.operand_count));
    for (int k = 0; k < node.count; ++k) {
      const int o = g.operand(n, k);
      if (!is_node(o)) return fail(n, "operand " + std::to_string(k) + " does not exist");
      if (o >= n) return fail(n, "operand " + std::to_string(k) + " comes after it");
      if (!operand_type(n, k, o)) return false;
      if (s.elementwise == nullptr && g.kind(o) == Kind::constant)
        return fail(n, "operand " + std::to_string(k) + " is a number, which has no memory");
    }
    const bool names_leaf = s.kind == Kind::leaf || s.kind == Kind::store;
    if (names_leaf ? node.leaf < 0 : node.leaf < -1) return fail(n, "it names no leaf");
    if (node.leaf >= static_cast<int>(g.needs_grad.size()))
      return fail(n, "it names a leaf that does not exist");
    if ((s.kind == Kind::leaf || s.kind == Kind::constant) && node.count != 0)
      return fail(n, "it has operands");
    if (s.kind == Kind::view && node.count == 0) return fail(n, "it is a view of nothing");
    if (s.kind == Kind::view && s.type.extents.numel() > g.type(g.operand(n, 0)).extents.numel())
      return fail(n, "it is a view of more elements than its operand has");
    return true;
  }

  /// What was found out about nodes.
  bool regions() {
    for (int n = 0; n < size() && !g.regions.empty(); ++n) {
      const int region = g.regions[Graph::index(n)];
      if (!is_node(region) || !is_node(g.ring[Graph::index(n)])) return fail(n, "its region does not exist");
      if (g.regions[Graph::index(g.ring[Graph::index(n)])] != region)
        return fail(n, "the next node of its region is of another one");
      if (!(g.type(n) == g.type(region))) return fail(n, "its region has another type");
      if ((n < g.forward_nodes) != (region < g.forward_nodes))
        return fail(n, "its region is not of its half");
    }
    return true;
  }

  /// Each node that is computed runs once, after what it reads.
  bool units() {
    if (g.units.empty()) return true;
    GrowingArray<int> unit_of(g.nodes.size());
    for (int& u : unit_of) u = -1;
    for (std::size_t u = 0; u < g.units.size(); ++u)
      for (int m = g.units[u].first; m < g.units[u].first + g.units[u].count; ++m) {
        const int n = g.members[Graph::index(m)];
        if (unit_of[Graph::index(n)] >= 0) return fail(n, "it runs twice");
        unit_of[Graph::index(n)] = static_cast<int>(u);
        if (n >= g.forward_nodes && static_cast<int>(u) < g.forward_units)
          return fail(n, "it runs with the forward");
        if (n < g.forward_nodes && static_cast<int>(u) >= g.forward_units)
          return fail(n, "it runs with the backward");
      }
    for (int n = 0; n < size(); ++n) {
      const Kind kind = g.kind(n);
      if (kind == Kind::leaf || kind == Kind::constant || kind == Kind::view) continue;
      const int u = unit_of[Graph::index(n)];
      if (u < 0) {
        if (g.sinks[Graph::index(n)] < 0) return fail(n, "it never runs");
        continue;
      }
      for (int k = 0; k < g.nodes[Graph::index(n)].count; ++k)
        if (unit_of[Graph::index(g.base(g.operand(n, k)))] > u) return fail(n, "it runs before its operands");
      if (!g.places.empty() && !g.units[Graph::index(u)].region &&
          g.places[Graph::index(n)].area == Area::none)
        return fail(n, "its result has no place");
    }
    return true;
  }

  /// Memory in the workspace that is taken from one unit to another, both included.
  struct Taken {
    int node; ///< that the memory is for
    int first, last;
    Area area;
    std::size_t begin, end; ///< bytes
  };
  static constexpr int never = -1;

  /// What lies in the workspace, and when.
  std::vector<Taken> taken() const {
    std::vector<Taken> all;
    std::vector<int> last(g.nodes.size(), never);
    const int count = static_cast<int>(g.units.size());
    for (int u = 0; u < count; ++u) {
      const Unit& unit = g.units[Graph::index(u)];
      for (int m = unit.first; m < unit.first + unit.count; ++m)
        for (int k = 0; k < g.nodes[Graph::index(g.members[Graph::index(m)])].count; ++k)
          last[Graph::index(g.base(g.operand(g.members[Graph::index(m)], k)))] = u;
    }
    last[Graph::index(g.base(g.root))] = count;
    const auto take = [&all](int n, int first, int until, const Place& at, Bytes bytes) {
      if (at.area == Area::fixed || at.area == Area::batched)
        all.push_back({n, first, std::max(first, until), at.area, at.offset,
                       at.offset + (at.area == Area::fixed ? bytes.fixed : bytes.per_sample)});
    };
    for (int u = 0; u < count; ++u) {
      const Unit& unit = g.units[Graph::index(u)];
      for (int m = unit.first; m < unit.first + unit.count; ++m) {
        const int n = g.members[Graph::index(m)];
        take(n, u, last[Graph::index(n)], g.places[Graph::index(n)], g.type(n).bytes());
        if (!unit.region) take(n, u, u, unit.scratch, g.signature(n).scratch);
      }
    }
    return all;
  }

  /// Values that are needed at the same time lie apart, and inside of the workspace. A region may write its
  /// result over an operand that nothing reads later.
  bool memory() {
    if (g.places.empty()) return true;
    const std::vector<Taken> all = taken();
    const auto overwrites = [&](const Taken& result, const Taken& operand) {
      return g.units[Graph::index(result.first)].region && operand.first < result.first &&
             operand.last == result.first && operand.begin == result.begin &&
             g.type(operand.node) == g.type(result.node);
    };
    for (std::size_t i = 0; i < all.size(); ++i) {
      const Taken& a = all[i];
      const bool prepares = g.first_constant >= 0 && a.first < g.forward_units;
      const std::size_t fixed = prepares ? g.preparing : g.workspace.fixed;
      if (a.end > (a.area == Area::fixed ? fixed : g.workspace.per_sample))
        return fail(a.node, "its memory lies outside of the workspace");
      for (std::size_t k = i + 1; k < all.size(); ++k) {
        const Taken& b = all[k];
        const bool overlap = a.area == b.area && a.begin < b.end && b.begin < a.end;
        if (overlap && a.first <= b.last && b.first <= a.last && !overwrites(a, b) && !overwrites(b, a))
          return fail(b.node, "its memory is that of node " + std::to_string(a.node) +
                                  ", which is needed at the same time");
      }
    }
    return true;
  }

  /// What is computed once is constant, and lies apart.
  bool prepared() {
    if (g.first_constant < 0) return true;
    std::size_t end = 0;
    for (int n = 0; n < size(); ++n) {
      const Node& node = g.nodes[Graph::index(n)];
      if (!g.units.empty() && n < g.forward_nodes && node.signature->kind == Kind::leaf &&
          node.leaf < g.first_constant)
        return fail(n, "it is prepared and reads an input");
      if (g.places.empty() || g.places[Graph::index(n)].area != Area::prepared) continue;
      if (g.places[Graph::index(n)].offset < end)
        return fail(n, "its prepared memory is that of another node");
      end = g.places[Graph::index(n)].offset + g.type(n).bytes().fixed;
      if (end > g.prepared) return fail(n, "its memory lies outside of what is prepared");
    }
    return true;
  }
};

} // namespace detail

/// The first mistake in a graph, empty where there is none: operands exist, come before their users and have
/// the types that these were made for; leaves, effects and the root exist; regions, units and places, as far
/// as passes have made them, hold what graph/fuse.hpp, graph/order.hpp and graph/memory.hpp guarantee.
inline std::string verify(const Graph& g) {
  detail::Verifier v{g};
  for (int n = 0; n < v.size(); ++n)
    if (!v.node(n)) return v.mistake;
  if (!v.is_node(g.root)) return "the root does not exist";
  if (g.forward_nodes < 0 || g.forward_nodes > v.size()) return "the forward has more nodes than there are";
  for (const int e : g.effects)
    if (!v.is_node(e)) return "an effect does not exist";
  if (v.regions() && v.units() && v.memory()) v.prepared();
  return v.mistake;
}

} // namespace stator::graph
