// SPDX-License-Identifier: BSL-1.0
// One pass over several arrays, a vector register at a time. An update rule is written once, as a function of
// numbers, and runs on vectors and on the last few elements alike. (Plain loops are not enough: g++ does not
// vectorise std::sqrt without -fno-math-errno, and users need no flags.)
//
// Roundings are PyTorch's where the machine has fused multiply-add: `fused` stands for one rounding,
// `rounded` keeps a product from being fused with the sum around it.
#pragma once

#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstring>

namespace stator::optim::detail {

#if defined(__AVX__)
inline constexpr std::size_t register_bytes = 32; // wider registers divide and take roots no faster
#else
inline constexpr std::size_t register_bytes = 16;
#endif

template<class T>
struct lanes;
template<>
struct lanes<float> {
  typedef float type __attribute__((vector_size(register_bytes)));
};
template<>
struct lanes<double> {
  typedef double type __attribute__((vector_size(register_bytes)));
};

template<std::floating_point T>
T sqrt(T x) {
  return std::sqrt(x);
}

template<class T, class V>
V sqrt_lanes(V x) {
#if defined(__clang__)
  return __builtin_elementwise_sqrt(x);
#elif defined(__AVX__)
  if constexpr (sizeof(T) == 4)
    return __builtin_ia32_sqrtps256(x);
  else
    return __builtin_ia32_sqrtpd256(x);
#elif defined(__SSE2__)
  if constexpr (sizeof(T) == 4)
    return __builtin_ia32_sqrtps(x);
  else
    return __builtin_ia32_sqrtpd(x);
#else
  for (std::size_t i = 0; i < sizeof(V) / sizeof(T); ++i) x[i] = std::sqrt(x[i]);
  return x;
#endif
}
inline lanes<float>::type sqrt(lanes<float>::type x) { return sqrt_lanes<float>(x); }
inline lanes<double>::type sqrt(lanes<double>::type x) { return sqrt_lanes<double>(x); }

template<class V>
V abs(V x) {
  return x < V{} ? -x : x;
}
template<class V>
V maximum(V a, V b) {
  return a > b ? a : b;
}
template<class V>
V minimum(V a, V b) {
  return a < b ? a : b;
}

/// a * b + c with one rounding, where that is fast. a or b may be a single number.
template<class A, class B, class V>
V fused(A a, B b, V c) {
  return a * b + c; // compilers contract this one expression
}

/// A product that is rounded before anything is added to it.
template<class V>
V rounded(V product) {
#if defined(__GNUC__) && !defined(__clang__) && defined(__FMA__)
  asm("" : "+x"(product)); // g++ contracts across statements, clang does not
#endif
  return product;
}

template<class L, class T>
L load(const T* from) {
  L lane;
  std::memcpy(&lane, from, sizeof lane);
  return lane;
}
template<class L, class T>
void store(T* to, const L& lane) {
  std::memcpy(to, &lane, sizeof lane);
}
template<class L, class T>
void store(const T*, const L&) {}

template<class L, class F, class... T>
[[gnu::always_inline]] inline void apply_at(const F& f, T*... at) {
  [&](auto... lane) __attribute__((always_inline)) {
    f(lane...);
    (store(at, lane), ...);
  }(load<L>(at)...);
}

/// Calls `f(lane&...)` on corresponding elements of the arrays, writing back to those that are not const.
template<class F, class T, class... Rest>
void for_lanes(std::size_t count, const F& f, T* first, Rest*... rest) {
  using V = typename lanes<T>::type;
  constexpr std::size_t width = sizeof(V) / sizeof(T);
  std::size_t i = 0;
  for (; i + width <= count; i += width) apply_at<V>(f, first + i, (rest + i)...);
  for (; i < count; ++i) apply_at<T>(f, first + i, (rest + i)...);
}

} // namespace stator::optim::detail
