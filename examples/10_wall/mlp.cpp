// SPDX-License-Identifier: BSL-1.0
// The one file that compiles the network's programs. It takes seconds, and only when the network changes.
#include "mlp.hpp"

#include <stator/wall/define.hpp>

namespace nn = stator::nn;

namespace {
struct Mlp {
  nn::Linear<2, 16> fc1;
  nn::Linear<16, 2> fc2;
  constexpr auto forward(auto x) const { return x | fc1 | nn::tanh | fc2; }
};
} // namespace

stator::Network make_mlp(unsigned seed) {
  stator::manual_seed(seed);
  return stator::wall::define<Mlp, stator::Tensor<float, stator::dynamic, 2>,
                              stator::Tensor<std::int64_t, stator::dynamic>>(
      [](auto& model) { return stator::optim::Adam{model, {.lr = 0.05}}; },
      [](const auto& output, const auto& target) { return nn::cross_entropy(output, target); });
}
