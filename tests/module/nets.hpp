// SPDX-License-Identifier: BSL-1.0
// Networks that several tests of this folder walk.
#pragma once

#include "stator/model/model.hpp"
#include "stator/nn/linear.hpp"
#include "stator/ops/activation.hpp"
#include "stator/run/evaluation.hpp"

namespace stator::test {

struct Mlp {
  nn::Linear<784, 128> fc1;
  nn::Linear<128, 10> fc2;
  constexpr auto forward(auto x) const { return x | fc1 | nn::relu | fc2; }
};

/// A layer with a parameter, a buffer of each kind and an absent parameter.
struct Scale {
  Buffer<float, 3> running;
  Parameter<float, 3> gain;
  Absent offset;
  NonPersistentBuffer<float> cache;
  Parameter<float> shift;
  double eps = 1e-5;
  constexpr auto forward(auto x) const { return x * gain + shift; }
};

struct Block {
  nn::Linear<3, 3> fc;
  Scale scale;
  constexpr auto forward(auto x) const { return x | fc | scale; }
};

struct Deep {
  Parameter<float, 2> own;
  std::array<Block, 2> blocks;
  nn::Linear<3, 3, {.bias = false}> head;
  constexpr auto forward(auto x) const { return x | blocks[0] | blocks[1] | head; }
};

/// lm_head.weight and wte.weight are one; the whole of `second` is `first`.
struct Tied {
  nn::Linear<4, 6, {.bias = false}> wte;
  nn::Linear<4, 4> first, second;
  nn::Linear<4, 6, {.bias = false}> lm_head;
  using ties = stator::ties<tie<"lm_head.weight", "wte.weight">, tie<"second", "first">>;
  constexpr auto forward(auto x) const { return x | first | nn::relu | second | lm_head; }
};

} // namespace stator::test
