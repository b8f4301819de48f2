// SPDX-License-Identifier: BSL-1.0
// The list of passes: each leaves a graph that can be verified, a dump shows what it did, and networks add
// their own.
#include "catch.hpp"
#include "stator/graph/verify.hpp"
#include "stator/run/dump.hpp"
#include "stator/stator.hpp"

#include <sstream>

using namespace stator;

namespace {

struct Mlp {
  nn::Linear<4, 8> fc1;
  nn::BatchNorm1d<8> bn;
  nn::Linear<8, 3> fc2;
  constexpr auto forward(auto x) const { return x | fc1 | bn | nn::relu | fc2 | nn::log_softmax<1>; }
};
using Input = Tensor<float, dynamic, 4>;
using MlpLoss = decltype(sum(std::declval<const Model<Mlp>&>()(std::declval<Input&>())));

template<class E>
std::string dumped(std::string_view pass) {
  std::ostringstream out;
  dump<E>(out, pass);
  return out.str();
}
std::size_t lines(const std::string& text) {
  return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
}

/// y = x * 1 / 1 - 0 and back: all of it is x.
struct Nothing {
  constexpr auto forward(auto x) const { return x * 1 / 1 - 0 + -0.0; }
};
/// What looks like nothing and is not: x + 0 and x * 0.
struct Something {
  constexpr auto forward(auto x) const { return (x + 0) * 0; }
};
/// Two values that are equal when x * 1 is x.
struct Twice {
  constexpr auto forward(auto x) const { return nn::sigmoid(x * 1) * nn::sigmoid(x); }
};
/// More operations than the number of its leaves lets expect.
struct Chain {
  constexpr auto forward(auto x) const {
    for (int i = 0; i < 100; ++i) x = nn::sigmoid(x);
    return x;
  }
};
template<class Net>
using Forward = decltype(std::declval<const Model<Net>&>()(std::declval<const Tensor<float, 2, 3>&>()));
template<class E>
using Inference = run::Program<E, false>;

/// A pass of a network's own: sigmoid becomes tanh.
constexpr graph::Graph sigmoid_to_tanh(graph::Graph g) {
  using T = Typed<float, Shape<2, 3>>;
  constexpr const graph::Signature* tanh = &ops::signature<ops::Tanh, 0, T, T>::value;
  constexpr const graph::Signature* sigmoid = &ops::signature<ops::Sigmoid, 0, T, T>::value;
  for (int n = 0, size = static_cast<int>(g.nodes.size()); n < size; ++n) {
    if (g.signature(n).identity != sigmoid) continue;
    const int operand = g.operand(n, 0);
    g.replace_uses(n, g.insert(tanh, &operand, 1));
  }
  return g;
}
/// A view of six elements.
struct Rows {
  constexpr auto forward(auto x) const { return view<6>(x) + 1; }
};
struct WithPass {
  nn::Linear<3, 3> fc;
  static constexpr std::array passes{graph::Pass{"sigmoid_to_tanh", &sigmoid_to_tanh}};
  constexpr auto forward(auto x) const { return nn::sigmoid(x | fc) * 2; }
};

} // namespace

TEST_CASE("a graph in a constant has the room that its network needs, a wrong guess or none") {
  using Mlp = typename expr::borrowed<MlpLoss>::type;
  static_assert(run::Origin<Mlp>::recorded.room == 64);
  static_assert(run::Origin<Mlp>::recorded.fits() && run::Origin<Mlp>::recorded.nodes.size <= 64);

  using Chained = typename expr::borrowed<Forward<Chain>>::type;
  static_assert(run::Origin<Chained>::recorded.room == 128);
  static_assert(run::Origin<Chained>::recorded.fits() && run::Origin<Chained>::recorded.nodes.size == 101);
  CHECK(Inference<Chained>::count("Sigmoid") == 100);
}

TEST_CASE("the graph of a network can be verified after every pass") {
  for (const graph::Pass& pass : graph::pipeline) {
    INFO(pass.name);
    CHECK(graph::verify(run::graph_after<MlpLoss, true>(pass.name)) == "");
    CHECK(graph::verify(run::graph_after<MlpLoss, false>(pass.name)) == "");
  }
}

namespace {
/// Results that a loop gives, that a kernel gives, of integers, and a batch that is known when the program
/// runs.
struct Several {
  nn::Linear<4, 8> fc;
  nn::BatchNorm1d<8> bn;
  constexpr auto forward(auto x) const {
    const auto h = x | fc | bn;
    return std::tuple(nn::relu(h), std::tuple(x | fc, argmax<1>(h)), nn::tanh(h), nn::relu(h));
  }
};
} // namespace

