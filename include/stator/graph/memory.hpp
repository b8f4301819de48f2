// SPDX-License-Identifier: BSL-1.0
// Pass "memory": where every value lies. Liveness over the whole program, first fit in one workspace of
// `fixed + batch * per_sample` bytes.
// Needs: units in order, sinks. Guarantees: `places`, the units' scratch memory and `workspace`: values that
// are needed at the same time never overlap, and a region may overwrite an operand that nothing reads later.
// Of an inference the root lies in memory that the caller gives.
#pragma once

#include "stator/graph/fuse.hpp"

#include <algorithm>

namespace stator::graph {

namespace detail {

/// First-fit allocation in one dimension, by its gaps: there are few, however many values are alive.
class Memory {
public:
  std::size_t high_water = 0;

  constexpr std::size_t allocate(std::size_t bytes) {
    for (std::size_t i = 0; i < gaps_.size(); ++i) {
      if (gaps_[i].end - gaps_[i].begin < bytes) continue;
      const std::size_t offset = gaps_[i].begin;
      gaps_[i].begin += bytes;
      if (gaps_[i].begin == gaps_[i].end) remove(i);
      return offset;
    }
    const std::size_t offset = end_;
    end_ += bytes;
    high_water = std::max(high_water, end_);
    return offset;
  }
  constexpr void release(std::size_t offset, std::size_t bytes) {
    std::size_t i = 0;
    while (i < gaps_.size() && gaps_[i].begin < offset) ++i;
    const bool joins_before = i > 0 && gaps_[i - 1].end == offset;
    const bool joins_behind = i < gaps_.size() && gaps_[i].begin == offset + bytes;
    if (joins_before && joins_behind) {
      gaps_[i - 1].end = gaps_[i].end;
      remove(i);
    } else if (joins_before) {
      gaps_[i - 1].end += bytes;
    } else if (joins_behind) {
      gaps_[i].begin = offset;
    } else {
      gaps_.push_back({});
      for (std::size_t k = gaps_.size() - 1; k > i; --k) gaps_[k] = gaps_[k - 1];
      gaps_[i] = {offset, offset + bytes};
    }
    if (!gaps_.empty() && gaps_.back().end == end_) {
      end_ = gaps_.back().begin;
      gaps_.pop_back();
    }
  }
  /// After everything that is allocated.
  constexpr std::size_t end() const { return end_; }

private:
  struct Gap {
    std::size_t begin = 0, end = 0;
  };
  constexpr void remove(std::size_t i) {
    for (; i + 1 < gaps_.size(); ++i) gaps_[i] = gaps_[i + 1];
    gaps_.pop_back();
  }
  GrowingArray<Gap> gaps_;
  std::size_t end_ = 0;
};

struct Planner {
  Graph& g;
  const int node_count, unit_count;
  GrowingArray<int> ints;        ///< memory of the arrays below
  GrowingArray<bool> given_away; ///< its memory belongs to the result of a region now
  const Node* const node;
  const int *const edge, *const member, *const sink;
  Unit* const unit;
  Place* const place;
  int *const unit_of, *const last; ///< of a node: its unit; the last unit that reads it
  int *const link, *const dying;   ///< nodes in the order of their last use: a list for each unit
  Memory fixed, batched;
  std::size_t tail = 0;

  explicit constexpr Planner(Graph& graph)
      : g(graph), node_count(static_cast<int>(g.nodes.size())), unit_count(static_cast<int>(g.units.size())),
        ints(3 * g.nodes.size() + g.units.size() + 1), given_away(g.nodes.size()), node(g.nodes.data()),
        edge(g.edges.data()), member(g.members.data()), sink(g.sinks.data()), unit(g.units.data()),
        place(g.places.data()), unit_of(ints.data()), last(unit_of + node_count), link(last + node_count),
        dying(link + node_count) {
    for (int n = 0; n < node_count; ++n) unit_of[n] = last[n] = -1;
    for (int u = 0; u <= unit_count; ++u) dying[u] = -1;
  }

  constexpr Kind kind(int n) const { return node[n].signature->kind; }
  constexpr const ValueType& type(int n) const { return node[n].signature->type; }
  constexpr int base(int n) const {
    while (node[n].signature->kind == Kind::view) n = edge[node[n].first];
    return n;
  }

