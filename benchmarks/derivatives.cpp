// SPDX-License-Identifier: BSL-1.0
// What derivatives cost: of three networks in evaluation mode the forward, the product of its Jacobian with a
// vector (jvp), that of a vector with its Jacobian (vjp). For each: its kernels, and its multiply-adds and
// the median of its times on one thread in parts of those of the forward, run in turn.
#include <stator/stator.hpp>

#include <algorithm>
#include <array>
#include <cstdio>
#include <ctime>
#include <vector>

using namespace stator;

namespace {

struct Mlp {
  nn::Linear<784, 256> fc1;
  nn::Linear<256, 256> fc2;
  nn::Linear<256, 10> fc3;
  constexpr auto forward(auto x) const { return x | fc1 | nn::relu | fc2 | nn::tanh | fc3; }
};
struct Cnn {
  nn::Conv2d<3, 16, 3, {.padding = 1}> conv1;
  nn::Conv2d<16, 32, 3, {.padding = 1}> conv2;
  nn::Linear<2048, 10> fc;
  constexpr auto forward(auto x) const {
    const auto h = x | conv1 | nn::relu | nn::max_pool2d<2> | conv2 | nn::gelu | nn::max_pool2d<2>;
    return h | flatten<1> | fc;
  }
};
struct Block {
  nn::LayerNorm<32> ln1;
  nn::MultiheadAttention<32, 4, nn::MultiheadAttentionOptions{.batch_first = true}> attention;
  nn::LayerNorm<32> ln2;
  nn::Linear<32, 128> fc1;
  nn::Linear<128, 32> fc2;
  constexpr auto forward(auto x) const {
    const auto h = x | ln1;
    const auto y = x + attention(h, h, h);
    return y + (y | ln2 | fc1 | nn::gelu | fc2);
  }
};

struct Row {
  const char* name;
  int kernels;
  Index multiply_adds;
};
template<class E>
Row row(const char* name, const E&) {
  using P = run::Program<typename expr::borrowed<E>::type, false>;
  Row r{name, 0, 0};
  for (const graph::Node& n : P::nodes) {
    r.kernels += n.signature->kind == graph::Kind::kernel;
    r.multiply_adds += n.signature->cost.multiply_adds;
  }
  return r;
}

template<class Net, class X>
void measure(const char* name) {
  manual_seed(0);
  const Model<Net> model;
  X x, v;
  uniform_<float>(x.values());
  uniform_<float>(v.values());
  const auto f = [&model](const auto& in) { return model.eval()(in); };
  const auto y = f(x);
  auto out = y.value(), u = out;
  auto slope = x;
  const auto pushed = std::get<1>(jvp(f, x, v));
  const auto pulled = std::get<1>(vjp(f, x, u));
  std::array<std::vector<double>, 3> times;
  const auto time = [&times](std::size_t which, const auto& call) {
    const std::clock_t begin = std::clock(); // of the processor: other programs count little
    for (int i = 0; i < 5; ++i) call();
    times[which].push_back(static_cast<double>(std::clock() - begin));
  };
  for (int round = 0; round < 200; ++round) {
    time(0, [&] { y.value_into(out); });
    time(1, [&] { pushed.value_into(out); });
    time(2, [&] { pulled.value_into(slope); });
  }
  std::array<double, 3> median{};
  for (std::size_t i = 0; i < 3; ++i) {
    std::ranges::nth_element(times[i], times[i].begin() + 100);
    median[i] = times[i][100];
  }
  const std::array rows{row("forward", y), row("jvp", pushed), row("vjp", pulled)};
  for (std::size_t i = 0; i < 3; ++i)
    std::printf("| %s | %s | %d | %.2f | %.2f |\n", name, rows[i].name, rows[i].kernels,
                static_cast<double>(rows[i].multiply_adds) / static_cast<double>(rows[0].multiply_adds),
                median[i] / median[0]);
}

} // namespace

int main() {
  set_num_threads(1);
  std::puts("| network | | kernels | multiply-adds | time |\n|---|---|---|---|---|");
  measure<Mlp, Tensor<float, 64, 784>>("MLP");
  measure<Cnn, Tensor<float, 8, 3, 32, 32>>("CNN");
  measure<Block, Tensor<float, 4, 32, 32>>("transformer block");
}
