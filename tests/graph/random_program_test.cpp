// SPDX-License-Identifier: BSL-1.0
// Thousands of random programs against a straightforward evaluation. The passes are ordinary functions that
// also run at run time, so the program of a graph is made and interpreted here without compiling it: fusion,
// order of execution, in-place reuse and the memory plan must not show in any value or gradient.
#include "catch.hpp"
#include "graph/random_network.hpp"
#include "stator/graph/pipeline.hpp"
#include "stator/graph/verify.hpp"

#include <limits>
#include <random>

using namespace stator;
using namespace stator::test;
using graph::Area;
using graph::Kind;

namespace {

enum LeafIndex { input, weight, bias, scale, mix, leaf_count };

struct Leaves {
  std::array<std::vector<double>, leaf_count> value, grad;

  Leaves(unsigned seed) {
    std::mt19937 generator(seed);
    std::uniform_real_distribution<double> uniform(-1, 1);
    constexpr std::array<Index, leaf_count> sizes{samples * features, features * features, features, features,
                                                  samples * features};
    for (std::size_t i = 0; i < leaf_count; ++i) {
      value[i].resize(static_cast<std::size_t>(sizes[i]));
      for (double& v : value[i]) v = uniform(generator);
      grad[i].resize(value[i].size());
    }
  }
};

/// The program of a random network; with `Backward` of sum(y * mix) and its gradients.
template<Index Batch, bool Backward>
graph::Graph program(const Recipe& recipe) {
  graph::Builder b;
  b.add_leaves(leaf_count, true);
  b.needs_grad[mix] = false;
  const auto leaf = [&]<class S>(S, int which) {
    return Symbol<double, S, 1>{&b, b.leaf(&ops::leaf_signature<Typed<double, S>, 1>::value, which)};
  };
  const auto x = leaf(Shape<Batch, features>{}, input);
  const auto w = leaf(Shape<features, features>{}, weight);
  const auto v = leaf(Shape<features>{}, bias);
  const auto s = leaf(Shape<2, features / 2>{}, scale);
  const auto y = build(Symbolic<decltype(w), decltype(v), decltype(s)>{w, v, s}, x, recipe);
  const int root = Backward ? sum(y * leaf(Shape<Batch, features>{}, mix)).node : y.node;
  b.root = root;
  b.forward_nodes = static_cast<int>(b.nodes.size());
  b.backward = Backward;
  graph::Graph g = std::move(b).finish();
  for (const graph::Pass& pass : graph::pipeline) {
    do {
      g = pass.run(std::move(g));
      g.settle();
    } while (g.undone > 0);
    INFO("seed " << recipe.seed << ", after \"" << pass.name << '"');
    REQUIRE(graph::verify(g) == "");
  }
  return g;
}

/// Runs a program unit by unit and, in regions, element by element.
class Interpreter {
public:
  Interpreter(const graph::Graph& graph, Leaves& leaves, std::vector<double>& result)
      : d(graph), leaves_(leaves), result_(result),
        workspace_(d.workspace.total(samples) / sizeof(double) + 1,
                   std::numeric_limits<double>::quiet_NaN()) {}

  void run() {
    for (const graph::Unit& unit : d.units)
      if (unit.region)
        run_region(unit);
      else
        run_kernel(unit);
  }
  double* address(int node) { return address(d.places[at(d.base(node))]); }

private:
  static std::size_t at(int i) { return static_cast<std::size_t>(i); }
  double* address(graph::Place p) {
    switch (p.area) {
    case Area::fixed:
      return workspace_.data() + p.offset / sizeof(double);
    case Area::batched:
      return workspace_.data() + (d.batched_begin + p.offset * samples) / sizeof(double);
    case Area::leaf:
      return leaves_.value[p.offset].data();
    case Area::gradient:
      return leaves_.grad[p.offset].data();
    case Area::result:
      return result_.data();
    case Area::prepared: // of prepared programs alone
    case Area::none:
      break;
    }
    return nullptr;
  }
  void run_kernel(const graph::Unit& unit) {
    const int n = d.members[at(unit.first)];
    const graph::Signature& signature = *d.nodes[at(n)].signature;
    std::array<const void*, 4> in{};
    for (int k = 0; k < d.nodes[at(n)].count; ++k) in[at(k)] = address(d.operand(n, k));
    (unit.accumulate ? signature.accumulate : signature.run)(
        address(d.places[at(n)]), in.data(), samples, reinterpret_cast<std::byte*>(address(unit.scratch)));
  }
  /// The element of an operand that belongs to element `i` of a region with the extents `space`.
  double load(int node, const Extents& space, Index i) {
    if (d.kind(node) == Kind::constant) return d.nodes[at(node)].number;
    const Extents& e = d.type(node).extents;
    Index offset = 0, stride = 1;
    for (std::size_t k = 0; k < space.rank; ++k) {
      const auto full = [](Index x) { return x == dynamic ? samples : x; };
      const Index extent = full(space[space.rank - 1 - k]), own = k < e.rank ? full(e[e.rank - 1 - k]) : 1;
      if (own != 1) offset += i % extent * stride;
      stride *= own;
      i /= extent;
    }
    return address(node)[offset];
  }
  void run_region(const graph::Unit& unit) {
    const Extents& space = d.type(d.members[at(unit.first)]).extents;
    std::vector<double> value(d.nodes.size());
    std::vector<bool> inside(d.nodes.size());
    for (int m = 0; m < unit.count; ++m) inside[at(d.members[at(unit.first + m)])] = true;
    for (Index i = 0; i < space.numel() * (space.is_dynamic() ? samples : 1); ++i) {
      for (int m = 0; m < unit.count; ++m) {
        const int n = d.members[at(unit.first + m)];
        for (int k = 0; k < d.nodes[at(n)].count; ++k)
          if (const int o = d.operand(n, k); !inside[at(o)]) value[at(o)] = load(o, space, i);
      }
      for (int m = 0; m < unit.count; ++m) {
        const int n = d.members[at(unit.first + m)];
        std::array<kernel::Simd<double, 1>, kernel::max_elementwise_operands> args;
        for (int k = 0; k < d.nodes[at(n)].count; ++k)
          args[at(k)] = kernel::Simd<double, 1>(value[at(d.operand(n, k))]);
        kernel::Simd<double, 1> result;
        const auto* code =
            static_cast<const kernel::Elementwise<double>*>(d.nodes[at(n)].signature->elementwise);
        code->single(args.data(), result);
        result.store(&value[at(n)]);
        if (d.places[at(n)].area != Area::none) address(n)[i] = value[at(n)];
      }
    }
  }

