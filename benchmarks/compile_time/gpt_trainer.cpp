// SPDX-License-Identifier: BSL-1.0
// A GPT of width 128 whose head is its embedding: one training step with AdamW, and inference.
// variants: -DLAYERS=4 -DLAYERS=12 -DLAYERS=24 -DLAYERS=48
#include "../networks/gpt.hpp"

#include <cstdio>

#ifndef LAYERS
#define LAYERS 4
#endif

namespace nn = stator::nn;
using Gpt = bench::GptOf<LAYERS>;

int main() {
  stator::Model<Gpt> model;
  stator::optim::AdamW optimizer{model, {.lr = 3e-4}};
  stator::Tensor<std::int64_t, 8, Gpt::length> words;
  stator::Tensor<std::int64_t, 8 * Gpt::length> next;
  auto loss = nn::cross_entropy(stator::flatten<0, 1>(model(words)), next);
  optimizer.zero_grad();
  loss.backward();
  optimizer.step();
  std::printf("%f\n", static_cast<double>(loss.item()));
  std::printf("%f\n", static_cast<double>(model.eval()(words).value()(0, 0, 0)));
}
