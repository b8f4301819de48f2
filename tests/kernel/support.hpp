// SPDX-License-Identifier: BSL-1.0
// Arrays of exactly the size asked for, so that sanitizers see each access beyond, filled with repeatable
// numbers.
#pragma once

#include "stator/core/shape.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>

namespace stator::test {

template<class T>
class ExactArray {
public:
  /// `count` numbers in (-1, 1), whole ones for integers.
  explicit ExactArray(Index count, std::uint32_t seed = 0)
      : size_(count), data_(static_cast<T*>(::operator new(bytes(), std::align_val_t{64}))) {
    std::uint32_t state = seed * 2654435761U + 12345U;
    for (T& x : *this) {
      state = state * 1664525U + 1013904223U;
      if constexpr (std::is_floating_point_v<T>)
        x = static_cast<T>(static_cast<double>(state >> 8) / 8388608.0 - 1.0);
      else
        x = static_cast<T>(state >> 29);
    }
  }
  ExactArray(const ExactArray& other) : ExactArray(other.size_) {
    std::copy(other.begin(), other.end(), begin());
  }
  ExactArray& operator=(const ExactArray&) = delete;
  ~ExactArray() { ::operator delete(data_, std::align_val_t{64}); }

  T* data() { return data_; }
  const T* data() const { return data_; }
  Index size() const { return size_; }
  T* begin() { return data_; }
  T* end() { return data_ + size_; }
  const T* begin() const { return data_; }
  const T* end() const { return data_ + size_; }
  T& operator[](Index i) { return data_[i]; }
  const T& operator[](Index i) const { return data_[i]; }

private:
  std::size_t bytes() const { return static_cast<std::size_t>(size_) * sizeof(T); }
  Index size_;
  T* data_;
};

} // namespace stator::test
