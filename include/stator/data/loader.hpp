// SPDX-License-Identifier: BSL-1.0
// Batches of any source (data/source.hpp): torch.utils.data.DataLoader.
//
//   for (auto [x, y] : stator::data::batches<32>(source, {.shuffle = true, .prefetch = 2}))
//     nn::mse_loss(model(x), y).backward(); // x: [N, ...] with N up to 32, known at run time
#pragma once

#include "stator/core/compile_error.hpp"
#include "stator/data/batches.hpp"
#include "stator/data/source.hpp"
#include "stator/reflect/names.hpp"

#include <condition_variable>
#include <exception>
#include <memory>
#include <mutex>
#include <thread>

namespace stator::data {

/// The batches of a source, one pass for each `begin()`. A batch is a tuple of views [N, ...], one for each
/// part of a sample, which hold until the next batch. The object refers to the source.
template<Index N, Source S>
class Loader {
  static_assert(N > 0, "stator: batches<N>: N is the number of samples in a batch, at least 1");
  using Columns =
      typename detail::Columns<decltype(detail::parts_of(std::declval<const SampleOf<S>&>()))>::type;
  static constexpr auto parts = std::make_index_sequence<std::tuple_size_v<Columns>>{};

public:
  /// Throws ValueError for a negative number of batches to fetch ahead.
  Loader(const S& source, const BatchOptions& options)
      : source_(&source), options_(options), permutation_(options.seed) {
    if (options.prefetch < 0)
      raise(ValueError("batches: prefetch is " + std::to_string(options.prefetch) + ", expected 0 or more"));
    if (options.shuffle) order_.resize(static_cast<std::size_t>(source.size()));
    const Index rows = std::min(N, static_cast<Index>(source.size()));
    for (Index slot = 0; slot <= options.prefetch; ++slot) slots_.push_back(new_columns(rows, parts));
  }
  Loader(Loader&&) = default;
  Loader& operator=(Loader&&) = delete;
  ~Loader() { stop(); }

  /// Number of batches in a pass.
  Index size() const { return options_.template batches_of<N>(static_cast<Index>(source_->size())); }
  /// The next pass will be number `epoch`, counted from 0: to go on where an earlier run has stopped.
  void set_epoch(std::uint64_t epoch) { permutation_.seek(epoch, order_.size()); }

  /// Goes through the batches of a pass, forward only.
  class iterator {
  public:
    using difference_type = Index;
    using iterator_concept = std::input_iterator_tag;
    /// Views, one for each part of a sample.
    using value_type = decltype(std::declval<const Loader&>().views(Index{}));

    value_type operator*() const { return range_->views(number_); }
    /// Throws what the source throws.
    iterator& operator++() {
      range_->await(++number_);
      return *this;
    }
    void operator++(int) { ++*this; }
    bool operator==(std::default_sentinel_t) const { return number_ == range_->size(); }

  private:
    friend Loader;
    explicit iterator(Loader* range) : range_(range) {}
    Loader* range_;
    Index number_ = 0;
  };

  /// Begins a pass, and ends the one before. Throws what the source throws.
  iterator begin() {
    stop();
    if (options_.shuffle) permutation_.next(order_);
    if (options_.prefetch > 0) {
      ahead_ = std::make_unique<Ahead>();
      ahead_->thread = std::thread([this] { fetch_ahead(); });
    }
    await(0);
    return iterator(this);
  }
  std::default_sentinel_t end() const { return {}; }

private:
  /// What the fetching thread and the caller's share.
  struct Ahead {
    std::mutex mutex;
    std::condition_variable changed;
    Index ready = 0;  ///< batches that are there
    Index in_use = 0; ///< the batch that the caller has; what was before may be overwritten
    bool ends = false;
    std::exception_ptr problem;
    std::thread thread;
  };