TEST_CASE("programs with several results can be verified after every pass, and loops write where these lie") {
  using Call = expr::ModuleCall<Several, Mode<false>, expr::Input<float, Shape<dynamic, 4>, false>>;
  using Prepared = run::Prepared<Call, run::Preparation{}>;
  for (const graph::Pass& pass : run::detail::passes_of<Prepared>) {
    INFO(pass.name);
    CHECK(graph::verify(run::graph_after<Prepared, false>(pass.name)) == "");
  }
  using Results = decltype(detail::outputs(std::declval<std::shared_ptr<const Call>>()));
  using Joint = typename detail::joint_of<Results>::type;
  for (const graph::Pass& pass : graph::pipeline) {
    INFO(pass.name);
    CHECK(graph::verify(run::graph_after<Joint, false>(pass.name)) == "");
  }
  const std::string text = dumped<Joint>("memory");
  CHECK(text.find("Result(%") != text.npos);
  CHECK(text.find(" to result 4 : float32 [?, 8], effect, region") != text.npos);
  CHECK(text.find(" to result 2 : int64 [?], effect, unit") != text.npos);
}

TEST_CASE("a prepared graph can be verified after every pass") {
  using Call = expr::ModuleCall<Mlp, Mode<false>, expr::Input<float, Shape<20, 4>, false>>;
  using Prepared = run::Prepared<Call, run::Preparation{}>;
  for (const graph::Pass& pass : run::detail::passes_of<Prepared>) {
    INFO(pass.name);
    CHECK(graph::verify(run::graph_after<Prepared, false>(pass.name)) == "");
  }
  const graph::Graph good = run::graph_after<Prepared, false>("memory");
  CHECK(good.prepared > 0);
  CHECK(good.forward_units > 0);
  const auto spoilt = [&](auto spoil) {
    graph::Graph g = good;
    spoil(g);
    return graph::verify(g);
  };
  using Catch::Matchers::Contains;
  CHECK_THAT(spoilt([](auto& g) { g.prepared = 1; }), Contains("outside of what is prepared"));
  CHECK_THAT(spoilt([](auto& g) {
               for (graph::Place& p : g.places)
                 if (p.area == graph::Area::prepared) p.offset = 0;
             }),
             Contains("its prepared memory is that of another node"));
  CHECK_THAT(spoilt([](auto& g) { g.first_constant = 1 << 20; }),
             Contains("it is prepared and reads an input"));
}

TEST_CASE("verify names the node and its mistake") {
  const graph::Graph good = run::graph_after<MlpLoss, true>("memory");
  const auto spoilt = [&](auto spoil) {
    graph::Graph g = good;
    spoil(g);
    return graph::verify(g);
  };
  const auto last = static_cast<int>(good.nodes.size()) - 1;
  const auto user = static_cast<std::size_t>(
      std::ranges::find_if(good.nodes, [](const graph::Node& n) { return n.signature->name == "Addmm"; }) -
      good.nodes.begin());
  using Catch::Matchers::Contains;
  CHECK(good.nodes[user].count == 3);
  const auto edge = static_cast<std::size_t>(good.nodes[user].first);
  CHECK_THAT(spoilt([&](auto& g) { g.edges[edge] = last; }), Contains("(Addmm): operand 0 comes after it"));
  CHECK_THAT(spoilt([&](auto& g) { g.edges[edge] = 99999; }), Contains("operand 0 does not exist"));
  CHECK_THAT(spoilt([&](auto& g) { g.edges[edge] = g.edges[edge + 1]; }),
             Contains("operand 0 is float32 [8, 4], expected float32 [?, 4]"));
  CHECK_THAT(spoilt([&](auto& g) { g.nodes[user].count = 2; }), Contains("2 operands, expected 3"));
  CHECK_THAT(spoilt([&](auto& g) { g.nodes[0].leaf = 1000; }), Contains("a leaf that does not exist"));
  CHECK_THAT(spoilt([&](auto& g) { g.effects[0] = -1; }), Contains("an effect does not exist"));
  CHECK_THAT(spoilt([&](auto& g) { g.root = -1; }), Contains("the root does not exist"));
  CHECK_THAT(spoilt([&](auto& g) { g.units.pop_back(); }), Contains("it never runs"));
  CHECK_THAT(spoilt([&](auto& g) { std::swap(g.members[0], g.members[1]); }),
             Contains("before its operands"));
  CHECK_THAT(spoilt([&](auto& g) { std::swap(g.members[0], g.members[g.members.size() - 1]); }),
             Contains("it runs with the"));
}

