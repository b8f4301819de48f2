// SPDX-License-Identifier: BSL-1.0
// What tracing asks of the prototype of a network: the addresses of its handles and fields, the paths of its
// modules, which of them are evaluated, and where the first mistake is.
#pragma once

#include "stator/module/table.hpp"
#include "stator/trace/forward_error.hpp"
#include "stator/trace/record.hpp"

namespace stator::detail {

/// The addresses of the handles of the prototype of a network, in the order of its table.
struct AddressVisitor : visitor_base {
  GrowingArray<const void*>& handles;
  explicit constexpr AddressVisitor(GrowingArray<const void*>& h) : handles(h) {}
  constexpr void leaf(const auto&, const auto& l) { handles.push_back(&l); }
};

/// The path of a module of the prototype, by address and type.
struct PathVisitor : visitor_base {
  const void* address = nullptr;
  Text (*type_name)() = nullptr;
  std::size_t seen = 0, found = not_found;
  template<class M>
  constexpr void module(const M& m) {
    if (static_cast<const void*>(&m) == address && type_name == &display_name<M>) found = seen;
    ++seen;
  }
};

/// The modules that the mode of a call evaluates.
template<class Net, class Mode>
struct EvaluatedVisitor : visitor_base {
  GrowingArray<graph::Call>& to;
  std::size_t seen = 0;
  template<class M>
  constexpr void module(const M& m) {
    if (Mode::evaluates(table<Net>::modules[seen++].path))
      to.push_back({&m, -1, &display_name<M>, -1, nullptr});
  }
};

/// The numbers among the fields of a network and its modules, which are leaves of the graph like parameters.
template<class F>
struct FieldVisitor : visitor_base {
  F visit;
  explicit constexpr FieldVisitor(F f) : visit(f) {}
  constexpr void module(auto& m) {
    for_each_field(m, [&](auto& field, const auto&) {
      if constexpr (ops::detail::is_field_type<std::remove_cvref_t<decltype(field)>>) visit(field);
    });
  }
};

template<class Net>
inline constexpr int plain_field_count = [] {
  int n = 0;
  FieldVisitor v([&n](const auto&) { ++n; });
  walk(reflect::prototype<Net>(), v);
  return n;
}();

/// Names the place of the first mistake: "stator: Linear<784, 128>: ..., at encoder.fc1".
template<class Net>
constexpr void locate(graph::Builder& b) {
  if (b.mistake.text.empty() || b.mistake.call < 0) return;
  const graph::Call& call = b.modules.list[static_cast<std::size_t>(b.mistake.call)];
  PathVisitor v;
  v.address = call.address;
  v.type_name = call.type_name;
  walk(reflect::prototype<Net>(), v);
  Text located("stator: ");
  located += text(call.type_name(), ": ", b.mistake.text);
  if (v.found != not_found && v.found > 0) located += text(", at ", table<Net>::modules[v.found].path);
  b.mistake = {located, -1};
}

} // namespace stator::detail
