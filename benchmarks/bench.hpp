// SPDX-License-Identifier: BSL-1.0
// What the benchmark program and its contenders share. A contender is one way to do the work of a row; it is
// a line in the table of its file. All contenders of a row are timed in one process, in turn (bench.cpp).
#pragma once

#include <algorithm>
#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace bench {

/// A contender that is ready to run: everything that can be done once is done.
struct Run {
  std::function<void(long)> times; ///< does the work so many times
  std::function<double()>
      result{}; ///< a number that all contenders of a row agree about after two runs, or none
  std::function<std::uint64_t()> bits{}; ///< of all that was computed, for contenders that agree to the bit
};

/// The work of one run, as the kernel needs it at least: what a share of the machine's limit is taken of.
/// Where there are no products, bytes: read, written, and written where they have just been read.
struct Work {
  double flops = 0, reads = 0, writes = 0, updates = 0;
};

/// The memory of a training step, in bytes, as the compiler has planned it.
struct Plan {
  std::size_t arena = 0;     ///< parameters, gradients and buffers
  std::size_t workspace = 0; ///< of all that lies between
  std::size_t live = 0;      ///< the most that is in use at one time: no workspace can be smaller
};

struct Contender {
  std::string row, name;
  std::function<Run()> make;
  Work work{};
  Plan (*plan)() = nullptr;
};

inline std::vector<Contender>& contenders() {
  static std::vector<Contender> all;
  return all;
}

/// `const bench::Enter entries{{row, name, make}, ...};`, once in each file of contenders.
struct Enter {
  Enter(std::initializer_list<Contender> some) {
    contenders().insert(contenders().end(), some.begin(), some.end());
  }
};

/// Nothing that was computed before may be reused or left out after it.
[[gnu::always_inline]] inline void clobber() { asm volatile("" ::: "memory"); }

/// An object of S, made once; a run calls it. Its `result()` is the row's, if it has one.
template<class S, class... A>
Run repeat(A&&... arguments) {
  const auto state = std::make_shared<S>(std::forward<A>(arguments)...);
  Run run{[state](long n) {
    S& s = *state;
    for (; n > 0; --n) {
      s();
      clobber();
    }
  }};
  if constexpr (requires { state->result(); })
    run.result = [state] { return static_cast<double>(state->result()); };
  if constexpr (requires { state->bits(); }) run.bits = [state] { return state->bits(); };
  return run;
}

/// Numbers in (-1, 1) without a pattern that a kernel could like, the same for every contender: the `i`-th of
/// the `k`-th tensor.
inline float number(std::size_t k, std::size_t i) {
  std::uint64_t x = (k + 1) * 0x9E3779B97F4A7C15ULL + (i + 1) * 0xBF58476D1CE4E5B9ULL;
  x = (x ^ (x >> 31)) * 0x94D049BB133111EBULL;
  return static_cast<float>(static_cast<double>(x >> 40) / (1 << 23) - 1);
}
inline void fill(std::span<float> values, std::size_t k, float scale = 1, float middle = 0) {
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = middle + scale * number(k, i);
}
/// The `k`-th parameter of a network, in PyTorch's order: vectors are biases, or the factors of a
/// normalisation.
inline void fill_parameter(std::span<float> values, std::size_t k, std::string_view name, std::size_t rank,
                           std::size_t first_extent) {
  const bool factor = rank == 1 && name.ends_with("weight");
  float bound = 0.1F;
  if (rank > 1) {
    const double fan_in = static_cast<double>(values.size()) / static_cast<double>(first_extent);
    bound = static_cast<float>(1 / __builtin_sqrt(fan_in));
  }
  fill(values, k, bound, factor ? 1.0F : 0.0F);
}
/// Inputs and targets are tensors of their own numbers.
inline constexpr std::size_t input_tensor = 1000, target_tensor = 1010;

/// The `i`-th class index among `classes`.
inline std::int64_t label(std::size_t i, std::int64_t classes) {
  return static_cast<std::int64_t>((i * 7 + i / 3) % static_cast<std::size_t>(classes));
}

/// What is compared of outputs: their mean magnitude and the sum of every third.
inline double digest(std::span<const float> values) {
  double sum = 0;
  for (std::size_t i = 0; i < values.size(); ++i)
    sum += (values[i] < 0 ? -1.0 : 1.0) * static_cast<double>(values[i]) +
           (i % 3 == 0 ? static_cast<double>(values[i]) : 0);
  return sum / static_cast<double>(std::max<std::size_t>(values.size(), 1));
}

/// Other bits give another number, almost certainly.
inline std::uint64_t hash_of(std::span<const float> values, std::uint64_t seed = 0) {
  for (const float v : values) seed = (seed ^ std::bit_cast<std::uint32_t>(v)) * 0x9E3779B97F4A7C15ULL + 1;
  return seed;
}

} // namespace bench
