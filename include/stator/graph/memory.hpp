// SPDX-License-Identifier: BSL-1.0
// Pass "memory": where every value lies. Liveness over the whole program, first fit in one workspace of
// `fixed + batch * per_sample` bytes.
// Needs: units in order, sinks. Guarantees: `places`, the units' scratch memory and `workspace`: values that
// are needed at the same time never overlap, and a region may overwrite an operand that nothing reads later.
// Of an inference the root lies in memory that the caller gives; what a prepared one computes once, in an
// area of its own, and the workspace is that of the other half. Places a part of a large program at a time:
// `undone` says how many units are left.
#pragma once

#include "stator/graph/fuse.hpp"

#include <algorithm>

namespace stator::graph {

namespace detail {

/// First-fit allocation in one dimension, by its gaps: there are few, however many values are alive.
class Memory {
public:
  constexpr Memory(GrowingArray<Gap>& gaps, Fill& fill) : gaps_(gaps), fill_(fill) {}

  constexpr std::size_t allocate(std::size_t bytes) {
    Gap* const gap = gaps_.data();
    const std::size_t count = gaps_.size();
    std::size_t i = 0;
    while (i < count && gap[i].end - gap[i].begin < bytes) ++i;
    if (i < count) {
      const std::size_t offset = gap[i].begin;
      gap[i].begin += bytes;
      if (gap[i].begin == gap[i].end) remove(i);
      return offset;
    }
    const std::size_t offset = fill_.end;
    fill_.end += bytes;
    reach(fill_.end);
    return offset;
  }
  constexpr void release(std::size_t offset, std::size_t bytes) {
    Gap* const gap = gaps_.data();
    const std::size_t count = gaps_.size();
    std::size_t i = 0;
    while (i < count && gap[i].begin < offset) ++i;
    const bool joins_before = i > 0 && gap[i - 1].end == offset;
    const bool joins_behind = i < count && gap[i].begin == offset + bytes;
    if (joins_before && joins_behind) {
      gap[i - 1].end = gap[i].end;
      remove(i);
    } else if (joins_before) {
      gap[i - 1].end += bytes;
    } else if (joins_behind) {
      gap[i].begin = offset;
    } else {
      gaps_.push_back({});
      for (std::size_t k = count; k > i; --k) gaps_[k] = gaps_[k - 1];
      gaps_[i] = {offset, offset + bytes};
    }
    if (!gaps_.empty() && gaps_.back().end == fill_.end) {
      fill_.end = gaps_.back().begin;
      gaps_.pop_back();
    }
  }
  /// After everything that is allocated.
  constexpr std::size_t end() const { return fill_.end; }
  /// What is allocated ends at `offset` at least once.
  constexpr void reach(std::size_t offset) { fill_.high_water = std::max(fill_.high_water, offset); }

private:
  constexpr void remove(std::size_t i) {
    for (; i + 1 < gaps_.size(); ++i) gaps_[i] = gaps_[i + 1];
    gaps_.pop_back();
  }
  GrowingArray<Gap>& gaps_;
  Fill& fill_;
};

/// How many units get their places in one evaluation.
inline constexpr int placed_at_once = 2500;

// Few statements, on plain pointers: they are what the steps of an evaluation are.
struct Planner {
  Graph& g;
  const int node_count, unit_count;
  GrowingArray<int> ints;        ///< memory of the arrays below
  GrowingArray<bool> given_away; ///< its memory belongs to the result of a region now
  const Node* const node;
  const int *const edge, *const member, *const sink;
  Unit* const unit;
  Place* const place;
  int* const last; ///< the last unit that reads a node
  int *const unit_of, *const link,
                          *const dying; ///< nodes in the order of their last use: a list for each unit
  Memory fixed, batched;

  explicit constexpr Planner(Graph& graph)
      : g(graph), node_count(static_cast<int>(g.nodes.size())), unit_count(static_cast<int>(g.units.size())),
        ints(2 * g.nodes.size() + g.units.size() + 1, -1), given_away(g.nodes.size()), node(g.nodes.data()),
        edge(g.edges.data()), member(g.members.data()), sink(g.sinks.data()), unit(g.units.data()),
        place(g.places.data()), last(g.last_uses.data()), unit_of(ints.data()), link(unit_of + node_count),
        dying(link + node_count), fixed(g.fixed_gaps, g.fixed), batched(g.batched_gaps, g.batched) {
    for (int u = 0; u < unit_count; ++u)
      for (int m = unit[u].first, end = m + unit[u].count; m < end; ++m) unit_of[member[m]] = u;
  }

  constexpr Kind kind(int n) const { return node[n].signature->kind; }
  constexpr const ValueType& type(int n) const { return node[n].signature->type; }
  constexpr int base(int n) const {
    while (node[n].signature->kind == Kind::view) n = edge[node[n].first];
    return n;
  }

