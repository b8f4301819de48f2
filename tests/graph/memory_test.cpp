// SPDX-License-Identifier: BSL-1.0
// The memory plan: how large a program's workspace is, is a constant.
#include "catch.hpp"
#include "stator/stator.hpp"

#include <array>

using namespace stator;

namespace {

struct Mlp {
  nn::Linear<784, 128> fc1;
  nn::Linear<128, 10> fc2;
  constexpr auto forward(auto x) const { return x | fc1 | nn::relu | fc2; }
};

template<Index Batch, bool Backward>
using MlpProgram = run::Program<decltype(nn::cross_entropy(std::declval<const Model<Mlp>&>()(
                                                               std::declval<Tensor<float, Batch, 784>>()),
                                                           std::declval<Tensor<std::int64_t, Batch>>())),
                                Backward>;

/// The most temporary memory that a kernel of a program asks for: it depends on the machine's vectors.
template<class P>
constexpr Bytes kernel_scratch() {
  Bytes most;
  for (const graph::Node& node : P::nodes) {
    most.fixed = std::max(most.fixed, node.signature->scratch.fixed);
    most.per_sample = std::max(most.per_sample, node.signature->scratch.per_sample);
  }
  return most;
}

// A sample's hidden values and their gradient, 512 bytes each, its ten logits, and their gradient with the
// loss, 64 bytes each.
using Dynamic = MlpProgram<dynamic, true>;
static_assert(kernel_scratch<Dynamic>().per_sample > 0 || Dynamic::workspace.per_sample == 2 * 512 + 2 * 64);
static_assert(Dynamic::workspace.fixed < kernel_scratch<Dynamic>().fixed + 256);

// A static batch of 64 is the same 64 times, without rounding each row up; kernels' memory is used again.
using Static = MlpProgram<64, true>;
static_assert(Static::workspace.per_sample == 0);
static_assert(Static::workspace.fixed <= kernel_scratch<Static>().fixed + 64 * (2 * 512 + 2 * 64));
static_assert(Static::workspace.fixed >= 64 * (2 * 512));

// Evaluation keeps nothing for a backward pass.
static_assert(MlpProgram<dynamic, false>::workspace.per_sample <= 512 + 2 * 64);

struct Block {
  nn::Linear<32, 32> fc;
  constexpr auto forward(auto x) const { return x + (x | fc | nn::relu); }
};
template<std::size_t N>
struct Deep {
  std::array<Block, N> blocks;
  constexpr auto forward(auto x) const {
    for (const Block& block : blocks) x = x | block;
    return x;
  }
};
struct Cnn {
  nn::Conv2d<1, 32, 3> conv1;
  nn::Conv2d<32, 64, 3> conv2;
  nn::Linear<9216, 128> fc1;
  nn::Linear<128, 10> fc2;
  constexpr auto forward(auto x) const {
    return x | conv1 | nn::relu | conv2 | nn::relu | nn::max_pool2d<2> | flatten<1> | fc1 | nn::relu | fc2;
  }
};
struct Gpt {
  static constexpr Index words = 96, length = 64, width = 64, heads = 4;
  nn::Embedding<words, width> wte;
  nn::LayerNorm<width> ln_1;
  nn::Linear<width, 3 * width> attention;
  nn::Linear<width, width> projection;
  nn::LayerNorm<width> ln_2;
  nn::Linear<width, 4 * width> wide;
  nn::Linear<4 * width, width> narrow;
  nn::Linear<width, words, {.bias = false}> head;
  constexpr auto forward(auto ids) const {
    const auto heads_of = [](auto part) {
      return permute<0, 2, 1, 3>(view<-1, length, heads, width / heads>(part));
    };
    const auto x = ids | wte;
    const auto [q, k, v] = split<2, width, width, width>(x | ln_1 | attention);
    const auto y = nn::scaled_dot_product_attention<true>(heads_of(q), heads_of(k), heads_of(v));
    const auto z = x + (view<-1, length, width>(permute<0, 2, 1, 3>(y)) | projection);
    return flatten<0, 1>(z + (z | ln_2 | wide | nn::gelu | narrow) | head);
  }
};
template<class Net, class X, class Target>
using Trained = run::Program<decltype(nn::cross_entropy(std::declval<const Model<Net>&>()(std::declval<X>()),
                                                        std::declval<Target>())),
                             true>;

/// The largest sum of the bytes that are in use while one unit runs, in a workspace of constant size.
template<class P>
std::size_t largest_in_use() {
  std::vector<std::size_t> first(P::nodes.size(), P::units.size()), last(P::nodes.size());
  const auto extend = [&](int node, std::size_t unit) {
    first[P::at(node)] = std::min(first[P::at(node)], unit);
    last[P::at(node)] = std::max(last[P::at(node)], unit);
  };
  for (std::size_t u = 0; u < P::units.size(); ++u)
    for (int m = P::units[u].first; m < P::units[u].first + P::units[u].count; ++m) {
      const int node = P::members[P::at(m)];
      extend(node, u);
      for (int k = 0; k < P::nodes[P::at(node)].count; ++k) extend(P::base(P::operand(node, k)), u);
    }
  last[P::at(P::base(P::root))] = P::units.size();
  std::size_t most = 0;
  for (std::size_t u = 0; u < P::units.size(); ++u) {
    std::vector<std::pair<std::size_t, std::size_t>> used; // begin and end; in place, two have the same
    for (std::size_t n = 0; n < P::nodes.size(); ++n)
      if (P::places[n].area == graph::Area::fixed && first[n] <= u && u <= last[n])
        used.emplace_back(P::places[n].offset,
                          P::places[n].offset + P::nodes[n].signature->type.bytes().fixed);
    if (P::units[u].scratch.area == graph::Area::fixed) {
      const int node = P::members[P::at(P::units[u].first)];
      used.emplace_back(P::units[u].scratch.offset,
                        P::units[u].scratch.offset + P::nodes[P::at(node)].signature->scratch.fixed);
    }
    std::sort(used.begin(), used.end());
    std::size_t sum = 0, end = 0;
    for (const auto& [from, to] : used)
      if (to > end) sum += to - std::max(from, end), end = to;
    most = std::max(most, sum);
  }
  return most;
}
template<class P>
void wastes_little() {
  static_assert(P::workspace.per_sample == 0);
  INFO("a workspace of " << P::workspace.fixed << " bytes for " << largest_in_use<P>());
  CHECK(P::workspace.fixed >= largest_in_use<P>());
  CHECK(static_cast<double>(P::workspace.fixed) <= 1.1 * static_cast<double>(largest_in_use<P>()));
}

template<std::size_t N>
using Forward = decltype(std::declval<const Model<Deep<N>>&>()(std::declval<Tensor<float, dynamic, 32>>()));

} // namespace

