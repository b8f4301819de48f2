// SPDX-License-Identifier: BSL-1.0
// Run by mpirun (tests/distributed/run): without arguments everything that holds with 1, 2 and 4 ranks, with
// the name of a fault one that must end the job.
#include "distributed/checks.hpp"

#include <stator/nn/activation.hpp>
#include <stator/nn/loss.hpp>
#include <stator/optim/sgd.hpp>

#include <chrono>
#include <csignal>
#include <string_view>
#include <thread>
#include <vector>

namespace nn = stator::nn;
namespace dist = stator::distributed;
using stator::Index;
using namespace stator::test;

namespace {

/// `again` is `fc2` under another name, `spare` is not called.
struct Net {
  Linear<features, width> fc1;
  Linear<width, width> fc2;
  Linear<width, width> spare;
  Linear<width, width> again;
  Linear<width, classes> fc3;
  using ties = stator::ties<stator::tie<"again", "fc2">>;
  constexpr auto forward(auto x) const {
    return x | fc1 | nn::tanh | fc2 | nn::tanh | again | nn::tanh | fc3;
  }
};
using Model = stator::Model<Net>;
using Small = dist::DataParallel<Model, 1024>; // several buckets

// From the end of the arena to its beginning, each tensor in one bucket.
static_assert(Small::plan.size() == 3);
static_assert(Small::plan[0].last_row + 1 == Model::parameter_table.size());
static_assert(Small::plan.back().first_row == 0);
static_assert([] {
  std::size_t bytes = 0, end = Model::parameter_table.size();
  for (const dist::Bucket& b : Small::plan) {
    if (b.last_row + 1 != end) return false;
    end = b.first_row;
    bytes += b.bytes;
  }
  return bytes == Model::gradient_bytes;
}());
// All of it is one bucket where it is small.
static_assert(dist::DataParallel<Model>::plan.size() == 1);

/// Losses (means over all samples) of `steps` steps; each rank has its part of each batch.
std::vector<double> train(auto& model, int steps, Index rank, Index ranks) {
  stator::optim::SGD optimizer{model, {.lr = 0.5, .momentum = 0.5}};
  const Index mine = batch / ranks;
  Inputs x(mine);
  Labels y(mine);
  std::vector<double> losses;
  for (int step = 0; step < steps; ++step) {
    fill(x, y, step % 2 * batch + rank * mine);
    auto loss = nn::cross_entropy(model(x), y);
    optimizer.zero_grad();
    loss.backward();
    optimizer.step();
    losses.push_back(ranks > 1 ? dist::all_reduce(loss.item(), dist::ReduceOp::avg) : loss.item());
  }
  return losses;
}

void collectives(dist::World& world) {
  const int n = world.size(), r = world.rank();
  CHECK(dist::all_reduce(r + 0.5) == n * (n - 1) / 2.0 + n * 0.5);
  CHECK(dist::all_reduce(r + 0.5, dist::ReduceOp::avg) == (n - 1) / 2.0 + 0.5);
  CHECK(dist::all_reduce(r, dist::ReduceOp::max) == n - 1);
  CHECK(dist::all_reduce(r + 1, dist::ReduceOp::min) == 1);
  CHECK(dist::all_reduce(2, dist::ReduceOp::product) == 1 << n);

  // Ranks share the cores of their machine.
  CHECK(world.local_size() == n);
  CHECK(world.local_rank() == r);
  if (n > 1 && std::getenv("OMP_NUM_THREADS") == nullptr)
    CHECK(stator::get_num_threads() == std::max(1, world.cores() / n));
  CHECK(world.options().timeout > 0);

  stator::Tensor<float, 3> t{static_cast<float>(r), 1, 2};
  dist::broadcast(t, n - 1);
  CHECK(t(0) == static_cast<float>(n - 1));
  const std::vector<float> gathered = dist::gather(stator::Tensor<float, 2>{static_cast<float>(r), 7}, n - 1);
  CHECK(gathered.size() == (r == n - 1 ? 2 * static_cast<std::size_t>(n) : 0));
  for (std::size_t i = 0; i < gathered.size(); ++i)
    CHECK(gathered[i] == (i % 2 == 0 ? static_cast<float>(i / 2) : 7.0F));

  // Ranks that there are none of.
  const auto refuses = [](auto&& call) {
    try {
      call();
    } catch (const stator::ValueError&) {
      return true;
    }
    return false;
  };
  CHECK(refuses([&] { dist::broadcast(t, n); }));
  CHECK(refuses([&] { (void)dist::gather(t, -1); }));
  CHECK(refuses([&] { (void)dist::all_reduce(r, dist::ReduceOp::avg); }) == (n > 1));

  // Rank 0 first: with 4 ranks 1e8 + 1 - 1e8 + 1 is 1 in float, in another order 0 or 2.
  std::vector<float> order(1001, std::array{1e8F, 1.0F, -1e8F, 1.0F}[static_cast<std::size_t>(r % 4)]);
  dist::all_reduce(order);
  float sum = 0;
  for (int k = 0; k < n; ++k) sum += std::array{1e8F, 1.0F, -1e8F, 1.0F}[static_cast<std::size_t>(k % 4)];
  for (const float value : order) CHECK(value == sum);
}

/// As one rank with the whole batch; the same bits on all ranks and in another run.
void training(dist::World& world) {
  stator::manual_seed(7);
  Model alone;
  const Model first = alone;
  const std::vector<double> expected = train(alone, 6, 0, 1);

  Model other = first;
  if (world.rank() > 0)
    for (double& p : other.parameter_arena()) p = -1; // rank 0's count
  Small model{std::move(other)};
  CHECK(equal_bits(model.parameter_arena(), first.parameter_arena()));
  const std::vector<double> losses = train(model, 6, world.rank(), world.size());
  CHECK(close(losses, expected, 1e-12));
  CHECK(close(model.parameter_arena(), alone.parameter_arena(), 1e-12));
  CHECK(equal_on_all_ranks(model.parameter_arena()));
  CHECK(losses[4] < losses[0]); // of the same batch

  Small again{first};
  train(again, 6, world.rank(), world.size());
  CHECK(equal_bits(again.parameter_arena(), model.parameter_arena()));

  dist::DataParallel whole{first, {.order = dist::Order::mpi}};
  CHECK(close(train(whole, 6, world.rank(), world.size()), expected, 1e-12));
  CHECK(close(whole.parameter_arena(), alone.parameter_arena(), 1e-12));
}

/// `spare` is not sent, `fc2` once although it is used twice, what is frozen never.
void traffic(dist::World& world) {
  const auto bytes_of = [](std::string_view prefix) {
    std::size_t bytes = 0;
    for (const stator::LeafEntry& leaf : Model::parameter_table)
      if (leaf.name.starts_with(prefix)) bytes += stator::align_up(static_cast<std::size_t>(leaf.numel) * 8);
    return bytes;
  };
  stator::manual_seed(7);
  Small model{Model()};
  Inputs x(2);
  Labels y(2);
  fill(x, y, world.rank() * 2);
  const auto step = [&] {
    model.zero_grad();
    nn::cross_entropy(model(x), y).backward();
  };
  step();
  const std::size_t wanted = Model::gradient_bytes - bytes_of("spare");
  const bool alone = world.size() == 1;
  CHECK(model.traffic().bytes == (alone ? 0 : wanted));
  CHECK(model.traffic().steps == (alone ? 0 : 1));
  CHECK(!model->spare.weight.has_grad());

  model.requires_grad_<"fc1">(false);
  step();
  CHECK(model.traffic().bytes == (alone ? 0 : 2 * wanted - bytes_of("fc1")));
  model.requires_grad_(true);

  // What the type freezes has no place in the plan.
  using Frozen = dist::DataParallel<stator::Model<Net, stator::freeze<"fc1">>>;
  static_assert(Frozen::plan[0].bytes == Frozen::gradient_bytes);
  static_assert(Frozen::gradient_bytes < Model::gradient_bytes);

  // Two pieces, of which only the second is sent, are one backward of both.
  model.zero_grad();
  const std::size_t before = model.traffic().bytes;
  {
    const auto unsent = model.no_sync();
    nn::cross_entropy(model(x), y).backward();
  }
  CHECK(model.traffic().bytes == before);
  nn::cross_entropy(model(x), y).backward();
  CHECK(model.traffic().bytes == (alone ? 0 : before + wanted));
  const std::vector<double> twice(model.gradient_arena().begin(), model.gradient_arena().end());
  step();
  std::vector<double> once(model.gradient_arena().begin(), model.gradient_arena().end());
  for (double& g : once) g *= 2;
  CHECK(close(twice, once, 1e-13));
  CHECK(equal_on_all_ranks(model.gradient_arena()));

  // A model called twice in one expression; two models in one.
  Small second{Model()};
  model.zero_grad();
  second.zero_grad();
  (nn::cross_entropy(model(x), y) + nn::cross_entropy(second(x), y) + nn::cross_entropy(model(x), y))
      .backward();
  CHECK(close(model.gradient_arena(), twice, 1e-13));
  CHECK(equal_on_all_ranks(second.gradient_arena()));

  // With hooks too.
  model.zero_grad();
  int calls = 0;
  nn::cross_entropy(model.with(stator::forward_hook<"fc1">([&](const auto&...) { ++calls; }))(x), y)
      .backward();
  CHECK(calls == 1);
  for (double& g : once) g /= 2;
  CHECK(close(model.gradient_arena(), once, 1e-13));

  // Buckets start while the backward runs.
  CHECK(alone || model.traffic().messages > model.traffic().steps);
}

struct Other {
  Linear<features, width> fc1;
  Linear<width, width + 1> fc2;
  Linear<width + 1, classes> fc3;
  constexpr auto forward(auto x) const { return x | fc1 | nn::tanh | fc2 | fc3; }
};

/// What must end the job; the last rank is the one that differs. The time-out is the environment's, but for
/// "leave".
void fault(dist::World& world, std::string_view name) {
  const bool last = world.rank() == world.size() - 1;
  if (name == "network") {
    if (last)
      dist::DataParallel model{stator::Model<Other>()};
    else
      dist::DataParallel model{stator::Model<Net>()};
    return;
  }
  dist::DataParallel model{Model()};
  Inputs x(2);
  Labels y(2);
  fill(x, y, 0);
  for (int step = 0; step < 4; ++step) {
    if (!last && step == 2 && name == "leave") return;
    if (name == "astray" && step == 2 && world.rank() == world.size() - 2) world.barrier();
    if (last && step == 2) {
      if (name == "throw") stator::raise(stator::ValueError("the disk of this rank is full"));
      if (name == "kill") std::raise(SIGKILL);
      if (name == "steps") return;
      if (name == "hang" || name == "leave" || name == "astray")
        std::this_thread::sleep_for(std::chrono::seconds(60));
      if (name == "slow") std::this_thread::sleep_for(std::chrono::seconds(3));
      if (name == "label") y.data()[0] = classes;
      if (name == "freeze") model.requires_grad_<"fc1">(false);
    }
    model.zero_grad();
    nn::cross_entropy(model(x), y).backward();
  }
}

} // namespace

int main(int argc, char** argv) {
  const std::string_view name = argc > 1 ? argv[1] : "";
  return dist::run(
      [&](dist::World& world) {
        if (!name.empty()) return fault(world, name);
        collectives(world);
        training(world);
        traffic(world);
        conclude(world);
      },
      {.timeout = name == "leave" ? 2.0 : 0.0, .grace = 2});
}
