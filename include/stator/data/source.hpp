// SPDX-License-Identifier: BSL-1.0
// Sources of samples: a struct with `size()` and `get(i)`, which gives a sample as a tuple, a pair, a plain
// struct or one value. Its parts are numbers, std::arrays, tensors or views of static shape, of any element
// type.
//
//   struct Pendulum {
//     stator::Index size() const { return 10'000; }
//     auto get(stator::Index i) const { return std::pair(state(i), torque(i)); } // std::array<float, 3>,
//     float
//   };
//   for (auto [states, torques] : stator::data::batches<32>(pendulum, {.shuffle = true})) ... //
//   data/loader.hpp
#pragma once

#include "stator/data/dataset.hpp"
#include "stator/expr/tensor.hpp"
#include "stator/reflect/fields.hpp"

#include <array>
#include <concepts>
#include <functional>
#include <tuple>
#include <vector>

namespace stator::data {

/// What samples are taken from: `get(i)` for i in [0, size()). Threads that fetch ahead call `get` of a const
/// object.
template<class S>
concept Source = requires(const S& source, Index i) {
  { source.size() } -> std::convertible_to<Index>;
  source.get(i);
};

/// A sample of a source.
template<Source S>
using SampleOf = std::remove_cvref_t<decltype(std::declval<const S&>().get(Index{}))>;

namespace detail {

/// How a part of samples becomes a tensor of a batch: its type, and the copy of one part.
template<class X>
struct Collate {
  static constexpr bool is_part = false;
};
template<class T>
  requires std::is_arithmetic_v<T>
struct Collate<T> {
  static constexpr bool is_part = true;
  using type = Tensor<T, dynamic>;
  static void put(const T& part, T* to) { *to = part; }
};
template<class T, std::size_t N>
  requires std::is_arithmetic_v<T>
struct Collate<std::array<T, N>> {
  static constexpr bool is_part = true;
  using type = Tensor<T, dynamic, static_cast<Index>(N)>;
  static void put(const std::array<T, N>& part, T* to) { std::copy(part.begin(), part.end(), to); }
};
template<class T, Index... E>
struct Collate<TensorView<T, E...>> {
  static_assert(!Shape<E...>::is_dynamic, "stator: the parts of a sample have static extents");
  static constexpr bool is_part = true;
  using type = Tensor<std::remove_const_t<T>, dynamic, E...>;
  static void put(const TensorView<const T, E...>& part, std::remove_const_t<T>* to) {
    std::copy_n(part.elements(), Shape<E...>::numel, to);
  }
};
template<class T, Index... E>
struct Collate<Tensor<T, E...>> : Collate<TensorView<const T, E...>> {
  static void put(const Tensor<T, E...>& part, T* to) {
    std::copy_n(part.elements(), Shape<E...>::numel, to);
  }
};

/// The parts of a sample as a tuple of references.
template<class Sample>
auto parts_of(const Sample& sample) {
  if constexpr (Collate<Sample>::is_part)
    return std::tuple<const Sample&>(sample);
  else if constexpr (requires { std::tuple_size<Sample>::value; })
    return std::apply([](const auto&... part) { return std::tuple<decltype(part)...>(part...); }, sample);
  else
    return [&]<std::size_t... I>(std::index_sequence<I...>) {
      return std::tuple<decltype(reflect::get<I>(sample))...>(reflect::get<I>(sample)...);
    }(std::make_index_sequence<reflect::field_count<Sample>>{});
}

/// The tensors that hold a batch of the parts.
template<class Parts>
struct Columns;
template<class... P>
struct Columns<std::tuple<P...>> {
  static_assert((Collate<std::remove_cvref_t<P>>::is_part && ...),
                "stator: the parts of a sample are numbers, std::arrays, tensors or views of static shape");
  using type = std::tuple<typename Collate<std::remove_cvref_t<P>>::type...>;
};

} // namespace detail

/// Some samples of a source, in an order of their own: torch.utils.data.Subset. Refers to the source.
template<Source S>
class Subset {
public:
  /// Throws ValueError for a number that the source does not have.
  Subset(const S& source, std::vector<Index> indices) : source_(&source), indices_(std::move(indices)) {
    for (const Index i : indices_)
      if (i < 0 || i >= source.size())
        raise(ValueError("Subset: sample " + std::to_string(i) + " of a source of " +
                         std::to_string(source.size())));
  }
  Subset(const S&& source, std::vector<Index> indices) = delete;

  Index size() const { return static_cast<Index>(indices_.size()); }
  /// Sample number `indices[i]` of the source.
  auto get(Index i) const { return source_->get(indices_[static_cast<std::size_t>(i)]); }

private:
  const S* source_;
  std::vector<Index> indices_;
};

/// A source whose samples go through a function. Refers to the source.
template<Source S, class F>
class Transformed {
public:
  Transformed(const S& source, F change) : source_(&source), change_(std::move(change)) {}

  Index size() const { return static_cast<Index>(source_->size()); }
  /// `change(source.get(i))`
  auto get(Index i) const { return std::invoke(change_, source_->get(i)); }

private:
  const S* source_;
  F change_;
};

/// A source with `change(sample)` in place of each sample, computed each time that one is asked for.
template<Source S, class F>
Transformed<S, F> transform(const S& source, F change) {
  return {source, std::move(change)};
}
template<Source S, class F>
void transform(const S&& source, F change) = delete;

/// Parts of a source that have no sample in common, chosen as torch.utils.data.random_split does for this
/// seed: sizes {8000, 2000} for training and validation. Throws ValueError when the sizes do not add up to
/// the source's.
template<Source S>
std::vector<Subset<S>> random_split(const S& source, const std::vector<Index>& sizes, std::uint64_t seed) {
  const auto count = static_cast<Index>(source.size());
  const auto order = detail::split_order(count, sizes, seed);
  std::vector<Subset<S>> parts;
  auto next = order.begin();
  for (const Index size : sizes) {
    parts.emplace_back(source, std::vector<Index>(next, next + size));
    next += size;
  }
  return parts;
}
template<Source S>
void random_split(const S&& source, const std::vector<Index>& sizes, std::uint64_t seed) = delete;

} // namespace stator::data
