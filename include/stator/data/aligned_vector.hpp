// SPDX-License-Identifier: BSL-1.0
// A std::vector whose elements begin at a multiple of 64 bytes, where kernels read fastest.
#pragma once

#include "stator/core/bytes.hpp"

#include <new>
#include <vector>

namespace stator::data {

/// An allocator of memory that begins at a multiple of `alignment` bytes.
template<class T>
struct AlignedAllocator {
  using value_type = T;

  constexpr AlignedAllocator() = default;
  template<class U>
  constexpr AlignedAllocator(const AlignedAllocator<U>&) {}

  /// Memory for n elements. Throws std::bad_alloc, also when the bytes cannot be counted.
  T* allocate(std::size_t n) {
    if (n > static_cast<std::size_t>(-1) / sizeof(T)) raise(std::bad_array_new_length());
    return static_cast<T*>(::operator new(n * sizeof(T), std::align_val_t{alignment}));
  }
  /// Frees what `allocate` returned.
  void deallocate(T* block, std::size_t) { ::operator delete(block, std::align_val_t{alignment}); }
  constexpr bool operator==(const AlignedAllocator&) const = default;
};

/// A std::vector whose elements can be loaded as aligned SIMD vectors.
template<class T>
using AlignedVector = std::vector<T, AlignedAllocator<T>>;

} // namespace stator::data
