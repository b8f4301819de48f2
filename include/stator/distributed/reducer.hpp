// SPDX-License-Identifier: BSL-1.0
// Averages gradients over ranks while backward() runs: the observer of the backward of a DataParallel model.
//
// At the beginning of a backward the ranks tell each other its number and which gradients it computes
// (World::Agreement, 64 bytes a rank). A bucket starts after the unit that completes its last gradient, when
// the ranks have agreed. MPI goes on with messages only while it is called, so it is after every unit, and
// what is left is waited for at the end.
//
// For an optimiser whose state is in parts (ZeroRedundancyOptimizer) it scatters the means: each rank gets
// those of its share of each bucket, and zeros for the rest, which is half of the bytes.
#pragma once

#include "stator/distributed/buckets.hpp"
#include "stator/distributed/reduction.hpp"
#include "stator/run/evaluation.hpp"

#include <algorithm>
#include <deque>
#include <span>
#include <utility>
#include <vector>

namespace stator::distributed {

/// What the backwards of a model have sent so far, on this rank.
struct Traffic {
  Index steps = 0;            ///< backwards with averaging
  Index messages = 0;         ///< sums over ranks: one a bucket, more where parts of it are unused
  Index started_early = 0;    ///< of these, before the backward had ended
  Index finished_early = 0;   ///< of these, there before the backward had ended
  std::size_t bytes = 0;      ///< of gradients that were averaged
  std::size_t sent_bytes = 0; ///< that this rank has sent for it
  /// That it has sent of parameters: ZeroRedundancyOptimizer's steps.
  std::size_t parameter_bytes = 0;
  double waited_seconds = 0; ///< after the last unit, for the rest of the buckets
};

namespace detail {

/// Averages the gradients in one arena.
class GradientReducer {
public:
  GradientReducer(World& world, std::span<const Bucket> plan, std::span<const LeafEntry> table, Order order)
      : world_(&world), plan_(plan), table_(table), order_(order), used_(table.size()),
        scattered_(table.size()), ready_(plan.size()), turn_(plan.size()) {
    if (world.size() > 1) channels_ = {world.duplicate(), world.duplicate()};
    known().push_back(this);
  }
  GradientReducer(const GradientReducer&) = delete;
  GradientReducer& operator=(const GradientReducer&) = delete;
  virtual ~GradientReducer() {
    std::erase(known(), this);
    if (!World::exists() || world_->size() == 1 || std::uncaught_exceptions() > 0) return;
    MPI_Comm_free(&channels_.exchange);
    MPI_Comm_free(&channels_.gather);
  }

  /// The one in whose arena a gradient lies, or null.
  static GradientReducer* owner(const void* gradient) {
    for (GradientReducer* r : known())
      if (gradient >= r->begin_ && gradient < r->end_) return r;
    return nullptr;
  }

  /// Lets it give all ranks all means again, if it is still there.
  struct StopScattering {
    void operator()(GradientReducer* r) const {
      if (std::ranges::count(known(), r) > 0) r->scatters = false;
    }
  };

  /// Where the gradients are.
  void set_arena(std::span<const std::byte> gradients) {
    begin_ = gradients.data();
    end_ = begin_ + gradients.size();
  }