TEST_CASE("verify refuses a view of more elements than its operand has, and a view of nothing") {
  const graph::Graph good = run::graph_after<typename expr::borrowed<Forward<Rows>>::type, false>("memory");
  CHECK(graph::verify(good) == "");
  const auto view = static_cast<std::size_t>(
      std::ranges::find_if(good.nodes,
                           [](const graph::Node& n) { return n.signature->kind == graph::Kind::view; }) -
      good.nodes.begin());
  REQUIRE(view < good.nodes.size());
  graph::Signature changed = *good.nodes[view].signature;
  changed.operands = nullptr; // what it reads is not compared
  const auto verified = [&](std::initializer_list<Index> extents, bool operand = true) {
    changed.type.extents = {};
    for (const Index e : extents) changed.type.extents.push_back(e);
    graph::Graph g = good;
    g.nodes[view].signature = &changed;
    if (!operand) g.nodes[view].count = 0;
    return graph::verify(g);
  };
  using Catch::Matchers::Contains;
  CHECK_THAT(verified({2, 4}), Contains("it is a view of more elements than its operand has"));
  CHECK_THAT(verified({3, 2}), !Contains("it is a view of more elements"));
  CHECK_THAT(verified({2, 3}, false), Contains("it is a view of nothing"));
}

TEST_CASE("verify finds values that lie over each other while both are needed") {
  const graph::Graph good = run::graph_after<MlpLoss, true>("memory");
  const auto in_workspace = [&](const graph::Place& p) { return p.area == graph::Area::batched; };
  const auto misplaced = [&](auto move) {
    graph::Graph g = good;
    std::string first;
    for (std::size_t n = 0; n < g.places.size() && first.empty(); ++n) {
      if (!in_workspace(good.places[n])) continue;
      move(g.places[n]);
      first = graph::verify(g);
      g.places[n] = good.places[n];
    }
    return first;
  };
  using Catch::Matchers::Contains;
  REQUIRE(std::ranges::any_of(good.places, in_workspace));
  // All of them at one address: the first two that are needed together are named.
  graph::Graph g = good;
  for (graph::Place& p : g.places)
    if (in_workspace(p)) p.offset = 0;
  CHECK_THAT(graph::verify(g), Contains("its memory is that of node "));
  // One of them over its neighbour, and one beyond the end.
  CHECK_THAT(misplaced([](graph::Place& p) { p.offset += 16; }), Contains("its memory "));
  CHECK_THAT(misplaced([&](graph::Place& p) { p.offset = good.workspace.per_sample; }),
             Contains("its memory lies outside of the workspace"));
}

TEST_CASE("a plan that is made in many evaluations is the plan that is made in one") {
  const graph::Graph ordered = run::graph_after<MlpLoss, true>("order");
  const graph::Graph whole = graph::detail::place_some(ordered, 1 << 20);
  REQUIRE(whole.undone == 0);
  graph::Graph parts = ordered;
  int evaluations = 0;
  do {
    parts = graph::detail::place_some(std::move(parts), 1);
    ++evaluations;
  } while (parts.undone > 0);
  CHECK(evaluations == static_cast<int>(ordered.units.size()));
  CHECK(std::ranges::equal(parts.places, whole.places));
  CHECK(parts.workspace == whole.workspace);
  CHECK(parts.batched_begin == whole.batched_begin);
  CHECK(graph::verify(parts) == "");
}

TEST_CASE("regions and units that are made in many evaluations are those that are made in one") {
  // A part of a pass at a time, each of `at_once` steps.
  const auto in_parts = [](graph::Graph g, auto part, int at_once) {
    int evaluations = 0;
    do {
      g = part(std::move(g), at_once);
      ++evaluations;
    } while (g.undone > 0);
    CHECK(evaluations == (2 * static_cast<int>(g.nodes.size()) + at_once - 1) / at_once);
    return g;
  };
  for (const int at_once : {1, 7}) {
    const graph::Graph sunk = run::graph_after<MlpLoss, true>("sinks");
    const graph::Graph fused = in_parts(sunk, graph::detail::fuse_some, 1 << 20);
    const graph::Graph fused_in_parts = in_parts(sunk, graph::detail::fuse_some, at_once);
    CHECK(std::ranges::equal(fused_in_parts.regions, fused.regions));
    CHECK(std::ranges::equal(fused_in_parts.ring, fused.ring));
    CHECK(!std::ranges::equal(fused.ring, fused.regions)); // some are joined

    const graph::Graph ordered = in_parts(fused, graph::detail::order_some, 1 << 20);
    const graph::Graph ordered_in_parts = in_parts(fused, graph::detail::order_some, at_once);
    CHECK(std::ranges::equal(ordered_in_parts.members, ordered.members));
    CHECK(ordered_in_parts.units.size() == ordered.units.size());
    CHECK(ordered_in_parts.forward_units == ordered.forward_units);
    CHECK(graph::verify(ordered_in_parts) == "");
  }
}

