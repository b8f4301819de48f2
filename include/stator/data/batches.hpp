// SPDX-License-Identifier: BSL-1.0
// The loop over a dataset: `for (auto [images, labels] : batches<64>(train))`.
#pragma once

#include "stator/data/dataset.hpp"

#include <algorithm>
#include <iterator>
#include <type_traits>

namespace stator::data {

/// The options of `batches`, those of torch.utils.data.DataLoader.
struct BatchOptions {
  bool shuffle = false;   ///< another order of the samples in each pass
  std::uint64_t seed = 0; ///< of the generator that shuffles
  bool drop_last = false; ///< leave out the last batch when it is shorter than the others
  /// Batches that a thread of its own makes ready meanwhile, of the sources of data/loader.hpp; 0: none. What
  /// is in memory already needs no such thread.
  Index prefetch = 0;

  /// Number of batches of N samples, or fewer in the last, in a pass over so many.
  template<Index N>
  constexpr Index batches_of(Index samples) const {
    return samples / N + (samples % N != 0 && !drop_last ? 1 : 0);
  }
};

/// images: [batch, Sample...], labels: [batch]. Without shuffling they point into the dataset, with
/// shuffling into a buffer that the next batch overwrites.
template<class T, Index... Sample>
struct Batch {
  /// [N, Sample...]
  typename TensorDataset<T, Sample...>::Samples images;
  /// [N]
  typename TensorDataset<T, Sample...>::Labels labels;
};

/// What batches() returns: a range. Each begin() is a new pass over the dataset, which must outlive it; a
/// shuffled pass visits the next permutation. No pass and no batch allocates memory.
template<Index N, class T, Index... Sample>
class Batches {
  template<class U>
  using later = std::conditional_t<(N > 0), U, void>; // only programs with such a loop pay for it
  static_assert(N > 0, "stator: batches<N>: N is the number of samples in a batch, at least 1");

public:
  /// What the batches are taken from.
  using Dataset = TensorDataset<T, Sample...>;

  Batches(const Dataset& dataset, BatchOptions options)
      : dataset_(&dataset), options_(options), permutation_(options.seed) {
    if (!options_.shuffle) return;
    order_.resize(static_cast<std::size_t>(dataset.size()));
    values_.resize(static_cast<std::size_t>(std::min(N, dataset.size()) * Dataset::sample_size));
    labels_.resize(static_cast<std::size_t>(std::min(N, dataset.size())));
  }

  /// Number of batches in a pass.
  Index size() const { return options_.batches_of<N>(dataset_->size()); }

  /// The next pass will be number `epoch`, counted from 0: to go on where an earlier run has stopped.
  void set_epoch(std::uint64_t epoch) { permutation_.seek(epoch, order_.size()); }

  class iterator {
  public:
    using value_type = Batch<T, Sample...>;
    using difference_type = Index;
    /// A pass goes forward only: the next batch reuses the memory of the last.
    using iterator_concept = std::input_iterator_tag;

    value_type operator*() const { return range_->batch(number_); }
    iterator& operator++() {
      ++number_;
      return *this;
    }
    void operator++(int) { ++number_; }
    bool operator==(std::default_sentinel_t) const { return number_ == range_->size(); }

  private:
    friend Batches;
    explicit iterator(Batches* range) : range_(range) {}
    Batches* range_;
    Index number_ = 0;
  };

  iterator begin() {
    if (options_.shuffle) permutation_.next(order_);
    return iterator(this);
  }
  std::default_sentinel_t end() const { return {}; }

private:
  Batch<T, Sample...> batch(Index number) {
    const Index first = number * N;
    const Index count = std::min(N, dataset_->size() - first);
    const T* values = dataset_->samples().data();
    const std::int64_t* labels = dataset_->labels().data();
    if (!options_.shuffle)
      return {typename Dataset::Samples(values + first * Dataset::sample_size, count),
              typename Dataset::Labels(labels + first, count)};
    for (Index i = 0; i < count; ++i) {
      const Index from = order_[static_cast<std::size_t>(first + i)];
      std::copy_n(values + from * Dataset::sample_size, Dataset::sample_size,
                  values_.data() + i * Dataset::sample_size);
      labels_[static_cast<std::size_t>(i)] = labels[from];
    }
    return {typename Dataset::Samples(values_.data(), count),
            typename Dataset::Labels(labels_.data(), count)};
  }

  const Dataset* dataset_;
  BatchOptions options_;
  RandomPermutation permutation_;
  std::vector<later<Index>> order_;
  AlignedVector<T> values_;
  std::vector<later<std::int64_t>> labels_;
};

/// Batches of N samples, the last with the rest: `batches<64>(train, {.shuffle = true, .seed = 1})`.
/// The order is that of torch.randperm with a torch.Generator of this seed.
template<Index N, class T, Index... Sample>
Batches<N, T, Sample...> batches(const TensorDataset<T, Sample...>& dataset, BatchOptions options = {}) {
  return {dataset, options};
}
/// The dataset must live as long as the loop.
template<Index N, class T, Index... Sample>
void batches(const TensorDataset<T, Sample...>&& dataset, BatchOptions options = {}) = delete;
/// As a DataLoader is called: refused in words, since the size of a batch is a constant.
template<class Dataset, std::integral Size, class... Options>
void batches(const Dataset&, Size, const Options&...) {
  static_assert(std::is_void_v<Dataset>, "stator: batches: the size of a batch is a constant of the program: "
                                         "batches<64>(dataset, {.shuffle = true})");
}

} // namespace stator::data
