// SPDX-License-Identifier: BSL-1.0
// Random numbers in several threads. To be clean under -fsanitize=thread, without OpenMP.
#include "catch.hpp"
#include "stator/stator.hpp"

#include <algorithm>
#include <cmath>
#include <thread>
#include <vector>

using namespace stator;

namespace {

struct DropoutMlp {
  nn::Linear<16, 32> fc1;
  nn::Dropout<0.5> dropout;
  nn::Linear<32, 4> fc2;
  constexpr auto forward(auto x) const { return x | fc1 | nn::relu | dropout | fc2; }
};

/// Runs `task` in so many threads at the same time.
template<class Task>
void in_threads(int count, Task task) {
  std::vector<std::thread> threads;
  for (int i = 0; i < count; ++i) threads.emplace_back(task, i);
  for (std::thread& thread : threads) thread.join();
}

} // namespace

TEST_CASE("models are constructed and trained with dropout in several threads") {
  constexpr int count = 4;
  float losses[count];
  in_threads(count, [&](int me) {
    losses[me] = 0;
    for (int round = 0; round < 20; ++round) {
      Model<DropoutMlp> model;
      optim::SGD optimizer{model, {.lr = 0.1}};
      Tensor<float, 8, 16> images;
      Tensor<std::int64_t, 8> labels;
      images.fill_(1);
      labels.fill_(me);
      for (int step = 0; step < 5; ++step) {
        auto loss = nn::cross_entropy(model(images), labels);
        optimizer.zero_grad();
        loss.backward();
        optimizer.step();
        losses[me] = loss.item();
      }
    }
  });
  for (const float loss : losses) CHECK((std::isfinite(loss) && loss > 0));
}

TEST_CASE("threads that share a generator get each of its numbers once") {
  constexpr std::size_t each = 20000, threads = 3;
  Generator generator(7), alone(7);
  std::vector<std::uint32_t> found(threads * each), expected(threads * each);
  for (std::uint32_t& word : expected) word = alone.random();
  in_threads(threads, [&](int me) {
    for (std::size_t i = 0; i < each; ++i)
      found[static_cast<std::size_t>(me) * each + i] = generator.random();
  });
  std::sort(found.begin(), found.end());
  std::sort(expected.begin(), expected.end());
  CHECK(found == expected);
}

TEST_CASE("threads that fill tensors from one generator get numbers that follow each other") {
  constexpr std::size_t size = 1000;
  Generator generator(3), alone(3);
  std::vector<std::vector<float>> found(4, std::vector<float>(size)), expected = found;
  for (auto& tensor : expected) uniform_(std::span(tensor), 0, 1, alone);
  in_threads(4, [&](int me) { uniform_(std::span(found[static_cast<std::size_t>(me)]), 0, 1, generator); });
  std::sort(found.begin(), found.end());
  std::sort(expected.begin(), expected.end());
  CHECK(found == expected);
}

TEST_CASE("seeding, saving and restoring a generator may coincide with a draw") {
  Generator generator(1);
  in_threads(2, [&](int me) {
    std::vector<double> numbers(100);
    for (int i = 0; i < 50; ++i) {
      normal_(std::span(numbers), 0, 1, generator);
      if (me == 0) {
        const Generator copy(generator);
        generator.set_state(copy.get_state());
      } else if (generator.initial_seed() != 1) {
        generator = Generator(1);
      }
    }
  });
  generator.manual_seed(5);
  CHECK(generator.random() == Generator(5).random());
}
