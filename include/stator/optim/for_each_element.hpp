// SPDX-License-Identifier: BSL-1.0
// One pass over several arrays, a vector register at a time. An update rule is written once, as a function of
// kernel::Simd, and runs on vectors and on the last few elements alike.
//
// Roundings are PyTorch's where the machine has fused multiply-add: `kernel::mul_add` stands for one
// rounding, `kernel::rounded` keeps a product from being fused with the sum around it.
#pragma once

#include "stator/core/compiler.hpp"
#include "stator/kernel/simd.hpp"

#include <algorithm>
#include <cstddef>

namespace stator::optim::detail {

template<class V, class T>
void store(T* to, const V& v) {
  v.store(to);
}
template<class V, class T>
void store(const T*, const V&) {}

template<class V, class F, class... T>
STATOR_ALWAYS_INLINE inline void apply_at(const F& f, T*... at) {
  [&](auto... v) STATOR_INLINE_LAMBDA {
    f(v...);
    (store(at, v), ...);
  }(V::load(at)...);
}

/// Calls `f(Simd&...)` on corresponding elements of the arrays, writing back to those that are not const.
/// `f` is a copy: what it holds stays in registers, which no array can overlap.
template<class F, class T, class... Rest>
void for_each_element(std::size_t count, const F f, T* first, Rest*... rest) {
  // Full registers, though they divide and take roots no faster than halves: what a small network reads next
  // waits for two stores where it finds them in one load.
  constexpr Index width = kernel::native_width<T>;
  const Index end = static_cast<Index>(count), whole = end / width * width;
  for (Index i = 0; i < whole; i += width) apply_at<kernel::Simd<T, width>>(f, first + i, (rest + i)...);
  for (Index i = whole; i < end; ++i) apply_at<kernel::Simd<T, 1>>(f, first + i, (rest + i)...);
}

} // namespace stator::optim::detail
