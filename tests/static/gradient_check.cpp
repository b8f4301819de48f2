// SPDX-License-Identifier: BSL-1.0
// A gradient check while compiling: the gradient of a small network is recorded, and its graph evaluated in
// constant evaluation, against central differences in double.
#include "stator/expr/variable.hpp"
#include "stator/ops/ops.hpp"

#include <array>
#include <cstddef>

using namespace stator;

namespace {

struct Quadratic {
  Parameter<double, 4, 3> first;
  Parameter<double, 1, 4> bias;
  Parameter<double, 5, 4> second;
  constexpr auto forward(auto x) const {
    const auto h = mm(x, transpose<>(first)) + bias;
    return sum(mul(mm(mul(h, h), transpose<>(second)), mm(mul(h, h), transpose<>(second))));
  }
};

using Input = expr::Input<double, Shape<2, 3>, true>;
using Call = expr::ModuleCall<Quadratic, Mode<true>, Input>;

constexpr std::size_t sizes[] = {6, 12, 4, 20}; // of the leaves: x, first, bias, second
constexpr std::size_t largest = 20;
using Leaves = std::array<std::array<double, largest>, 4>;
using Values = std::array<double, largest>;

constexpr std::size_t numel(const graph::Signature& s) {
  return static_cast<std::size_t>(s.type.extents.numel());
}

/// The element of an operand that is broadcast to the extents `to`.
constexpr std::size_t element_of(const Extents& from, const Extents& to, std::size_t at) {
  std::size_t index = 0, step = 1;
  for (std::size_t right = 0; right < to.rank; ++right) {
    const auto extent = static_cast<std::size_t>(to[to.rank - 1 - right]);
    if (right < from.rank) {
      const auto own = static_cast<std::size_t>(from[from.rank - 1 - right]);
      index += own == 1 ? 0 : at % extent * step;
      step *= own;
    }
    at /= extent;
  }
  return index;
}

/// Runs the operations that this network and its gradients consist of.
constexpr Values evaluate(const graph::Graph& g, int result, const Leaves& leaves) {
  GrowingArray<Values> values;
  for (int n = 0; n <= result; ++n) {
    const graph::Node& node = g.nodes[static_cast<std::size_t>(n)];
    const graph::Signature& s = *node.signature;
    const auto operand = [&](int k) -> const Values& {
      return values[static_cast<std::size_t>(g.operand(n, k))];
    };
    const auto extents = [&](int k) -> const Extents& { return g.type(g.operand(n, k)).extents; };
    Values v{};
    if (s.kind == graph::Kind::leaf) {
      v = leaves[static_cast<std::size_t>(node.leaf)];
    } else if (s.kind == graph::Kind::constant) {
      v[0] = node.number;
    } else if (s.kind == graph::Kind::view) {
      v = operand(0);
    } else if (s.repeats) {
      for (std::size_t i = 0; i < numel(s); ++i) v[i] = operand(0)[element_of(extents(0), s.type.extents, i)];
    } else if (s.fold != nullptr) {
      for (std::size_t i = 0; i < numel(s); ++i) {
        double in[2]{};
        for (int k = 0; k < node.count; ++k) in[k] = operand(k)[element_of(extents(k), s.type.extents, i)];
        if (!s.fold(in, &v[i])) throw "not a number";
      }
    } else if (s.name == "Sum") { // dimensions that are kept are ones
      for (std::size_t i = 0; i < static_cast<std::size_t>(extents(0).numel()); ++i)
        v[element_of(s.type.extents, extents(0), i)] += operand(0)[i];
    } else if (s.name == "Permute") {
      const auto rows = static_cast<std::size_t>(extents(0)[0]),
                 columns = static_cast<std::size_t>(extents(0)[1]);
      for (std::size_t i = 0; i < rows * columns; ++i) v[i % columns * rows + i / columns] = operand(0)[i];
    } else if (s.name == "Mm") { // no extent of this network is that of another dimension
      const auto rows = static_cast<std::size_t>(s.type.extents[0]),
                 columns = static_cast<std::size_t>(s.type.extents[1]);
      const bool turned_a = extents(0)[0] != s.type.extents[0], turned_b = extents(1)[1] != s.type.extents[1];
      const auto inner = static_cast<std::size_t>(extents(0)[turned_a ? 0 : 1]);
      for (std::size_t i = 0; i < rows; ++i)
        for (std::size_t j = 0; j < columns; ++j)
          for (std::size_t k = 0; k < inner; ++k)
            v[i * columns + j] += operand(0)[turned_a ? k * rows + i : i * inner + k] *
                                  operand(1)[turned_b ? j * inner + k : k * columns + j];
    } else {
      throw "an operation that is not evaluated here"; // stops the compiler
    }
    values.push_back(v);
  }
  return values[static_cast<std::size_t>(result)];
}

constexpr Leaves start() {
  Leaves leaves{};
  double x = 0.37;
  for (auto& leaf : leaves)
    for (double& v : leaf) {
      x = 3.9 * x * (1 - x);
      v = x - 0.6;
    }
  return leaves;
}

/// The largest difference between the recorded gradient of a leaf and central differences of the loss.
constexpr double worst_difference(std::size_t leaf) {
  using Select = detail::grad_of_parameters<false, "*">;
  using Of =
      detail::grad_of_tensors<false, detail::GradWanted<double, Shape<2, 3>, detail::GradLeaf::variable>>;
  graph::Builder b;
  Leaves leaves = start();
  Values exact{};
  if (leaf == 0) {
    const auto all = tracer<expr::GradCall<Of, Call, detail::NoSeed>>::template symbol<0>(b);
    exact = evaluate(b, std::get<1>(all).node, leaves);
  } else {
    const auto all = tracer<expr::GradCall<Select, Call, detail::NoSeed>>::template symbol<0>(b);
    const int nodes[] = {std::get<1>(all).node, std::get<2>(all).node, std::get<3>(all).node};
    exact = evaluate(b, nodes[leaf - 1], leaves);
  }
  graph::Builder forward;
  const int loss = tracer<Call>::template symbol<0>(forward).node;
  double worst = 0;
  for (std::size_t i = 0; i < sizes[leaf]; ++i) {
    double& at = leaves[leaf][i];
    const double was = at, h = 1e-5;
    at = was + h;
    const double above = evaluate(forward, loss, leaves)[0];
    at = was - h;
    const double difference = (above - evaluate(forward, loss, leaves)[0]) / (2 * h) - exact[i];
    at = was;
    const double error = difference < 0 ? -difference : difference;
    worst = error > worst ? error : worst;
  }
  return worst;
}

} // namespace

static_assert(worst_difference(0) < 1e-7);
static_assert(worst_difference(1) < 1e-7);
static_assert(worst_difference(2) < 1e-7);
static_assert(worst_difference(3) < 1e-7);