  /// The leaves of a backward that is about to begin.
  void begin(std::span<const expr::LeafMemory> leaves, std::span<const run::GradientUse> uses) {
    active_ = enabled && world_->size() > 1;
    std::ranges::fill(used_, char{0});
    std::ranges::fill(ready_, std::size_t{0});
    for (const run::GradientUse& use : uses) {
      const auto* const at = static_cast<const std::byte*>(leaves[static_cast<std::size_t>(use.leaf)].grad);
      if (at < begin_ || at >= end_) continue;
      const std::size_t row = row_at(static_cast<std::size_t>(at - begin_));
      used_[row] = 1;
      std::size_t bucket = 0;
      while (plan_[bucket].first_row > row) ++bucket;
      ready_[bucket] = std::max(ready_[bucket], use.last_unit + 1);
      // What is added to a mean counts once, and the mean will be divided by the ranks again.
      if (std::exchange(scattered_[row], char{0}) != 0) restore_sum(bounds_of(row, row, plan_[bucket]));
    }
    if (!active_) return;
    for (std::size_t b = 0; b < turn_.size(); ++b) turn_[b] = b;
    std::ranges::sort(turn_, {}, [&](std::size_t b) { return std::pair(ready_[b], b); });
    next_ = static_cast<std::size_t>(
        std::ranges::find_if(turn_, [&](std::size_t b) { return ready_[b] > 0; }) - turn_.begin());
    std::uint64_t hash = 0xcbf29ce484222325U;
    for (std::size_t row = 0; row < used_.size(); ++row)
      hash = (hash ^ static_cast<std::uint64_t>(used_[row])) * 0x100000001b3U;
    agreed_ = false;
    sent_ = 0;
    forget_parts();
    agreement_.start(*world_, world_->next_call("backward()", hash));
    ++traffic.steps;
  }
  /// A unit has run.
  void after(std::size_t unit) {
    if (!active_) return;
    agreed_ = agreed_ || agreement_.finished(*world_);
    if (!agreed_) return;
    start_ready(unit + 1);
    (void)advance_parts();
  }
  /// All units have run; returns when the gradients are averages.
  void end() {
    if (!active_) return;
    traffic.started_early += sent_;
    traffic.finished_early += sent_ - advance_parts();
    const double start = MPI_Wtime();
    if (!agreed_) agreement_.wait(*world_);
    start_ready(~std::size_t{0});
    world_->wait("backward()", [&] { return advance_parts() == 0; });
    traffic.messages += sent_;
    traffic.waited_seconds += MPI_Wtime() - start;
    active_ = false;
  }

  bool enabled = true;   ///< no_sync() turns it off
  bool scatters = false; ///< each rank gets the means of its shares of the buckets alone, else zeros
  Traffic traffic;       ///< so far

protected:
  /// Starts the sum of a part of the arena; returns the bytes that this rank sends. In bytes from the arena's
  /// beginning: where each rank's share of the part begins, and the end of the last.
  virtual std::size_t start_part(std::span<const std::size_t> bounds) = 0;
  /// Makes a sum of this rank's share of a part, which is a mean.
  virtual void restore_sum(std::span<const std::size_t> bounds) = 0;
  /// Before the first part of a backward.
  virtual void forget_parts() = 0;
  /// Makes MPI go on; how many parts of those that were started are not there.
  virtual Index advance_parts() = 0;

  World* world_;
  Channels channels_;
  std::span<const Bucket> plan_;
  std::span<const LeafEntry> table_;
  Order order_;
  const std::byte *begin_ = nullptr, *end_ = nullptr;

private:
  static std::vector<GradientReducer*>& known() {
    static std::vector<GradientReducer*> list;
    return list;
  }
  std::size_t row_at(std::size_t offset) const {
    const auto after = std::ranges::upper_bound(table_, offset, {}, &LeafEntry::offset);
    return static_cast<std::size_t>(after - table_.begin()) - 1;
  }
  /// Starts the buckets that so many units have completed.
  void start_ready(std::size_t units) {
    for (; next_ < turn_.size() && ready_[turn_[next_]] <= units; ++next_) send(plan_[turn_[next_]]);
  }
  /// Sends what a bucket has of used gradients: neighbours together, unused ones not at all.
  void send(const Bucket& bucket) {
    for (std::size_t row = bucket.first_row; row <= bucket.last_row; ++row) {
      if (used_[row] == 0) continue;
      const std::size_t first = row;
      while (row < bucket.last_row && used_[row + 1] != 0) ++row;
      const std::span<const std::size_t> bounds = bounds_of(first, row, bucket);
      traffic.sent_bytes += start_part(bounds);
      traffic.bytes += bounds.back() - bounds.front();
      ++sent_;
      if (scatters) std::fill_n(scattered_.data() + first, row - first + 1, char{1});
    }
  }
  /// The shares of the ranks of a bucket, as far as they lie in these rows; valid until the next call.
  std::span<const std::size_t> bounds_of(std::size_t first_row, std::size_t last_row, const Bucket& bucket) {
    const std::size_t begin = table_[first_row].offset, end = last_row + 1 < table_.size()
                                                                  ? table_[last_row + 1].offset
                                                                  : static_cast<std::size_t>(end_ - begin_);
    const auto ranks = static_cast<std::size_t>(world_->size());
    bounds_.resize(ranks + 1);
    for (std::size_t r = 0; r <= ranks; ++r) bounds_[r] = std::clamp(bucket.share(r, ranks), begin, end);
    return bounds_;
  }

