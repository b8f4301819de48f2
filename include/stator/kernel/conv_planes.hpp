// SPDX-License-Identifier: BSL-1.0
// Planes of a convolution: walking over them, padding them, and the scratch space that they lie in.
#pragma once

#include "stator/core/bytes.hpp"
#include "stator/core/compiler.hpp"
#include "stator/kernel/conv_geometry.hpp"
#include "stator/kernel/shuffle.hpp"
#include "stator/kernel/vector.hpp"

#include <algorithm>
#include <array>
#include <bit>

namespace stator::kernel::detail {

/// The parts of a block of scratch space, each aligned.
struct Carver {
  std::size_t used = 0;
  constexpr std::size_t take(Index count, std::size_t size) {
    const std::size_t at = used;
    used += align_up(static_cast<std::size_t>(count) * size);
    return at;
  }
};

/// Temporary memory of a pass for so many samples, or for any number of them (`dynamic`): some take none for
/// samples that have to wait.
template<class Pass>
constexpr Bytes conv_scratch(Index batch) {
  if constexpr (requires { Pass::scratch_for(batch); })
    return {Pass::scratch_for(batch == dynamic ? Index{1} << 24 : batch), 0};
  else
    return Pass::scratch;
}
/// The same where weights are prepared.
template<class Pass>
constexpr Bytes conv_prepared_scratch(Index batch) {
  if constexpr (requires { Pass::prepared_scratch_for(batch); })
    return {Pass::prepared_scratch_for(batch == dynamic ? Index{1} << 24 : batch), 0};
  else
    return {0, Pass::prepared_scratch};
}

/// Copies n neighbours.
template<class T, Index W = native_width<T>>
STATOR_ALWAYS_INLINE inline void copy_row(const T* from, Index n, T* to) {
  if (W > 1 && n >= W) {
    vec<T, W> v;
    for (Index i = 0; i + W < n; i += W) {
      load(v, from + i);
      store(v, to + i);
    }
    load(v, from + n - W);
    store(v, to + n - W);
  } else if constexpr (W > quad<T>) {
    copy_row<T, quad<T>>(from, n, to);
  } else {
    for (Index i = 0; i < n; ++i) to[i] = from[i];
  }
}

/// Stores the first `Valid` elements of a vector, as two parts that overlap.
template<class T, Index W, Index Valid>
STATOR_ALWAYS_INLINE inline void store_first(const vec<T, W>& v, T* to) {
  if constexpr (Valid == W) {
    store(v, to);
  } else {
    constexpr auto part = static_cast<Index>(std::bit_floor(static_cast<std::size_t>(Valid)));
    [&]<int... I>(std::integer_sequence<int, I...>) STATOR_INLINE_LAMBDA {
      const vec<T, part> first = __builtin_shufflevector(v, v, I...);
      const vec<T, part> last = __builtin_shufflevector(v, v, (static_cast<int>(Valid - part) + I)...);
      store(first, to);
      store(last, to + Valid - part);
    }(std::make_integer_sequence<int, static_cast<int>(part)>{});
  }
}

/// Copies n neighbours from the i-th pair on, the first of each pair to one place and the second to another.
template<class T, Index W = native_width<T>>
STATOR_ALWAYS_INLINE inline void deal_row(const T* from, Index n, T* first, T* second, Index i = 0) {
  if constexpr (W > 1) {
    for (; 2 * (i + W) <= n; i += W) {
      vec<T, W> a, b, even, odd;
      load(a, from + 2 * i);
      load(b, from + 2 * i + W);
      split<T, W>(a, b, even, odd);
      store(even, first + i);
      store(odd, second + i);
    }
    deal_row<T, (W > quad<T> ? W / 2 : 1)>(from, n, first, second, i);
  } else {
    for (; 2 * i + 1 < n; ++i) first[i] = from[2 * i], second[i] = from[2 * i + 1];
    if (2 * i < n) first[i] = from[2 * i];
  }
}

/// Copies channels of `extents` into the middle of zeros: planes of `padded`, `front` zeros before. With
/// `fresh` the zeros are written; otherwise they are there from a time before.
template<std::size_t D, class T>
void pad_planes(const T* from, Index channels, const std::array<Index, D>& extents,
                const std::array<Index, D>& front, const std::array<Index, D>& padded, T* to,
                bool fresh = true) {
  const Index width = extents[D - 1], rows = product(extents) / std::max<Index>(width, 1);
  const Index plane = product(padded);
  for (Index c = 0; c < channels; ++c, to += plane) {
    if (fresh) std::fill_n(to, plane, T{});
    for (Index r = 0; r < rows; ++r, from += width) {
      Index rest = r, at = front[D - 1], scale = padded[D - 1];
      for (std::size_t d = D - 1; d-- > 0;) {
        at += (D == 2 ? rest + front[d] : rest % extents[d] + front[d]) * scale;
        if (D == 2) break;
        rest /= extents[d];
        scale *= padded[d];
      }
      copy_row(from, width, to + at);
    }
  }
}

/// Calls `visit(index)` for each index below `extents`, the last axis fastest.
template<std::size_t D, class Visit>
constexpr void for_each_index(const std::array<Index, D>& extents, Visit&& visit) {
  if (product(extents) == 0) return;
  std::array<Index, D> i{};
  for (;;) {
    visit(i);
    std::size_t d = D;
    while (d > 0 && ++i[d - 1] == extents[d - 1]) i[--d] = 0;
    if (d == 0) return;
  }
}

template<std::size_t D>
constexpr Index flat_index(const std::array<Index, D>& i, const std::array<Index, D>& extents) {
  Index at = 0;
  for (std::size_t d = 0; d < D; ++d) at = at * extents[d] + i[d];
  return at;
}

} // namespace stator::kernel::detail