  const graph::Graph& d;
  Leaves& leaves_;
  std::vector<double>& result_;
  std::vector<double> workspace_;
};

template<Index Batch>
bool agrees(const Recipe& recipe) {
  Leaves leaves(recipe.seed);
  Tape tape;
  const std::size_t rows = samples, columns = features;
  const Straight straight{tape, tape.leaf(columns, columns, leaves.value[weight]),
                          tape.leaf(1, columns, leaves.value[bias]),
                          tape.leaf(1, columns, leaves.value[scale])};
  const Taped x = tape.leaf(rows, columns, leaves.value[input]);
  const Taped y = build(straight, x, recipe);
  const Taped loss = tape.sum_to(tape.mul(y, tape.leaf(rows, columns, leaves.value[mix])), 1, 1);
  tape.backward(loss);

  std::vector<double> result(rows * columns);
  const graph::Graph forward = program<Batch, false>(recipe);
  Interpreter inference(forward, leaves, result);
  inference.run();
  bool good = agree({inference.address(forward.root), rows * columns}, y->value);

  const graph::Graph whole = program<Batch, true>(recipe);
  Interpreter training(whole, leaves, result);
  training.run();
  good = good && agree({training.address(whole.root), 1}, loss->value);
  good = good && agree(leaves.grad[input], x->grad) && agree(leaves.grad[weight], straight.weight->grad) &&
         agree(leaves.grad[bias], straight.bias->grad) && agree(leaves.grad[scale], straight.scale->grad);
  // No region is larger than it may be, and the forward runs alone.
  for (const graph::Unit& unit : whole.units)
    good = good && (!unit.region || unit.count <= graph::max_region);
  for (int u = 0; u < whole.forward_units; ++u)
    for (int m = 0; m < whole.units[static_cast<std::size_t>(u)].count; ++m)
      good = good &&
             whole.members[static_cast<std::size_t>(whole.units[static_cast<std::size_t>(u)].first + m)] <
                 whole.forward_nodes;
  return good;
}

void check(Recipe recipe, unsigned count = 300) {
  for (unsigned seed = 0; seed < count; ++seed) {
    recipe.seed = seed;
    const bool fixed = agrees<samples>(recipe), batched = agrees<dynamic>(recipe);
    INFO("seed " << seed << ": static batch " << fixed << ", dynamic batch " << batched);
    REQUIRE((fixed && batched));
  }
}

} // namespace

TEST_CASE("random programs of kernels and elementwise operations") {
  check({});
  check({.kernels = 12});
}

TEST_CASE("small random programs") {
  for (int steps = 1; steps < 10; ++steps) check({.steps = steps, .reach = 3}, 100);
}

TEST_CASE("random programs that are mostly elementwise, beyond the largest region") {
  check({.steps = 120, .kernels = 1, .reach = 3});
  check({.steps = 120, .kernels = 0, .reach = 6}, 100);
}

TEST_CASE("random programs with operands from far back") { check({.steps = 80, .kernels = 4, .reach = 80}); }

TEST_CASE("random chains") { check({.steps = 60, .kernels = 3, .reach = 1}); }

TEST_CASE("random programs whose result is also used by what is dead") {
  check({.steps = 60, .root_inside = true});
}
