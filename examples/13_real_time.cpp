// SPDX-License-Identifier: BSL-1.0
// A control loop, an audio callback: all memory is known before the program runs and reserved before the
// loop; from its first turn on nothing is allocated, no lock is taken, no system call is made.
#include <stator/core/denormals.hpp>
#include <stator/model/double_buffer.hpp>
#include <stator/run/workspace_bytes.hpp>
#include <stator/stator.hpp>

#include <algorithm>
#include <chrono>
#include <iostream>
#include <thread>
#include <vector>

namespace nn = stator::nn;

struct Controller {
  nn::Linear<12, 64> fc1;
  nn::Linear<64, 64> fc2;
  nn::Linear<64, 4> fc3;
  constexpr auto forward(auto x) const { return x | fc1 | nn::tanh | fc2 | nn::tanh | fc3; }
};

using Model = stator::Model<Controller>;
using Observation = stator::Tensor<float, 1, 12>;
using Action = stator::Tensor<float, 1, 4>;
using Inference = decltype(std::declval<const Model&>().eval()(std::declval<const Observation&>()));

// A promise to whoever plans the memory of the machine.
static_assert(stator::workspace_bytes<Inference> <= 1024);

int main() {
  stator::DoubleBuffer<Model> controller; // two copies: one is read, the other can be written
  std::atomic<bool> stop = false;

  // Someone trains meanwhile, and publishes what is better. The loop never waits for it.
  std::thread trainer([&] {
    while (!stop)
      controller.update([](Model& model) {
        for (float& w : model.parameter_arena()) w *= 0.999F;
      });
  });

  std::vector<std::chrono::nanoseconds> times(1'000'000);
  std::thread loop([&] {
    // Before the loop: the tensors, the workspace, the mode of the processor.
    Observation observation;
    Action action;
    alignas(64) static std::byte memory[std::max<std::size_t>(stator::workspace_bytes<Inference>, 64)];
    const stator::WorkspaceScope workspace{memory}; // or stator::reserve_workspace(bytes)
    const stator::FlushDenormals flush;
    for (auto& time : times) {
      const auto begin = std::chrono::steady_clock::now();
      observation(0, 0) += 0.001F;
      controller.read([&](const Model& model) { model.eval()(observation).value_into(action); });
      time = std::chrono::steady_clock::now() - begin;
    }
  });
  loop.join();
  stop = true;
  trainer.join();

  std::ranges::sort(times);
  const auto at = [&](double share) { return times[static_cast<std::size_t>(share * 999'999)].count(); };
  std::cout << "workspace " << stator::workspace_bytes<Inference> << " bytes\n";
  // prints: workspace
  std::cout << "p50 " << at(0.5) << " ns, p99 " << at(0.99) << " ns, p99.9 " << at(0.999) << " ns, max "
            << at(1) << " ns\n";
  // prints: p50
}
