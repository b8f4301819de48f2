// SPDX-License-Identifier: BSL-1.0
// Saving and printing once for all ranks.
//
// Beside what a checkpoint has on one process the file holds the default generator of each rank: "rng" is
// that of rank 0, "rng.rank1", ... those of the others. A program of one process, and another number of
// ranks, load it too. What then is equal:
//   as many ranks              everything, to the bit, with dropout and other random numbers too, as long as
//                              each rank gets the same batches (DistributedBatches::set_epoch)
//   another number of ranks    parameters, states and running statistics begin as they were saved, to the
//   bit.
//                              What follows is equal within rounding where all ranks together see the same
//                              batches, since sums over a batch are added up in other pieces; not at all with
//                              random numbers in the network (rank 0 goes on where it was, the others begin
//                              anew), and with the statistics of a rank's own part (nn::BatchNorm).
#pragma once

#include "stator/distributed/collectives.hpp"
#include "stator/io/checkpoint.hpp"

#include <iostream>
#include <memory>
#include <streambuf>

namespace stator::distributed {

namespace detail {

/// The default generators of all ranks, as a part of a checkpoint in the place of one generator.
class GeneratorsOfRanks {
public:
  explicit GeneratorsOfRanks(World& world) : world_(&world) {}
  /// Before saving: rank 0 gets the others' states. All ranks call it.
  void gather() { states_ = distributed::gather(default_generator().get_state(), 0, *world_); }

  friend void store_part(io::CheckpointWriter& writer, const std::string& name, GeneratorsOfRanks& all) {
    constexpr std::size_t size = Generator::state_size;
    for (std::size_t at = 0, rank = 0; at < all.states_.size(); at += size, ++rank)
      writer.add_copy(rank == 0 ? name : of_rank(name, rank), {static_cast<Index>(size)},
                      std::span(reinterpret_cast<const std::uint8_t*>(all.states_.data() + at), size));
  }
  friend void read_part(io::CheckpointReader& reader, const std::string& name, GeneratorsOfRanks& all) {
    const auto rank = static_cast<std::size_t>(all.world_->rank()),
               ranks = static_cast<std::size_t>(all.world_->size());
    const std::size_t saved = reader.below(name).size() + 1;
    (void)reader.tensor(name, DType::uint8);
    io::read_part(reader, rank > 0 && saved == ranks ? of_rank(name, rank) : name, default_generator());
    if (rank > 0 && saved != ranks)
      reader.later([rank] { manual_seed(default_generator().initial_seed() + rank); });
  }

private:
  static std::string of_rank(const std::string& name, std::size_t rank) {
    return name + ".rank" + std::to_string(rank);
  }
  World* world_;
  std::vector<std::byte> states_; ///< one rank's after the other's
};

} // namespace detail

/// Writes a checkpoint, or whatever has `save(path)`, on rank 0; all ranks call it and go on when the file is
/// there, whole: it appears under its name when it is complete, and a job that ends before leaves the old
/// one. Throws FileError on rank 0, which ends the job.
template<class C>
void save(const C& checkpoint, const io::Path& path, World& world = World::current()) {
  world.agree("save()");
  if constexpr (std::is_same_v<C, Checkpoint>) {
    detail::GeneratorsOfRanks generators(world);
    generators.gather();
    Checkpoint all = checkpoint;
    all.replace("rng", generators);
    if (world.is_main()) all.save(path);
  } else {
    if (world.is_main()) checkpoint.save(path);
  }
  world.barrier();
}

/// Reads a checkpoint on every rank: the file must be where all see it. With as many ranks as it was saved
/// by, each rank's default generator goes on where it was; otherwise that of rank 0 does, and the others
/// become different ones. Throws as Checkpoint::load.
inline void load(const Checkpoint& checkpoint, const io::Path& path, World& world = World::current()) {
  world.agree("load()");
  detail::GeneratorsOfRanks generators(world);
  Checkpoint all = checkpoint;
  all.replace("rng", generators);
  all.load(path);
  world.barrier();
}

/// Standard output on rank 0, nowhere on the others: `io::Progress progress{n, "epoch", {.out = &out()}};`
inline std::ostream& out(World& world = World::current()) {
  struct Nowhere : std::streambuf {
    int overflow(int c) override { return c == traits_type::eof() ? 0 : c; }
  };
  static Nowhere nowhere;
  static std::ostream nobody(&nowhere);
  return world.is_main() ? std::cout : nobody;
}

} // namespace stator::distributed
