// SPDX-License-Identifier: BSL-1.0
// Hooks and taps that nobody uses leave no instruction behind. The control does not know of them.
#include "stator/model/model.hpp"
#include "stator/nn/nn.hpp"
#include "stator/ops/ops.hpp"
#include "stator/run/evaluation.hpp"

#ifndef STATOR_CONTROL
#include "stator/hooks/hooked_model.hpp"
#define TAP(name) | stator::tap<name>
#else
#define TAP(name)
#endif

namespace nn = stator::nn;

struct Net {
  nn::Linear<8, 16> fc1;
  nn::Linear<16, 4> fc2;
  constexpr auto forward(auto x) const {
    return x TAP("input") | fc1 TAP("hidden") | nn::relu | fc2 TAP("logits");
  }
};

float step(const stator::Model<Net>& model, const stator::Tensor<float, 32, 8>& x,
           const stator::Tensor<std::int64_t, 32>& labels) {
  const auto loss = nn::cross_entropy(model(x), labels);
  loss.backward();
  return loss.item();
}

void infer(const stator::Model<Net>& model, const stator::Tensor<float, 32, 8>& x,
           stator::Tensor<float, 32, 4>& y) {
  model.eval()(x).value_into(y);
}