TEST_CASE("the workspace of inference does not grow with the depth of a network") {
  STATIC_REQUIRE(run::Program<Forward<12>, false>::workspace == run::Program<Forward<6>, false>::workspace);
}

TEST_CASE("the workspace of training grows with the values that the backward pass needs") {
  using Short = run::Program<decltype(sum(std::declval<Forward<6>>())), true>;
  using Long = run::Program<decltype(sum(std::declval<Forward<12>>())), true>;
  // Each block keeps its input for the weight's gradient and the result of relu: 128 bytes each.
  STATIC_REQUIRE(Long::workspace.per_sample - Short::workspace.per_sample == 6 * 2 * 128);
}

TEST_CASE("a workspace is at most a tenth larger than what is in use at once") {
  wastes_little<Trained<Cnn, Tensor<float, 64, 1, 28, 28>, Tensor<std::int64_t, 64>>>();
  wastes_little<Trained<Gpt, Tensor<std::int64_t, 8, Gpt::length>, Tensor<std::int64_t, 8 * Gpt::length>>>();
}

TEST_CASE("attention holds no matrix of scores, in training neither") {
  using Rows = Variable<float, 1, 2, 1024, 16>;
  using Loss = decltype(sum(nn::scaled_dot_product_attention<true>(
      std::declval<const Rows&>(), std::declval<const Rows&>(), std::declval<const Rows&>())));
  constexpr std::size_t scores = sizeof(float) * 2 * 1024 * 1024, rows = sizeof(float) * 2 * 1024 * 16;
  STATIC_REQUIRE(run::Program<Loss, true>::workspace.fixed < 8 * rows);
  STATIC_REQUIRE(8 * rows < scores / 4);
}

TEST_CASE("two values that live at the same time never overlap") {
  // What the plan says of the units of a program: everything that is read later lies apart.
  using P = Dynamic;
  for (std::size_t u = 0; u < P::units.size(); ++u) {
    std::vector<std::pair<std::size_t, std::size_t>> taken;
    for (std::size_t n = 0; n < P::nodes.size(); ++n) {
      if (P::places[n].area != graph::Area::batched) continue;
      const auto uses = [&](std::size_t first, std::size_t last, bool as_result) {
        for (std::size_t v = first; v < last; ++v)
          for (int m = 0; m < P::units[v].count; ++m) {
            const int member = P::members[P::at(P::units[v].first + m)];
            if (as_result && P::at(member) == n) return true;
            for (int k = 0; !as_result && k < P::nodes[P::at(member)].count; ++k)
              if (P::at(P::base(P::operand(member, k))) == n) return true;
          }
        return false;
      };
      if (uses(0, u + 1, true) && uses(u + 1, P::units.size(), false))
        taken.emplace_back(P::places[n].offset,
                           P::places[n].offset + P::nodes[n].signature->type.bytes().per_sample);
    }
    std::sort(taken.begin(), taken.end());
    for (std::size_t i = 1; i < taken.size(); ++i) CHECK(taken[i].first >= taken[i - 1].second);
  }
}