TEST_CASE("a dump shows the graph after a pass, and an unknown pass lists those that there are") {
  const std::string recorded = dumped<MlpLoss>("record"), differentiated = dumped<MlpLoss>("differentiate"),
                    live = dumped<MlpLoss>("dead"), last = dumped<MlpLoss>("memory");
  CHECK_THAT(recorded, Catch::Matchers::Contains("= fc1.weight : float32 [8, 4]\n"));
  CHECK_THAT(recorded, !Catch::Matchers::Contains("AccumulateGrad"));
  CHECK_THAT(differentiated, Catch::Matchers::Contains("backward:\n"));
  CHECK_THAT(differentiated, Catch::Matchers::Contains(" to fc1.weight.grad : float32 [8, 4], effect\n"));
  CHECK(lines(recorded) < lines(differentiated));
  CHECK(lines(live) <= lines(differentiated));
  CHECK_THAT(dumped<MlpLoss>("sinks"), Catch::Matchers::Contains(", done by %"));
  CHECK_THAT(dumped<MlpLoss>("fuse"), Catch::Matchers::Contains(", region %"));
  CHECK_THAT(dumped<MlpLoss>("fuse"), !Catch::Matchers::Contains(", unit 0"));
  CHECK_THAT(dumped<MlpLoss>("order"), Catch::Matchers::Contains(", unit 0"));
  CHECK_THAT(last, Catch::Matchers::Contains(" + batch * "));
  CHECK_THROWS_WITH(
      dumped<MlpLoss>("fusion"),
      Catch::Matchers::Contains("there is no pass \"fusion\"; there are record, differentiate, fold, common, "
                                "dead, pooled, sinks, fuse, order, memory"));
}

TEST_CASE("what changes nothing is dropped, and what does is kept") {
  STATIC_REQUIRE(Inference<Forward<Nothing>>::computed_nodes == 0);
  STATIC_REQUIRE(Inference<Forward<Something>>::computed_nodes == 2);
  CHECK_THAT(dumped<Forward<Nothing>>("common"),
             Catch::Matchers::Contains("%0 = input : float32 [2, 3], root"));
  const Tensor<float, 2, 3> x{1, -0.f, 3, -2, std::numeric_limits<float>::infinity(), 0};
  const auto same = Model<Nothing>()(x).value();
  CHECK(std::memcmp(same.data(), x.data(), sizeof(float) * 6) == 0);
  CHECK_FALSE(std::signbit(Model<Something>()(x).value()(0, 1)));
}

TEST_CASE("numbers are computed while compiling, and read where they are repeated") {
  // The gradient of mean is 1 / 6, repeated: of x * x it is x * (1 / 6) + x * (1 / 6).
  Variable<float, 2, 3> x;
  using E = decltype(mean(x * x));
  const std::string before = dumped<E>("differentiate"), after = dumped<E>("dead");
  INFO(before << "\nand after:\n" << after);
  CHECK_THAT(before, Catch::Matchers::Contains("Expand("));
  CHECK_THAT(after, !Catch::Matchers::Contains("Expand("));
  x.fill_(3);
  mean(x * x).backward();
  CHECK(x.grad()(1, 2) == Approx(1));
}

TEST_CASE("values that folding makes equal are merged") {
  STATIC_REQUIRE(Inference<Forward<Twice>>::count("Sigmoid") == 1);
  STATIC_REQUIRE(Inference<Forward<Twice>>::computed_nodes == 2);
}

TEST_CASE("a network adds a pass of its own") {
  using E = Forward<WithPass>;
  STATIC_REQUIRE(Inference<E>::count("Sigmoid") == 0);
  STATIC_REQUIRE(Inference<E>::count("Tanh") == 1);
  CHECK(graph::verify(run::graph_after<E, false>("sigmoid_to_tanh")) == "");
  CHECK(graph::verify(run::graph_after<E, false>("memory")) == "");
  const Model<WithPass> model;
  const Tensor<float, 2, 3> x{1, 2, 3, -1, -2, -3};
  const auto expected = (2 * stator::tanh(model->fc(x))).value(), found = model(x).value();
  for (Index i = 0; i < 6; ++i) CHECK(found.data()[i] == Approx(expected.data()[i]));
}

