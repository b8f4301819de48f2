// SPDX-License-Identifier: BSL-1.0
// What -ffast-math defines; the command line of these tests is the same for all.
// error: stator: -ffast-math (-Ofast) assumes that no number is NaN or infinite
// error: Compile with -O3 -fno-math-errno -fno-trapping-math instead, or define STATOR_ALLOW_FAST_MATH
#define __FAST_MATH__ 1
#ifdef STATOR_CONTROL
#define STATOR_ALLOW_FAST_MATH
#endif
#include "stator/kernel/simd.hpp"

float root(float x) { return sqrt(stator::kernel::Simd<float, 1>(x)).raw; }
