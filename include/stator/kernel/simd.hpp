// SPDX-License-Identifier: BSL-1.0
// The SIMD interface: Simd<T, W> is W numbers with operators, comparisons and select; what elementwise code
// is written in. With W = 1 it is a single number, so code for the rest of a row is the code for the row.
// Functions (exp, log, ...) on top of it are in kernel/math.hpp; the bare vectors below it in
// kernel/vector.hpp. Nothing but these names registers or a machine.
#pragma once

#include "stator/core/compiler.hpp"
#include "stator/kernel/vector.hpp"

#include <bit>
#include <cmath>
#include <concepts>
#include <limits>

namespace stator::kernel {

namespace detail {
/// g++ has no portable spelling of the vector root, and calls std::sqrt for each element for the sake of
/// errno.
template<class T, Index W, class V>
STATOR_ALWAYS_INLINE inline void sqrt(const V& x, V& root) {
#if defined(__clang__)
  root = __builtin_elementwise_sqrt(x);
#else
  [[maybe_unused]] constexpr std::size_t bytes = sizeof(V);
  [[maybe_unused]] constexpr bool single = sizeof(T) == 4;
  // clang-format off
  if constexpr (W == 1) root = std::sqrt(x);
#if defined(__AVX512F__)
  else if constexpr (bytes == 64 && single) root = __builtin_ia32_sqrtps512_mask(x, x, static_cast<short>(-1), 4);
  else if constexpr (bytes == 64) root = __builtin_ia32_sqrtpd512_mask(x, x, static_cast<char>(-1), 4);
#endif
#if defined(__AVX__)
  else if constexpr (bytes == 32 && single) root = __builtin_ia32_sqrtps256(x);
  else if constexpr (bytes == 32) root = __builtin_ia32_sqrtpd256(x);
#endif
#if defined(__SSE2__)
  else if constexpr (bytes == 16 && single) root = __builtin_ia32_sqrtps(x);
  else if constexpr (bytes == 16) root = __builtin_ia32_sqrtpd(x);
#elif defined(__aarch64__)
  else if constexpr (bytes == 16 && single) asm("fsqrt %0.4s, %1.4s" : "=w"(root) : "w"(x));
  else if constexpr (bytes == 16) asm("fsqrt %0.2d, %1.2d" : "=w"(root) : "w"(x));
#endif
  else for (Index i = 0; i < W; ++i) root[i] = std::sqrt(x[i]);
  // clang-format on
#endif
}
/// a < b ? b : a, or with Least b < a ? b : a, in one instruction, which g++ never finds, and clang not where
/// the comparison is asked for once more; a where one is NaN.
template<bool Least, class T, Index W, class V>
STATOR_ALWAYS_INLINE inline void extreme(const V& a, const V& b, V& result) {
  [[maybe_unused]] constexpr std::size_t bytes = vectorizable<T> && W > 1 ? sizeof(V) : 0;
  [[maybe_unused]] constexpr bool single = sizeof(T) == 4;
  // clang-format off
  if constexpr (bytes == 0) result = (Least ? b < a : a < b) ? b : a;
#if defined(__AVX512F__) && defined(__clang__)
  else if constexpr (bytes == 64 && single) result = Least ? __builtin_ia32_minps512(b, a, 4) : __builtin_ia32_maxps512(b, a, 4);
  else if constexpr (bytes == 64) result = Least ? __builtin_ia32_minpd512(b, a, 4) : __builtin_ia32_maxpd512(b, a, 4);
#elif defined(__AVX512F__)
  else if constexpr (bytes == 64 && single) result = Least ? __builtin_ia32_minps512_mask(b, a, a, static_cast<short>(-1), 4) : __builtin_ia32_maxps512_mask(b, a, a, static_cast<short>(-1), 4);
  else if constexpr (bytes == 64) result = Least ? __builtin_ia32_minpd512_mask(b, a, a, static_cast<char>(-1), 4) : __builtin_ia32_maxpd512_mask(b, a, a, static_cast<char>(-1), 4);
#endif
#if defined(__AVX__)
  else if constexpr (bytes == 32 && single) result = Least ? __builtin_ia32_minps256(b, a) : __builtin_ia32_maxps256(b, a);
  else if constexpr (bytes == 32) result = Least ? __builtin_ia32_minpd256(b, a) : __builtin_ia32_maxpd256(b, a);
#endif
#if defined(__SSE2__)
  else if constexpr (bytes == 16 && single) result = Least ? __builtin_ia32_minps(b, a) : __builtin_ia32_maxps(b, a);
  else if constexpr (bytes == 16) result = Least ? __builtin_ia32_minpd(b, a) : __builtin_ia32_maxpd(b, a);
#endif
  else if constexpr (Least) result = b < a ? b : a;
  else result = a < b ? b : a;
  // clang-format on
}
/// max(x, 0); NaN stays NaN, and -0 is -0, as PyTorch's.
template<class T, Index W, class V>
STATOR_ALWAYS_INLINE inline void relu(const V& x, V& y) {
  extreme<false, T, W>(x, V{}, y);
}
} // namespace detail

/// The unsigned integers of as many bits.
template<class T>
using bits_of = std::conditional_t<sizeof(T) == 8, std::uint64_t, std::uint32_t>;

/// The result of comparing two Simd<T, W>.
template<class T, Index W>
struct Mask {
  typename detail::mask<T, W>::type raw; ///< all bits of an element are set where it is true

