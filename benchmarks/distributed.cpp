// SPDX-License-Identifier: BSL-1.0
// What training with several processes costs: `distributed.sh` runs it in turn with 1 process of 1 thread, 2
// processes of 1 thread and 1 process of 2 threads. Steps of the CNN of the main job, 64 images of all ranks
// together, and sums over ranks alone. Prints a line of JSON for each, which distributed.py reads.
#include "networks.hpp"

#include <stator/distributed/data_parallel.hpp>
#include <stator/distributed/zero_redundancy_optimizer.hpp>
#include <stator/optim/adam.hpp>

#include <algorithm>
#include <cstdio>
#include <vector>

namespace nn = stator::nn;
namespace dist = stator::distributed;

namespace {

using Model = stator::Model<bench::Cnn>;
constexpr stator::Index whole_batch = 64;
constexpr double seconds_a_row = 1.5;
constexpr int parts = 5;

/// Seconds of one call of `f`: the middle of several parts of the time, of which the slowest rank's counts.
template<class F>
double median(F&& f) {
  const auto timed = [&](int calls) {
    dist::World::current().barrier();
    const double start = MPI_Wtime();
    for (int i = 0; i < calls; ++i) f();
    return dist::all_reduce(MPI_Wtime() - start, dist::ReduceOp::max) / calls;
  };
  (void)timed(1);
  const int calls = std::max(1, static_cast<int>(seconds_a_row / parts / timed(2)));
  std::vector<double> seconds;
  for (int part = 0; part < parts; ++part) seconds.push_back(timed(calls));
  std::ranges::nth_element(seconds, seconds.begin() + parts / 2);
  return seconds[parts / 2];
}

void train(dist::World& world, const char* name, auto& model, auto& optimizer) {
  const stator::Index mine = whole_batch / world.size();
  stator::Tensor<float, stator::dynamic, 1, 28, 28> x(mine);
  stator::Tensor<std::int64_t, stator::dynamic> y(mine);
  for (stator::Index i = 0; i < x.numel(); ++i) x.data()[i] = static_cast<float>(i % 255) / 255;
  for (stator::Index i = 0; i < mine; ++i) y.data()[i] = i % 10;
  const double seconds = median([&] {
    auto loss = nn::cross_entropy(model(x), y);
    optimizer.zero_grad();
    loss.backward();
    optimizer.step();
  });
  dist::Traffic all;
  if constexpr (requires { model.traffic(); }) all = model.traffic();
  const auto steps = static_cast<double>(std::max<stator::Index>(all.steps, 1));
  const auto share = [&](stator::Index messages) {
    return all.messages == 0 ? 0 : static_cast<double>(messages) / static_cast<double>(all.messages);
  };
  std::size_t states = 2 * Model::gradient_bytes;
  if constexpr (requires { optimizer.state_bytes(); }) states = optimizer.state_bytes();
  if (world.is_main())
    std::printf("{\"train\": \"%s\", \"ranks\": %d, \"threads\": %d, \"seconds\": %.6g, \"images\": %d, "
                "\"gradients\": %zu, \"sent\": %.0f, \"sent_parameters\": %.0f, \"states\": %zu, "
                "\"messages\": %.3g, \"begun_early\": %.3g, \"done_early\": %.3g, \"waited\": %.6g}\n",
                name, world.size(), stator::get_num_threads(), seconds, static_cast<int>(whole_batch),
                Model::gradient_bytes, static_cast<double>(all.sent_bytes) / steps,
                static_cast<double>(all.parameter_bytes) / steps, states,
                static_cast<double>(all.messages) / steps, share(all.started_early),
                share(all.finished_early), all.waited_seconds / steps);
}
void train(dist::World& world, const char* name, auto&& model) {
  stator::optim::Adam optimizer{model, {.lr = 1e-3}};
  train(world, name, model, optimizer);
}

void sums(dist::World& world) {
  for (const dist::Order order : {dist::Order::rank, dist::Order::mpi})
    for (const std::size_t size :
         {std::size_t{16}, std::size_t{4096}, std::size_t{1} << 18, Model::gradient_bytes / sizeof(float)}) {
      std::vector<float> data(size, 1);
      dist::Reduction<float> sum;
      std::vector<double> seconds;
      for (int run = 0; run < 31; ++run) {
        world.barrier();
        const double start = MPI_Wtime();
        sum.start({world.data(), world.data()}, data, 0.5F, order);
        world.wait("sums", [&] { return sum.test(); });
        seconds.push_back(dist::all_reduce(MPI_Wtime() - start, dist::ReduceOp::max));
      }
      std::ranges::sort(seconds);
      if (world.is_main())
        std::printf("{\"sum\": \"%s\", \"bytes\": %zu, \"seconds\": %.6g}\n",
                    order == dist::Order::rank ? "ranks" : "MPI", size * sizeof(float),
                    seconds[8]); // which leaves out those in which a rank has lost its core
    }
}

} // namespace

int main() {
  return dist::run([](dist::World& world) {
    stator::manual_seed(0);
    Model plain;
    if (world.size() == 1) return train(world, "Model", plain);
    train(world, "DataParallel", dist::DataParallel{plain});
    train(world, "DataParallel, MPI's order", dist::DataParallel{plain, {.order = dist::Order::mpi}});
    // The same without overlap: all gradients are one bucket, complete with the last unit.
    train(world, "DataParallel, one bucket", dist::DataParallel<Model, (std::size_t{1} << 30)>{plain});
    dist::DataParallel model{plain};
    dist::ZeroRedundancyOptimizer optimizer{stator::optim::Adam{model, {.lr = 1e-3}}};
    train(world, "ZeroRedundancyOptimizer", model, optimizer);
    sums(world);
  });
}
