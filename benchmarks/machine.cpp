// SPDX-License-Identifier: BSL-1.0
#include "machine.hpp"

#include "bench.hpp"

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <limits>
#include <sched.h>
#include <string_view>
#include <unistd.h>
#include <utility>
#include <vector>
#if defined(__GLIBC__)
#include <malloc.h>
#endif
#if defined(__AVX2__)
#include <immintrin.h>
#endif

namespace bench {
namespace {

#if defined(__AVX512F__)
constexpr std::size_t vector_bytes = 64;
#elif defined(__AVX2__) && defined(__FMA__)
constexpr std::size_t vector_bytes = 32;
#else
constexpr std::size_t vector_bytes = 16;
#endif
typedef float Vector __attribute__((vector_size(vector_bytes)));
constexpr std::size_t lanes = vector_bytes / sizeof(float);

/// Where the program may run, as it was when the program began.
cpu_set_t allowed_at_first() {
  cpu_set_t set;
  CPU_ZERO(&set);
  sched_getaffinity(0, sizeof set, &set);
  return set;
}
const cpu_set_t allowed = allowed_at_first();

/// Copies with stores that pass the caches, where they are known.
constexpr bool can_stream = vector_bytes > 16;
void stream([[maybe_unused]] float* to, [[maybe_unused]] const float* from,
            [[maybe_unused]] std::size_t count) {
#if defined(__AVX512F__)
  for (std::size_t k = 0; k < count; k += 16) _mm512_stream_ps(to + k, _mm512_load_ps(from + k));
  _mm_sfence();
#elif defined(__AVX2__)
  for (std::size_t k = 0; k < count; k += 8) _mm256_stream_ps(to + k, _mm256_load_ps(from + k));
  _mm_sfence();
#endif
}

/// The most that `work` does in a second, if it does so much at once.
template<class F>
void best_of(double& best, int times, double amount, F&& work) {
  for (int i = 0; i < times; ++i) {
    const double start = processor_time();
    work();
    clobber();
    best = std::max(best, amount / (processor_time() - start));
  }
}

} // namespace

double clock_of(clockid_t id) {
  timespec t{};
  clock_gettime(id, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

std::string processor() {
  std::ifstream in("/proc/cpuinfo");
  for (std::string line; std::getline(in, line);)
    if (line.starts_with("model name")) return line.substr(line.find(':') + 2);
  return "unknown";
}

int processor_count() { return CPU_COUNT(&allowed); }

void pin() {
  for (int core = CPU_SETSIZE - 1; core >= 0; --core)
    if (CPU_ISSET(core, &allowed)) {
      cpu_set_t one;
      CPU_ZERO(&one);
      CPU_SET(core, &one);
      if (sched_setaffinity(0, sizeof one, &one) != 0) std::fprintf(stderr, "could not pin the thread\n");
      return;
    }
}
void release() { sched_setaffinity(0, sizeof allowed, &allowed); }

void Limits::measure() {
  constexpr int chains = 12;
  constexpr long steps = 2'000'000;
  Vector sums[chains] = {}, a = {}, b = {};
  a += 1e-3F, b += 0.999F;
  asm volatile("" : "+x"(a), "+x"(b));
  best_of(peak, 15, 2.0 * chains * steps * lanes, [&] {
    for (long s = 0; s < steps; ++s)
#pragma GCC unroll 12
      for (Vector& sum : sums) sum = sum * b + a;
    for (Vector& sum : sums) asm volatile("" : "+x"(sum));
  });

  constexpr std::size_t count = std::size_t{1} << 24;
  constexpr double bytes = sizeof(float) * static_cast<double>(count);
  std::vector<float> first(count + lanes, 1), second(count + lanes, 2);
  const auto aligned = [](std::vector<float>& v) {
    const auto address = reinterpret_cast<std::uintptr_t>(v.data());
    return reinterpret_cast<Vector*>((address + vector_bytes - 1) / vector_bytes * vector_bytes);
  };
  Vector *const x = aligned(first), *const y = aligned(second);
  constexpr std::size_t vectors = count / lanes;
  for (int round = 0; round < 5; ++round) {
    for (auto& [size, best] : read) {
      const std::size_t some = size / vector_bytes;
      const auto read_all = [&] {
        for (std::size_t k = 0; k < some; k += 8)
#pragma GCC unroll 8
          for (std::size_t i = 0; i < 8; ++i) sums[i] += x[k + i];
        for (Vector& sum : sums) asm volatile("" : "+x"(sum));
      };
      read_all(); // to its cache
      best_of(best, 1, bytes, [&] {
        for (std::size_t done = 0; done < vectors; done += some) read_all();
      });
    }
    best_of(axpy, 1, 3 * bytes, [&] {
      for (std::size_t k = 0; k < vectors; ++k) y[k] += a * x[k];
    });
    best_of(copy, 1, 2 * bytes, [&] {
      for (std::size_t k = 0; k < vectors; ++k) y[k] = x[k] + a;
    });
    if (can_stream)
      best_of(streamed, 1, 2 * bytes,
              [&] { stream(reinterpret_cast<float*>(y), reinterpret_cast<const float*>(x), count); });
  }
}

void keep_freed_memory() {
#if defined(__GLIBC__)
  mallopt(M_MMAP_THRESHOLD, 1 << 30);
  mallopt(M_TRIM_THRESHOLD, std::numeric_limits<int>::max());
#endif
}

void set_libraries(char** arguments) {
  std::vector<std::pair<const char*, const char*>> wanted{{"OMP_NUM_THREADS", "1"},
                                                          {"OPENBLAS_NUM_THREADS", "1"},
                                                          {"MKL_NUM_THREADS", "1"},
                                                          {"OPENBLAS_L2_SIZE", nullptr}};
#if defined(__AVX2__) && !defined(__AVX512F__)
  const bool limited = __builtin_cpu_supports("avx512f") != 0;
#else
  constexpr bool limited = false;
#endif
  for (const auto& [name, value] : {std::pair{"OPENBLAS_CORETYPE", "Haswell"},
                                    {"ATEN_CPU_CAPABILITY", "avx2"},
                                    {"DNNL_MAX_CPU_ISA", "AVX2"},
                                    {"LIBXSMM_TARGET", "hsw"}})
    wanted.emplace_back(name, limited ? value : nullptr);
  bool changed = false;
  for (const auto& [name, value] : wanted) {
    const char* const found = std::getenv(name);
    if (value == nullptr ? found == nullptr : found != nullptr && std::string_view(found) == value) continue;
    changed = true;
    if ((value == nullptr ? unsetenv(name) : setenv(name, value, 1)) != 0) return;
  }
  if (changed) execv("/proc/self/exe", arguments);
}

} // namespace bench
