// SPDX-License-Identifier: BSL-1.0
// Threads: results are the same bits with any number of them, OpenMP's or those of a pool of the user's.
// Compiled with OpenMP and without it.
#include "stator/nn/conv.hpp"
#include "stator/nn/nn.hpp"
#include "stator/nn/pooling.hpp"
#include "stator/optim/optim.hpp"
#include "stator/stator.hpp"

#include "catch.hpp"

#include <atomic>
#include <cstring>
#include <numeric>
#include <thread>
#include <vector>

using namespace stator;

namespace {

/// Starts threads for each call and lets them end: what a pool does, as simply as can be.
class StdThreads {
public:
  std::atomic<int> calls = 0, parts = 0, most = 0;

  void operator()(Index count, Task task) {
    ++calls;
    parts += static_cast<int>(count);
    most = std::max(most.load(), static_cast<int>(count));
    std::vector<std::thread> threads;
    for (Index i = 1; i < count; ++i) threads.emplace_back([task, i] { task(i); });
    task(0);
    for (std::thread& t : threads) t.join();
  }
};

/// Kernels use a pool as long as this lives.
struct UsePool {
  UsePool(StdThreads& pool, int threads) { set_parallel_for(pool, threads); }
  ~UsePool() { reset_parallel_for(); }
};

struct Large {
  nn::Conv2d<1, 8, 3> conv1;
  nn::BatchNorm2d<8> norm1;
  nn::Conv2d<8, 16, 3> conv2;
  nn::Linear<2304, 64> fc1;
  nn::LayerNorm<64> norm2;
  nn::Linear<64, 10> fc2;
  constexpr auto forward(auto x) const {
    const auto maps = x | conv1 | norm1 | nn::relu | conv2 | nn::gelu | nn::max_pool2d<2>;
    return maps | flatten<1> | fc1 | norm2 | nn::relu | fc2;
  }
};
struct Little {
  nn::Linear<4, 8> fc1;
  nn::Linear<8, 3> fc2;
  constexpr auto forward(auto x) const { return x | fc1 | nn::relu | fc2; }
};

/// The parameters after two steps of training.
template<class Net, Index Batch, Index... E>
std::vector<float> trained() {
  manual_seed(0);
  Model<Net> model;
  optim::Adam optimizer{model, {.lr = 1e-2}};
  Tensor<float, Batch, E...> x;
  Tensor<std::int64_t, Batch> labels;
  int i = 0;
  for (float& value : x) value = static_cast<float>(i++ * 7 % 256) / 256;
  for (std::int64_t& label : labels) label = i++ * 7 % 3;
  for (int step = 0; step < 2; ++step) {
    auto loss = nn::cross_entropy(model(x), labels);
    optimizer.zero_grad();
    loss.backward();
    optimizer.step();
  }
  return {model.parameter_arena().begin(), model.parameter_arena().end()};
}
std::vector<float> trained_large() { return trained<Large, 16, 1, 28, 28>(); }

bool same_bits(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

} // namespace

TEST_CASE("training gives the same bits with any number of threads, and with a pool of the user's") {
  const int before = get_num_threads();
  set_num_threads(1);
  const std::vector<float> one = trained_large();
  for (const int threads : {2, 3}) {
    CAPTURE(threads);
    set_num_threads(threads);
    CHECK(same_bits(trained_large(), one));
    StdThreads pool;
    const UsePool use(pool, threads);
    CHECK(get_num_threads() == threads);
    CHECK(same_bits(trained_large(), one));
    CHECK(pool.calls > 0);
    CHECK(pool.most == threads);
  }
  set_num_threads(before);
}

TEST_CASE("copies, fused operations and zero_grad that are large are handed out, and miss nothing") {
  StdThreads pool;
  const UsePool use(pool, 3);
  const auto check = [&]<Index Rows>(Tensor<float, Rows, 96> a, Tensor<float, Rows, 200> b) {
    std::iota(a.begin(), a.end(), 0.F);
    std::iota(b.begin(), b.end(), 0.5F);
    pool.calls = 0;
    const auto all = cat<1>(a, b).value();
    CHECK(pool.calls == 1);
    const auto part = narrow<1, 90, 170>(all).value();
    CHECK(pool.calls == 2);
    const auto fused = (part * 2 + 1 - part).value();
    CHECK(pool.calls == 3);
    Index wrong = 0;
    for (Index i = 0; i < a.size(0); ++i)
      for (Index j = 0; j < 296; ++j) {
        const float expected = j < 96 ? a(i, j) : b(i, j - 96);
        wrong += all(i, j) != expected;
        if (j >= 90 && j < 260) wrong += part(i, j - 90) != expected || fused(i, j - 90) != expected + 1;
      }
    CHECK(wrong == 0);
  };
  check(Tensor<float, 501, 96>(), Tensor<float, 501, 200>());
  check(Tensor<float, dynamic, 96>(613), Tensor<float, dynamic, 200>(613));

  Model<nn::Linear<1030, 500>> model;
  std::ranges::fill(model.gradient_arena(), 1.F);
  pool.calls = 0;
  model.zero_grad();
  CHECK(pool.calls == 1);
  CHECK(std::ranges::all_of(model.gradient_arena(), [](float g) { return g == 0; }));
}

TEST_CASE("small networks hand out nothing") {
  StdThreads pool;
  const UsePool use(pool, 4);
  const std::vector<float> with_pool = trained<Little, 32, 4>();
  CHECK(pool.calls == 0);
  reset_parallel_for();
  CHECK(same_bits(trained<Little, 32, 4>(), with_pool));
}

TEST_CASE("a pool does each part once, and what a part starts stays on its thread") {
  StdThreads pool;
  const UsePool use(pool, 3);
  std::vector<std::atomic<int>> visits(100);
  std::atomic<int> inner = 0;
  parallel_for(100, 1, [&](Index first, Index last, int) {
    for (Index i = first; i < last; ++i) ++visits[static_cast<std::size_t>(i)];
    parallel_for(50, 1, [&](Index from, Index to, int) { inner += from == 0 && to == 50; });
  });
  CHECK(std::ranges::all_of(visits, [](const auto& v) { return v == 1; }));
  CHECK(pool.calls == 1);
  CHECK(inner == 3);
}

TEST_CASE("the number of threads is the pool's as long as there is one") {
  const int before = get_num_threads();
  StdThreads pool;
  {
    const UsePool use(pool, 5);
    CHECK(get_num_threads() == 5);
    set_num_threads(2);
    CHECK(get_num_threads() == 2);
    parallel_for(64, 1, [](Index, Index, int) {});
    CHECK(pool.most == 2);
    set_num_threads(1);
    parallel_for(64, 1, [](Index, Index, int) {});
    CHECK(pool.calls == 1);
  }
  CHECK(get_num_threads() == before);
}

#ifndef _OPENMP
TEST_CASE("without OpenMP and without a pool there is one thread") {
  set_num_threads(4);
  CHECK(get_num_threads() == 1);
}
#endif
