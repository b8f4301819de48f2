// SPDX-License-Identifier: BSL-1.0
// The graph of an expression as text for Graphviz: stator::dot(model(x)), then `dot -Tsvg`. Every call of a
// module is a frame around what it computes, labelled with its path and class.
#pragma once

#include "stator/core/frozen.hpp"
#include "stator/run/compile.hpp"
#include "stator/run/values.hpp"

#include <charconv>
#include <string>
#include <vector>

namespace stator::inline v0_2 {

/// How `dot` draws a graph.
struct DotOptions {
  std::string name = "stator"; ///< of the graph
  bool types = true;           ///< element types and shapes beside the operations
};

namespace detail {

/// The calls of modules in an expression: their labels, one after the other, and the calls around them. The
/// addresses that distinguish them exist in constant evaluation only.
template<class E, int Order>
struct call_labels {
  struct Call {
    int parent;
    std::size_t begin, size;
  };
  struct Labels {
    Roomy<Call, 4096> calls;
    Roomy<char, 65536> characters;
  };
  static constexpr Labels all = [] {
    GrowingArray<Call> calls;
    GrowingArray<char> characters;
    for (const graph::Call& call : recorded_calls<E, Order>().list) {
      const std::size_t begin = characters.size();
      Text path;
      if (graph_names<E>::find(call, path) && !path.empty()) path += ": ";
      path += call.type_name();
      characters.append(path.view().data(), path.view().data() + path.size());
      calls.push_back({call.parent, begin, characters.size() - begin});
    }
    Labels labels{};
    spread(labels.calls, calls);
    spread(labels.characters, characters);
    return labels;
  }();
  static_assert(!all.calls.overflow && !all.characters.overflow,
                "stator: dot: the network calls more modules than a drawing has room for");
  static constexpr auto calls = cut<all.calls.size>(all.calls);
  static constexpr auto characters = cut<all.characters.size>(all.characters);
  static std::string_view label(std::size_t i) { return {characters.data() + calls[i].begin, calls[i].size}; }
};

/// Writes the text.
template<class E, bool Backward>
class DotWriter {
  using Program = run::Program<E, Backward>;
  using Labels = call_labels<E, Backward ? 1 : 0>;
  /// Results but the root, which are the first leaves.
  static constexpr int results = [] {
    if constexpr (requires { tracer<E>::others; })
      return tracer<E>::others;
    else
      return 0;
  }();
  static constexpr bool is_result(std::size_t n) {
    return static_cast<int>(n) == Program::root ||
           (Program::nodes[n].leaf >= 0 && Program::nodes[n].leaf < results);
  }

public:
  explicit DotWriter(const DotOptions& options) : options_(options) { graph_names<E>::leaves(leaves_); }

  std::string text() {
    out_ = "digraph " + quoted(options_.name) + " {\n  rankdir=TB; compound=true;\n" +
           "  node [shape=box, style=filled, fillcolor=white, fontname=\"Helvetica\"]; edge "
           "[fontname=\"Helvetica\"];\n";
    number_units();
    nodes_of(-1, 1);
    for (std::size_t n = 0; n < Program::nodes.size(); ++n)
      for (int k = 0; k < Program::nodes[n].count; ++k)
        out_ += "  n" + std::to_string(Program::operand(static_cast<int>(n), k)) + " -> n" +
                std::to_string(n) + ";\n";
    return out_ + "}\n";
  }

private:
  static std::string quoted(std::string_view text) {
    std::string result = "\"";
    for (const char c : text) {
      if (c == '"' || c == '\\') result += '\\';
      result += c;
    }
    return result + "\"";
  }

  /// Which unit of the program computes a node: the nodes of one unit run in one pass.
  void number_units() {
    unit_.assign(Program::nodes.size(), -1);
    for (std::size_t u = 0; u < Program::units.size(); ++u)
      for (int i = 0; i < Program::units[u].count; ++i)
        unit_[static_cast<std::size_t>(
            Program::members[static_cast<std::size_t>(Program::units[u].first + i)])] = static_cast<int>(u);
  }

  /// The nodes recorded in a call, and the frames of the calls within it.
  void nodes_of(int call, int depth) {
    const std::string indent(static_cast<std::size_t>(2 * depth), ' ');
    for (std::size_t n = 0; n < Program::nodes.size(); ++n)
      if (Program::nodes[n].call == call)
        out_ += indent + "n" + std::to_string(n) + " [" + attributes(n) + "];\n";
    for (std::size_t c = 0; c < Labels::calls.size(); ++c) {
      if (Labels::calls[c].parent != call) continue;
      out_ += indent + "subgraph cluster_" + std::to_string(c) + " {\n" + indent +
              "  label=" + quoted(Labels::label(c)) +
              "; style=rounded; color=gray; fontname=\"Helvetica\";\n";
      nodes_of(static_cast<int>(c), depth + 1);
      out_ += indent + "}\n";
    }
  }

  std::string attributes(std::size_t n) const {
    const graph::Node& node = Program::nodes[n];
    const graph::Signature& signature = *node.signature;
    const bool is_leaf = signature.kind == graph::Kind::leaf;
    std::string label(signature.name);
    if (is_leaf) label = leaves_[static_cast<std::size_t>(node.leaf)] + (node.gradient ? ".grad" : "");
    if (signature.kind == graph::Kind::constant) label = number(node.number);
    if (signature.kind == graph::Kind::store || (!is_leaf && node.leaf >= 0 && node.leaf < results))
      label += " to " + leaves_[static_cast<std::size_t>(node.leaf)] + (node.gradient ? ".grad" : "");
    std::string text = quoted(label);
    if (options_.types && signature.kind != graph::Kind::constant) {
      text.pop_back();
      text += "\\n" + std::string(to_string(signature.type.dtype)) + " " + to_string(signature.type.extents) +
              "\"";
    }
    text = "label=" + text;
    if (is_leaf)
      text += ", shape=ellipse, fillcolor=lightblue";
    else if (signature.kind == graph::Kind::constant)
      text += ", shape=plaintext";
    else if ((signature.kind == graph::Kind::store && !is_result(n)) ||
             unit_[n] >= static_cast<int>(Program::forward_units))
      text += ", fillcolor=mistyrose"; // backward, or written to memory that stays
    else if (signature.kind == graph::Kind::kernel)
      text += ", fillcolor=lightyellow";
    if (is_result(n)) text += ", penwidth=2";
    if (unit_[n] >= 0) text += ", tooltip=" + quoted("runs in unit " + std::to_string(unit_[n]));
    return text;
  }

  static std::string number(double value) {
    char text[32];
    return {text, std::to_chars(text, text + sizeof text, value).ptr};
  }

  const DotOptions& options_;
  std::string out_;
  std::vector<std::string> leaves_;
  std::vector<int> unit_;
};

} // namespace detail

/// The program of an expression, or that of several in a tuple, an array or a struct, as `stator::values`
/// runs it, whose results have thick frames: yellow kernels, white elementwise operations, blue inputs and
/// parameters; with `Backward` also its gradient and what is stored, red. Nodes of one unit, which its
/// tooltip names, run in one pass.
template<bool Backward = false, class E>
std::string dot(const E&, const DotOptions& options = {}) {
  if constexpr (detail::result_kind<E>() == detail::ResultKind::one) {
    return detail::DotWriter<E, Backward>(options).text();
  } else {
    static_assert(!Backward && detail::is_result<E>(),
                  "stator: dot: expected an expression, or several without a backward");
    return detail::DotWriter<typename detail::joint_of<E>::type, false>(options).text();
  }
}

} // namespace stator::inline v0_2