  template<std::size_t... I>
  static Columns new_columns(Index rows, std::index_sequence<I...>) {
    return Columns(std::tuple_element_t<I, Columns>(rows)...);
  }
  Columns& slot(Index number) { return slots_[static_cast<std::size_t>(number % (options_.prefetch + 1))]; }
  const Columns& slot(Index number) const { return const_cast<Loader*>(this)->slot(number); }
  Index count(Index number) const { return std::min(N, static_cast<Index>(source_->size()) - number * N); }

  auto views(Index number) const {
    const Index rows = count(number);
    return std::apply(
        [&](const auto&... column) { return std::tuple(decltype(column.view())(column.data(), rows)...); },
        slot(number));
  }
  void fill(Index number) {
    for (Index row = 0; row < count(number); ++row) {
      const Index i = number * N + row;
      const auto sample = source_->get(options_.shuffle ? order_[static_cast<std::size_t>(i)] : i);
      put(detail::parts_of(sample), row, slot(number), parts);
    }
  }
  template<class Parts, std::size_t... I>
  static void put(const Parts& sample, Index row, Columns& columns, std::index_sequence<I...>) {
    const auto one = [&]<class P>(const P& part, auto& column) {
      const Index size = column.numel() / std::max<Index>(column.size(0), 1);
      detail::Collate<P>::put(part, column.data() + row * size);
    };
    (one(std::get<I>(sample), std::get<I>(columns)), ...);
  }

  /// Returns when batch `number` is there.
  void await(Index number) {
    if (number >= size()) return;
    if (!ahead_) return fill(number);
    std::unique_lock lock(ahead_->mutex);
    ahead_->in_use = number;
    ahead_->changed.notify_all();
    ahead_->changed.wait(lock, [&] { return ahead_->ready > number || ahead_->problem; });
#if STATOR_HAS_EXCEPTIONS
    if (ahead_->ready <= number) std::rethrow_exception(ahead_->problem);
#endif
  }
  void fetch_ahead() {
    for (Index number = 0; number < size(); ++number) {
      {
        std::unique_lock lock(ahead_->mutex);
        ahead_->changed.wait(lock,
                             [&] { return ahead_->ends || number <= ahead_->in_use + options_.prefetch; });
        if (ahead_->ends) return;
      }
      STATOR_TRY { fill(number); }
      STATOR_CATCH_ALL {
        const std::lock_guard lock(ahead_->mutex);
        ahead_->problem = std::current_exception();
        ahead_->changed.notify_all();
        return;
      }
      const std::lock_guard lock(ahead_->mutex);
      ahead_->ready = number + 1;
      ahead_->changed.notify_all();
    }
  }
  void stop() {
    if (!ahead_) return;
    {
      const std::lock_guard lock(ahead_->mutex);
      ahead_->ends = true;
    }
    ahead_->changed.notify_all();
    ahead_->thread.join();
    ahead_.reset();
  }

  const S* source_;
  BatchOptions options_;
  RandomPermutation permutation_;
  std::vector<Index> order_;
  std::vector<Columns> slots_;
  std::unique_ptr<Ahead> ahead_;
};

/// The samples of a source in batches of N, in order or shuffled as torch does for this seed. The last batch
/// may be shorter. The source must outlive the loop.
template<Index N, Source S>
Loader<N, S> batches(const S& source, const BatchOptions& options = {}) {
  return {source, options};
}
template<Index N, Source S>
void batches(const S&& source, const BatchOptions& options = {}) = delete;

namespace detail {
/// Why a type is no source.
template<class S>
struct source_error {
  static constexpr Text message() {
    return text("stator: batches: ", reflect::class_name<S>(),
                " is no source of samples: it needs `Index size() const` and `auto get(Index i) const`");
  }
};
} // namespace detail
/// What is no source is refused in words.
template<Index N, class S>
  requires(!Source<S>)
void batches(const S&, const BatchOptions& = {}) {
  static_assert(check<detail::source_error<S>>());
}

} // namespace stator::data
