// SPDX-License-Identifier: BSL-1.0
// What must not change however long a program runs, and on however many threads.
#include "allocations.hpp"
#include "catch.hpp"

#include "stator/nn/conv.hpp"
#include "stator/nn/norm.hpp"
#include "stator/nn/pooling.hpp"
#include "stator/optim/adam.hpp"
#include "stator/optim/sgd.hpp"
#include "stator/stator.hpp"

#include <thread>
#if defined(__GLIBC__)
#include <malloc.h>
#endif

namespace endurance_test {

namespace nn = stator::nn;

struct Small {
  nn::Linear<4, 8> fc1;
  nn::Linear<8, 2> fc2;
  constexpr auto forward(auto x) const { return x | fc1 | nn::relu | fc2; }
};

/// Large enough for kernels to run on several threads.
struct Wide {
  nn::Linear<256, 512> fc1;
  nn::Linear<512, 10> fc2;
  constexpr auto forward(auto x) const { return x | fc1 | nn::tanh | fc2; }
};
struct Convolutions {
  nn::Conv2d<3, 16, 3, {.padding = 1}> conv1;
  nn::BatchNorm2d<16> norm;
  nn::Conv2d<16, 16, 3, {.padding = 1}> conv2;
  nn::Linear<16 * 8 * 8, 10> fc;
  constexpr auto forward(auto x) const {
    return x | conv1 | norm | nn::relu | conv2 | nn::max_pool2d<2> | stator::flatten<1> | fc;
  }
};

} // namespace endurance_test

namespace {
using namespace stator;
using namespace endurance_test;

void fill(auto& images, auto& labels) {
  int i = 0;
  for (float& x : images.values()) x = static_cast<float>(i++ * 37 % 101) / 50 - 1;
  for (std::int64_t& y : labels.values()) y = i++ * 7 % 10;
}

/// The parameters after three steps on so many threads.
template<class Net, class Images>
std::vector<float> trained(int threads) {
  const int before = get_num_threads();
  set_num_threads(threads);
  manual_seed(3);
  Model<Net> model;
  optim::SGD<Model<Net>> sgd(model, {.lr = 0.05, .momentum = 0.9});
  Images images(48);
  Tensor<std::int64_t, dynamic> labels(48);
  fill(images, labels);
  for (int step = 0; step < 3; ++step) {
    auto loss = nn::cross_entropy(model(images), labels);
    sgd.zero_grad();
    loss.backward();
    sgd.step();
  }
  const auto logits = model.eval()(images).value();
  std::vector<float> all(logits.begin(), logits.end());
  all.insert(all.end(), model.parameter_arena().begin(), model.parameter_arena().end());
  set_num_threads(before);
  return all;
}

bool same_bits(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

/// Bytes that the program has allocated and not freed; 0 where that is not known.
std::size_t bytes_in_use() {
#if defined(__GLIBC__)
  const auto info = ::mallinfo2();
  return info.uordblks + info.hblkhd;
#else
  return 0;
#endif
}
} // namespace

TEST_CASE("training gives the same bits with 1, 2 and 4 threads") {
  const auto wide = trained<Wide, Tensor<float, dynamic, 256>>(1);
  const auto convolutions = trained<Convolutions, Tensor<float, dynamic, 3, 16, 16>>(1);
  for (const int threads : {2, 4}) {
    INFO(threads << " threads");
    CHECK(same_bits(trained<Wide, Tensor<float, dynamic, 256>>(threads), wide));
    CHECK(same_bits(trained<Convolutions, Tensor<float, dynamic, 3, 16, 16>>(threads), convolutions));
  }
}

TEST_CASE("ten thousand training steps allocate nothing") {
  Model<Small> model;
  optim::Adam optimizer{model, {.lr = 1e-3}};
  Tensor<float, dynamic, 4> x(3), longer(5);
  Tensor<std::int64_t, dynamic> y{0, 1, 0}, longer_y{0, 1, 0, 1, 1};
  const auto step = [&](const auto& images, const auto& labels) {
    auto loss = nn::cross_entropy(model(images), labels);
    optimizer.zero_grad();
    loss.backward();
    optimizer.step();
  };
  step(longer, longer_y);
  const std::size_t before = test::allocations();
  for (int i = 0; i < 5'000; ++i) {
    step(x, y);
    step(longer, longer_y);
  }
  CHECK(test::allocations() == before);
  CHECK(std::ranges::all_of(model.parameter_arena(), [](float w) { return std::isfinite(w); }));
}

TEST_CASE("threads that have ended leave no memory behind") {
  const Model<Wide> model;
  Tensor<float, dynamic, 256> images(32); // its workspace is larger than 64 KiB
  const auto run = [&](int count) {
    for (int i = 0; i < count; ++i) std::thread([&] { (void)model.eval()(images).value(); }).join();
  };
  run(10);
  const std::size_t before = bytes_in_use();
  run(200);
  CHECK(bytes_in_use() < before + (1 << 20));
}