  STATOR_ALWAYS_INLINE friend Mask operator&(const Mask& a, const Mask& b) { return both(a.raw & b.raw); }
  STATOR_ALWAYS_INLINE friend Mask operator|(const Mask& a, const Mask& b) { return both(a.raw | b.raw); }
  STATOR_ALWAYS_INLINE friend Mask operator!(const Mask& a) {
    if constexpr (W == 1)
      return {!a.raw};
    else
      return {~a.raw};
  }

private:
  template<class R>
  STATOR_ALWAYS_INLINE static Mask both(const R& r) {
    return {static_cast<decltype(Mask::raw)>(r)};
  }
};

/// W numbers of type T, as many as a vector register of the target holds unless said otherwise.
template<class T, Index W = native_width<T>>
struct Simd {
  using value_type = T;
  /// The compiler's vector type.
  using Raw = vec<T, W>;
  static constexpr Index size = W;

  Raw raw; ///< the elements

  Simd() = default;
  /// W times `value`.
  STATOR_ALWAYS_INLINE explicit Simd(T value) {
    if constexpr (W == 1)
      raw = value;
    else
      raw = value - Raw{}; // x - 0 is x, for -0 as well
  }
  /// From the compiler's vector.
  STATOR_ALWAYS_INLINE static Simd of(const Raw& r) {
    Simd s;
    s.raw = r;
    return s;
  }
  /// From any address.
  STATOR_ALWAYS_INLINE static Simd load(const T* p) {
    Simd s;
    STATOR_MEMCPY(&s.raw, p, sizeof s.raw);
    return s;
  }
  /// Writes the elements to p, which need not be aligned.
  STATOR_ALWAYS_INLINE void store(T* p) const { STATOR_MEMCPY(p, &raw, sizeof raw); }

  /// The sum of the elements, as a tree.
  STATOR_ALWAYS_INLINE T sum() const {
    if constexpr (W == 1)
      return raw;
    else
      return horizontal_sum<T, W>(raw);
  }

  // clang-format off
  STATOR_ALWAYS_INLINE friend Simd operator+(const Simd& a, const Simd& b) { return of(static_cast<Raw>(wrapping(a.raw) + wrapping(b.raw))); }
  STATOR_ALWAYS_INLINE friend Simd operator-(const Simd& a, const Simd& b) { return of(static_cast<Raw>(wrapping(a.raw) - wrapping(b.raw))); }
  STATOR_ALWAYS_INLINE friend Simd operator*(const Simd& a, const Simd& b) { return of(static_cast<Raw>(wrapping(a.raw) * wrapping(b.raw))); }
  STATOR_ALWAYS_INLINE friend Simd operator/(const Simd& a, const Simd& b) { return of(static_cast<Raw>(a.raw / b.raw)); }
  STATOR_ALWAYS_INLINE friend Simd operator-(const Simd& a) { return of(static_cast<Raw>(-wrapping(a.raw))); }
  STATOR_ALWAYS_INLINE friend Simd operator+(const Simd& a, T b) { return a + Simd(b); }
  STATOR_ALWAYS_INLINE friend Simd operator-(const Simd& a, T b) { return a - Simd(b); }
  STATOR_ALWAYS_INLINE friend Simd operator*(const Simd& a, T b) { return a * Simd(b); }
  STATOR_ALWAYS_INLINE friend Simd operator/(const Simd& a, T b) { return a / Simd(b); }
  STATOR_ALWAYS_INLINE friend Simd operator+(T a, const Simd& b) { return Simd(a) + b; }
  STATOR_ALWAYS_INLINE friend Simd operator-(T a, const Simd& b) { return Simd(a) - b; }
  STATOR_ALWAYS_INLINE friend Simd operator*(T a, const Simd& b) { return Simd(a) * b; }
  STATOR_ALWAYS_INLINE friend Simd operator/(T a, const Simd& b) { return Simd(a) / b; }
  template<class B> STATOR_ALWAYS_INLINE Simd& operator+=(const B& b) { return *this = *this + b; }
  template<class B> STATOR_ALWAYS_INLINE Simd& operator-=(const B& b) { return *this = *this - b; }
  template<class B> STATOR_ALWAYS_INLINE Simd& operator*=(const B& b) { return *this = *this * b; }

