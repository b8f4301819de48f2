// SPDX-License-Identifier: BSL-1.0
// One integer or bool with the operators that elementwise operations are written in: what Lane is for
// floating-point numbers. Integers wrap around, as in PyTorch; the sum of bools is "or", their product "and".
#pragma once

#include "stator/kernel/packet.hpp"

#include <concepts>
#include <type_traits>

namespace stator::kernel {

template<std::integral T>
struct Whole {
  T raw;

  Whole() = default;
  explicit constexpr Whole(T value) : raw(value) {}
};

/// What `apply` of an elementwise operation gets, for one element of type T.
template<class T>
struct element_in_apply {
  using type = Lane<T>;
};
template<std::integral T>
struct element_in_apply<T> {
  using type = Whole<T>;
};
template<class T>
using ElementOf = typename element_in_apply<T>::type;

namespace detail {
/// The unsigned type in which T wraps around without undefined behaviour.
template<class T>
using wrapping = std::conditional_t<sizeof(T) == 8, std::uint64_t, std::uint32_t>;

template<class T, class F>
constexpr Whole<T> wrap(Whole<T> a, Whole<T> b, F f) {
  return Whole<T>(static_cast<T>(f(static_cast<wrapping<T>>(a.raw), static_cast<wrapping<T>>(b.raw))));
}
} // namespace detail

// clang-format off
template<class T> constexpr Whole<T> operator+(Whole<T> a, Whole<T> b) { return detail::wrap(a, b, [](auto x, auto y) { return x + y; }); }
template<class T> constexpr Whole<T> operator-(Whole<T> a, Whole<T> b) { return detail::wrap(a, b, [](auto x, auto y) { return x - y; }); }
template<class T> constexpr Whole<T> operator*(Whole<T> a, Whole<T> b) { return detail::wrap(a, b, [](auto x, auto y) { return x * y; }); }
template<class T> constexpr Whole<T> operator-(Whole<T> a) { return Whole<T>(T{}) - a; }
template<class T> constexpr bool operator<(Whole<T> a, Whole<T> b) { return a.raw < b.raw; }
template<class T> constexpr bool operator<=(Whole<T> a, Whole<T> b) { return a.raw <= b.raw; }
template<class T> constexpr bool operator>(Whole<T> a, Whole<T> b) { return a.raw > b.raw; }
template<class T> constexpr bool operator>=(Whole<T> a, Whole<T> b) { return a.raw >= b.raw; }
template<class T> constexpr bool operator==(Whole<T> a, Whole<T> b) { return a.raw == b.raw; }
template<class T> constexpr Whole<T> select(bool c, Whole<T> yes, Whole<T> no) { return c ? yes : no; }
template<class T> constexpr Whole<T> abs(Whole<T> a) { return a.raw < T{} ? -a : a; }
// clang-format on

/// The whole power; 0 (1, -1 for bases 1, -1) where the exponent is negative, as in PyTorch.
template<class T>
constexpr Whole<T> pow(Whole<T> base, Whole<T> exponent) {
  const Whole<T> one(T{1});
  if (exponent.raw < T{}) {
    if (base == one) return one;
    if (base == -one) return exponent.raw % 2 == 0 ? one : base;
    return Whole<T>(T{});
  }
  Whole<T> result = one;
  for (auto e = static_cast<detail::wrapping<T>>(exponent.raw); e != 0; e >>= 1) {
    if ((e & 1u) != 0) result = result * base;
    base = base * base;
  }
  return result;
}

} // namespace stator::kernel
