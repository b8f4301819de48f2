// SPDX-License-Identifier: BSL-1.0
// How g++ and clang spell what the language has no words for; nothing else of the library does, but for the
// vectors' built-in functions, which kernel/simd.hpp, kernel/shuffle.hpp and kernel/half.hpp keep. A port to
// another compiler begins here.
#pragma once

#include "stator/core/requirements.hpp"

// A program that is compiled without optimisation more often than it runs, as most tests are, may define
// STATOR_CALLS_STAY: nothing is inlined then, and clang compiles an eighth less.
#ifndef STATOR_CALLS_STAY
/// Before a function: it is inlined where it is called, whatever the optimiser thinks of its size.
#define STATOR_ALWAYS_INLINE [[gnu::always_inline]]
/// After the parameters of a lambda: its call is inlined.
#define STATOR_INLINE_LAMBDA __attribute__((always_inline))
/// Before a function: everything that it calls is inlined.
#define STATOR_FLATTEN [[gnu::flatten]]
#else
#define STATOR_ALWAYS_INLINE
#define STATOR_INLINE_LAMBDA
#define STATOR_FLATTEN
#endif
/// Before a function: it is never inlined.
#define STATOR_NOINLINE [[gnu::noinline]]
/// Before a function: it is seldom called, and stands apart from what is, in functions with STATOR_FLATTEN
/// too.
#define STATOR_COLD [[gnu::cold, gnu::noinline]]
/// Before a function: another definition elsewhere in the program replaces it.
#define STATOR_WEAK [[gnu::weak]]
/// Where control never comes.
#define STATOR_UNREACHABLE() __builtin_unreachable()
/// std::memcpy without its header.
#define STATOR_MEMCPY __builtin_memcpy
/// Has memory brought near that will be read soon; any address will do.
#define STATOR_PREFETCH __builtin_prefetch
/// The signature of the function that it stands in, with the types that templates were given.
#define STATOR_FUNCTION_SIGNATURE __PRETTY_FUNCTION__
/// In an alias of T: a vector of so many bytes, with operators for all elements at once.
#define STATOR_VECTOR_OF_BYTES(bytes) __attribute__((vector_size(bytes)))

// Loops over registers must unroll for arrays of vectors to stay in registers.
#ifdef __clang__
/// Before a loop over registers: unrolls it completely.
#define STATOR_UNROLL _Pragma("clang loop unroll(full)")
/// Before a loop: unrolls it four times.
#define STATOR_UNROLL_BY_4 _Pragma("clang loop unroll_count(4)")
/// Before a loop: keeps it a loop.
#define STATOR_NO_UNROLL _Pragma("clang loop unroll(disable)")
#else
#define STATOR_UNROLL _Pragma("GCC unroll 32")
#define STATOR_UNROLL_BY_4 _Pragma("GCC unroll 4")
#define STATOR_NO_UNROLL _Pragma("GCC unroll 1")
#endif
#if defined(__clang__) && !defined(STATOR_CALLS_STAY)
/// Before a call: inlines it; g++ does so by STATOR_FLATTEN on a function around it.
#define STATOR_INLINE_CALL [[clang::always_inline]]
#else
#define STATOR_INLINE_CALL
#endif

// g++ makes what is loaded an operand in memory of each operation that uses it, clang does not.
#if defined(__AVX512F__) && !defined(__clang__)
/// A statement: a vector is in a register here.
#define STATOR_IN_REGISTER(v) asm("" : "+v"(v))
#elif defined(__SSE2__) && !defined(__clang__)
#define STATOR_IN_REGISTER(v) asm("" : "+x"(v))
#elif defined(__aarch64__) && !defined(__clang__)
#define STATOR_IN_REGISTER(v) asm("" : "+w"(v))
#else
#define STATOR_IN_REGISTER(v) static_cast<void>(v)
#endif
/// A statement: what a pointer leads to is read anew, instead of being kept in more registers than there are.
#define STATOR_READ_AGAIN(pointer) asm("" : "+r"(pointer))