  constexpr void find_lifetimes() {
    for (int u = 0; u < unit_count; ++u)
      for (int m = unit[u].first, end = m + unit[u].count; m < end; ++m) unit_of[member[m]] = u;
    for (int u = 0; u < unit_count; ++u)
      for (int m = unit[u].first, end = m + unit[u].count; m < end; ++m)
        for (int e = node[member[m]].first, stop = e + node[member[m]].count; e < stop; ++e) {
          const int o = base(edge[e]);
          if (unit_of[o] != u) last[o] = u; // units come in order: no earlier one was later
        }
    last[base(g.root)] = unit_count;
    for (int n = 0; n < node_count; ++n)
      if (last[n] >= 0) link[n] = dying[last[n]], dying[last[n]] = n;
  }

  static constexpr std::size_t size_of(Bytes b) {
    return align_up(b.per_sample > 0 ? b.per_sample : b.fixed);
  }

  constexpr Place allocate(Bytes bytes) {
    if (bytes.per_sample > 0) return {Area::batched, batched.allocate(size_of(bytes))};
    return {Area::fixed, fixed.allocate(size_of(bytes))};
  }
  constexpr void release(int n) {
    const Place at = place[n];
    if (given_away.data()[n]) return;
    if (at.area == Area::fixed) fixed.release(at.offset, size_of(type(n).bytes()));
    if (at.area == Area::batched) batched.release(at.offset, size_of(type(n).bytes()));
  }

  /// Values that lie in the memory of leaves.
  constexpr void place_leaves() {
    for (int n = 0; n < node_count; ++n) {
      if (node[n].leaf < 0) continue;
      const Area area = node[n].gradient ? Area::gradient : Area::leaf;
      place[n] = {area, static_cast<std::size_t>(node[n].leaf)};
      if (sink[n] >= 0) place[sink[n]] = place[n], unit[unit_of[sink[n]]].accumulate = true;
    }
  }

  constexpr void run() {
    find_lifetimes();
    place_leaves();
    // A differentiated program keeps its root, which its backward may read.
    const int root = base(g.root);
    if (!g.backward && place[root].area == Area::none && kind(root) != Kind::constant)
      place[root] = {Area::result, 0};
    for (int u = 0; u < unit_count; ++u) {
      Unit& now = unit[u];
      const int end = now.first + now.count;
      // A region reads each element before it writes it: a dying operand of the same size is overwritten.
      if (now.region) reuse(u);
      for (int m = now.first; m < end; ++m)
        if (const int n = member[m]; place[n].area == Area::none && (last[n] > u || !now.region))
          place[n] = allocate(type(n).bytes());
      if (!now.region) {
        const Bytes scratch = node[member[now.first]].signature->scratch;
        if (scratch.fixed + scratch.per_sample > 0) now.scratch = scratch_place(scratch);
      }
      for (int n = dying[u]; n >= 0; n = link[n]) release(n);
      for (int m = now.first; m < end; ++m)
        if (last[member[m]] < 0) release(member[m]);
    }
    g.batched_begin = fixed.high_water;
    g.workspace = {fixed.high_water + tail, batched.high_water};
  }

  /// Temporary memory of a kernel, for the time of its unit only. One of mixed size lies after everything
  /// else of the batched area, and its fixed share in the tail of the workspace.
  constexpr Place scratch_place(Bytes scratch) {
    if (scratch.per_sample == 0) {
      const std::size_t offset = fixed.allocate(align_up(scratch.fixed));
      fixed.release(offset, align_up(scratch.fixed));
      return {Area::fixed, offset};
    }
    tail = std::max(tail, align_up(scratch.fixed));
    const std::size_t offset = batched.end();
    batched.high_water = std::max(batched.high_water, offset + align_up(scratch.per_sample));
    return {Area::batched, offset};
  }

  constexpr void reuse(int u) {
    const int root = base(g.root);
    for (int o = dying[u]; o >= 0; o = link[o]) {
      const Place at = place[o];
      if ((at.area != Area::fixed && at.area != Area::batched) || o == root) continue;
      for (int m = unit[u].first, end = m + unit[u].count; m < end; ++m) {
        const int n = member[m];
        if (place[n].area != Area::none || last[n] <= unit_of[n] || !(type(n) == type(o))) continue;
        given_away.data()[o] = true;
        place[n] = at;
        break;
      }
    }
  }
};

} // namespace detail

/// The pass.
constexpr Graph memory(Graph g) {
  g.places = GrowingArray<Place>(g.nodes.size());
  detail::Planner(g).run();
  return g;
}

} // namespace stator::graph