  STATOR_ALWAYS_INLINE friend Mask<T, W> operator<(const Simd& a, const Simd& b) { return mask(a.raw < b.raw); }
  STATOR_ALWAYS_INLINE friend Mask<T, W> operator<=(const Simd& a, const Simd& b) { return mask(a.raw <= b.raw); }
  STATOR_ALWAYS_INLINE friend Mask<T, W> operator>(const Simd& a, const Simd& b) { return mask(a.raw > b.raw); }
  STATOR_ALWAYS_INLINE friend Mask<T, W> operator>=(const Simd& a, const Simd& b) { return mask(a.raw >= b.raw); }
  STATOR_ALWAYS_INLINE friend Mask<T, W> operator==(const Simd& a, const Simd& b) { return mask(a.raw == b.raw); }

  // Of integers.
  STATOR_ALWAYS_INLINE friend Simd operator&(const Simd& a, const Simd& b) { return of(static_cast<Raw>(a.raw & b.raw)); }
  STATOR_ALWAYS_INLINE friend Simd operator|(const Simd& a, const Simd& b) { return of(static_cast<Raw>(a.raw | b.raw)); }
  STATOR_ALWAYS_INLINE friend Simd operator^(const Simd& a, const Simd& b) { return of(static_cast<Raw>(a.raw ^ b.raw)); }
  STATOR_ALWAYS_INLINE friend Simd operator<<(const Simd& a, int n) { return of(static_cast<Raw>(a.raw << n)); }
  STATOR_ALWAYS_INLINE friend Simd operator>>(const Simd& a, int n) { return of(static_cast<Raw>(a.raw >> n)); }
  // clang-format on

private:
  /// A single integer in the type in which it wraps around, as in PyTorch, without undefined behaviour; the
  /// sum of bools is "or", their product "and".
  template<class R>
  STATOR_ALWAYS_INLINE static decltype(auto) wrapping(const R& r) {
    if constexpr (W == 1 && std::integral<T>)
      return static_cast<std::conditional_t<sizeof(T) == 8, std::uint64_t, std::uint32_t>>(r);
    else
      return (r);
  }
  template<class R>
  STATOR_ALWAYS_INLINE static Mask<T, W> mask(const R& r) {
    return {(typename detail::mask<T, W>::type)r};
  }
};

/// a * b + c, with one rounding where the target has fused multiply-add, with two where it has not; with g++
/// also where it does not optimise (-O0), since its optimiser is what fuses.
template<class T, Index W>
STATOR_ALWAYS_INLINE inline Simd<T, W> mul_add(const Simd<T, W>& a, const Simd<T, W>& b,
                                               const Simd<T, W>& c) {
  return Simd<T, W>::of(
      static_cast<vec<T, W>>(a.raw * b.raw + c.raw)); // compilers contract this one expression
}

template<class T, Index W>
STATOR_ALWAYS_INLINE inline Simd<T, W> mul_add(const Simd<T, W>& a, std::type_identity_t<T> b,
                                               const Simd<T, W>& c) {
  return mul_add(a, Simd<T, W>(b), c);
}

/// Elementwise choice; both sides are computed.
template<class T, Index W>
STATOR_ALWAYS_INLINE inline Simd<T, W> select(const Mask<T, W>& c, const Simd<T, W>& yes,
                                              const Simd<T, W>& no) {
  return Simd<T, W>::of(c.raw ? yes.raw : no.raw);
}

/// a < b ? b : a: the larger of two; a where one is NaN.
template<class T, Index W>
STATOR_ALWAYS_INLINE inline Simd<T, W> larger(const Simd<T, W>& a, const Simd<T, W>& b) {
  Simd<T, W> result;
  detail::extreme<false, T, W>(a.raw, b.raw, result.raw);
  return result;
}
/// b < a ? b : a: the smaller of two; a where one is NaN.
template<class T, Index W>
STATOR_ALWAYS_INLINE inline Simd<T, W> smaller(const Simd<T, W>& a, const Simd<T, W>& b) {
  Simd<T, W> result;
  detail::extreme<true, T, W>(a.raw, b.raw, result.raw);
  return result;
}

/// Whether it holds anywhere.
template<class T, Index W>
STATOR_ALWAYS_INLINE inline bool any(const Mask<T, W>& m) {
  if constexpr (W == 1) {
    return m.raw;
  } else {
    std::uint64_t words[sizeof m.raw / 8], all = 0;
    STATOR_MEMCPY(words, &m.raw, sizeof words);
    for (const std::uint64_t word : words) all |= word;
    return all != 0;
  }
}

/// yes where the highest bit of c is set.
template<class T, Index W>
STATOR_ALWAYS_INLINE inline Simd<T, W> choose(const Simd<bits_of<T>, W>& c, const Simd<T, W>& yes,
                                              const Simd<T, W>& no) {
  using Signed = vec<std::make_signed_t<bits_of<T>>, W>;
  return Simd<T, W>::of(__builtin_bit_cast(Signed, c.raw) < Signed{} ? yes.raw : no.raw);
}

/// The bits of floating-point numbers, and back.
template<class T, Index W>
STATOR_ALWAYS_INLINE inline Simd<bits_of<T>, W> bits(const Simd<T, W>& x) {
  return Simd<bits_of<T>, W>::of(__builtin_bit_cast(vec<bits_of<T>, W>, x.raw));
}
/// The numbers with these bit patterns.
template<class T, Index W>
STATOR_ALWAYS_INLINE inline Simd<T, W> from_bits(const Simd<std::type_identity_t<bits_of<T>>, W>& x) {
  return Simd<T, W>::of(__builtin_bit_cast(vec<T, W>, x.raw));
}
/// All bits set where it holds.
template<class T, Index W>
STATOR_ALWAYS_INLINE inline Simd<bits_of<T>, W> bits(const Mask<T, W>& m) {
  if constexpr (W == 1)
    return Simd<bits_of<T>, 1>(bits_of<T>{} - bits_of<T>{m.raw});
  else
    return Simd<bits_of<T>, W>::of((vec<bits_of<T>, W>)m.raw);
}

/// |x|
template<class T, Index W>
STATOR_ALWAYS_INLINE inline Simd<T, W> abs(const Simd<T, W>& x) {
  if constexpr (std::floating_point<T>)
    return from_bits<T>(bits(x) & Simd<bits_of<T>, W>(~bits_of<T>{} >> 1));
  else
    return select(x < Simd<T, W>(T{}), -x, x);
}

/// max(x, 0); NaN stays NaN.
template<class T, Index W>
STATOR_ALWAYS_INLINE inline Simd<T, W> relu(const Simd<T, W>& x) {
  Simd<T, W> y;
  detail::relu<T, W>(x.raw, y.raw);
  return y;
}

/// The root, correctly rounded.
template<class T, Index W>
STATOR_ALWAYS_INLINE inline Simd<T, W> sqrt(const Simd<T, W>& x) {
  Simd<T, W> root;
  detail::sqrt<T, W>(x.raw, root.raw);
  return root;
}

/// The larger of two; NaN when either is NaN, as in PyTorch.
template<class V>
STATOR_ALWAYS_INLINE inline V maximum(const V& a, const V& b) {
  return select(a == a, select(a < b, b, select(b == b, a, b)), a);
}
/// The smaller of two; NaN when either is NaN, as in PyTorch.
template<class V>
STATOR_ALWAYS_INLINE inline V minimum(const V& a, const V& b) {
  return select(a == a, select(b < a, b, select(b == b, a, b)), a);
}

/// Keeps a product from being fused with the sum around it: what it returns has been rounded.
template<class T, Index W>
STATOR_ALWAYS_INLINE inline Simd<T, W> rounded(Simd<T, W> product) {
#if defined(__GNUC__) && !defined(__clang__)
#if defined(__FMA__)
  asm("" : "+x"(product.raw)); // g++ contracts across statements, clang does not
#elif defined(__ARM_FEATURE_FMA)
  asm("" : "+w"(product.raw));
#endif
#endif
  return product;
}
template<std::floating_point T>
STATOR_ALWAYS_INLINE inline T rounded(T product) {
  return rounded(Simd<T, 1>(product)).raw;
}

/// Calls `body.operator()<V>(i)` for i in [Begin, Count): V is Simd<T> as long as it fits, then half as wide
/// and so on, down to 128 bits, then Simd<T, 1>.
template<class T, Index Count, Index W = native_width<T>, Index Begin = 0, class F>
STATOR_ALWAYS_INLINE inline void for_each_vector(F&& body) {
  constexpr Index whole = Count - (Count - Begin) % W;
  for (Index i = Begin; i < whole; i += W) body.template operator()<Simd<T, W>>(i);
  if constexpr (whole < Count)
    for_each_vector<T, Count, (W > quad<T> ? W / 2 : 1), whole>(std::forward<F>(body));
}

} // namespace stator::kernel
