// SPDX-License-Identifier: BSL-1.0
// Vectors of elements with the operators and functions that elementwise operations are written in, over Eigen's
// packet math. The same exist for single elements, so an operation is written once:
//   template<class V> static V apply(V x) { return x / (V(1) + exp(-x)); }
#pragma once

// g++ 12 takes the deliberately undefined operands of AVX-512 intrinsics for mistakes (GCC bug 105593).
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
#include <Eigen/Core>
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif
#include <cmath>
#include <limits>
#include <unsupported/Eigen/SpecialFunctions>

namespace stator::kernel {

/// As many elements as a vector register of the target holds.
template<class T>
struct Pack {
  using Raw = typename Eigen::internal::packet_traits<T>::type;
  static constexpr int size = Eigen::internal::unpacket_traits<Raw>::size;

  Raw raw;

  Pack() = default;
  explicit Pack(T value) : raw(Eigen::internal::pset1<Raw>(value)) {}
  static Pack of(const Raw& r) {
    Pack p;
    p.raw = r;
    return p;
  }
  static Pack load(const T* p) { return of(Eigen::internal::ploadu<Raw>(p)); }
  void store(T* p) const { Eigen::internal::pstoreu(p, raw); }
};

/// One element, with the same operators and functions as a Pack.
template<class T>
struct Lane {
  T raw;

