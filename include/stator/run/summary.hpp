// SPDX-License-Identifier: BSL-1.0
// A table of a network, all of it constants: for each module its path, class, output shape, parameters,
// multiply-adds and bytes.
//   constexpr auto table = stator::summary<Net>(stator::Shape<stator::dynamic, 784>{});
//   static_assert(table.total().parameters == 101'770);
//   std::cout << table;
#pragma once

#include "stator/trace/trace.hpp"
#include "stator/trace/trace_error.hpp"

#include <ostream>

namespace stator::inline v0_2 {

/// One module; numbers include what is inside of it.
struct SummaryRow {
  std::string_view path, type;              ///< and class of the module
  bool called = false;                      ///< lists are not
  Extents output{};                         ///< of what its last call returned, the first of several values
  const graph::Returned* several = nullptr; ///< when its last call returned several values
  Index parameters = 0;                     ///< elements, shared ones once
  Index multiply_adds =
      0; ///< of products (matrices, convolutions, recurrences), for a sample where the batch is dynamic
  std::size_t bytes = 0; ///< of parameters and buffers

  /// How many values its last call returned.
  constexpr std::size_t output_count() const { return !called ? 0 : several == nullptr ? 1 : several->count; }
  /// The shape of one of them.
  constexpr Extents output_at(std::size_t value) const {
    return several == nullptr ? output : several->extents(value);
  }
  /// The shape of the one with a name: `row.output_at("state.1")`, see trace/results.hpp; of the first where
  /// none has it.
  constexpr Extents output_at(std::string_view name) const {
    if (several == nullptr) return output;
    const std::size_t value = several->find(name);
    return several->extents(value < several->count ? value : 0);
  }
  /// All of them as Python writes them: "[64, 10]", "([8, 3], [1, 8])", "-" where it was not called.
  constexpr Text shapes() const {
    return !called ? Text("-") : several == nullptr ? text(output) : several->shapes();
  }
};

/// What `summary` returns: a row for each call of a module; prints as a table.
template<std::size_t N>
struct Summary {
  std::array<SummaryRow, N> rows{}; ///< in the order of the calls

  /// The whole network.
  constexpr const SummaryRow& total() const { return rows[0]; }
  /// The module at a path; `total()` where there is none.
  constexpr const SummaryRow& operator[](std::string_view path) const {
    for (const SummaryRow& row : rows)
      if (row.path == path) return row;
    return rows[0];
  }

  friend std::ostream& operator<<(std::ostream& out, const Summary& s) {
    std::size_t path = 6, type = 5, shape = 6;
    for (const SummaryRow& row : s.rows) {
      path = std::max(path, row.path.size());
      type = std::max(type, row.type.size());
      shape = std::max(shape, row.shapes().size());
    }
    const auto cell = [&](std::size_t width, auto value) {
      out.width(static_cast<std::streamsize>(width));
      out << value;
    };
    const auto line = [&](auto a, auto b, auto c, auto d, auto e, auto f) {
      out << std::left;
      cell(path + 2, a), cell(type + 2, b), cell(shape + 2, c);
      out << std::right;
      cell(12, d), cell(16, e), cell(14, f);
      out << '\n';
    };
    line("module", "class", "output", "parameters", "multiply-adds", "bytes");
    for (const SummaryRow& row : s.rows)
      line(row.path.empty() ? "(all)" : row.path, row.type, std::string(row.shapes().view()), row.parameters,
           row.multiply_adds, row.bytes);
    return out;
  }
};

namespace detail {

/// The module that each call enters.
struct CalledVisitor : visitor_base {
  const GrowingArray<graph::Call>& calls;
  GrowingArray<std::size_t>& modules;
  std::size_t seen = 0;
  template<class M>
  constexpr void module(const M& m) {
    for (std::size_t i = 0; i < calls.size(); ++i)
      if (calls[i].address == &m && calls[i].type_name == &display_name<M>) modules[i] = seen;
    ++seen;
  }
};

template<class X>
struct summary_input {
  using type = expr::Input<float, X, false>;
};
template<class T, class S>
struct summary_input<Typed<T, S>> {
  using type = expr::Input<T, S, false>;
};

template<class Net, class... X>
struct summary_of {
  using T = table<Net>;
  using Call = expr::ModuleCall<Net, Mode<false>, typename summary_input<X>::type...>;
  static_assert(check<trace_error<Call>>());

  static consteval auto make() {
    Summary<T::modules.size()> s;
    for (std::size_t m = 0; m < s.rows.size(); ++m) {
      s.rows[m].path = T::modules[m].path;
      s.rows[m].type = T::modules[m].type;
      for (std::size_t i = T::modules[m].first_leaf; i < T::modules[m].end_leaf; ++i) {
        if (T::leaves[i].owner < i && T::leaves[i].owner >= T::modules[m].first_leaf) continue;
        if (T::leaves[i].is_parameter()) s.rows[m].parameters += T::leaves[i].numel;
        s.rows[m].bytes += static_cast<std::size_t>(T::leaves[i].numel) * item_size(T::leaves[i].dtype);
      }
    }
    const auto& g = recorded<Call, 0>::value;
    const graph::ModuleCalls recording = recorded_calls<Call, 0>();
    const GrowingArray<graph::Call>& calls = recording.list;
    GrowingArray<std::size_t> modules(calls.size(),
                                      not_found); // one that is no field of the network has no row
    CalledVisitor v{{}, calls, modules};
    walk(reflect::prototype<Net>(), v);
    for (std::size_t c = 0; c < calls.size(); ++c) {
      if (graph::ModuleCalls::result_count(calls[c]) == 0 || modules[c] == not_found) continue;
      SummaryRow& row = s.rows[modules[c]];
      row.called = true;
      row.several = calls[c].several;
      row.output = g.nodes[static_cast<std::size_t>(recording.result(calls[c]))].signature->type.extents;
    }
    for (std::size_t n = 0; n < g.nodes.size; ++n) {
      const Index work = g.nodes[n].signature->cost.multiply_adds;
      for (int c = g.nodes[n].call; c >= 0 && work > 0; c = calls[static_cast<std::size_t>(c)].parent)
        if (modules[static_cast<std::size_t>(c)] != not_found)
          s.rows[modules[static_cast<std::size_t>(c)]].multiply_adds += work;
    }
    return s;
  }
};

} // namespace detail

/// The table of `Net` for inputs of these shapes: `Shape<64, 784>{}`, or `Typed<std::int64_t, Shape<8,
/// 16>>{}` for other elements than float. A shape that does not fit does not compile.
template<class Net, class... X>
consteval auto summary(X...) {
  return detail::summary_of<Net, X...>::make();
}

} // namespace stator::inline v0_2
