// SPDX-License-Identifier: BSL-1.0
// Memory in which programs run. Each thread keeps a few blocks and lends them: after the first steps nothing
// is allocated, and threads can use one network at the same time.
#pragma once

#include "stator/core/bytes.hpp"

#include <array>
#include <new>
#include <type_traits>
#include <utility>

namespace stator {

/// A 64-byte-aligned block of memory.
class MemoryBlock {
public:
  constexpr MemoryBlock() = default;
  /// Throws MemoryError.
  explicit MemoryBlock(std::size_t bytes)
      : data_(static_cast<std::byte*>(::operator new(bytes, std::align_val_t{alignment}, std::nothrow))),
        size_(bytes) {
    if (data_ == nullptr) [[unlikely]]
      refuse(bytes);
  }
  constexpr MemoryBlock(MemoryBlock&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}
  MemoryBlock& operator=(MemoryBlock&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    return *this;
  }
  [[gnu::always_inline]] constexpr ~MemoryBlock() {
    if (!is_empty()) ::operator delete(data_, std::align_val_t{alignment});
  }
  /// The first byte, aligned to `alignment`; null when the block is empty.
  constexpr std::byte* data() const { return data_; }
  std::size_t size() const { return size_; }
  /// For destructors. In constant evaluation a block is always empty; g++ 12 may not read a mutable one
  /// there, and clang has to: where a destructor does nothing in constant evaluation whatever the object
  /// holds, it leaves the destruction of static and thread-local objects out.
  constexpr bool is_empty() const {
#if !defined(__clang__)
    if (std::is_constant_evaluated()) return true;
#endif
    return data_ == nullptr;
  }

private:
  [[noreturn, gnu::cold]] static void refuse(std::size_t bytes) {
    throw MemoryError("cannot allocate " + std::to_string(bytes) + " bytes");
  }

  std::byte* data_ = nullptr;
  std::size_t size_ = 0;
};

namespace detail {
inline std::array<MemoryBlock, 8>& kept_blocks() {
  thread_local std::array<MemoryBlock, 8> blocks;
  return blocks;
}
} // namespace detail

/// A block of at least `bytes`: the smallest kept one that is large enough, or a new one.
inline MemoryBlock borrow(std::size_t bytes) {
  MemoryBlock* best = nullptr;
  for (MemoryBlock& b : detail::kept_blocks())
    if (b.size() >= bytes && b.data() != nullptr && (best == nullptr || b.size() < best->size())) best = &b;
  if (best != nullptr) return std::move(*best);
  return MemoryBlock(align_up(bytes + 1));
}

/// Gives a block back; the smallest of too many is freed.
[[gnu::noinline]] inline void give_back(MemoryBlock block) {
  if (block.data() == nullptr) return;
  MemoryBlock* least = nullptr;
  for (MemoryBlock& b : detail::kept_blocks())
    if (least == nullptr || b.size() < least->size()) least = &b;
  if (least->size() < block.size()) *least = std::move(block);
}

} // namespace stator
