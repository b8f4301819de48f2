// SPDX-License-Identifier: BSL-1.0
// The source of random numbers: a Mersenne twister whose words, seeding and saved state are those of
// PyTorch's CPU generator. What is drawn from it is in core/distributions.hpp.
#pragma once

#include "stator/core/entropy.hpp"
#include "stator/core/error.hpp"
#include "stator/core/mutex.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <utility>

namespace stator::inline v0_2 {

/// torch.Generator on the CPU: mt19937 plus the spare normal number that Box and Muller's method leaves.
/// A copy continues with the same numbers.
///
/// Threads: one generator may be used by several threads at the same time, as in PyTorch. Each function that
/// draws (`normal_` of a whole tensor, the mask of a dropout, one `random()`) has the generator to itself
/// until it is done, so every tensor gets consecutive numbers. Which thread comes first is left to the
/// scheduler: a program whose threads share the default generator (models constructed, or trained with
/// dropout, in several threads) runs without a race but draws other numbers in each run. For numbers that
/// repeat, give each thread a generator of its own, or draw in one thread. `manual_seed`, `get_state` and
/// `set_state` wait for a draw in progress. Source: Matsumoto and Nishimura 1998, "Mersenne
/// Twister", with the initialisation of 2002.
class Generator {
public:
  /// The right to draw: no other thread uses the generator while it lives. A thread may hold one of a
  /// generator.
  class Draws {
  public:
    explicit Draws(Generator& generator) : lock_(generator.mutex_), generator_(generator) {}
    /// The next 32 random bits.
    std::uint32_t random() { return generator_.next(); }
    /// The next 64 random bits: two words, the high one first.
    std::uint64_t random64() {
      const std::uint64_t high = random();
      return high << 32 | random();
    }
    /// The number of mean 0 and deviation 1 that the last pair left, if any; the caller has used it.
    std::optional<double> take_spare_normal() {
      return std::exchange(generator_.spare_normal_, std::nullopt);
    }
    /// Keeps the second number of a Box-Muller pair for the next draw.
    void put_spare_normal(double value) { generator_.spare_normal_ = value; }

  private:
    std::lock_guard<Mutex> lock_;
    Generator& generator_;
  };

  /// The seed that PyTorch gives to a generator that has not been seeded.
  static constexpr std::uint64_t default_seed = 67280421310721;
  /// Bytes of `get_state()`.
  static constexpr std::size_t state_size = 5056;
  /// The bytes that torch.Generator.get_state() returns.
  using State = std::array<std::byte, state_size>;

  explicit Generator(std::uint64_t seed = default_seed) { start(seed); }
  Generator(const Generator& other) : Generator(other, std::lock_guard(other.mutex_)) {}
  Generator& operator=(const Generator& other) {
    if (this == &other) return *this;
    // One lock at a time: two would have to be taken in an order.
    const Generator copy(other); // NOLINT(performance-unnecessary-copy-initialization)
    const std::lock_guard lock(mutex_);
    take(copy);
    return *this;
  }

  /// The low 32 bits decide the numbers; `initial_seed` returns all 64.
  Generator& manual_seed(std::uint64_t seed) {
    const std::lock_guard lock(mutex_);
    start(seed);
    return *this;
  }

  /// Seeds with an unpredictable number and returns it. Throws Error when the system gives none.
  std::uint64_t seed() {
    const std::uint64_t number = detail::system_entropy();
    manual_seed(number);
    return number;
  }

  /// The seed that was set last, torch.initial_seed().
  std::uint64_t initial_seed() const {
    const std::lock_guard lock(mutex_);
    return seed_;
  }

  /// The next 32 random bits.
  std::uint32_t random() { return Draws(*this).random(); }

  /// The next 64 random bits: two words, the high one first.
  std::uint64_t random64() { return Draws(*this).random64(); }

  /// The bytes of torch.get_rng_state() (on a little-endian machine).
  State get_state() const {
    const std::lock_guard lock(mutex_);
    State state{};
    put(state, at_seed, seed_);
    put(state, at_left, std::uint64_t{left_} | std::uint64_t{1} << 32); // "seeded" is 1
    put(state, at_next, std::uint64_t{next_});
    for (std::size_t i = 0; i < size; ++i) put(state, at_words + 8 * i, std::uint64_t{words_[i]});
    put(state, at_normal, spare_normal_.value_or(0));
    put(state, at_has_normal, std::uint64_t{spare_normal_.has_value()});
    return state;
  }

