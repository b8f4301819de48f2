// SPDX-License-Identifier: BSL-1.0
// A growing array for constant evaluation. std::vector of libstdc++ 12 costs several times the evaluation
// steps there, and clang refuses parts of it.
#pragma once

#include "stator/core/compiler.hpp"
#include "stator/core/requirements.hpp"

#include <cstddef>
#include <type_traits>

namespace stator::inline v0_2 {

namespace detail {
/// Copies n elements to memory that does not overlap them. Where the compiler copies memory in constant
/// evaluation, that takes one step of it, not one for each element.
template<class T>
constexpr void copy_elements(const T* from, std::size_t n, T* to) {
#ifdef __clang__
  if constexpr (std::is_trivially_copyable_v<T>) {
    n > 0 ? STATOR_MEMCPY(to, from, n * sizeof(T)) : nullptr;
    return;
  }
#endif
  for (std::size_t i = 0; i < n; ++i) to[i] = from[i];
}
/// Sets n elements to a value.
template<class T>
constexpr void fill_elements(T* to, std::size_t n, const T& value) {
  if (n > 0) to[0] = value;
  for (std::size_t done = 1; done < n; done *= 2)
    copy_elements(to, n - done < done ? n - done : done, to + done);
}
} // namespace detail

/// Elements must be copyable and default constructible.
template<class T>
class GrowingArray {
public:
  constexpr GrowingArray() = default;
  explicit constexpr GrowingArray(std::size_t n) : data_(new T[n]{}), size_(n), capacity_(n) {}
  constexpr GrowingArray(std::size_t n, const T& value) : GrowingArray(n) {
    detail::fill_elements(data_, n, value);
  }
  constexpr GrowingArray(const GrowingArray& other) { append(other.begin(), other.end()); }
  constexpr GrowingArray(GrowingArray&& other) noexcept
      : data_(other.data_), size_(other.size_), capacity_(other.capacity_) {
    other.data_ = nullptr;
    other.size_ = other.capacity_ = 0;
  }
  constexpr GrowingArray& operator=(const GrowingArray& other) {
    if (this != &other) {
      size_ = 0;
      append(other.begin(), other.end());
    }
    return *this;
  }
  constexpr GrowingArray& operator=(GrowingArray&& other) noexcept {
    T* const mine = data_;
    data_ = other.data_, size_ = other.size_, capacity_ = other.capacity_;
    other.data_ = mine, other.size_ = other.capacity_ = 0;
    return *this;
  }
  constexpr ~GrowingArray() { delete[] data_; }

  constexpr std::size_t size() const { return size_; }
  constexpr bool empty() const { return size_ == 0; }
  /// The first element, invalid after the array grows.
  constexpr T* data() { return data_; }
  constexpr const T* data() const { return data_; }
  constexpr T& operator[](std::size_t i) { return data_[i]; }
  constexpr const T& operator[](std::size_t i) const { return data_[i]; }
  constexpr T* begin() { return data_; }
  constexpr T* end() { return data_ + size_; }
  constexpr const T* begin() const { return data_; }
  constexpr const T* end() const { return data_ + size_; }
  /// The last element; there must be one.
  constexpr T& back() { return data_[size_ - 1]; }
  constexpr const T& back() const { return data_[size_ - 1]; }

  /// Makes room for n elements in all.
  constexpr void reserve(std::size_t n) {
    if (n <= capacity_) return;
    T* const grown = new T[n]{};
    detail::copy_elements(data_, size_, grown);
    delete[] data_;
    data_ = grown;
    capacity_ = n;
  }
  // One statement: statements are what clang counts as steps of an evaluation.
  /// Appends a copy of the value.
  constexpr void push_back(const T& value) {
    (size_ == capacity_ ? reserve(capacity_ == 0 ? 16 : 2 * capacity_) : void()), data_[size_++] = value;
  }
  /// Appends the elements of [first, last).
  constexpr void append(const T* first, const T* last) {
    const auto n = static_cast<std::size_t>(last - first);
    if (size_ + n > capacity_) reserve(size_ + n > 2 * capacity_ ? size_ + n : 2 * capacity_);
    detail::copy_elements(first, n, data_ + size_);
    size_ += n;
  }
  /// Removes the last element; there must be one.
  constexpr void pop_back() { --size_; }
  /// Shortens to n elements.
  constexpr void truncate(std::size_t n) { size_ = n; }

private:
  T* data_ = nullptr;
  std::size_t size_ = 0, capacity_ = 0;
};

} // namespace stator::inline v0_2
