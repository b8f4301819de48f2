// SPDX-License-Identifier: BSL-1.0
#include "catch.hpp"
#include "run/networks.hpp"

#include <algorithm>
#include <atomic>
#include <pthread.h>
#include <thread>

using namespace stator;
using namespace stator::test;

namespace {

/// Runs `task` on a thread with so much stack.
template<class Task>
void run_with_stack(std::size_t bytes, Task task) {
  pthread_attr_t attributes;
  REQUIRE(pthread_attr_init(&attributes) == 0);
  REQUIRE(pthread_attr_setstacksize(&attributes, bytes) == 0);
  pthread_t thread;
  const auto start = [](void* argument) -> void* {
    (*static_cast<Task*>(argument))();
    return nullptr;
  };
  REQUIRE(pthread_create(&thread, &attributes, start, &task) == 0);
  REQUIRE(pthread_join(thread, nullptr) == 0);
  pthread_attr_destroy(&attributes);
}

/// The loss after two steps.
template<class Net, Index Batch>
float train() {
  manual_seed(0);
  Model<Net> model;
  optim::Adam optimizer{model, {.lr = 1e-3}};
  const Samples<Net, Batch> samples(8);
  float last = 0;
  for (int step = 0; step < 2; ++step) {
    auto loss = nn::cross_entropy(model(samples.images), samples.labels);
    optimizer.zero_grad();
    loss.backward();
    optimizer.step();
    last = loss.item();
  }
  return last;
}

} // namespace

TEST_CASE("a training step of the CNN runs on a thread with a stack of 512 KiB") {
  float fixed = 0, batched = 0;
  run_with_stack(512 * 1024, [&] { fixed = train<Cnn, 8>(); });
  run_with_stack(512 * 1024, [&] { batched = train<Cnn, dynamic>(); });
  CHECK(fixed == Approx(train<Cnn, 8>()));
  CHECK(batched == Approx(fixed));
}

TEST_CASE("threads use one model for inference at the same time") {
  const Model<Mlp> model;
  const Samples<Mlp, dynamic> samples(32), others(7);
  const auto expected = model.eval()(samples.images).value(),
             expected_others = model.eval()(others.images).value();
  std::atomic<int> wrong = 0;
  const auto infer = [&](const auto& batch, const auto& logits) {
    for (int i = 0; i < 50; ++i)
      if (!std::ranges::equal(model.eval()(batch.images).value(), logits)) ++wrong;
  };
  std::thread a([&] { infer(samples, expected); }), b([&] { infer(others, expected_others); });
  a.join();
  b.join();
  CHECK(wrong == 0);
}

TEST_CASE("an expression that one thread made can be differentiated by another") {
  Model<Mlp> model;
  const Samples<Mlp, dynamic> samples(4);
  const auto loss = nn::cross_entropy(model(samples.images), samples.labels);
  const float item = loss.item();
  std::thread([&] { loss.backward(); }).join();
  CHECK(loss.item() == item);
  CHECK(model->fc2.bias.grad()(0) != 0);
}
