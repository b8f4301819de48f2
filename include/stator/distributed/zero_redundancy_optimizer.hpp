// SPDX-License-Identifier: BSL-1.0
// torch.distributed.optim.ZeroRedundancyOptimizer (ZeRO, stage 1): each rank keeps the optimiser's state for
// its share of each bucket alone. A backward gives it the means of that share, a step changes the share, and
// the ranks send each other what they have changed. So a step sends what it sends without: half of it are
// gradients, half parameters.
//
//   stator::distributed::DataParallel model{stator::Model<Net>()};
//   stator::distributed::ZeroRedundancyOptimizer optimizer{stator::optim::Adam{model, {.lr = 1e-3}}};
#pragma once

#include "stator/distributed/clip.hpp"
#include "stator/io/checkpoint_optimizer.hpp"
#include "stator/optim/kept_elements.hpp"

#include <string>
#include <utility>

namespace stator::distributed {

/// An optimiser of the class O of a DataParallel model, with all that one has. The parameters after a step
/// are those of O to the bit; the states take 1/N of the memory. It is the
/// only optimiser of the model. As long as it lives, gradients of other
/// ranks' shares are zeros: what needs them whole (a norm, a histogram) adds up over ranks, as
/// `clip_grad_norm_` of such a model does. A state is only whole, and can only be saved, between
/// `consolidate_state()` and `shard_state()`. Source: Rajbhandari et al. 2020, "ZeRO", P_os.
template<class O>
class ZeroRedundancyOptimizer : public O {
  static_assert(
      requires(O& o) { o.keep_only(std::vector<optim::ArenaPart>()); },
      "stator: ZeroRedundancyOptimizer takes an optimizer that changes each element by itself: Adam, SGD, "
      "...; LBFGS looks at all of them");
  static_assert(
      requires(O& o) { o.model().scatter_gradients(); },
      "stator: ZeroRedundancyOptimizer takes an optimizer of a DataParallel model: DataParallel "
      "model{stator::Model<Net>()}; ZeroRedundancyOptimizer optimizer{stator::optim::Adam{model}};");
  using T = typename O::T;

public:
  explicit ZeroRedundancyOptimizer(O optimizer)
      : O(std::move(optimizer)), world_(&this->model().world()),
        scattering_(this->model().scatter_gradients()) {
    shard_state();
  }

  /// Changes this rank's part of the parameters, and gets the others'. All ranks call it.
  void step() {
    if (is_whole_) shard_state();
    O::step();
    scattering_->traffic.parameter_bytes +=
        exchange(this->model().parameter_arena().first(this->model().gradient_arena().size()), "step()");
  }

  /// Gives every rank the whole state, to save it: all ranks call it.
  void consolidate_state() {
    if (is_whole_) return;
    O::allocate_states();
    O::keep_only({{}});
    is_whole_ = true;
    for (const std::string_view name : O::state_names)
      if (const std::span<T> state = this->state(name); !state.empty())
        exchange(state, "consolidate_state()");
  }
  /// Keeps this rank's part of the state.
  void shard_state() {
    std::vector<optim::ArenaPart> mine;
    const auto rank = static_cast<std::size_t>(world_->rank());
    for (std::size_t b = plan().size(); b-- > 0;) // they begin with the end of the arena
      mine.push_back({share(b, rank), share(b, rank + 1)});
    O::keep_only(std::move(mine));
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
    reader.later([&optimizer] { optimizer.keep_only({{}}); });
    io::read_part(reader, name, static_cast<O&>(optimizer));
    reader.later([&optimizer] { optimizer.shard_state(); });
  }

private:
  static constexpr const auto& plan() {
    return std::remove_cvref_t<decltype(std::declval<O&>().model())>::plan;
  }
  /// Where a rank's share of a bucket begins, in elements of the arena.
  std::size_t share(std::size_t bucket, std::size_t rank) const {
    return plan()[bucket].share(rank, static_cast<std::size_t>(world_->size())) / sizeof(T);
  }
  /// Sends this rank's shares to the others and gets theirs; returns how many bytes it has sent.
  std::size_t exchange(std::span<T> all, const char* name) {
    world_->agree(name, all.size());
    const auto ranks = static_cast<std::size_t>(world_->size());
    if (ranks == 1) return 0;
    const auto mine = static_cast<std::size_t>(world_->rank());
    std::size_t sent = 0;
    requests_.assign(plan().size(), MPI_REQUEST_NULL);
    layouts_.resize(plan().size());
    for (std::size_t b = 0; b < plan().size(); ++b) {
      Layout& of = layouts_[b];
      if (of.first.empty())
        for (std::size_t r = 0; r < ranks; ++r) {
          of.first.push_back(detail::mpi_count(share(b, r) - share(b, 0)));
          of.count.push_back(detail::mpi_count(share(b, r + 1) - share(b, r)));
        }
      detail::expect_success(MPI_Iallgatherv(MPI_IN_PLACE, 0, MPI_DATATYPE_NULL, all.data() + share(b, 0),
                                             of.count.data(), of.first.data(), detail::mpi_type<T>(),
                                             world_->data(), &requests_[b]),
                             "MPI_Iallgatherv");
      sent += static_cast<std::size_t>(of.count[mine]) * (ranks - 1) * sizeof(T);
    }
    for (MPI_Request& request : requests_) world_->wait(name, request);
    return sent;
  }

  /// How the elements of a bucket are shared: where each rank's begin in it, and how many they are.
  struct Layout {
    std::vector<int> first, count;
  };
  World* world_;
  std::unique_ptr<detail::GradientReducer, detail::GradientReducer::StopScattering> scattering_;
  bool is_whole_ = true;
  std::vector<Layout> layouts_;
  std::vector<MPI_Request> requests_;
};

} // namespace stator::distributed
