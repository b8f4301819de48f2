// SPDX-License-Identifier: BSL-1.0
// A dataset in memory: samples of one static shape, one after the other, and a class label for each.
#pragma once

#include "stator/core/view.hpp"
#include "stator/data/aligned_vector.hpp"
#include "stator/data/randperm.hpp"

#include <concepts>
#include <cstdint>
#include <span>
#include <utility>

namespace stator::data {

/// `TensorDataset<float, 1, 28, 28>`: samples [N, 1, 28, 28], labels [N]. A value: copies are deep.
template<class T, Index... Sample>
class TensorDataset {
public:
  static constexpr Index sample_size = Shape<Sample...>::numel; ///< elements of one sample
  static_assert(!Shape<Sample...>::is_dynamic, "stator: the shape of a sample is static");
  /// Samples as a view, [N, Sample...].
  using Samples = TensorView<const T, dynamic, Sample...>;
  /// Labels as a view, [N].
  using Labels = TensorView<const std::int64_t, dynamic>;

  /// One sample: `auto [image, label] = dataset[3];`, image: [Sample...].
  struct Item {
    /// [Sample...]
    TensorView<const T, Sample...> image;
    std::int64_t label; ///< index of the class
  };

  TensorDataset() = default;
  /// values: [N, Sample...] row-major, labels: [N]. Throws ShapeError when their sizes do not agree.
  TensorDataset(AlignedVector<T> values, std::vector<std::int64_t> labels)
      : values_(std::move(values)), labels_(std::move(labels)) {
    CheckedSize needed = labels_.size();
    needed *= sample_size;
    if (!needed.fits() || values_.size() != needed.value())
      raise(ShapeError("TensorDataset: " + std::to_string(values_.size()) + " values for " +
                       std::to_string(labels_.size()) + " labels, expected " + std::to_string(sample_size) +
                       " for each"));
  }

  Index size() const { return static_cast<Index>(labels_.size()); }
  /// Views that live as long as the dataset.
  Samples samples() const { return Samples(values_.data(), size()); }
  /// All labels, [N].
  Labels labels() const { return Labels(labels_.data(), size()); }

  /// Throws ValueError when there is no sample `i`.
  Item operator[](Index i) const {
    if (i < 0 || i >= size())
      raise(ValueError("sample " + std::to_string(i) + " of a dataset of " + std::to_string(size())));
    return {TensorView<const T, Sample...>(values_.data() + i * sample_size),
            labels_[static_cast<std::size_t>(i)]};
  }

  /// Sample `i` of [0, size()), as the sources of data/source.hpp have it.
  Item get(Index i) const { return (*this)[i]; }

  /// Copies of the samples with these numbers, in this order. Throws ValueError for one that is not there.
  TensorDataset subset(std::span<const Index> indices) const {
    TensorDataset part;
    part.values_.reserve(indices.size() * static_cast<std::size_t>(sample_size));
    part.labels_.reserve(indices.size());
    for (const Index i : indices) {
      const auto [image, label] = (*this)[i];
      part.values_.insert(part.values_.end(), image.begin(), image.end());
      part.labels_.push_back(label);
    }
    return part;
  }

  /// Calls `change(std::span<T> sample)` on every sample, once and in place.
  template<class Change>
  TensorDataset& transform_(Change&& change) {
    for (std::size_t at = 0; at < values_.size(); at += sample_size)
      change(std::span<T, static_cast<std::size_t>(sample_size)>(values_.data() + at,
                                                                 static_cast<std::size_t>(sample_size)));
    return *this;
  }
  /// (x - mean) / std for every value, as torchvision.transforms.Normalize with one channel.
  TensorDataset& normalize_(T mean, T std) {
    for (T& x : values_) x = (x - mean) / std;
    return *this;
  }

private:
  AlignedVector<T> values_;
  std::vector<std::int64_t> labels_;
};

namespace detail {
/// The shuffled numbers of `count` samples that parts of these sizes share. Throws ValueError when the sizes
/// do not add up.
template<std::same_as<Index> I>
std::vector<I> split_order(I count, const std::vector<I>& sizes, std::uint64_t seed) {
  I sum = 0;
  for (const I size : sizes) {
    if (size < 0 || size > count - sum)
      raise(ValueError("random_split: the sizes must be parts of " + std::to_string(count) + " samples"));
    sum += size;
  }
  if (sum != count)
    raise(ValueError("random_split: the sizes add up to " + std::to_string(sum) + ", the dataset has " +
                     std::to_string(count)));
  std::vector<I> order(static_cast<std::size_t>(sum));
  RandomPermutation(seed).next(order);
  return order;
}
} // namespace detail

/// Parts of the given sizes, drawn as torch.utils.data.random_split with a torch.Generator of this seed.
/// Throws ValueError when the sizes are negative or do not add up to the dataset's.
template<class T, Index... Sample>
std::vector<TensorDataset<T, Sample...>> random_split(const TensorDataset<T, Sample...>& dataset,
                                                      const std::vector<Index>& sizes, std::uint64_t seed) {
  const auto order = detail::split_order(dataset.size(), sizes, seed);
  std::vector<TensorDataset<T, Sample...>> parts;
  std::size_t first = 0;
  for (const Index size : sizes) {
    parts.push_back(dataset.subset(std::span(order).subspan(first, static_cast<std::size_t>(size))));
    first += static_cast<std::size_t>(size);
  }
  return parts;
}

} // namespace stator::data
