// SPDX-License-Identifier: BSL-1.0
// Where every value lies: liveness over the whole program, first fit in one workspace of
// `fixed + batch * per_sample` bytes.
#pragma once

#include "stator/graph/schedule.hpp"

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
  /// Behind everything that is allocated.
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
  Draft& d;
  const GrowingArray<int>& sinks;
  GrowingArray<int> unit_of; ///< node -> its unit
  GrowingArray<int> last;    ///< node -> the last unit that reads it
  GrowingArray<bool> given_away; ///< its memory belongs to the result of a region now
  Memory fixed, batched;

  static constexpr std::size_t at(int i) { return static_cast<std::size_t>(i); }

  constexpr Planner(Draft& draft, const GrowingArray<int>& s)
      : d(draft), sinks(s), unit_of(d.nodes.size()), last(d.nodes.size()), given_away(d.nodes.size()) {
    for (std::size_t n = 0; n < d.nodes.size(); ++n) {
      unit_of[n] = last[n] = -1;
      d.places.push_back({});
    }
  }

  constexpr void find_lifetimes() {
    for (std::size_t u = 0; u < d.units.size(); ++u)
      for (int m = 0; m < d.units[u].count; ++m) unit_of[at(d.members[at(d.units[u].first + m)])] = static_cast<int>(u);
    for (std::size_t u = 0; u < d.units.size(); ++u)
      for (int m = 0; m < d.units[u].count; ++m) {
        const int n = d.members[at(d.units[u].first + m)];
        for (int k = 0; k < d.nodes[at(n)].count; ++k) {
          const int o = d.base(d.operand(n, k));
          if (unit_of[at(o)] != static_cast<int>(u)) last[at(o)] = std::max(last[at(o)], static_cast<int>(u));
        }
      }
    last[at(d.base(d.root))] = static_cast<int>(d.units.size());
  }

  static constexpr std::size_t size_of(Bytes b) { return align_up(b.per_sample > 0 ? b.per_sample : b.fixed); }

  constexpr Place allocate(Bytes bytes) {
    if (bytes.per_sample > 0) return {Area::batched, batched.allocate(size_of(bytes))};
    return {Area::fixed, fixed.allocate(size_of(bytes))};
  }
  constexpr void release(int node) {
    const Place place = d.places[at(node)];
    if (given_away[at(node)]) return;
    if (place.area == Area::fixed) fixed.release(place.offset, size_of(d.type(node).bytes()));
    if (place.area == Area::batched) batched.release(place.offset, size_of(d.type(node).bytes()));
  }

  constexpr void place(bool root_outside) {
    for (std::size_t n = 0; n < d.nodes.size(); ++n) {
      const Node& node = d.nodes[n];
      const Kind kind = node.signature->kind;
      if (kind == Kind::kernel && node.leaf >= 0) d.places[n] = {Area::leaf, at(node.leaf)};
      if (kind == Kind::leaf) d.places[n] = {node.gradient ? Area::gradient : Area::leaf, at(node.leaf)};
      if (kind == Kind::store) {
        d.places[n] = {node.gradient ? Area::gradient : Area::leaf, at(node.leaf)};
        if (sinks[n] >= 0) {
          d.places[at(sinks[n])] = d.places[n];
          d.units[at(unit_of[at(sinks[n])])].accumulate = true;
        }
      }
    }
    const int root = d.base(d.root);
    if (root_outside && d.places[at(root)].area == Area::none && d.kind(root) != Kind::constant)
      d.places[at(root)] = {Area::result, 0};
    // Nodes in the order of their last use, by unit: a list for each unit.
    GrowingArray<int> dying(d.units.size() + 1), link(d.nodes.size());
    for (int& x : dying) x = -1;
    for (std::size_t n = 0; n < d.nodes.size(); ++n)
      if (last[n] >= 0) link[n] = dying[at(last[n])], dying[at(last[n])] = static_cast<int>(n);
    for (std::size_t u = 0; u < d.units.size(); ++u) {
      Unit& unit = d.units[u];
      // A region reads each element before it writes it: a dying operand of the same size is overwritten.
      if (unit.region) reuse(unit, dying[u], link);
      for (int m = 0; m < unit.count; ++m) {
        const int n = d.members[at(unit.first + m)];
        const bool needed = last[at(n)] > static_cast<int>(u);
        if (d.places[at(n)].area == Area::none && (needed || !unit.region))
          d.places[at(n)] = allocate(d.type(n).bytes());
      }
      if (!unit.region) {
        const Bytes scratch = d.nodes[at(d.members[at(unit.first)])].signature->scratch;
        if (scratch.fixed + scratch.per_sample > 0) unit.scratch = scratch_place(scratch);
      }
      for (int n = dying[u]; n >= 0; n = link[at(n)]) release(n);
      for (int m = 0; m < unit.count; ++m) {
        const int n = d.members[at(unit.first + m)];
        if (last[at(n)] < 0) release(n);
      }
    }
    d.workspace = {fixed.high_water, batched.high_water};
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
  std::size_t tail = 0;

  constexpr void reuse(const Unit& unit, int dying, const GrowingArray<int>& link) {
    for (int o = dying; o >= 0; o = link[at(o)]) {
      const Place place = d.places[at(o)];
      if ((place.area != Area::fixed && place.area != Area::batched) || o == d.base(d.root)) continue;
      for (int m = 0; m < unit.count; ++m) {
        const int n = d.members[at(unit.first + m)];
        if (d.places[at(n)].area != Area::none || last[at(n)] <= unit_of[at(n)] || !(d.type(n) == d.type(o))) continue;
        given_away[at(o)] = true;
        d.places[at(n)] = place;
        break;
      }
    }
  }
};

} // namespace detail

/// Fills places, scratch and the size of the workspace. With `root_outside` the root is written to memory that
/// the caller gives.
constexpr void plan(Draft& d, const GrowingArray<int>& sinks, bool root_outside) {
  detail::Planner p(d, sinks);
  p.find_lifetimes();
  p.place(root_outside);
  d.batched_begin = d.workspace.fixed;
  d.workspace.fixed += p.tail;
}

} // namespace stator::graph
