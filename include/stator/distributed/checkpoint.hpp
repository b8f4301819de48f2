// SPDX-License-Identifier: BSL-1.0
// Saving and printing once for all ranks.
//
// A checkpoint holds nothing of the number of ranks, so training goes on with another one. With the same
// number, the same batches and no random numbers in the network it goes on bit for bit. With another number
// parameters, states and running statistics begin as they were saved, to the bit; what follows is equal
// within rounding as long as all ranks together see the same batches, since sums over a batch are then added
// up in other pieces. The generator of rank 0 is saved: after `load`, those of the other ranks begin anew.
#pragma once

#include "stator/distributed/world.hpp"
#include "stator/io/checkpoint.hpp"

#include <iostream>
#include <streambuf>

namespace stator::distributed {

/// Writes a checkpoint, or whatever has `save(path)`, on rank 0; all ranks call it and go on when the file is
/// there, whole: it appears under its name when it is complete, and a job that ends before leaves the old
/// one. Throws FileError on rank 0, which ends the job.
template<class C>
void save(const C& checkpoint, const io::Path& path, World& world = World::current()) {
  world.agree("save()");
  if (world.is_main()) checkpoint.save(path);
  world.barrier();
}

/// Reads a checkpoint on every rank: the file must be where all see it. Afterwards the default generators of
/// ranks are different ones, that of rank 0 as it was saved.
inline void load(const Checkpoint& checkpoint, const io::Path& path, World& world = World::current()) {
  world.agree("load()");
  checkpoint.load(path);
  if (world.rank() > 0)
    manual_seed(default_generator().initial_seed() + static_cast<std::uint64_t>(world.rank()));
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
