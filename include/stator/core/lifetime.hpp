// SPDX-License-Identifier: BSL-1.0
// Expressions refer to tensors and models that have names, and types cannot tell when one of these ends
// before the expression runs: a function that returns `model(x)` of its own `x`. With STATOR_CHECK_LIFETIMES
// defined as 1, in every source of a program, that is a LifetimeError; AddressSanitizer turns it on as well.
// Otherwise nothing of it is compiled. What the check cannot see: memory that belongs to no Tensor, and
// networks without a Model.
#pragma once

#include "stator/core/error.hpp"

#ifndef STATOR_CHECK_LIFETIMES
#if defined(__SANITIZE_ADDRESS__)
/// 1 when expressions check that what they refer to still exists: with AddressSanitizer, or when defined
/// before the first include.
#define STATOR_CHECK_LIFETIMES 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define STATOR_CHECK_LIFETIMES 1
#endif
#endif
#endif
#ifndef STATOR_CHECK_LIFETIMES
#define STATOR_CHECK_LIFETIMES 0
#endif

#include <cstddef>
#include <cstdint>
#include <type_traits>

#if STATOR_CHECK_LIFETIMES
#include <map>
#include <mutex>
// Classes that hold a Watch are different classes with it and without.
/// The inline namespace that keeps types with and without the check apart, so that mixing them does not
/// link.
#define STATOR_LIFETIMES lifetimes_checked
#else
#define STATOR_LIFETIMES lifetimes_unchecked
#endif

namespace stator::detail {

#if STATOR_CHECK_LIFETIMES

/// Every block of memory that a Tensor owns and every network that a Model owns.
class Lives {
public:
  static Lives& all() {
    static Lives* const lives = new Lives; // never destroyed: tensors with static storage outlive everything
    return *lives;
  }
  void begin(const void* p, std::size_t bytes) {
    const std::lock_guard lock(mutex_);
    blocks_[static_cast<const std::byte*>(p)] = {bytes, ++last_};
  }
  void end(const void* p) {
    const std::lock_guard lock(mutex_);
    blocks_.erase(static_cast<const std::byte*>(p));
  }
  /// The number of the block that an address lies in, 0 where none does.
  std::uint64_t at(const void* p) {
    const std::lock_guard lock(mutex_);
    const auto* const address = static_cast<const std::byte*>(p);
    auto next = blocks_.upper_bound(address);
    if (next == blocks_.begin()) return 0;
    --next;
    return address < next->first + next->second.bytes ? next->second.number : 0;
  }

private:
  struct Block {
    std::size_t bytes;
    std::uint64_t number;
  };
  std::mutex mutex_;
  std::map<const std::byte*, Block> blocks_;
  std::uint64_t last_ = 0;
};

inline void begin_life(const void* p, std::size_t bytes) { Lives::all().begin(p, bytes); }
inline void end_life(const void* p) { Lives::all().end(p); }

#else

inline void begin_life(const void*, std::size_t) {}
inline void end_life(const void*) {}

#endif

inline namespace STATOR_LIFETIMES {

/// Remembers who owned an address. Empty without the check.
class Watch {
public:
  constexpr Watch() = default;
#if STATOR_CHECK_LIFETIMES
  explicit constexpr Watch(const void* p) : at_(p) {
    if (!std::is_constant_evaluated()) number_ = Lives::all().at(p);
  }
  /// Throws LifetimeError when that owner is gone, or has other memory now.
  void check(const char* what) const {
    if (number_ == 0 || Lives::all().at(at_) == number_) return;
    raise(LifetimeError(
        std::string(what) +
        " that this expression refers to is gone: it must live until the expression "
        "has run, as expressions refer to what has a name; std::move(x) moves a tensor into the expression"));
  }

private:
  const void* at_ = nullptr;
  std::uint64_t number_ = 0;
#else
  explicit constexpr Watch(const void*) {}
  void check(const char*) const {}
#endif
};

} // namespace STATOR_LIFETIMES

} // namespace stator::detail
