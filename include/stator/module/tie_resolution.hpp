// SPDX-License-Identifier: BSL-1.0
// Resolves the ties of a network: which entries are names of one storage, and what is wrong with a tie.
#pragma once

#include "stator/core/bytes.hpp"
#include "stator/module/nearest.hpp"
#include "stator/module/table_draft.hpp"

namespace stator::detail {

constexpr std::size_t find_leaf(const TableDraft& d, std::string_view path) {
  for (std::size_t i = 0; i < d.leaf_count; ++i)
    if (d.leaf(i) == path) return i;
  return not_found;
}
constexpr std::size_t find_module(const TableDraft& d, std::string_view path) {
  for (std::size_t i = 0; i < d.module_count; ++i)
    if (d.path(i) == path) return i;
  return not_found;
}

/// The root of a shared group: the smallest index in it.
constexpr std::size_t root(const auto& entries, std::size_t i) {
  while (entries[i].owner != i) i = entries[i].owner;
  return i;
}
/// Joins two groups; false when they were one already.
constexpr bool join(auto& entries, std::size_t a, std::size_t b) {
  a = root(entries, a), b = root(entries, b);
  if (a == b) return false;
  entries[std::max(a, b)].owner = std::min(a, b);
  return true;
}

constexpr Text tie_text(const TableDraft& d, const TieNames& t) {
  Text result("stator: tie<\"");
  result += text(t.alias, "\", \"", t.target, "\">");
  if (!d.path(t.module).empty()) result += text(" in ", d.path(t.module));
  return result;
}

constexpr void tie_leaves(TableDraft& d, const TieNames& t, std::size_t a, std::size_t b) {
  const LeafEntry &x = d.leaves[a], &y = d.leaves[b];
  const std::size_t source = d.leaves[root(d.leaves, b)].source;
  if (!(x.extents == y.extents) || x.dtype != y.dtype || x.is_parameter() != y.is_parameter()) {
    d.error = tie_text(d, t);
    d.error += text(": ", d.leaf(a), " ", x.extents, " and ", d.leaf(b), " ", y.extents,
                    " differ in shape, element type or kind");
  } else if (!join(d.leaves, a, b)) {
    d.error = tie_text(d, t);
    d.error += ": the two are tied already, the ties form a cycle";
  } else {
    d.leaves[root(d.leaves, a)].source = source;
  }
}

constexpr void tie_modules(TableDraft& d, const TieNames& t, std::size_t a, std::size_t b) {
  ModuleEntry &x = d.modules[a], &y = d.modules[b];
  const std::size_t leaves = x.end_leaf - x.first_leaf, modules = x.end - a;
  if ((a <= b && b < x.end) || (b <= a && a < y.end)) {
    d.error = tie_text(d, t);
    d.error += ": one module contains the other, the ties form a cycle";
  } else if (x.type != y.type || leaves != y.end_leaf - y.first_leaf || modules != y.end - b) {
    d.error = tie_text(d, t);
    d.error += ": the two modules have different structures";
  } else {
    for (std::size_t i = 0; i < leaves && d.error.empty(); ++i) {
      tie_leaves(d, t, x.first_leaf + i, y.first_leaf + i);
      // A shared module is initialised once, under its first name.
      const std::size_t first = root(d.leaves, x.first_leaf + i);
      d.leaves[first].source = first;
    }
    for (std::size_t i = 0; i < modules; ++i) join(d.modules, a + i, b + i);
  }
}

constexpr void resolve_ties(TableDraft& d) {
  for (std::size_t k = 0; k < d.tie_count; ++k) {
    const TieNames& t = d.ties[k];
    std::size_t leaf[2], module[2];
    const std::string_view names[2] = {t.alias, t.target};
    for (int side = 0; side < 2; ++side) {
      Text full(d.path(t.module));
      if (!full.empty()) full += ".";
      full += names[side];
      leaf[side] = find_leaf(d, full.view());
      module[side] = names[side].empty() ? not_found : find_module(d, full.view());
      if (leaf[side] == not_found && module[side] == not_found) {
        d.error = tie_text(d, t);
        d.error += text(": there is no parameter, buffer or module ", full.view());
        d.error += nearest(full.view(), d.leaf_count, [&](std::size_t i) { return d.leaf(i); });
        return;
      }
    }
    if (leaf[0] != not_found && leaf[1] != not_found)
      tie_leaves(d, t, leaf[0], leaf[1]);
    else if (module[0] != not_found && module[1] != not_found)
      tie_modules(d, t, module[0], module[1]);
    else
      d.error = tie_text(d, t), d.error += ": one is a module, the other a parameter or buffer";
    if (!d.error.empty()) return;
  }
}

/// Gives every tensor its place: parameters that get a gradient first, frozen ones after them.
struct ArenaSizes {
  std::size_t gradients = 0, parameters = 0, buffers = 0;
};
constexpr ArenaSizes place(auto& leaves, std::size_t count) {
  ArenaSizes end;
  const auto put = [&](bool wanted, auto is_there, std::size_t& bytes) {
    std::size_t slot = 0;
    for (std::size_t i = 0; wanted && i < count; ++i)
      if (leaves[i].owner == i && is_there(leaves[i])) {
        leaves[i].slot = slot++;
        leaves[i].offset = bytes;
        bytes += align_up(static_cast<std::size_t>(leaves[i].numel) * item_size(leaves[i].dtype));
      }
  };
  bool any_frozen = false;
  for (std::size_t i = 0; i < count; ++i) any_frozen = any_frozen || leaves[i].frozen;
  put(true, [](const LeafEntry& e) { return e.is_trainable(); }, end.parameters);
  for (std::size_t i = 0; i < count && end.gradients == 0; ++i) // all have one element type
    if (leaves[i].is_parameter()) end.gradients = gradient_place(end.parameters, leaves[i].dtype);
  put(any_frozen, [](const LeafEntry& e) { return e.frozen; }, end.parameters);
  put(true, [](const LeafEntry& e) { return !e.is_parameter(); }, end.buffers);
  for (std::size_t i = 0; i < count; ++i) {
    leaves[i].offset = leaves[leaves[i].owner].offset;
    leaves[i].slot = leaves[leaves[i].owner].slot;
    leaves[i].source = leaves[leaves[i].owner].source;
  }
  return end;
}

/// Owners become the first names of the groups.
constexpr void settle(auto& entries, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) entries[i].owner = root(entries, i);
}

} // namespace stator::detail
