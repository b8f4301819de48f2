// SPDX-License-Identifier: BSL-1.0
#include "catch.hpp"

#include "stator/io/dot.hpp"
#include "stator/model/model.hpp"
#include "stator/nn/linear.hpp"
#include "stator/ops/ops.hpp"
#include "stator/run/evaluation.hpp"

#include <algorithm>
#include <sstream>

namespace nn = stator::nn;
using namespace stator;
using stator::test::contains;

namespace dot_test {
struct Block {
  nn::Linear<8, 8> fc;
  constexpr auto forward(auto x) const { return (x | fc | nn::relu) + x; }
};
struct Net {
  nn::Linear<4, 8> in;
  std::array<Block, 2> blocks;
  constexpr auto forward(auto x) const {
    auto h = x | in;
    for (const Block& b : blocks) h = h | b;
    return h;
  }
};
} // namespace dot_test

namespace {
/// Frames are closed, every node is declared once, every arrow goes from a node to a later one.
void check_form(const std::string& text) {
  CHECK(std::ranges::count(text, '{') == std::ranges::count(text, '}'));
  CHECK(std::ranges::count(text, '"') % 2 == 0);
  std::istringstream lines(text);
  std::vector<int> declared, used;
  for (std::string line; std::getline(lines, line);) {
    const std::size_t at = line.find_first_not_of(' ');
    int from = 0, to = 0;
    if (std::sscanf(line.c_str() + at, "n%d -> n%d;", &from, &to) == 2) {
      CHECK(from < to);
      used.insert(used.end(), {from, to});
    } else if (std::sscanf(line.c_str() + at, "n%d [", &from) == 1 && line[at] == 'n' &&
               line[at + 1] != 'o') {
      declared.push_back(from);
    }
  }
  std::ranges::sort(declared);
  CHECK(std::ranges::adjacent_find(declared) == declared.end());
  for (const int n : used) CHECK(std::ranges::binary_search(declared, n));
}
} // namespace

TEST_CASE("dot shows a network's operations in frames with the modules' paths") {
  const Model<dot_test::Net> model;
  const Tensor<float, 5, 4> x;
  const std::string text = dot(model(x), {.name = "a \"net\""});
  check_form(text);
  CHECK_THAT(text, contains("digraph \"a \\\"net\\\"\" {"));
  for (const char* label : {"Net", "in: Linear<4, 8>", "blocks.0: Block", "blocks.1.fc: Linear<8, 8>"})
    CHECK_THAT(text, contains("label=\"" + std::string(label) + "\""));
  CHECK_THAT(text, contains("label=\"blocks.1.fc.weight\\nfloat32 [8, 8]\", shape=ellipse"));
  CHECK_THAT(text, contains("label=\"Relu\\nfloat32 [5, 8]\""));
  CHECK_THAT(text, !contains("mistyrose"));
  CHECK_THAT(dot(model(x), {.types = false}), !contains("float32"));
}

TEST_CASE("dot shows the gradient's program too") {
  const Model<dot_test::Net> model;
  const Tensor<float, dynamic, 4> x(5);
  const Tensor<std::int64_t, dynamic> y(5);
  const std::string text = dot<true>(nn::cross_entropy(model(x), y));
  check_form(text);
  CHECK_THAT(text, contains("AccumulateGrad to blocks.0.fc.weight.grad"));
  CHECK_THAT(text, contains("float32 [?, 8]"));
  CHECK_THAT(text, contains("mistyrose"));
}

TEST_CASE("dot shows expressions without modules") {
  const Variable<float, 3, 4> a;
  const Variable<float, 4, 2> b;
  const std::string text = dot(sum(matmul(a, b) * 0.5F));
  check_form(text);
  CHECK_THAT(text, contains("Mm"));
  CHECK_THAT(text, !contains("cluster"));
}

namespace dot_test {
struct Pair {
  nn::Linear<4, 3> fc;
  constexpr auto forward(auto x) const {
    const auto y = x | fc;
    return std::tuple(nn::relu(y), argmax<1>(y), std::array{nn::tanh(y), y});
  }
};
} // namespace dot_test

TEST_CASE("dot shows all results of a network") {
  const Model<dot_test::Pair> model;
  const Tensor<float, 5, 4> x;
  const std::string text = dot(model(x));
  check_form(text);
  CHECK_THAT(text, contains("label=\"Relu\\nfloat32 [5, 3]\", penwidth=2"));
  CHECK_THAT(text, contains("label=\"Result to result 1\\nint64 [5]\", fillcolor=lightyellow, penwidth=2"));
  CHECK_THAT(text, contains("label=\"Result to result 3\\nfloat32 [5, 3]\", penwidth=2"));
  CHECK_THAT(text, contains("label=\"fc: Linear<4, 3>\""));
  CHECK_THAT(text, !contains("mistyrose"));
}
