// SPDX-License-Identifier: BSL-1.0
// Memory in which programs run. Each thread keeps a few blocks and lends them: after the first steps nothing
// is allocated, and threads can use one network at the same time. Where the first step must not allocate
// either, a thread reserves its memory before, or brings its own (run/workspace_bytes.hpp says how much).
#pragma once

#include "stator/core/bytes.hpp"
#include "stator/core/compiler.hpp"
#include "stator/core/huge_pages.hpp"
#include "stator/core/parallel.hpp"
#include "stator/core/thread_local.hpp"

#include <array>
#include <new>
#include <span>
#include <type_traits>
#include <utility>

namespace stator::inline v0_2 {

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
    if (bytes >= detail::huge_block) detail::prefer_huge_pages(data_, bytes);
  }
  /// Memory of the caller, which the block does not free.
  explicit MemoryBlock(std::span<std::byte> memory)
      : data_(memory.data()), size_(memory.size()), is_owner_(false) {}
  constexpr MemoryBlock(MemoryBlock&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)),
        is_owner_(other.is_owner_) {}
  MemoryBlock& operator=(MemoryBlock&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    std::swap(is_owner_, other.is_owner_);
    return *this;
  }
  STATOR_ALWAYS_INLINE constexpr ~MemoryBlock() {
    if (!is_empty() && is_owner_) ::operator delete(data_, std::align_val_t{alignment});
  }
  /// The first byte, aligned to `alignment`; null when the block is empty.
  constexpr std::byte* data() const { return data_; }
  std::size_t size() const { return size_; }
  /// Whether the memory is freed with the block.
  bool is_owner() const { return is_owner_; }
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
  [[noreturn]] STATOR_COLD static void refuse(std::size_t bytes) {
    raise(MemoryError("cannot allocate " + std::to_string(bytes) + " bytes"));
  }

  std::byte* data_ = nullptr;
  std::size_t size_ = 0;
  bool is_owner_ = true;
};

namespace detail {
inline std::array<MemoryBlock, 8>& kept_blocks() {
  static STATOR_THREAD_LOCAL std::array<MemoryBlock, 8> blocks;
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

/// Gives a block back; the smallest of too many is freed, but never memory that the user brought.
STATOR_NOINLINE inline void give_back(MemoryBlock block) {
  if (block.data() == nullptr) return;
  MemoryBlock* least = nullptr;
  for (MemoryBlock& b : detail::kept_blocks())
    if (b.is_owner() && (least == nullptr || b.size() < least->size())) least = &b;
  if (least != nullptr && (least->size() < block.size() || !block.is_owner())) *least = std::move(block);
}

/// Allocates what calls of this thread will need, so that the first one allocates nothing: `bytes` is the
/// `workspace_bytes` of an expression (run/workspace_bytes.hpp), for the largest batch. The thread keeps the
/// memory. Throws MemoryError.
inline void reserve_workspace(std::size_t bytes) {
  (void)get_num_threads(); // OpenMP allocates when a thread asks it for the first time
  give_back(borrow(bytes));
}

/// Lends memory of the caller to the calls of this thread while the object lives: they allocate nothing as
/// long as their `workspace_bytes` fit. For a loss that is kept (an expression between its `item()` and its
/// `backward()`) and a second one beside it, lend twice. Expressions that were evaluated must be gone before
/// the object is, and it must be gone before its thread is.
///   alignas(64) static std::byte memory[stator::workspace_bytes<decltype(model.eval()(x))>];
///   stator::WorkspaceScope scope{memory};
class WorkspaceScope {
public:
  /// Throws ValueError for memory that is not at a multiple of 64 bytes, and when this thread has eight such
  /// objects already.
  explicit WorkspaceScope(std::span<std::byte> memory) : memory_(memory.data()) {
    if (reinterpret_cast<std::uintptr_t>(memory.data()) % alignment != 0)
      raise(ValueError("WorkspaceScope: the memory is not aligned to 64 bytes"));
    (void)get_num_threads(); // as in reserve_workspace
    if (memory.empty()) return;
    for (MemoryBlock& b : detail::kept_blocks())
      if (b.is_owner()) {
        replaced_ = std::exchange(b, MemoryBlock(memory));
        return;
      }
    raise(ValueError("WorkspaceScope: this thread has eight of them already"));
  }
  WorkspaceScope(const WorkspaceScope&) = delete;
  WorkspaceScope& operator=(const WorkspaceScope&) = delete;
  ~WorkspaceScope() {
    for (MemoryBlock& b : detail::kept_blocks())
      if (b.data() == memory_ && !b.is_owner()) b = std::move(replaced_);
  }

private:
  std::byte* memory_;
  MemoryBlock replaced_;
};

} // namespace stator::inline v0_2
