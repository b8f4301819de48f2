// SPDX-License-Identifier: BSL-1.0
// What training with several processes costs: `distributed.sh` runs it with 1 process of 1 thread, 2
// processes of 1 thread and 1 process of 2 threads. Steps of the CNN of the main job, 64 images of all ranks
// together, and sums over ranks alone.
#include <stator/distributed/data_parallel.hpp>
#include <stator/optim/adam.hpp>
#include <stator/stator.hpp>

#include <algorithm>
#include <cstdio>
#include <vector>

namespace nn = stator::nn;
namespace dist = stator::distributed;

namespace {

struct Cnn {
  nn::Conv2d<1, 32, 3> conv1;
  nn::Conv2d<32, 64, 3> conv2;
  nn::Linear<9216, 128> fc1;
  nn::Linear<128, 10> fc2;
  constexpr auto forward(auto x) const {
    auto features = x | conv1 | nn::relu | conv2 | nn::relu | nn::max_pool2d<2>;
    return features | stator::flatten<1> | fc1 | nn::relu | fc2;
  }
};
constexpr stator::Index whole_batch = 64;

/// The middle of several runs of `f`, in seconds; the slowest rank counts.
template<class F>
double median(int runs, F&& f) {
  std::vector<double> seconds;
  for (int run = 0; run < runs; ++run) {
    dist::World::current().barrier();
    const double start = MPI_Wtime();
    f();
    seconds.push_back(dist::all_reduce(MPI_Wtime() - start, dist::ReduceOp::max));
  }
  std::ranges::nth_element(seconds, seconds.begin() + runs / 2);
  return seconds[static_cast<std::size_t>(runs / 2)];
}

void train(dist::World& world, const char* name, auto& model) {
  constexpr int steps = 8;
  const stator::Index mine = whole_batch / world.size();
  stator::Tensor<float, stator::dynamic, 1, 28, 28> x(mine);
  stator::Tensor<std::int64_t, stator::dynamic> y(mine);
  for (stator::Index i = 0; i < x.numel(); ++i) x.data()[i] = static_cast<float>(i % 255) / 255;
  for (stator::Index i = 0; i < mine; ++i) y.data()[i] = i % 10;
  stator::optim::Adam optimizer{model, {.lr = 1e-3}};
  const auto step = [&] {
    auto loss = nn::cross_entropy(model(x), y);
    optimizer.zero_grad();
    loss.backward();
    optimizer.step();
  };
  step();
  double before = 0;
  if constexpr (requires { model.traffic(); }) before = model.traffic().waited_seconds;
  const double seconds = median(15,
                                [&] {
                                  for (int i = 0; i < steps; ++i) step();
                                }) /
                         steps;
  if (!world.is_main()) return;
  std::printf("%-24s %d x %d threads: %7.0f images/s, %6.2f ms a step", name, world.size(),
              stator::get_num_threads(), whole_batch / seconds, seconds * 1e3);
  if constexpr (requires { model.traffic(); })
    if (const dist::Traffic& t = model.traffic(); t.steps > 0)
      std::printf(
          ", %.2f ms waited after the backward, %zu bytes sent (%zu of gradients), %lld%% of messages begun "
          "early, %lld%% done early",
          (t.waited_seconds - before) * 1e3 / static_cast<double>(t.steps - 1),
          t.sent_bytes / static_cast<std::size_t>(t.steps), model.gradient_bytes,
          static_cast<long long>(100 * t.started_early / t.messages),
          static_cast<long long>(100 * t.finished_early / t.messages));
  std::printf("\n");
}

void sums(dist::World& world) {
  for (const dist::Order order : {dist::Order::rank, dist::Order::mpi})
    for (const std::size_t size :
         {std::size_t{16}, std::size_t{4096}, std::size_t{1} << 18, std::size_t{1200000}}) {
      std::vector<float> data(size, 1);
      dist::Reduction<float> sum;
      const double seconds = median(31, [&] {
        sum.start({world.data(), world.data()}, data, 0.5F, order);
        world.wait("sums", [&] { return sum.test(); });
      });
      if (world.is_main())
        std::printf("sum of %8zu bytes, order of %s: %9.1f us, %6.2f GB/s\n", size * 4,
                    order == dist::Order::rank ? "ranks" : "MPI  ", seconds * 1e6,
                    static_cast<double>(size) * 4 / seconds * 1e-9);
    }
}

} // namespace

int main() {
  return dist::run([](dist::World& world) {
    stator::manual_seed(0);
    stator::Model<Cnn> plain;
    if (world.size() == 1) return train(world, "Model", plain);
    dist::DataParallel by_rank{plain}, by_mpi{plain, {.order = dist::Order::mpi}};
    train(world, "DataParallel, ranks", by_rank);
    train(world, "DataParallel, MPI", by_mpi);
    {
      // The same without overlap: all gradients are one bucket, complete with the last unit.
      dist::DataParallel<stator::Model<Cnn>, (std::size_t{1} << 30)> late{plain};
      train(world, "one bucket", late);
    }
    sums(world);
  });
}
