// SPDX-License-Identifier: BSL-1.0
// Each rank's part of a data set: torch.utils.data.distributed.DistributedSampler, and batches of it.
//
//   auto batches = stator::data::distributed_batches<64>(train, {.seed = 5});
//   for (int epoch = 0; epoch < 10; ++epoch)
//     for (auto [x, y] : batches) ...             // 64 samples on each rank
#pragma once

#include "stator/data/loader.hpp"
#include "stator/distributed/world.hpp"

#include <cstdint>
#include <memory>

namespace stator::data {

/// The options of DistributedSampler, PyTorch's.
struct DistributedOptions {
  bool shuffle = true;    ///< another order in each pass, the same on all ranks
  std::uint64_t seed = 0; ///< pass number e visits the samples in the order of torch.randperm with seed + e
  /// Leave out the last samples where the ranks do not share them evenly; otherwise the first ones are
  /// visited again, so that all ranks get equally many.
  bool drop_last = false;
  bool drop_last_batch = false; ///< leave out a rank's last batch when it is shorter than the others
  Index prefetch = 0;           ///< batches that a thread of its own makes ready meanwhile
};

/// torch.utils.data.distributed.DistributedSampler: which samples a rank visits.
class DistributedSampler {
public:
  /// For rank `rank` of `ranks`. Throws ValueError when there is no such rank, or no sample.
  DistributedSampler(Index samples, int rank, int ranks, const DistributedOptions& options = {})
      : samples_(samples), rank_(rank), ranks_(ranks), options_(options) {
    if (ranks < 1 || rank < 0 || rank >= ranks)
      raise(ValueError("DistributedSampler: rank " + std::to_string(rank) + " of " + std::to_string(ranks)));
    if (samples < 1) raise(ValueError("DistributedSampler: the data set has no samples"));
  }
  /// How many samples each rank visits.
  Index size() const {
    const Index shared = options_.drop_last ? samples_ : samples_ + ranks_ - 1;
    return shared / ranks_;
  }
  /// `indices` is for pass `epoch` from here on.
  void set_epoch(std::uint64_t epoch) { epoch_ = epoch; }
  /// The pass that `indices` is for.
  std::uint64_t epoch() const { return epoch_; }
  /// The numbers of this rank's samples: every `ranks`-th of the permutation, from place `rank` on.
  std::vector<Index> indices() const {
    std::vector<Index> order(static_cast<std::size_t>(samples_)), mine;
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = static_cast<Index>(i);
    if (options_.shuffle) RandomPermutation(options_.seed + epoch_).next(order);
    mine.reserve(static_cast<std::size_t>(size()));
    for (Index k = 0; k < size(); ++k)
      mine.push_back(order[static_cast<std::size_t>((rank_ + k * ranks_) % samples_)]);
    return mine;
  }

private:
  Index samples_, rank_, ranks_;
  DistributedOptions options_;
  std::uint64_t epoch_ = 0;
};

/// What distributed_batches() returns: a range, each `begin()` the next pass over this rank's samples. A
/// batch is a tuple of views, as those of data/loader.hpp. The object refers to the source.
template<Index N, Source S>
class DistributedBatches {
public:
  DistributedBatches(const S& source, int rank, int ranks, const DistributedOptions& options)
      : source_(&source), options_(options),
        sampler_(static_cast<Index>(source.size()), rank, ranks, options) {
    prepare();
  }
  /// Batches of this rank in a pass; equally many on all.
  Index size() const {
    return BatchOptions{.drop_last = options_.drop_last_batch}.batches_of<N>(sampler_.size());
  }
  /// Samples of this rank in a pass.
  Index samples() const { return sampler_.size(); }
  /// The next pass will be number `epoch`, counted from 0.
  void set_epoch(std::uint64_t epoch) { next_ = epoch; }

  /// Begins the next pass.
  auto begin() {
    sampler_.set_epoch(next_++);
    prepare();
    return part_->loader.begin();
  }
  std::default_sentinel_t end() const { return {}; }

private:
  struct Part {
    Subset<S> subset;
    Loader<N, Subset<S>> loader;
    Part(const S& source, std::vector<Index> indices, const BatchOptions& options)
        : subset(source, std::move(indices)), loader(subset, options) {}
  };
  void prepare() {
    part_ = std::make_unique<Part>(
        *source_, sampler_.indices(),
        BatchOptions{.drop_last = options_.drop_last_batch, .prefetch = options_.prefetch});
  }
  const S* source_;
  DistributedOptions options_;
  DistributedSampler sampler_;
  std::uint64_t next_ = 0;
  std::unique_ptr<Part> part_;
};

/// Batches of N samples of this rank's part of a data set or source, which must live as long.
template<Index N, Source S>
DistributedBatches<N, S> distributed_batches(const S& source, const DistributedOptions& options = {}) {
  const distributed::World& world = distributed::World::current();
  return {source, world.rank(), world.size(), options};
}
/// The source must live as long as the loop.
template<Index N, Source S>
void distributed_batches(const S&& source, const DistributedOptions& options = {}) = delete;

} // namespace stator::data
