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

// A sample's hidden values and their gradient, 512 bytes each, and three rows of ten numbers, 64 bytes each.
using Dynamic = MlpProgram<dynamic, true>;
static_assert(kernel_scratch<Dynamic>().per_sample > 0 || Dynamic::workspace.per_sample == 2 * 512 + 3 * 64);
static_assert(Dynamic::workspace.fixed < kernel_scratch<Dynamic>().fixed + 256);

// A static batch of 64 is the same 64 times, without rounding each row up; kernels' memory is used again.
using Static = MlpProgram<64, true>;
static_assert(Static::workspace.per_sample == 0);
static_assert(Static::workspace.fixed <= kernel_scratch<Static>().fixed + 64 * (2 * 512 + 3 * 64));
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
