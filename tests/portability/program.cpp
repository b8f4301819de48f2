// SPDX-License-Identifier: BSL-1.0
// Numbers of every kind of kernel, forward and backward, one to a line: `run` compares what other machines
// print with what this one does. Without files, threads and exceptions, so that it builds nearly everywhere.
#include <stator/model/model.hpp>
#include <stator/nn/nn.hpp>
#include <stator/ops/ops.hpp>
#include <stator/optim/optim.hpp>
#include <stator/run/evaluation.hpp>

#include <cmath>
#include <cstdio>

namespace nn = stator::nn;

struct Mlp {
  nn::Linear<17, 33> fc1;
  nn::LayerNorm<33> norm;
  nn::Linear<33, 5> fc2;
  constexpr auto forward(auto x) const { return x | fc1 | norm | nn::gelu | fc2; }
};
struct Cnn {
  nn::Conv2d<3, 8, 3, {.stride = 2, .padding = 1, .bias = false}>
      conv1; // a bias before BatchNorm has no gradient but rounding
  nn::BatchNorm2d<8> norm;
  nn::Conv2d<8, 16, 3, {.padding = 1}> conv2;
  nn::Linear<256, 5> fc;
  constexpr auto forward(auto x) const {
    return x | conv1 | norm | nn::relu | conv2 | nn::silu | nn::max_pool2d<2> | stator::flatten<1> | fc;
  }
};
struct Recurrent {
  nn::LSTM<6, 9, {.batch_first = true}> lstm;
  nn::MultiheadAttention<9, 3, {.batch_first = true}> attention;
  nn::Linear<9, 5> fc;
  constexpr auto forward(auto x) const {
    const auto y = lstm(x);
    return stator::narrow<1, 6, 1>(attention(y, y, y)) | stator::flatten<1> | fc;
  }
};

/// Loss by loss, and the sums of the parameters in the end.
template<class Net, class X>
void train(const char* name, const X& x) {
  stator::manual_seed(1);
  stator::Model<Net> model;
  // Not Adam, which makes whole steps of the rounding that is all the gradient of a bias before BatchNorm.
  stator::optim::SGD optimizer{model, {.lr = 0.05, .momentum = 0.9}};
  stator::Tensor<std::int64_t, 4> target{0, 1, 2, 3};
  for (int step = 0; step < 10; ++step) {
    auto loss = nn::cross_entropy(model(x), target);
    optimizer.zero_grad();
    loss.backward();
    optimizer.step();
    std::printf("%s loss %d %.9g\n", name, step, static_cast<double>(loss.item()));
  }
  for (const auto& [path, p] : model.named_parameters()) {
    double sum = 0;
    for (const float v : p.template values<float>()) sum += std::abs(static_cast<double>(v));
    std::printf("%s %.*s %.9g\n", name, static_cast<int>(path.size()), path.data(), sum);
  }
  const stator::Tensor<float, 4, 5> y = model.eval()(x).value();
  for (const float v : y.values()) std::printf("%s output %.9g\n", name, static_cast<double>(v));
}

int main() {
  const auto fill = [](auto& x) {
    int i = 0;
    for (float& v : x) v = static_cast<float>(++i * 37 % 101) / 50 - 1;
  };
  stator::Tensor<float, 4, 17> a;
  stator::Tensor<float, 4, 3, 16, 16> b;
  stator::Tensor<float, 4, 7, 6> c;
  fill(a), fill(b), fill(c);
  train<Mlp>("mlp", a);
  train<Cnn>("cnn", b);
  train<Recurrent>("recurrent", c);
}
