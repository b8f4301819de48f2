// SPDX-License-Identifier: BSL-1.0
// What a network does, as a table, as text and as a picture: graph.dot, and graph.svg where Graphviz is
// installed.
#include <stator/io/dot.hpp>
#include <stator/nn/conv.hpp>
#include <stator/nn/pooling.hpp>
#include <stator/run/dump.hpp>
#include <stator/stator.hpp>

#include <cstdlib>
#include <fstream>
#include <iostream>

namespace nn = stator::nn;

struct Block {
  nn::Conv2d<8, 8, 3, {.padding = 1}> conv;
  nn::BatchNorm2d<8> bn;
  constexpr auto forward(auto x) const { return x + (x | conv | bn | nn::relu); }
};

struct Net {
  nn::Conv2d<1, 8, 3, {.padding = 1}> stem;
  Block block;
  nn::Linear<8 * 7 * 7, 10> head;
  constexpr auto forward(auto x) const {
    return x | stem | nn::max_pool2d<4> | block | stator::flatten<1> | head;
  }
};

// The table is a constant: paths, shapes, parameters, multiply-adds, bytes.
constexpr auto table = stator::summary<Net>(stator::Shape<stator::dynamic, 1, 28, 28>{});
static_assert(table.total().parameters == 4610);
static_assert(table["block.conv"].multiply_adds == 7 * 7 * 8 * 8 * 9);

int main() {
  std::cout << table;
  // prints: module      class        output            parameters   multiply-adds         bytes
  // prints: block.conv  Conv2d       [?, 8, 7, 7]             584           28224          2336
  // prints: head        Linear       [?, 10]                 3930            3920         15720

  const stator::Model<Net> model;
  stator::Tensor<float, 16, 1, 28, 28> images;
  stator::Tensor<std::int64_t, 16> labels;

  // The program of an expression, every module a frame. With <true> its gradient too: what backward() runs.
  const std::string forward = stator::dot(model(images));
  const std::string both = stator::dot<true>(nn::cross_entropy(model(images), labels), {.types = false});
  std::cout << (forward.find("label=\"block.conv: Conv2d") != forward.npos ? "frames have paths\n" : "?\n");
  // prints: frames have paths
  std::cout << (both.size() > forward.size() ? "the gradient is part of the graph\n" : "?\n");
  // prints: the gradient is part of the graph

  // The same as text, as it is after any pass of graph/pipeline.hpp: here, what is fused with what.
  using Loss = decltype(nn::cross_entropy(model(images), labels));
  stator::dump<Loss>(std::cout, "fuse");
  // prints: %0 = input : float32 [16, 1, 28, 28]
  // prints: = stem.weight : float32 [8, 1, 3, 3]
  // prints: backward:
  // prints: to head.bias.grad : float32 [10], effect

  std::ofstream("graph.dot") << forward;
  std::cout << "graph.dot is written\n";
  // prints: graph.dot is written
  if (std::system("dot -Tsvg graph.dot -o graph.svg 2>/dev/null") == 0)
    std::cout << "graph.svg is its picture\n";
  else
    std::cout << "no picture: Graphviz is not installed (apt-get install graphviz)\n";
}