  std::vector<char> used_;
  std::vector<char> scattered_; ///< rows in which a rank has the means of its share alone
  std::vector<std::size_t> bounds_;
  std::vector<std::size_t> ready_; ///< units after which a bucket is complete; 0: it has no gradient
  std::vector<std::size_t> turn_;  ///< buckets by that
  std::size_t next_ = 0;           ///< in turn_
  Index sent_ = 0;                 ///< parts, in this backward
  bool active_ = false, agreed_ = false;
  World::Agreement agreement_;
};

/// The same for gradients of type T.
template<class T>
class TypedReducer final : public GradientReducer {
public:
  using GradientReducer::GradientReducer;

private:
  std::size_t start_part(std::span<const std::size_t> bounds) override {
    if (started_ == parts_.size()) parts_.emplace_back();
    Reduction<T>& part = parts_[started_++];
    const T scale = static_cast<T>(1.0 / world_->size());
    if (scatters) {
      elements_.clear();
      for (const std::size_t bound : bounds) elements_.push_back((bound - bounds.front()) / sizeof(T));
      part.start_scatter(channels_, gradients(bounds.front(), bounds.back()), scale, order_, elements_);
    } else {
      part.start(channels_, gradients(bounds.front(), bounds.back()), scale, order_);
    }
    return part.sent_bytes();
  }
  void restore_sum(std::span<const std::size_t> bounds) override {
    const auto me = static_cast<std::size_t>(world_->rank());
    for (T& gradient : gradients(bounds[me], bounds[me + 1])) gradient *= static_cast<T>(world_->size());
  }
  std::span<T> gradients(std::size_t begin, std::size_t end) const {
    return {reinterpret_cast<T*>(const_cast<std::byte*>(begin_) + begin), (end - begin) / sizeof(T)};
  }
  void forget_parts() override { started_ = 0; }
  Index advance_parts() override {
    Index left = 0;
    bool may_gather = true; // second halves in the order of the first
    for (std::size_t i = 0; i < started_; ++i) {
      left += parts_[i].test(may_gather) ? 0 : 1;
      may_gather = may_gather && parts_[i].is_gathering();
    }
    return left;
  }
  std::deque<Reduction<T>> parts_; // which keep their memory for the next step, and stay where they are
  std::size_t started_ = 0;
  std::vector<std::size_t> elements_; // bounds of shares
};

/// What a Mode names as its observer: finds the reducers of the gradients that are computed.
class BackwardObserver {
public:
  void begin(std::span<const expr::LeafMemory> leaves, std::span<const run::GradientUse> uses) {
    for (const run::GradientUse& use : uses) {
      GradientReducer* const r = GradientReducer::owner(leaves[static_cast<std::size_t>(use.leaf)].grad);
      if (r == nullptr || std::ranges::count(reducers_, r) > 0) continue;
      reducers_.push_back(r);
      r->begin(leaves, uses);
    }
  }
  void after(std::size_t unit) {
    for (GradientReducer* r : reducers_) r->after(unit);
  }
  void end() {
    for (GradientReducer* r : reducers_) r->end();
  }

private:
  std::vector<GradientReducer*> reducers_;
};

} // namespace detail

} // namespace stator::distributed
