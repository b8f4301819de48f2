// SPDX-License-Identifier: BSL-1.0
// A sum over ranks that does not wait for its result: for all ranks, or of each part for one of them.
#pragma once

#include "stator/distributed/world.hpp"

#include <algorithm>
#include <span>

namespace stator::distributed {

/// Who decides in which order the ranks' numbers are added up.
enum class Order : std::uint8_t {
  /// Rank 0 first, then 1, ...: the same bits with every MPI, on every network. Each rank adds up its part of
  /// the elements (MPI_Ialltoallv) and sends the sums to all (MPI_Iallgatherv): 2 (N - 1) / N of the bytes
  /// are sent by each rank, as by the best all-reduce, in 2 (N - 1) messages.
  rank,
  /// MPI's (MPI_Iallreduce). MPI recommends, but does not demand, that the same ranks get the same bits
  /// again;
  /// fewer messages where ranks are many.
  mpi,
};

/// Where sums are sent. MPI demands that collectives of one communicator start in the same order on all
/// ranks; since a rank may be in the second half of one sum when another one has begun the next, each half
/// has its own.
struct Channels {
  MPI_Comm exchange = MPI_COMM_NULL; ///< for the parts that ranks add up
  MPI_Comm gather = MPI_COMM_NULL;   ///< for the sums
};

/// One sum on its way: `start`, then `test` until it is true. Both are called by all ranks of the
/// communicator; sums that are on their way at a time must be started in the same order everywhere, and
/// tested so that their second halves are too: `test(false)` does not begin it.
template<class T>
class Reduction {
public:
  /// Begins to replace `data`, which must stay where it is, by `scale` times the sum over all ranks.
  void start(const Channels& channels, std::span<T> data, T scale, Order order) {
    begin(channels, data, scale, true);
    for (std::size_t r = 0; r <= ranks(); ++r) begins_[r] = static_cast<int>(data.size() * r / ranks());
    if (order == Order::mpi) {
      state_ = State::summing;
      detail::expect_success(MPI_Iallreduce(MPI_IN_PLACE, data.data(), detail::mpi_count(data.size()),
                                            detail::mpi_type<T>(), MPI_SUM, channels.exchange, &request_),
                             "MPI_Iallreduce");
      return;
    }
    exchange();
  }
  /// Begins to replace this rank's share of `data` by `scale` times the sum over all ranks, and the rest by
  /// zeros: that of rank r is [bounds[r], bounds[r + 1]), in elements.
  void start_scatter(const Channels& channels, std::span<T> data, T scale, Order order,
                     std::span<const std::size_t> bounds) {
    begin(channels, data, scale, false);
    for (std::size_t r = 0; r < bounds.size(); ++r) begins_[r] = static_cast<int>(bounds[r]);
    if (order == Order::rank) {
      exchange();
      return;
    }
    count();
    state_ = State::summing;
    parts_.resize(size_of(me()));
    detail::expect_success(MPI_Ireduce_scatter(data.data(), parts_.data(), counts_.data(),
                                               detail::mpi_type<T>(), MPI_SUM, channels.exchange, &request_),
                           "MPI_Ireduce_scatter");
  }
  /// Goes on as far as it can without waiting; whether the sum is there.
  bool test(bool may_gather = true) {
    if (state_ == State::done) return true;
    if (!World::test(request_)) return false;
    if (state_ == State::exchanging) {
      if (gathers_ && !may_gather) return false;
      add_up();
      if (gathers_) {
        state_ = State::gathering;
        detail::expect_success(MPI_Iallgatherv(MPI_IN_PLACE, 0, MPI_DATATYPE_NULL, data_.data(),
                                               counts_.data(), begins_.data(), detail::mpi_type<T>(),
                                               channels_.gather, &request_),
                               "MPI_Iallgatherv");
        return test();
      }
    } else if (state_ == State::summing && !gathers_) {
      std::ranges::copy(parts_, share().begin());
    }
    if (state_ == State::summing)
      for (T& value : gathers_ ? data_ : share()) value *= scale_;
    if (!gathers_) {
      std::ranges::fill(data_.first(begin_of(me())), T{0});
      std::ranges::fill(data_.subspan(begin_of(me() + 1)), T{0});
    }
    state_ = State::done;
    return true;
  }
  /// Whether the second half has begun, or there is none.
  bool is_gathering() const { return !gathers_ || state_ != State::exchanging; }
  /// Bytes of memory that it keeps for the next sum.
  std::size_t kept_bytes() const { return parts_.capacity() * sizeof(T); }
  /// Bytes that this rank sends to the others for it, in the order of ranks or by the best algorithm.
  std::size_t sent_bytes() const {
    const std::size_t others = data_.size() - size_of(me());
    return sizeof(T) * (gathers_ ? others + size_of(me()) * (ranks() - 1) : others);
  }

private:
  enum class State : std::uint8_t { done, summing, exchanging, gathering };

  std::size_t ranks() const { return begins_.size() - 1; }
  std::size_t me() const { return static_cast<std::size_t>(rank_); }
  std::size_t begin_of(std::size_t rank) const { return static_cast<std::size_t>(begins_[rank]); }
  std::size_t size_of(std::size_t rank) const { return begin_of(rank + 1) - begin_of(rank); }
  std::span<T> share() const { return data_.subspan(begin_of(me()), size_of(me())); }

  void begin(const Channels& channels, std::span<T> data, T scale, bool gathers) {
    (void)detail::mpi_count(data.size());
    channels_ = channels;
    data_ = data;
    scale_ = scale;
    gathers_ = gathers;
    int size = 1;
    MPI_Comm_rank(channels.exchange, &rank_);
    MPI_Comm_size(channels.exchange, &size);
    begins_.resize(static_cast<std::size_t>(size) + 1);
  }
  void count() {
    counts_.resize(ranks());
    for (std::size_t r = 0; r < counts_.size(); ++r) counts_[r] = static_cast<int>(size_of(r));
  }
  /// Sends every rank what it adds up.
  void exchange() {
    count();
    const std::size_t mine = size_of(me());
    parts_.resize(mine * counts_.size());
    received_.assign(counts_.size(), static_cast<int>(mine));
    places_.resize(counts_.size());
    for (std::size_t r = 0; r < places_.size(); ++r) places_[r] = detail::mpi_count(mine * r);
    state_ = State::exchanging;
    detail::expect_success(MPI_Ialltoallv(data_.data(), counts_.data(), begins_.data(), detail::mpi_type<T>(),
                                          parts_.data(), received_.data(), places_.data(),
                                          detail::mpi_type<T>(), channels_.exchange, &request_),
                           "MPI_Ialltoallv");
  }
  void add_up() {
    const std::span<T> sum = share();
    const T* part = parts_.data();
    for (T& value : sum) value = *part++;
    for (std::size_t r = 1; r < ranks(); ++r)
      for (T& value : sum) value += *part++;
    for (T& value : sum) value *= scale_;
  }

  Channels channels_;
  MPI_Request request_ = MPI_REQUEST_NULL;
  std::span<T> data_;
  T scale_{1};
  State state_ = State::done;
  bool gathers_ = true; ///< all ranks get all sums
  int rank_ = 0;
  std::vector<T> parts_;
  std::vector<int> counts_, begins_, received_, places_; ///< begins_: one more, the end
};

} // namespace stator::distributed
