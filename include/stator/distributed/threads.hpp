// SPDX-License-Identifier: BSL-1.0
// How many threads a rank's kernels get: its share of the cores that the ranks of its machine may use.
#pragma once

#include "stator/core/parallel.hpp"
#include "stator/distributed/mpi.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <thread>
#if __has_include(<sched.h>)
#include <sched.h>
#endif

namespace stator::distributed::detail {

/// The ranks of one machine, and its cores.
struct Machine {
  int rank = 0;  ///< this process's number among those of the machine
  int size = 1;  ///< how many processes of the job it has
  int cores = 1; ///< that they may use together
};

/// Looks at this machine and sets the number of threads: `threads`, or with 0 OMP_NUM_THREADS, or this rank's
/// share. The first rank of the machine says when there are more threads than cores.
inline Machine share_cores(MPI_Comm all_ranks, int threads) {
  Machine machine;
  int rank = 0, ranks = 1;
  MPI_Comm_rank(all_ranks, &rank);
  MPI_Comm_size(all_ranks, &ranks);
  MPI_Comm here = MPI_COMM_NULL;
  MPI_Comm_split_type(all_ranks, MPI_COMM_TYPE_SHARED, rank, MPI_INFO_NULL, &here);
  MPI_Comm_rank(here, &machine.rank);
  MPI_Comm_size(here, &machine.size);
  int mine = std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
  machine.cores = mine;
#ifdef CPU_COUNT
  // mpirun may have bound each rank to cores of its own.
  cpu_set_t own, all;
  CPU_ZERO(&own);
  if (sched_getaffinity(0, sizeof own, &own) == 0) {
    mine = CPU_COUNT(&own);
    MPI_Allreduce(&own, &all, sizeof own, MPI_BYTE, MPI_BOR, here);
    machine.cores = CPU_COUNT(&all);
  }
#endif
  MPI_Comm_free(&here);
  const bool by_environment = std::getenv("OMP_NUM_THREADS") != nullptr;
  if (threads > 0)
    set_num_threads(threads);
  else if (!by_environment && ranks > 1)
    set_num_threads(std::max(1, std::min(mine, machine.cores / machine.size)));
  threads = get_num_threads();
  if (machine.rank == 0 && (threads * machine.size > machine.cores || threads > mine))
    std::fprintf(
        stderr,
        "stator: ranks on this machine: %d, threads of each: %d, cores: %d, of which this rank may use %d: "
        "threads wait for each other; start fewer, or let mpirun bind ranks to more cores\n",
        machine.size, threads, machine.cores, mine);
  return machine;
}

} // namespace stator::distributed::detail
