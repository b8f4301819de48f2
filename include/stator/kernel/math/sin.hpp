// SPDX-License-Identifier: BSL-1.0
// sin and cos: x = n pi / 2 + r with |r| <= pi / 4, pi / 2 in four parts of which n times the first three is
// exact. Vectors with a number too large for that go to the C++ library. Coefficients:
// tests/reference/minimax.py. Errors are the largest found by tests/kernel/math_test.cpp.
#pragma once

#include "stator/core/compiler.hpp"
#include "stator/kernel/math/polynomial.hpp"

namespace stator::kernel {

namespace detail {

/// sin(x + quarters pi / 2)
template<int Quarters, class T, Index W>
STATOR_ALWAYS_INLINE inline Simd<T, W> sine(const Simd<T, W>& x) {
  using V = Simd<T, W>;
  using B = Simd<bits_of<T>, W>;
  constexpr bool single = sizeof(T) == 4;
  const V shift(format<T>::round_to_integer);
  const V shifted = mul_add(x, V(static_cast<T>(0x1.45f306dc9c883p-1)), shift); // 2 / pi
  const V n = shifted - shift;
  const auto less = [&](const V& from, double part) { return mul_add(n, V(static_cast<T>(-part)), from); };
  constexpr double third = single ? 0x1.444p-24 : 0x1.3198a2ep-69;
  V most; // without the last two parts, exact
  if constexpr (single)
    most = less(less(x, 0x1.92p+0), 0x1.fb4p-12);
  else
    most = less(less(x, 0x1.921fb544p+0), 0x1.0b4611a6p-34);
  const V r = less(most, third);
  const V low = less(less((most - r), third), single ? 0x1.68c234p-39 : 0x1.b839a252049c1p-104);
  const V z = r * r;
  V s, c;
  if constexpr (single) {
    s = polynomial(z, -0x1.555546p-3, 0x1.110774p-7, -0x1.995152p-13);
    c = polynomial(z, -0.5, 0x1.55554ep-5, -0x1.6c0e32p-10, 0x1.9a67ecp-16);
  } else {
    s = polynomial(z, -0x1.5555555555548p-3, 0x1.111111110f73dp-7, -0x1.a01a019beb54ep-13,
                   0x1.71de35570a36bp-19, -0x1.ae5e4cc110a64p-26, 0x1.5d8b9a79ced8ep-33);
    c = polynomial(z, -0.5, 0x1.5555555555554p-5, -0x1.6c16c16c160e5p-10, 0x1.a01a019e029b5p-16,
                   -0x1.27e4f8e2d6ebap-22, 0x1.1eea71145d950p-29, -0x1.8fed86b0ff8e3p-37);
  }
  s = r + mul_add(r * z, s, low);
  c = mul_add(z, c, V(T{1}));
  const B quarter = bits(shifted) + B(bits_of<T>{Quarters});
  constexpr int top = 8 * static_cast<int>(sizeof(T)) - 1;
  const V either = choose(quarter << top, c, s);
  return from_bits<T>(bits(either) ^ (quarter >> 1 << top));
}

/// Below it n is small enough.
template<class T>
inline constexpr T sine_limit = sizeof(T) == 4 ? T(1 << 13) : T(1 << 20);

} // namespace detail

/// sin(x). Error: 1.6 ulp.
template<std::floating_point T, Index W>
inline Simd<T, W> sin(const Simd<T, W>& x) {
  using V = Simd<T, W>;
  if (any(abs(x) > V(detail::sine_limit<T>))) [[unlikely]]
    return detail::each(x, [](T e) { return std::sin(e); });
  return select(x == V(T{}), x, detail::sine<0>(x)); // -0
}

/// cos(x). Error: 1.6 ulp.
template<std::floating_point T, Index W>
inline Simd<T, W> cos(const Simd<T, W>& x) {
  using V = Simd<T, W>;
  if (any(abs(x) > V(detail::sine_limit<T>))) [[unlikely]]
    return detail::each(x, [](T e) { return std::cos(e); });
  return detail::sine<1>(x);
}

} // namespace stator::kernel
