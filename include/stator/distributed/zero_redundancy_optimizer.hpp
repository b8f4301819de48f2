// SPDX-License-Identifier: BSL-1.0
// torch.distributed.optim.ZeroRedundancyOptimizer (ZeRO, stage 1): each rank keeps the optimiser's state for
// its part of the arena alone, updates that part, and the ranks send each other what they have updated.
//
//   stator::distributed::ZeroRedundancyOptimizer optimizer{stator::optim::Adam{model, {.lr = 1e-3}}};
#pragma once

#include "stator/distributed/collectives.hpp"
#include "stator/io/checkpoint_optimizer.hpp"

#include <string>
#include <utility>

namespace stator::distributed {

/// An optimiser of the class O, with all that one has. The parameters after a step are those of O to the bit;
/// the states take 1/N of the memory, and a step sends the parameters of each rank to all others. A state is
/// only whole, and can only be saved, between `consolidate_state()` and `shard_state()`. Source: Rajbhandari
/// et al. 2020, "ZeRO", P_os.
template<class O>
class ZeroRedundancyOptimizer : public O {
  using T = typename O::T;

public:
  explicit ZeroRedundancyOptimizer(O optimizer, World& world = World::current())
      : O(std::move(optimizer)), world_(&world) {
    shard_state();
  }

  /// Changes this rank's part of the parameters, and gets the others'. All ranks call it.
  void step() {
    if (is_whole_) shard_state();
    O::step();
    exchange(this->model().parameter_arena().first(this->model().gradient_arena().size()), "step()");
  }

  /// Gives every rank the whole state, to save it: all ranks call it.
  void consolidate_state() {
    if (is_whole_) return;
    O::allocate_states();
    O::keep_only(0, ~std::size_t{0});
    is_whole_ = true;
    for (const std::string_view name : O::state_names)
      if (const std::span<T> state = this->state(name); !state.empty())
        exchange(state, "consolidate_state()");
  }
  /// Keeps this rank's part of the state.
  void shard_state() {
    const auto rank = static_cast<std::size_t>(world_->rank());
    O::keep_only(first_of(rank), first_of(rank + 1));
    is_whole_ = false;
  }
  /// Whether this rank has all of the state.
  bool is_whole() const { return is_whole_; }
  /// Bytes of the states that this rank keeps.
  std::size_t state_bytes() {
    std::size_t bytes = 0;
    for (const std::string_view name : O::state_names) bytes += this->state(name).size_bytes();
    return bytes;
  }

  /// For Checkpoint. Throws ValueError when the state is in parts.
  friend void store_part(io::CheckpointWriter& writer, const std::string& name,
                         ZeroRedundancyOptimizer& optimizer) {
    if (!optimizer.is_whole_)
      raise(ValueError(
          "ZeroRedundancyOptimizer: this rank has a part of the state: call consolidate_state() on "
          "all ranks before saving"));
    io::store_part(writer, name, static_cast<O&>(optimizer));
  }
  /// For Checkpoint: takes this rank's part of a whole state, whatever the number of ranks that saved it.
  friend void read_part(io::CheckpointReader& reader, const std::string& name,
                        ZeroRedundancyOptimizer& optimizer) {
    reader.later([&optimizer] { optimizer.keep_only(0, ~std::size_t{0}); });
    io::read_part(reader, name, static_cast<O&>(optimizer));
    reader.later([&optimizer] { optimizer.shard_state(); });
  }

private:
  /// Where a rank's part begins: at whole cache lines.
  std::size_t first_of(std::size_t rank) const {
    constexpr std::size_t line = 64 / sizeof(T);
    const std::size_t lines = this->model().gradient_arena().size() / line;
    return lines * rank / static_cast<std::size_t>(world_->size()) * line;
  }
  /// Sends this rank's part to the others and gets theirs.
  void exchange(std::span<T> all, const char* name) {
    world_->agree(name, all.size());
    if (world_->size() == 1) return;
    const auto ranks = static_cast<std::size_t>(world_->size());
    std::vector<int>&first = first_, &count = count_;
    first.resize(ranks);
    count.resize(ranks);
    for (std::size_t r = 0; r < ranks; ++r) {
      first[r] = detail::mpi_count(first_of(r));
      count[r] = detail::mpi_count(first_of(r + 1)) - first[r];
    }
    MPI_Request request = MPI_REQUEST_NULL;
    detail::expect_success(MPI_Iallgatherv(MPI_IN_PLACE, 0, MPI_DATATYPE_NULL, all.data(), count.data(),
                                           first.data(), detail::mpi_type<T>(), world_->data(), &request),
                           "MPI_Iallgatherv");
    world_->wait(name, request);
  }

  World* world_;
  bool is_whole_ = true;
  std::vector<int> first_, count_;
};

} // namespace stator::distributed