  Lane() = default;
  explicit constexpr Lane(T value) : raw(value) {}
};

/// The result of a comparison: all bits set where it holds.
template<class T>
struct PackMask {
  typename Pack<T>::Raw raw;
};

// clang-format off
template<class T> Pack<T> operator+(const Pack<T>& a, const Pack<T>& b) { return Pack<T>::of(Eigen::internal::padd(a.raw, b.raw)); }
template<class T> Pack<T> operator-(const Pack<T>& a, const Pack<T>& b) { return Pack<T>::of(Eigen::internal::psub(a.raw, b.raw)); }
template<class T> Pack<T> operator*(const Pack<T>& a, const Pack<T>& b) { return Pack<T>::of(Eigen::internal::pmul(a.raw, b.raw)); }
template<class T> Pack<T> operator/(const Pack<T>& a, const Pack<T>& b) { return Pack<T>::of(Eigen::internal::pdiv(a.raw, b.raw)); }
template<class T> Pack<T> operator-(const Pack<T>& a) { return Pack<T>::of(Eigen::internal::pnegate(a.raw)); }
template<class T> PackMask<T> operator<(const Pack<T>& a, const Pack<T>& b) { return {Eigen::internal::pcmp_lt(a.raw, b.raw)}; }
template<class T> PackMask<T> operator<=(const Pack<T>& a, const Pack<T>& b) { return {Eigen::internal::pcmp_le(a.raw, b.raw)}; }
template<class T> PackMask<T> operator>(const Pack<T>& a, const Pack<T>& b) { return b < a; }
template<class T> PackMask<T> operator>=(const Pack<T>& a, const Pack<T>& b) { return b <= a; }
template<class T> PackMask<T> operator==(const Pack<T>& a, const Pack<T>& b) { return {Eigen::internal::pcmp_eq(a.raw, b.raw)}; }

/// Elementwise choice; both sides are computed.
template<class T> Pack<T> select(const PackMask<T>& c, const Pack<T>& yes, const Pack<T>& no) { return Pack<T>::of(Eigen::internal::pselect(c.raw, yes.raw, no.raw)); }

template<class T> Lane<T> operator+(Lane<T> a, Lane<T> b) { return Lane<T>(a.raw + b.raw); }
template<class T> Lane<T> operator-(Lane<T> a, Lane<T> b) { return Lane<T>(a.raw - b.raw); }
template<class T> Lane<T> operator*(Lane<T> a, Lane<T> b) { return Lane<T>(a.raw * b.raw); }
template<class T> Lane<T> operator/(Lane<T> a, Lane<T> b) { return Lane<T>(a.raw / b.raw); }
template<class T> Lane<T> operator-(Lane<T> a) { return Lane<T>(-a.raw); }
template<class T> bool operator<(Lane<T> a, Lane<T> b) { return a.raw < b.raw; }
template<class T> bool operator<=(Lane<T> a, Lane<T> b) { return a.raw <= b.raw; }
template<class T> bool operator>(Lane<T> a, Lane<T> b) { return a.raw > b.raw; }
template<class T> bool operator>=(Lane<T> a, Lane<T> b) { return a.raw >= b.raw; }
template<class T> bool operator==(Lane<T> a, Lane<T> b) { return a.raw == b.raw; }
template<class T> Lane<T> select(bool c, Lane<T> yes, Lane<T> no) { return c ? yes : no; }

namespace detail {
/// For functions that Eigen has no vector code for: one element after the other.
template<class T, class F> Pack<T> each(const Pack<T>& a, F f) {
  alignas(64) T lanes[Pack<T>::size];
  a.store(lanes);
  for (T& x : lanes) x = f(x);
  return Pack<T>::load(lanes);
}
template<class T, class F> Pack<T> each(const Pack<T>& a, const Pack<T>& b, F f) {
  alignas(64) T x[Pack<T>::size], y[Pack<T>::size];
  a.store(x);
  b.store(y);
  for (int i = 0; i < Pack<T>::size; ++i) x[i] = f(x[i], y[i]);
  return Pack<T>::load(x);
}
} // namespace detail

// Functions of one operand: a name, the packet function (or each lane by itself).
#define STATOR_VECTOR_FUNCTION(name, packet)                                                                           \
  template<class T> Pack<T> name(const Pack<T>& a) { return Pack<T>::of(Eigen::internal::packet(a.raw)); }             \
  template<class T> Lane<T> name(Lane<T> a) { return Lane<T>(std::name(a.raw)); }
#define STATOR_LANE_FUNCTION(name)                                                                                     \
  template<class T> Lane<T> name(Lane<T> a) { return Lane<T>(std::name(a.raw)); } \
  template<class T> Pack<T> name(const Pack<T>& a) { return detail::each(a, [](T x) { return std::name(x); }); }
STATOR_VECTOR_FUNCTION(abs, pabs)
STATOR_VECTOR_FUNCTION(floor, pfloor)
STATOR_VECTOR_FUNCTION(ceil, pceil)
STATOR_LANE_FUNCTION(tan)
STATOR_LANE_FUNCTION(atan)
#undef STATOR_VECTOR_FUNCTION
#undef STATOR_LANE_FUNCTION
// clang-format on

template<class T>
Lane<T> sqrt(Lane<T> a) {
  return Lane<T>(std::sqrt(a.raw));
}
/// Eigen 3.4 approximates the root of floats on some targets, wrongly for infinity: one step of Newton's method.
template<class T>
Pack<T> sqrt(const Pack<T>& a) {
  const Pack<T> root = Pack<T>::of(Eigen::internal::psqrt(a.raw));
  if constexpr (sizeof(T) == 8) return root;
  const Pack<T> better = (root + a / root) * Pack<T>(T(0.5));
  const Pack<T> zero(T(0)), infinity(std::numeric_limits<T>::infinity());
  return select(a == zero, a, select(a == infinity, a, better));
}

// Functions that Eigen has vector code for in float only, or in both.
#define STATOR_MAYBE_VECTOR_FUNCTION(name, packet, has)                                                                \
  template<class T> Lane<T> name(Lane<T> a) { return Lane<T>(std::name(a.raw)); } \
  template<class T>                                                                                                    \
  Pack<T> name(const Pack<T>& a) {                                                                                     \
    if constexpr (Eigen::internal::packet_traits<T>::has)                                                              \
      return Pack<T>::of(Eigen::internal::packet(a.raw));                                                              \
    else                                                                                                               \
      return detail::each(a, [](T x) { return std::name(x); });                                                        \
  }
STATOR_MAYBE_VECTOR_FUNCTION(exp, pexp, HasExp)
STATOR_MAYBE_VECTOR_FUNCTION(log, plog, HasLog)
STATOR_MAYBE_VECTOR_FUNCTION(sin, psin, HasSin)
STATOR_MAYBE_VECTOR_FUNCTION(cos, pcos, HasCos)
STATOR_MAYBE_VECTOR_FUNCTION(expm1, pexpm1, HasExpm1)
STATOR_MAYBE_VECTOR_FUNCTION(log1p, plog1p, HasLog1p)
#undef STATOR_MAYBE_VECTOR_FUNCTION

template<class T>
Lane<T> erf(Lane<T> a) {
  return Lane<T>(std::erf(a.raw));
}
template<class T>
Pack<T> erf(const Pack<T>& a) {
  if constexpr (sizeof(T) == 4)
    return select(a == a, Pack<T>::of(Eigen::internal::generic_fast_erf_float(a.raw)), a); // NaN stays NaN
  else return detail::each(a, [](T x) { return std::erf(x); });
}

template<class T>
Lane<T> tanh(Lane<T> a) {
  return Lane<T>(std::tanh(a.raw));
}
template<class T>
Pack<T> tanh(const Pack<T>& a) {
  if constexpr (Eigen::internal::packet_traits<T>::HasTanh) return Pack<T>::of(Eigen::internal::ptanh(a.raw));
  else return detail::each(a, [](T x) { return std::tanh(x); });
}

template<class T>
Lane<T> pow(Lane<T> a, Lane<T> b) {
  return Lane<T>(std::pow(a.raw, b.raw));
}
template<class T>
Pack<T> pow(const Pack<T>& a, const Pack<T>& b) {
  return detail::each(a, b, [](T x, T y) { return std::pow(x, y); });
}

/// The larger of two; NaN when either is NaN, as in PyTorch.
template<class V>
V maximum(const V& a, const V& b) {
  return select(a == a, select(a < b, b, select(b == b, a, b)), a);
}
/// The smaller of two; NaN when either is NaN, as in PyTorch.
template<class V>
V minimum(const V& a, const V& b) {
  return select(a == a, select(b < a, b, select(b == b, a, b)), a);
}

} // namespace stator::kernel
