// SPDX-License-Identifier: BSL-1.0
// torch.nn.parallel.DistributedDataParallel: a model of which every rank has a copy, trained on parts of each
// batch.
//
//   int main() {
//     return stator::distributed::run([](stator::distributed::World& world) {
//       stator::distributed::DataParallel model{stator::Model<Net>()};
//       stator::optim::Adam optimizer{model};
//       for (auto [x, y] : stator::data::distributed_batches<64>(train)) {
//         optimizer.zero_grad();
//         nn::cross_entropy(model(x), y).backward();   // gradients are means over all ranks afterwards
//         optimizer.step();
//       }
//     });
//   }
#pragma once

#include "stator/distributed/collectives.hpp"
#include "stator/distributed/reducer.hpp"

#include <memory>
#include <utility>

namespace stator::distributed {

/// How a DataParallel model averages.
struct DataParallelOptions {
  Order order = Order::rank; ///< in which the gradients of ranks are added up
  /// Each call in training gives all ranks the buffers of rank 0 first, as in PyTorch: running statistics.
  bool broadcast_buffers = true;
};

/// Bytes of the gradients that are sent together, at least.
inline constexpr std::size_t default_bucket_bytes = std::size_t{1} << 20;

namespace detail {

/// How a DataParallel model calls its network: `Base`, and its gradients are averaged.
template<class Base>
struct AveragingMode : Base {
  using backward_observer = BackwardObserver; ///< see run/backward_observer.hpp
};

template<class M>
struct training_mode {
  static_assert(sizeof(M) == 0,
                "stator: DataParallel takes a Model: DataParallel model{stator::Model<Net>()}; "
                "optimizers are made of the DataParallel afterwards");
  using type = AveragingMode<Mode<true>>; ///< to go on with
};
template<class Net, class... Options>
struct training_mode<Model<Net, Options...>> {
  using type = AveragingMode<Mode<true, Options...>>;
};

/// One line a parameter or buffer: what two ranks must have in common.
template<class M>
std::string schema_text() {
  std::string all;
  for (const LeafEntry& leaf : M::tables::leaves)
    all.append(leaf.name)
        .append(" ")
        .append(to_string(leaf.extents))
        .append(" ")
        .append(to_string(leaf.dtype))
        .append(leaf.frozen ? " frozen" : "")
        .append("\n");
  return all;
}

/// Throws DistributedError, on all ranks, naming the first line in which a rank's text is not rank 0's.
inline void expect_equal_text(World& world, const std::string& mine) {
  std::uint64_t hash = 0xcbf29ce484222325U;
  for (const char c : mine) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
  const auto hashes = all_gather(std::array{hash, static_cast<std::uint64_t>(mine.size())}, world);
  std::size_t other = 0;
  while (other < hashes.size() && hashes[other] == hashes[other % 2]) ++other;
  if (other == hashes.size()) return;
  const auto at = [](std::string_view text, std::size_t line) {
    for (; line > 0 && !text.empty(); --line) text.remove_prefix(text.find('\n') + 1);
    return std::string(text.empty() ? "nothing" : text.substr(0, text.find('\n')));
  };
  std::string first(hashes[1], ' ');
  if (world.rank() == 0) first = mine;
  broadcast(first, 0, world);
  const int differing = static_cast<int>(other / 2);
  std::string second(hashes[static_cast<std::size_t>(differing) * 2 + 1], ' ');
  if (world.rank() == differing) second = mine;
  broadcast(second, differing, world);
  std::size_t line = 0;
  while (at(first, line) == at(second, line)) ++line;
  raise(DistributedError("DataParallel: ranks have different networks: rank 0 has " + at(first, line) +
                         ", rank " + std::to_string(differing) + " has " + at(second, line)));
}

} // namespace detail

/// A Model, with all that one has: it is called, given to optimisers, saved and walked as one. Parameters and
/// buffers begin as those of rank 0. After each `backward()` of an expression of it, its gradients are means
/// over all ranks; of frozen or unused parameters nothing is sent, of tied ones once. What all ranks do must
/// be the same: throws DistributedError where a rank has another network, or is somewhere else.
///
/// `DataParallel model{stator::Model<Net>()}` takes the model, from a name it takes a copy. An optimiser is
/// made afterwards, of the DataParallel.
template<class M, std::size_t BucketBytes = default_bucket_bytes>
class DataParallel : public M {
  static_assert(
      std::is_same_v<typename M::scalar, arithmetic_of<typename M::scalar>>,
      "stator: DataParallel: processes do not share parameters of 16 bits: make the network one of float");
  using Called = typename detail::training_mode<M>::type;

public:
  /// What is sent together, in this order.
  static constexpr const auto& plan = buckets<M, BucketBytes>;

  explicit DataParallel(M model, const DataParallelOptions& options = {}, World& world = World::current())
      : M(std::move(model)), world_(&world), options_(options) {
    detail::expect_equal_text(world, detail::schema_text<M>());
    broadcast(M::parameter_arena(), 0, world);
    broadcast_buffers();
    reducer_ = std::make_unique<detail::TypedReducer<typename M::scalar>>(
        world, std::span<const Bucket>(plan), std::span<const LeafEntry>(M::parameter_table), options.order);
    reducer_->set_arena(std::as_bytes(M::gradient_arena()));
  }
  DataParallel(DataParallel&&) noexcept = default;
  DataParallel& operator=(DataParallel&&) noexcept = default;

  /// An expression, as the Model's, in training mode; its `backward()` averages.
  auto operator()(auto&&... x) const {
    if constexpr (M::buffer_bytes > 0)
      if (options_.broadcast_buffers && reducer_->enabled) broadcast_buffers();
    return nn::call_as<Called>(M::module(), std::forward<decltype(x)>(x)...);
  }
  /// The model with hooks, see hooks/hook.hpp.
  template<class... H>
  auto with(H... hook) const {
    return HookedModel<typename M::module_type, Called, H...>(M::module(), std::move(hook)...);
  }

  /// Until what it returns goes, `backward()` adds to this rank's gradients and sends nothing; the next one
  /// after that averages the whole sum: torch's no_sync, for batches in several pieces.
  ///   { const auto alone = model.no_sync(); first.backward(); }
  ///   second.backward();
  [[nodiscard]] auto no_sync() {
    struct Restore {
      detail::GradientReducer* reducer;
      void operator()(const void*) const { reducer->enabled = true; }
    };
    reducer_->enabled = false;
    return std::unique_ptr<const DataParallel, Restore>(this, Restore{reducer_.get()});
  }

  /// Gives all ranks the buffers of rank 0.
  void broadcast_buffers() const {
    if constexpr (M::buffer_bytes > 0) broadcast(M::buffer_arena(), 0, *world_);
  }
  /// As long as what it returns lives, `backward()` leaves each rank the means of its share of each bucket of
  /// `plan` alone, Bucket::share, and zeros for the rest: for ZeroRedundancyOptimizer.
  [[nodiscard]] auto scatter_gradients() {
    reducer_->scatters = true;
    return std::unique_ptr<detail::GradientReducer, detail::GradientReducer::StopScattering>(reducer_.get());
  }
  /// Whether it does so.
  bool scatters_gradients() const { return reducer_->scatters && world_->size() > 1; }

  /// The job that it is trained by.
  World& world() const { return *world_; }
  /// What was sent so far.
  const Traffic& traffic() const { return reducer_->traffic; }

private:
  World* world_;
  DataParallelOptions options_;
  std::unique_ptr<detail::TypedReducer<typename M::scalar>> reducer_;
};

} // namespace stator::distributed
