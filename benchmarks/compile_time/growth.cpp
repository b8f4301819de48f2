// SPDX-License-Identifier: BSL-1.0
// So many linear layers, all alike (an array) or all different (each one wider than the last): a training
// step with SGD. variants: -DLAYERS=10 -DLAYERS=50 -DLAYERS=100 -DLAYERS=200 -DLAYERS=10,-DDIFFERENT
// -DLAYERS=50,-DDIFFERENT -DLAYERS=100,-DDIFFERENT -DLAYERS=200,-DDIFFERENT
#include <stator/stator.hpp>

#include <array>
#include <cstdio>
#include <utility>

#ifndef LAYERS
#define LAYERS 10
#endif

namespace nn = stator::nn;

#ifdef DIFFERENT
template<std::size_t... I>
nn::Sequential<nn::Linear<16 + I, 17 + I>...> layers(std::index_sequence<I...>);

struct Deep {
  decltype(layers(std::make_index_sequence<LAYERS>{})) blocks;
  constexpr auto forward(auto x) const { return x | blocks; }
};
#else
struct Deep {
  std::array<nn::Linear<16, 16>, LAYERS> blocks;
  constexpr auto forward(auto x) const {
    for (const auto& block : blocks) x = x | block | nn::relu;
    return x;
  }
};
#endif

int main() {
  stator::Model<Deep> model;
  stator::optim::SGD optimizer{model, {.lr = 1e-3}};
  stator::Tensor<float, stator::dynamic, 16> x(32);
  auto loss = mean(model(x));
  optimizer.zero_grad();
  loss.backward();
  optimizer.step();
  std::printf("%f\n", static_cast<double>(loss.item()));
}