TEST_CASE("hooks leave a network the passes of its own") {
  const Model<WithPass> model;
  const Tensor<float, 2, 3> x{1, 2, 3, -1, -2, -3};
  int calls = 0;
  const auto hooked = model.with(forward_hook<"fc">([&](const auto&, auto, auto) { ++calls; }));
  using E = std::remove_cvref_t<decltype(hooked(x))>;
  STATIC_REQUIRE(Inference<E>::count("Sigmoid") == 0);
  STATIC_REQUIRE(Inference<E>::count("Tanh") == 1);
  const auto expected = model(x).value(), found = hooked(x).value();
  for (Index i = 0; i < 6; ++i) CHECK(found.data()[i] == expected.data()[i]);
  CHECK(calls == 1);
}

namespace {
/// Two convolutions with relu and pooling behind them: the kernel of the second, Winograd's, does all of it.
/// With `More` something else reads what is between.
template<bool More>
struct Pooling {
  nn::Conv2d<1, 16, 3> first;
  nn::Conv2d<16, 16, 3, {.padding = 1}> second;
  nn::Linear<144, 3> head;
  constexpr auto forward(auto x) const {
    const auto h = x | first | nn::relu | nn::max_pool2d<2>;
    const auto relu = h | second | nn::relu;
    const auto scores = relu | nn::max_pool2d<2> | flatten<1> | head;
    if constexpr (More)
      return scores + 0 * sum_keepdim<1>(flatten<1>(relu));
    else
      return scores;
  }
};
template<bool More, Index N>
using PoolingLoss = decltype(nn::cross_entropy(
    std::declval<const Model<Pooling<More>>&>()(std::declval<Tensor<float, N, 1, 14, 14>&>()),
    std::declval<Tensor<std::int64_t, N>&>()));

/// The gradients of all parameters for eight samples.
template<bool More, Index N>
std::vector<float> pooling_gradients() {
  manual_seed(3);
  Model<Pooling<More>> model;
  Tensor<float, 8, 1, 14, 14> images;
  Tensor<std::int64_t, 8> labels;
  nn::init::normal_(images);
  for (Index i = 0; i < 8; ++i) labels.data()[i] = i % 3;
  using X = Tensor<float, N, 1, 14, 14>;
  using Y = Tensor<std::int64_t, N>;
  X x = [] {
    if constexpr (N == dynamic)
      return X(8);
    else
      return X();
  }();
  Y y = [] {
    if constexpr (N == dynamic)
      return Y(8);
    else
      return Y();
  }();
  std::ranges::copy(images.values(), x.data());
  std::ranges::copy(labels.values(), y.data());
  nn::cross_entropy(model(x), y).backward();
  std::vector<float> all;
  for (auto [name, p] : model.named_parameters())
    for (const float g : p.template grad<float>()) all.push_back(g);
  return all;
}
} // namespace

TEST_CASE("the gradients of pooling and relu are one kernel, a convolution's kernel does both where it can") {
  const std::string text = dumped<PoolingLoss<false, 4>>("pooled");
  const auto count = [](const std::string& all, std::string_view word) {
    int n = 0;
    for (std::size_t at = all.find(word); at != all.npos; at = all.find(word, at + 1)) ++n;
    return n;
  };
  CHECK(count(text, "ThresholdBackward(") == 0);
  CHECK(count(text, "MaxPoolReluBackward(") == (kernel::winograd_by_default ? 1 : 2));
  CHECK(count(text, "ConvolutionReluMaxPool(") == (kernel::winograd_by_default ? 1 : 0));
  // What something else reads has to be written.
  CHECK(count(dumped<PoolingLoss<true, 4>>("pooled"), "ConvolutionReluMaxPool(") == 0);
  // A program that has no backward is as it was.
  for (const graph::Pass& pass : graph::pipeline) {
    INFO(pass.name);
    CHECK(graph::verify(run::graph_after<PoolingLoss<false, 4>, true>(pass.name)) == "");
    CHECK(graph::verify(run::graph_after<PoolingLoss<false, dynamic>, true>(pass.name)) == "");
    CHECK(graph::verify(run::graph_after<PoolingLoss<false, 4>, false>(pass.name)) == "");
  }
}

TEST_CASE("joining pooling and relu with their convolution leaves gradients as they were") {
  const std::vector<float> expected = pooling_gradients<true, 8>();
  for (const std::vector<float>& found :
       {pooling_gradients<false, 8>(), pooling_gradients<false, dynamic>()}) {
    REQUIRE(found.size() == expected.size());
    for (std::size_t i = 0; i < found.size(); ++i)
      if (std::abs(found[i] - expected[i]) > 1e-6F * (1 + std::abs(expected[i])))
        FAIL_CHECK("gradient " << i << " is " << found[i] << ", expected " << expected[i]);
  }
}
