// SPDX-License-Identifier: BSL-1.0
// The machine that the benchmarks run on: its clocks, its processors, and what it can do at most.
#pragma once

#include <cstddef>
#include <ctime>
#include <string>
#include <utility>
#include <vector>

namespace bench {

#if defined(__AVX512F__)
inline constexpr const char* instruction_set = "avx512";
#elif defined(__AVX2__) && defined(__FMA__)
inline constexpr const char* instruction_set = "avx2";
#else
inline constexpr const char* instruction_set = "baseline";
#endif

#if defined(__clang__)
inline constexpr const char* compiler = "clang " __clang_version__;
#else
inline constexpr const char* compiler = "g++ " __VERSION__;
#endif

double clock_of(clockid_t id);
/// Seconds of the thread's own processor time.
inline double processor_time() { return clock_of(CLOCK_THREAD_CPUTIME_ID); }
/// Seconds of the clock on the wall.
inline double wall_time() { return clock_of(CLOCK_MONOTONIC); }

/// "AMD EPYC"
std::string processor();

/// How many processors the program could use when it began.
int processor_count();
/// Keeps this thread on one of them.
void pin();
/// Lets it, and the threads that it starts, run on all of them again.
void release();

/// What one core does at most.
struct Limits {
  double peak = 0; ///< operations a second of multiply-adds on registers
  /// Bytes a second of arrays that no cache holds: y += a x, y = x + a.
  double axpy = 0, copy = 0;
  double streamed = 0; ///< y = x with stores that pass the caches; 0: not known how
  /// Bytes a second of the sum of x for arrays of so many bytes: whatever cache holds them.
  std::vector<std::pair<std::size_t, double>> read{{1 << 14, 0}, {1 << 15, 0}, {1 << 17, 0}, {1 << 19, 0},
                                                   {1 << 20, 0}, {1 << 21, 0}, {1 << 22, 0}, {1 << 23, 0},
                                                   {1 << 24, 0}, {1 << 26, 0}};
  void measure(); ///< again: the best of all times counts
};

/// What is freed stays with the process for the next that asks, as with the allocators that PyTorch's tuning
/// guide recommends: otherwise a library that allocates large tensors at each step waits for new pages of the
/// system, or does not, depending on the rows before.
void keep_freed_memory();

/// One thread in every library, and the kernels that it chooses itself, whatever somebody has set; those of
/// AVX2 where this program was built for AVX2 and the machine has more. Libraries read that when they are
/// loaded, so the program begins anew where it was otherwise.
void set_libraries(char** arguments);

} // namespace bench
