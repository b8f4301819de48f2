// SPDX-License-Identifier: BSL-1.0
// Arithmetic on sizes that come from outside: extents, counts and bytes that a caller or a file states. What
// does not fit is noticed, not wrapped around.
#pragma once

#include "stator/core/requirements.hpp"

#include <concepts>
#include <cstddef>
#include <limits>

namespace stator::inline v0_2 {

/// The largest number of bytes, and of elements, that one block of memory can have.
inline constexpr std::size_t largest_size = std::numeric_limits<std::size_t>::max() / 2;

/// A size that remembers whether it is one: `CheckedSize n = 4; n *= rows; n += 64; if (!n.fits()) ...`.
/// A negative number makes it invalid for good; one that is too large until it is multiplied by 0, since a
/// tensor of shape (2^62, 2^62, 0) has no elements.
class CheckedSize {
public:
  template<std::integral T>
  constexpr CheckedSize(T n) {
    if (n < T{0})
      negative_ = true;
    else if (static_cast<unsigned long long>(n) > largest_size)
      large_ = true;
    else
      value_ = static_cast<std::size_t>(n);
  }

  constexpr CheckedSize& operator*=(const CheckedSize& by) {
    const bool zero = is_zero() || by.is_zero();
    negative_ = negative_ || by.negative_;
    large_ = !zero && !negative_ && (large_ || by.large_ || value_ > largest_size / by.value_);
    value_ = fits() ? value_ * by.value_ : 0;
    return *this;
  }
  constexpr CheckedSize& operator+=(const CheckedSize& by) {
    negative_ = negative_ || by.negative_;
    large_ = large_ || by.large_ || value_ > largest_size - by.value_;
    value_ = fits() ? value_ + by.value_ : 0;
    return *this;
  }

  /// Whether it is a size: neither negative nor too large.
  constexpr bool fits() const { return !negative_ && !large_; }
  /// Whether a negative factor or term made the size meaningless.
  constexpr bool is_negative() const { return negative_; }
  /// Meaningful when it fits.
  constexpr std::size_t value() const { return value_; }

private:
  constexpr bool is_zero() const { return value_ == 0 && fits(); }

  std::size_t value_ = 0;
  bool negative_ = false, large_ = false;
};

/// The product of extents: the elements of a tensor.
template<class Extents>
constexpr CheckedSize checked_product(const Extents& extents) {
  CheckedSize n = 1;
  for (const auto extent : extents) n *= extent;
  return n;
}

} // namespace stator::inline v0_2
