// SPDX-License-Identifier: BSL-1.0
// A sum over ranks that does not wait for its result.
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
    channels_ = channels;
    data_ = data;
    scale_ = scale;
    if (order == Order::mpi) {
      state_ = State::summing;
      detail::expect_success(MPI_Iallreduce(MPI_IN_PLACE, data.data(), detail::mpi_count(data.size()),
                                            detail::mpi_type<T>(), MPI_SUM, channels.exchange, &request_),
                             "MPI_Iallreduce");
      return;
    }
    divide();
    const auto mine = static_cast<std::size_t>(counts_[static_cast<std::size_t>(rank_)]);
    parts_.resize(mine * counts_.size());
    received_.assign(counts_.size(), static_cast<int>(mine));
    places_.resize(counts_.size());
    for (std::size_t r = 0; r < places_.size(); ++r) places_[r] = detail::mpi_count(mine * r);
    state_ = State::exchanging;
    detail::expect_success(MPI_Ialltoallv(data.data(), counts_.data(), begins_.data(), detail::mpi_type<T>(),
                                          parts_.data(), received_.data(), places_.data(),
                                          detail::mpi_type<T>(), channels.exchange, &request_),
                           "MPI_Ialltoallv");
  }
  /// Goes on as far as it can without waiting; whether the sum is there.
  bool test(bool may_gather = true) {
    if (state_ == State::done) return true;
    if (!World::test(request_)) return false;
    if (state_ == State::exchanging) {
      if (!may_gather) return false;
      add_up();
      state_ = State::gathering;
      detail::expect_success(MPI_Iallgatherv(MPI_IN_PLACE, 0, MPI_DATATYPE_NULL, data_.data(), counts_.data(),
                                             begins_.data(), detail::mpi_type<T>(), channels_.gather,
                                             &request_),
                             "MPI_Iallgatherv");
      return test();
    }
    if (state_ == State::summing)
      for (T& value : data_) value *= scale_;
    state_ = State::done;
    return true;
  }
  /// Whether the second half has begun.
  bool is_gathering() const { return state_ != State::exchanging; }
  /// Bytes of memory that it keeps for the next sum.
  std::size_t kept_bytes() const { return parts_.capacity() * sizeof(T); }

private:
  enum class State : std::uint8_t { done, summing, exchanging, gathering };

  /// The elements that each rank adds up.
  void divide() {
    int size = 1;
    MPI_Comm_rank(channels_.exchange, &rank_);
    MPI_Comm_size(channels_.exchange, &size);
    const std::size_t n = data_.size(), ranks = static_cast<std::size_t>(size);
    (void)detail::mpi_count(n);
    counts_.resize(ranks);
    begins_.resize(ranks);
    for (std::size_t r = 0; r < ranks; ++r) {
      begins_[r] = static_cast<int>(n * r / ranks);
      counts_[r] = static_cast<int>(n * (r + 1) / ranks) - begins_[r];
    }
  }
  void add_up() {
    const auto me = static_cast<std::size_t>(rank_);
    const auto n = static_cast<std::size_t>(counts_[me]);
    T* const sum = data_.data() + begins_[me];
    const T* part = parts_.data();
    const std::size_t ranks = counts_.size();
    for (std::size_t i = 0; i < n; ++i) sum[i] = part[i];
    for (std::size_t r = 1; r < ranks; ++r) {
      part += n;
      for (std::size_t i = 0; i < n; ++i) sum[i] += part[i];
    }
    for (std::size_t i = 0; i < n; ++i) sum[i] *= scale_;
  }

  Channels channels_;
  MPI_Request request_ = MPI_REQUEST_NULL;
  std::span<T> data_;
  T scale_{1};
  State state_ = State::done;
  int rank_ = 0;
  std::vector<T> parts_;
  std::vector<int> counts_, begins_, received_, places_;
};

} // namespace stator::distributed