  /// Continues where the generator was that gave these bytes with `get_state` or torch.get_rng_state.
  /// Throws ValueError, and changes nothing, when they are not such a state.
  void set_state(std::span<const std::byte> state) {
    if (state.size() != state_size)
      raise(ValueError("Generator::set_state: expected " + std::to_string(state_size) + " bytes, found " +
                       std::to_string(state.size())));
    const auto left = get<std::uint64_t>(state, at_left);
    const auto next = get<std::uint64_t>(state, at_next);
    const std::uint64_t words_left = left & 0xffffffffU;
    if (left >> 32 != 1 || !(words_left == 1 || (words_left <= size && next == size + 1 - words_left)))
      raise(ValueError("Generator::set_state: these bytes are not a state of a Mersenne twister"));
    const std::lock_guard lock(mutex_);
    seed_ = get<std::uint64_t>(state, at_seed);
    left_ = static_cast<std::uint32_t>(words_left);
    next_ = static_cast<std::uint32_t>(next);
    for (std::size_t i = 0; i < size; ++i)
      words_[i] = static_cast<std::uint32_t>(get<std::uint64_t>(state, at_words + 8 * i));
    spare_normal_.reset();
    if ((get<std::uint64_t>(state, at_has_normal) & 0xffffffffU) != 0)
      spare_normal_ = get<double>(state, at_normal);
  }

private:
  static constexpr std::uint32_t size = 624;
  static constexpr std::uint32_t middle = 397;

  // PyTorch's CPUGeneratorImplState: seed, left and seeded, next, the words as 64 bits each, three doubles of
  // which the second is the spare normal number, whether there is one, and 8 bytes that are not used here.
  static constexpr std::size_t at_seed = 0, at_left = 8, at_next = 16, at_words = 24;
  static constexpr std::size_t at_normal = at_words + std::size_t{8} * size + 8,
                               at_has_normal = at_normal + 16;
  static_assert(at_has_normal + 16 == state_size);

  Generator(const Generator& other, const std::lock_guard<Mutex>&) { take(other); }

  void take(const Generator& other) {
    seed_ = other.seed_;
    left_ = other.left_;
    next_ = other.next_;
    words_ = other.words_;
    spare_normal_ = other.spare_normal_;
  }

  void start(std::uint64_t seed) {
    seed_ = seed;
    words_[0] = static_cast<std::uint32_t>(seed);
    for (std::uint32_t i = 1; i < size; ++i)
      words_[i] = 1812433253U * (words_[i - 1] ^ (words_[i - 1] >> 30)) + i;
    left_ = 1;
    next_ = 0;
    spare_normal_.reset();
  }

  std::uint32_t next() {
    if (--left_ == 0) refill();
    std::uint32_t y = words_[next_++];
    y ^= y >> 11;
    y ^= (y << 7) & 0x9d2c5680U;
    y ^= (y << 15) & 0xefc60000U;
    return y ^ (y >> 18);
  }

  void refill() {
    const auto twist = [this](std::uint32_t i, std::uint32_t following, std::uint32_t far) {
      const std::uint32_t y = (words_[i] & 0x80000000U) | (words_[following] & 0x7fffffffU);
      words_[i] = words_[far] ^ (y >> 1) ^ ((y & 1U) != 0 ? 0x9908b0dfU : 0U);
    };
    for (std::uint32_t i = 0; i < size - middle; ++i) twist(i, i + 1, i + middle);
    for (std::uint32_t i = size - middle; i < size - 1; ++i) twist(i, i + 1, i + middle - size);
    twist(size - 1, 0, middle - 1);
    left_ = size;
    next_ = 0;
  }

  template<class T>
  static void put(State& state, std::size_t at, T value) {
    std::memcpy(state.data() + at, &value, sizeof value);
  }
  template<class T>
  static T get(std::span<const std::byte> state, std::size_t at) {
    T value;
    std::memcpy(&value, state.data() + at, sizeof value);
    return value;
  }

  mutable Mutex mutex_; // of what follows
  std::uint64_t seed_ = 0;
  std::uint32_t left_ = 1;
  std::uint32_t next_ = 0;
  std::array<std::uint32_t, size> words_{};
  std::optional<double> spare_normal_;
};

/// The generator that everything uses when none is given, in every thread. Unpredictable until `manual_seed`.
inline Generator& default_generator() {
  static Generator generator = [] {
    Generator fresh;
    fresh.seed();
    return fresh;
  }();
  return generator;
}

/// torch.manual_seed: from here on the default generator gives the numbers that PyTorch's would give.
inline Generator& manual_seed(std::uint64_t seed) { return default_generator().manual_seed(seed); }

/// torch.initial_seed
inline std::uint64_t initial_seed() { return default_generator().initial_seed(); }

/// torch.get_rng_state
inline Generator::State get_rng_state() { return default_generator().get_state(); }

/// torch.set_rng_state. Throws ValueError.
inline void set_rng_state(std::span<const std::byte> state) { default_generator().set_state(state); }

} // namespace stator::inline v0_2
