// SPDX-License-Identifier: BSL-1.0
// Denormal numbers: the CPU takes up to a hundred times as long for each. A decaying state (audio, a
// recurrent network that hears silence) is full of them.
#pragma once

#include "stator/core/requirements.hpp"

#include <cstdint>
#if defined(__SSE2__) || defined(_M_X64)
#include <xmmintrin.h>
#endif

namespace stator::inline v0_2 {

/// While it lives, this thread computes with 0 in place of denormal numbers, those it reads and those it
/// gets; what was set before comes back afterwards. x86 (SSE, AVX), 64-bit and 32-bit ARM (NEON); elsewhere
/// it does nothing. Threads that were started before keep their own setting, those of OpenMP too.
///   stator::FlushDenormals scope;
class FlushDenormals {
public:
#if defined(__SSE2__) || defined(_M_X64)
  /// Whether this machine can do it.
  static constexpr bool is_supported = true;
  FlushDenormals() : before_(_mm_getcsr()) { _mm_setcsr(_mm_getcsr() | flush_to_zero | denormals_are_zero); }
  ~FlushDenormals() { _mm_setcsr((_mm_getcsr() & ~mask) | (before_ & mask)); }

private:
  static constexpr unsigned flush_to_zero = 0x8000, denormals_are_zero = 0x0040;
  static constexpr unsigned mask = flush_to_zero | denormals_are_zero;
  unsigned before_;
#elif defined(__aarch64__) || (defined(__arm__) && defined(__ARM_FP))
  static constexpr bool is_supported = true;
  FlushDenormals() : before_(get()) { set(before_ | flush_to_zero); }
  ~FlushDenormals() { set((get() & ~flush_to_zero) | (before_ & flush_to_zero)); }

private:
#if defined(__aarch64__)
  using Register = std::uint64_t;
  static Register get() {
    Register value;
    asm volatile("mrs %0, fpcr" : "=r"(value));
    return value;
  }
  static void set(Register value) { asm volatile("msr fpcr, %0" ::"r"(value)); }
#else
  using Register = std::uint32_t;
  static Register get() {
    Register value;
    asm volatile("vmrs %0, fpscr" : "=r"(value));
    return value;
  }
  static void set(Register value) { asm volatile("vmsr fpscr, %0" ::"r"(value)); }
#endif
  static constexpr Register flush_to_zero = Register{1} << 24;
  Register before_;
#else
  static constexpr bool is_supported = false;
  FlushDenormals() {}
  ~FlushDenormals() {}
#endif

public:
  FlushDenormals(const FlushDenormals&) = delete;
  FlushDenormals& operator=(const FlushDenormals&) = delete;
};

} // namespace stator::inline v0_2