  constexpr void find_last_uses() {
    for (int u = 0; u < unit_count; ++u)
      for (int m = unit[u].first, end = m + unit[u].count; m < end; ++m)
        for (int e = node[member[m]].first, stop = e + node[member[m]].count; e < stop; ++e)
          // Units come in order: no earlier one was later.
          if (const int o = node[edge[e]].signature->kind == Kind::view ? base(edge[e]) : edge[e];
              unit_of[o] != u)
            last[o] = u;
    last[base(g.root)] = unit_count;
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

  constexpr void begin() {
    find_last_uses();
    place_leaves();
    // A differentiated program keeps its root, which its backward may read.
    const int root = base(g.root);
    if (g.first_constant >= 0) place_prepared();
    if (!g.backward && place[root].area == Area::none && kind(root) != Kind::constant &&
        type(root).extents.numel() == type(g.root).extents.numel()) // not of a view of a part
      place[root] = {Area::result, 0};
    // A loss, which stays to the end, would split what becomes free around it.
    if (g.backward && place[root].area == Area::none && type(root).extents.numel() == 1 &&
        kind(root) != Kind::constant)
      place[root] = allocate(type(root).bytes());
  }

  /// What the first half of a prepared program leaves for the second, one value after the other. A leaf that
  /// the second half reads is copied there.
  constexpr void place_prepared() {
    GrowingArray<bool> read(g.nodes.size());
    for (int n = g.forward_nodes; n < node_count; ++n)
      for (int e = node[n].first, end = e + node[n].count; e < end; ++e) read.data()[base(edge[e])] = true;
    read.data()[base(g.root)] = true;
    for (int n = 0; n < g.forward_nodes; ++n) {
      if (!read.data()[n] || kind(n) == Kind::constant) continue;
      place[n] = {Area::prepared, g.prepared};
      g.prepared += align_up(type(n).bytes().fixed);
    }
  }

  /// The workspace so far is that of the first half: the second has one of its own.
  constexpr void end_preparation() {
    g.preparing = g.fixed.high_water + g.tail;
    g.fixed.high_water = g.tail = 0;
  }

  /// Places what the units [first, last) compute.
  constexpr void place_units(int first, int behind) {
    for (int n = 0; n < node_count; ++n)
      if (last[n] >= first) link[n] = dying[last[n]], dying[last[n]] = n;
    for (int u = first; u < behind; ++u) {
      if (u == g.forward_units && g.first_constant >= 0) end_preparation();
      Unit& now = unit[u];
      const int end = now.first + now.count;
      // A region reads each element before it writes it: a dying operand of the same size is overwritten.
      if (now.region) reuse(u);
      if (!now.region) place_kernel(now);
      for (int m = now.first; m < end; ++m)
        if (const int n = member[m]; place[n].area == Area::none && last[n] > u)
          place[n] = allocate(type(n).bytes());
      for (int n = dying[u]; n >= 0; n = link[n]) release(n);
      for (int m = now.first; m < end; ++m)
        if (last[member[m]] < 0) release(member[m]);
    }
  }

  /// The result of a kernel and its temporary memory. The first takes the first gap, which may be the only
  /// one that is large enough for the other: where the workspace would grow, the other is tried first.
  constexpr void place_kernel(Unit& now) {
    const int n = member[now.first];
    const Bytes scratch = node[n].signature->scratch, result = type(n).bytes();
    const bool has_result = place[n].area == Area::none, has_scratch = scratch.fixed + scratch.per_sample > 0;
    if (!has_result || !has_scratch || scratch.per_sample + result.per_sample > 0) {
      if (has_result) place[n] = allocate(result);
      if (has_scratch) now.scratch = scratch_place(scratch);
      return;
    }
    const std::size_t before = g.fixed.high_water;
    const auto grown = [&](bool scratch_first) {
      if (scratch_first) now.scratch = allocate(scratch);
      place[n] = allocate(result);
      if (!scratch_first) now.scratch = allocate(scratch);
      return g.fixed.high_water;
    };
    const auto undo = [&] {
      fixed.release(now.scratch.offset, size_of(scratch));
      fixed.release(place[n].offset, size_of(result));
      g.fixed.high_water = before;
    };
    if (const std::size_t usual = grown(false); usual > before) {
      undo();
      if (grown(true) >= usual) undo(), grown(false);
    }
    fixed.release(now.scratch.offset, size_of(scratch));
  }

  /// Temporary memory of a kernel, for the time of its unit only. One of mixed size lies after everything
  /// else of the batched area, and its fixed share in the tail of the workspace.
  constexpr Place scratch_place(Bytes scratch) {
    if (scratch.per_sample == 0) {
      const std::size_t offset = fixed.allocate(align_up(scratch.fixed));
      fixed.release(offset, align_up(scratch.fixed));
      return {Area::fixed, offset};
    }
    g.tail = std::max(g.tail, align_up(scratch.fixed));
    const std::size_t offset = batched.end();
    batched.reach(offset + align_up(scratch.per_sample));
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

namespace detail {
/// Places what the next `at_once` units compute.
constexpr Graph place_some(Graph g, int at_once) {
  const int units = static_cast<int>(g.units.size());
  const bool begins = g.undone == 0;
  if (begins) {
    g.places = GrowingArray<Place>(g.nodes.size());
    g.last_uses = GrowingArray<int>(g.nodes.size(), -1);
    g.fixed = g.batched = Fill{};
    g.tail = 0;
    g.undone = units;
  }
  Planner planner(g);
  if (begins) planner.begin();
  const int first = units - g.undone, behind = std::min(units, first + at_once);
  planner.place_units(first, behind);
  g.undone = units - behind;
  if (g.undone > 0) return g;
  g.batched_begin = g.fixed.high_water;
  g.workspace = {g.fixed.high_water + g.tail, g.batched.high_water};
  g.last_uses.truncate(0);
  g.fixed_gaps.truncate(0);
  g.batched_gaps.truncate(0);
  return g;
}
} // namespace detail

/// The pass, or the next part of it.
constexpr Graph memory(Graph g) {
  return detail::place_some(static_cast<Graph&&>(g), detail::placed_at_once);
}

} // namespace stator::graph
