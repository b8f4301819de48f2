// SPDX-License-Identifier: BSL-1.0
// The graph of an expression as text, after any pass of graph/pipeline.hpp:
//   using Loss = decltype(nn::cross_entropy(model(x), labels));
//   stator::dump<Loss>(std::cout, "fuse");
#pragma once

#include "stator/run/compile.hpp"
#include "stator/run/graph_names.hpp"

#include <ostream>

namespace stator::inline v0_2 {

namespace detail {

class GraphWriter {
public:
  GraphWriter(std::ostream& out, const graph::Graph& g, std::vector<std::string> leaves)
      : out_(out), g_(g), leaves_(std::move(leaves)), unit_(g.nodes.size(), -1) {
    for (std::size_t u = 0; u < g.units.size(); ++u)
      for (int m = g.units[u].first; m < g.units[u].first + g.units[u].count; ++m)
        unit_[static_cast<std::size_t>(g.members[static_cast<std::size_t>(m)])] = static_cast<int>(u);
  }
  void write() {
    for (std::size_t n = 0; n < g_.nodes.size(); ++n) {
      if (static_cast<int>(n) == g_.forward_nodes) out_ << "backward:\n";
      node(n);
    }
  }

private:
  void node(std::size_t n) {
    const graph::Node& node = g_.nodes[n];
    const graph::Signature& s = *node.signature;
    out_ << '%' << n << " = ";
    if (s.kind == graph::Kind::constant) {
      out_ << node.number;
    } else if (s.kind == graph::Kind::leaf) {
      out_ << leaf(node);
    } else {
      out_ << s.name << '(';
      for (int k = 0; k < node.count; ++k)
        out_ << (k > 0 ? ", %" : "%") << g_.operand(static_cast<int>(n), k);
      out_ << ')';
      if (node.leaf >= 0) out_ << " to " << leaf(node);
    }
    out_ << " : " << to_string(s.type.dtype) << ' ' << to_string(s.type.extents);
    if (static_cast<int>(n) == g_.root) out_ << ", root";
    for (const int e : g_.effects)
      if (e == static_cast<int>(n)) out_ << ", effect";
    if (!g_.sinks.empty() && g_.sinks[n] >= 0) out_ << ", done by %" << g_.sinks[n];
    if (!g_.ring.empty() && g_.ring[n] != static_cast<int>(n)) out_ << ", region %" << g_.regions[n];
    if (unit_[n] >= 0) out_ << ", unit " << unit_[n];
    if (!g_.places.empty()) place(g_.places[n]);
    out_ << '\n';
  }
  void place(const graph::Place& p) {
    if (p.area == graph::Area::fixed) out_ << ", at " << p.offset;
    if (p.area == graph::Area::batched) out_ << ", at " << g_.batched_begin << " + batch * " << p.offset;
    if (p.area == graph::Area::result) out_ << ", at the result";
    if (p.area == graph::Area::prepared) out_ << ", prepared at " << p.offset;
  }
  std::string leaf(const graph::Node& node) const {
    return leaves_[static_cast<std::size_t>(node.leaf)] + (node.gradient ? ".grad" : "");
  }

  std::ostream& out_;
  const graph::Graph& g_;
  std::vector<std::string> leaves_;
  std::vector<int> unit_;
};

} // namespace detail

namespace run {
/// The graph of an expression after a pass: "record" (nothing has been done), or one of graph/pipeline.hpp or
/// of its networks. Throws GraphError for a name that is none, which lists those that are.
template<class E, bool Backward>
graph::Graph graph_after(std::string_view pass) {
  graph::Graph g = graph::thaw(recorded<E, static_cast<int>(Backward)>::value);
  if (pass == "record") return g;
  std::string known = "record";
  for (const graph::Pass& p : detail::passes_of<E>) {
    do {
      g = p.run(std::move(g));
      g.settle();
    } while (g.undone > 0);
    if (p.name == pass) return g;
    known += ", " + std::string(p.name);
  }
  raise(GraphError("dump: there is no pass \"" + std::string(pass) + "\"; there are " + known));
}
} // namespace run

/// Writes the graph of an expression as it is after a pass; with `Backward` that of forward and backward,
/// which is the default where backward() can be called. Throws GraphError for an unknown pass, and lists
/// those that there are. A line is a node: its operation and operands, element type and shape, then what
/// passes have found out: whether it is kept for its effect, its region, the unit that runs it, and its place
/// in the workspace in bytes.
template<class E, bool Backward = run::Origin<typename expr::borrowed<E>::type>::can_backward>
void dump(std::ostream& out, std::string_view pass = "memory") {
  using Plan = typename expr::borrowed<E>::type;
  const graph::Graph g = run::graph_after<Plan, Backward>(pass);
  std::vector<std::string> leaves;
  detail::graph_names<Plan>::leaves(leaves);
  detail::GraphWriter(out, g, std::move(leaves)).write();
}

} // namespace stator::inline v0_2
