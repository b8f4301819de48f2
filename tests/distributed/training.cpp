// SPDX-License-Identifier: BSL-1.0
// Run by mpirun (tests/distributed/run): samples, sharded optimisers, checkpoints and statistics over ranks.
//   training               everything that holds with 1, 2 and 4 ranks
//   training save FILE     half of a training run; `training load FILE` the other half, with any number of
//   ranks
#include "distributed/checks.hpp"
#include "files.hpp"

#include <stator/distributed/checkpoint.hpp>
#include <stator/distributed/distributed_batches.hpp>
#include <stator/distributed/sync_batch_norm.hpp>
#include <stator/distributed/zero_redundancy_optimizer.hpp>
#include <stator/io/npy.hpp>
#include <stator/nn/activation.hpp>
#include <stator/nn/dropout.hpp>
#include <stator/nn/loss.hpp>
#include <stator/ops/ops.hpp>
#include <stator/optim/adam.hpp>
#include <stator/optim/sgd.hpp>

#include <chrono>
#include <csignal>
#include <limits>
#include <string>
#include <string_view>
#include <thread>

namespace nn = stator::nn;
namespace dist = stator::distributed;
namespace data = stator::data;
using namespace stator::test;
using stator::Index;

namespace {

struct Net {
  Linear<features, width> fc1;
  Linear<width, width> spare; // without a gradient: optimisers pass over it
  Linear<width, classes> fc2;
  constexpr auto forward(auto x) const { return x | fc1 | nn::tanh | fc2; }
};
using Model = stator::Model<Net>;
using Small = dist::DataParallel<Model, 512>; // several buckets

/// Steps [first, last) of training; each rank has its part of each batch.
void train(auto& model, auto& optimizer, int first, int last, Index rank, Index ranks) {
  Inputs x(batch / ranks);
  Labels y(batch / ranks);
  for (int step = first; step < last; ++step) {
    fill(x, y, step % 2 * batch + rank * (batch / ranks));
    optimizer.zero_grad();
    nn::cross_entropy(model(x), y).backward();
    optimizer.step();
  }
}

void sampler(dist::World& world) {
  const auto reference = stator::io::load_npz(std::string(STATOR_TEST_REFERENCE) + "/data/distributed.npz");
  int seen = 0;
  for (const Index samples : {10, 8, 3, 11})
    for (const int ranks : {1, 2, 4})
      for (const int epoch : {0, 5})
        for (const bool drop_last : {false, true})
          for (const bool shuffle : {false, true}) {
            const std::string name = "indices." + std::to_string(samples) + "." + std::to_string(ranks) +
                                     "." + std::to_string(epoch) + "." + std::to_string(drop_last) + "." +
                                     std::to_string(shuffle);
            if (!reference.contains(name)) continue;
            ++seen;
            const auto expected = reference[name].as<std::int64_t>();
            std::vector<std::int64_t> all;
            for (int rank = 0; rank < ranks; ++rank) {
              data::DistributedSampler s(samples, rank, ranks,
                                         {.shuffle = shuffle, .seed = 3, .drop_last = drop_last});
              s.set_epoch(static_cast<std::uint64_t>(epoch));
              const std::vector<Index> indices = s.indices();
              CHECK(static_cast<Index>(indices.size()) == s.size());
              all.insert(all.end(), indices.begin(), indices.end());
            }
            CHECK(std::ranges::equal(all, expected));
          }
  CHECK(seen == 36);

  // The batches of all ranks together are the data set, in another order in each pass.
  stator::data::AlignedVector<double> values(48);
  std::vector<std::int64_t> labels(48);
  for (std::size_t i = 0; i < 48; ++i)
    values[i] = static_cast<double>(labels[i] = static_cast<std::int64_t>(i));
  const data::TensorDataset<double, 1> set(std::move(values), std::move(labels));
  auto batches = data::distributed_batches<5>(set, {.seed = 3});
  std::vector<std::vector<double>> passes;
  for (int pass = 0; pass < 3; ++pass) {
    if (pass == 2) batches.set_epoch(0);
    std::vector<double> mine;
    for (auto [x, y] : batches)
      for (Index i = 0; i < x.size(0); ++i) {
        CHECK(x(i, 0) == static_cast<double>(y(i)));
        mine.push_back(x(i, 0));
      }
    CHECK(static_cast<Index>(mine.size()) == 48 / world.size());
    std::vector<double> all = dist::all_gather(mine);
    passes.push_back(all);
    std::ranges::sort(all);
    for (std::size_t i = 0; i < all.size(); ++i) CHECK(all[i] == static_cast<double>(i));
  }
  CHECK(passes[0] != passes[1]);
  CHECK(passes[0] == passes[2]);
}

/// In the temporary directory of rank 0.
std::string common_path(const char* name) {
  static const TemporaryDirectory directory;
  std::string path = (directory / name).string();
  path.resize(200, ' ');
  dist::broadcast(path);
  path.resize(path.find_last_not_of(' ') + 1);
  return path;
}

void sharded(dist::World& world) {
  const auto rank = world.rank(), ranks = world.size();
  stator::manual_seed(7);
  const Model first;
  dist::DataParallel whole{first};
  stator::optim::Adam adam{whole, {.lr = 0.05}};
  train(whole, adam, 0, 6, rank, ranks);

  Small model{first};
  static_assert(Small::plan.size() == 3);
  dist::ZeroRedundancyOptimizer optimizer{stator::optim::Adam{model, {.lr = 0.05}}};
  train(model, optimizer, 0, 3, rank, ranks);
  const std::size_t all_bytes = 2 * Model::gradient_bytes;
  const std::size_t most = all_bytes / static_cast<std::size_t>(ranks) + 2 * 64 * Small::plan.size();
  CHECK(dist::all_reduce(optimizer.state_bytes()) == all_bytes);
  CHECK(optimizer.state_bytes() <= most);

  // A checkpoint in the midst; what is read goes on as what has written, bit for bit.
  const std::string path = common_path("run.safetensors");
  stator::Checkpoint checkpoint;
  checkpoint.add("model", model).add("optimizer", optimizer);
  optimizer.consolidate_state();
  CHECK(optimizer.state_bytes() == all_bytes);
  dist::save(checkpoint, path);

  Small resumed{Model()};
  dist::ZeroRedundancyOptimizer resumed_optimizer{stator::optim::Adam{resumed}};
  stator::Checkpoint other;
  other.add("model", resumed).add("optimizer", resumed_optimizer);
  dist::load(other, path);
  CHECK(resumed_optimizer.state_bytes() <= most);

  train(model, optimizer, 3, 6, rank, ranks);
  train(resumed, resumed_optimizer, 3, 6, rank, ranks);
  CHECK(equal_bits(model.parameter_arena(), whole.parameter_arena()));
  CHECK(equal_bits(resumed.parameter_arena(), whole.parameter_arena()));
  CHECK(equal_on_all_ranks(model.parameter_arena()));
}

struct Noisy {
  Linear<features, width> fc1;
  nn::Dropout<0.5> dropout;
  Linear<width, classes> fc2;
  constexpr auto forward(auto x) const { return x | fc1 | nn::tanh | dropout | fc2; }
};

/// Each rank's random numbers go on as well; a program of one process reads the file too.
void random_numbers(dist::World& world) {
  using Random = stator::Model<Noisy>;
  const auto rank = world.rank(), ranks = world.size();
  stator::manual_seed(11);
  dist::DataParallel model{Random()};
  stator::manual_seed(100 + static_cast<std::uint64_t>(rank)); // each rank drops others
  stator::optim::Adam optimizer{model, {.lr = 0.05}};
  train(model, optimizer, 0, 3, rank, ranks);
  const std::string path = common_path("random.safetensors");
  stator::Checkpoint checkpoint;
  checkpoint.add("model", model).add("optimizer", optimizer);
  dist::save(checkpoint, path);
  train(model, optimizer, 3, 6, rank, ranks);
  const std::uint32_t next = stator::default_generator().random();

  stator::manual_seed(5);
  dist::DataParallel resumed{Random()};
  stator::optim::Adam resumed_optimizer{resumed};
  stator::Checkpoint saved;
  saved.add("model", resumed).add("optimizer", resumed_optimizer);
  dist::load(saved, path);
  train(resumed, resumed_optimizer, 3, 6, rank, ranks);
  CHECK(equal_bits(resumed.parameter_arena(), model.parameter_arena()));
  CHECK(stator::default_generator().random() == next);
  const auto all = dist::all_gather(std::array{next});
  for (std::size_t r = 1; r < all.size(); ++r) CHECK(all[r] != all[0]); // ranks that drop the same prove less

  saved.load(path); // as one process does: rank 0's
  const auto same = dist::all_gather(std::array{stator::default_generator().random()});
  for (const std::uint32_t number : same) CHECK(number == same[0]);

  // Written by one process, loaded by several: different numbers on each.
  if (world.is_main()) saved.save(path);
  dist::load(saved, path);
  const auto anew = dist::all_gather(std::array{stator::default_generator().random()});
  for (std::size_t r = 1; r < anew.size(); ++r) CHECK(anew[r] != anew[0]);
}

/// A backward leaves a rank the means of its shares, which are those of the whole model to the bit, and sends
/// half as much; a step sends the other half.
void scattered(dist::World& world) {
  const auto ranks = static_cast<std::size_t>(world.size()), rank = static_cast<std::size_t>(world.rank());
  stator::manual_seed(7);
  const Model first;
  Inputs x(batch / world.size());
  Labels y(batch / world.size());
  fill(x, y, world.rank() * (batch / world.size()));
  const auto backward = [&](auto& model) { nn::cross_entropy(model(x), y).backward(); };
  for (const dist::Order order : {dist::Order::rank, dist::Order::mpi}) {
    const double tolerance = order == dist::Order::rank ? 0 : 1e-13;
    Small whole{first}, model{first};
    if (order == dist::Order::mpi) model = Small(first, {.order = order});
    stator::optim::SGD sgd{whole, {.lr = 0.5, .momentum = 0.5}};
    {
      dist::ZeroRedundancyOptimizer optimizer{stator::optim::SGD{model, {.lr = 0.5, .momentum = 0.5}}};
      const auto expect_shares = [&](double within) {
        constexpr std::size_t element = sizeof(double);
        bool fits = true;
        for (const dist::Bucket& bucket : Small::plan)
          for (std::size_t i = bucket.begin / element; i < (bucket.begin + bucket.bytes) / element; ++i) {
            const bool mine =
                i >= bucket.share(rank, ranks) / element && i < bucket.share(rank + 1, ranks) / element;
            const double wanted = mine ? whole.gradient_arena()[i] : 0;
            fits = fits && std::abs(model.gradient_arena()[i] - wanted) <= within;
          }
        return fits;
      };
      // Ranks without a part of a sum would be of no use.
      CHECK(Small::plan[0].share(rank, ranks) < Small::plan[0].share(rank + 1, ranks));
      backward(whole);
      backward(model);
      CHECK(expect_shares(tolerance));
      CHECK(model.scatters_gradients() == (ranks > 1));
      CHECK(model.traffic().bytes == whole.traffic().bytes);
      const std::size_t others = (ranks - 1) * model.traffic().bytes;
      CHECK(dist::all_reduce(model.traffic().sent_bytes) == others);
      CHECK(dist::all_reduce(whole.traffic().sent_bytes) == 2 * others);

      // Added to a mean, and in pieces: as whole gradients are.
      backward(whole);
      backward(model);
      CHECK(expect_shares(1e-13));
      {
        const auto unsent = model.no_sync(), unsent_whole = whole.no_sync();
        backward(whole);
        backward(model);
      }
      backward(whole);
      backward(model);
      CHECK(expect_shares(1e-13));
      const double norm = stator::optim::clip_grad_norm_(whole, 0.01);
      CHECK(std::abs(stator::optim::clip_grad_norm_(model, 0.01) - norm) <= 1e-13);
      CHECK(expect_shares(1e-13));
      constexpr double infinity = std::numeric_limits<double>::infinity();
      const double largest = stator::optim::clip_grad_norm_(whole, 0.001, {.norm_type = infinity});
      CHECK(std::abs(stator::optim::clip_grad_norm_(model, 0.001, {.norm_type = infinity}) - largest) <=
            1e-13);
      CHECK(largest > 0.001);
      sgd.step();
      optimizer.step();
      CHECK(close(model.parameter_arena(), whole.parameter_arena(), 1e-13));
      CHECK(dist::all_reduce(model.traffic().parameter_bytes) == (ranks - 1) * Model::gradient_bytes);
    }
    // Without it all ranks get all means again.
    CHECK(!model.scatters_gradients());
    model.zero_grad();
    whole.zero_grad();
    backward(whole);
    backward(model);
    CHECK(close(model.gradient_arena(), whole.gradient_arena(), 1e-13));
  }
}

struct Normed {
  Linear<features, width> fc1;
  dist::SyncBatchNorm<width, nn::BatchNormOptions{}, double> bn;
  Linear<width, classes> fc2;
  constexpr auto forward(auto x) const { return x | fc1 | bn | nn::tanh | fc2; }
};
struct NormedAlone {
  Linear<features, width> fc1;
  nn::BatchNorm1d<width, nn::BatchNormOptions{}, double> bn;
  Linear<width, classes> fc2;
  constexpr auto forward(auto x) const { return x | fc1 | bn | nn::tanh | fc2; }
};

/// With the statistics of all ranks N ranks are as one rank with the whole batch.
void sync_batch_norm(dist::World& world) {
  stator::manual_seed(7);
  stator::Model<NormedAlone> alone;
  stator::manual_seed(7);
  dist::DataParallel model{stator::Model<Normed>()};
  stator::optim::Adam expected{alone, {.lr = 0.01, .eps = 1e-3}};
  stator::optim::Adam optimizer{model, {.lr = 0.01, .eps = 1e-3}};
  train(alone, expected, 0, 5, 0, 1);
  train(model, optimizer, 0, 5, world.rank(), world.size());
  CHECK(close(model.parameter_arena(), alone.parameter_arena(), 1e-11));
  CHECK(equal_on_all_ranks(model.parameter_arena()));
  CHECK(close(model->bn.running_mean.values(), alone->bn.running_mean.values(), 1e-12));
  CHECK(close(model->bn.running_var.values(), alone->bn.running_var.values(), 1e-12));
  // Ranks with batches of other sizes.
  const Index before = world.rank() * (world.rank() + 1), ranks = world.size();
  Inputs all(ranks * (ranks + 1)), mine(2 * (world.rank() + 1));
  Labels labels(all.size(0)), labels_here(mine.size(0));
  fill(all, labels, 0);
  fill(mine, labels_here, before);
  const auto uneven = model(mine).value(), even = alone(all).value();
  const auto count = static_cast<std::size_t>(classes * mine.size(0));
  CHECK(close(std::span(uneven.data(), count), std::span(even.data() + classes * before, count), 1e-10));

  Inputs x(3);
  Labels y(3);
  fill(x, y, 5);
  const auto out = model.eval()(x).value(), other = alone.eval()(x).value();
  CHECK(close(std::span(out.data(), 9), std::span(other.data(), 9), 1e-10));
}

/// The gradient of a gradient's length, through the other ranks' statistics.
void penalise(auto& model, const Inputs& x) {
  model.zero_grad();
  const auto slope = stator::grad(stator::sum(stator::square(model(x))), x);
  stator::sum(stator::square(slope)).backward();
}

/// Gradients of gradients of N ranks are those of one with the whole batch.
void sync_batch_norm_twice(dist::World& world) {
  stator::manual_seed(7);
  stator::Model<NormedAlone> alone;
  stator::manual_seed(7);
  dist::DataParallel model{stator::Model<Normed>()};
  Inputs whole(batch), mine(batch / world.size());
  Labels unused(batch), unused_here(batch / world.size());
  fill(whole, unused, 0);
  fill(mine, unused_here, world.rank() * (batch / world.size()));
  penalise(alone, whole);
  penalise(model, mine);
  std::vector<double> sums(model.gradient_arena().begin(), model.gradient_arena().end()); // of means
  for (double& g : sums) g *= world.size();
  double largest = 0;
  for (const double g : alone.gradient_arena()) largest = std::max(largest, std::abs(g));
  CHECK(largest > 1);
  CHECK(close(sums, alone.gradient_arena(), 1e-11 * largest));
}

/// Halves of a run with random numbers, by processes that know nothing of each other: as many ranks get the
/// same bits, others do not. Two ranks save.
void random_half(dist::World& world, std::string_view what, const std::string& path) {
  stator::manual_seed(what == "save" ? 100 + static_cast<std::uint64_t>(world.rank()) : 1);
  dist::DataParallel model{stator::Model<Noisy>()};
  stator::optim::Adam optimizer{model, {.lr = 0.05}};
  std::vector<double> reached;
  stator::Checkpoint checkpoint, outcome;
  checkpoint.add("model", model).add("optimizer", optimizer);
  outcome.add("reached", reached);
  if (what == "save") {
    train(model, optimizer, 0, 3, world.rank(), world.size());
    dist::save(checkpoint, path + ".random.safetensors");
  } else {
    dist::load(checkpoint, path + ".random.safetensors");
  }
  train(model, optimizer, 3, 6, world.rank(), world.size());
  const std::string end = path + ".end.safetensors";
  if (what == "save") {
    reached.assign(model.parameter_arena().begin(), model.parameter_arena().end());
    dist::save(outcome, end);
  } else {
    outcome.load(end);
    CHECK(equal_bits(model.parameter_arena(), reached) == (world.size() == 2));
  }
}

/// A run of 6 steps: the first half saved by some ranks, the second done by others. `crash`: the job is ended
/// while rank 0 writes the file again and again.
void half(dist::World& world, std::string_view what, const std::string& path) {
  stator::manual_seed(7);
  Model alone;
  dist::DataParallel model{alone};
  dist::ZeroRedundancyOptimizer optimizer{stator::optim::Adam{model, {.lr = 0.05}}};
  stator::Checkpoint checkpoint;
  checkpoint.add("model", model).add("optimizer", optimizer);
  if (what != "load") {
    train(model, optimizer, 0, 3, world.rank(), world.size());
    optimizer.consolidate_state();
    dist::save(checkpoint, path);
    while (what == "crash") {
      if (world.is_main()) checkpoint.save(path);
      if (world.is_main()) continue;
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
      std::raise(SIGKILL);
    }
    return;
  }
  dist::load(checkpoint, path);
  train(model, optimizer, 3, 6, world.rank(), world.size());
  stator::optim::Adam expected{alone, {.lr = 0.05}};
  train(alone, expected, 0, 6, 0, 1);
  CHECK(close(model.parameter_arena(), alone.parameter_arena(), 1e-10));
}

} // namespace

int main(int argc, char** argv) {
  return dist::run([&](dist::World& world) {
    if (argc > 2) {
      half(world, argv[1], argv[2]);
      random_half(world, argv[1], argv[2]);
    } else {
      sampler(world);
      sharded(world);
      random_numbers(world);
      scattered(world);
      sync_batch_norm(world);
      sync_batch_norm_twice(world);
    }
    conclude(world);
  });
}
