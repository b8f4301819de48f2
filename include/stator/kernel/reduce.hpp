// SPDX-License-Identifier: BSL-1.0
// Sums over dimensions. Long runs are added in short blocks, whose sums go to a Total, so that the error does
// not grow with the length.
#pragma once

#include "stator/core/bytes.hpp"
#include "stator/core/compiler.hpp"
#include "stator/core/parallel.hpp"
#include "stator/kernel/simd.hpp"
#include "stator/kernel/total.hpp"

namespace stator::kernel {

namespace detail {

/// Elements whose sum is plain.
inline constexpr Index sum_block = 1024;

/// The sum of `count` contiguous elements, at most sum_block.
template<class T>
STATOR_ALWAYS_INLINE inline T short_sum(const T* x, Index count) {
  constexpr Index width = Simd<T>::size;
  constexpr Index step = 4 * width;
  const Index whole = count / step * step;
  T total{};
  if (whole > 0) {
    Simd<T> a = Simd<T>::load(x), b = Simd<T>::load(x + width), c = Simd<T>::load(x + 2 * width),
            d = Simd<T>::load(x + 3 * width);
    for (Index i = step; i < whole; i += step) {
      a = a + Simd<T>::load(x + i);
      b = b + Simd<T>::load(x + i + width);
      c = c + Simd<T>::load(x + i + 2 * width);
      d = d + Simd<T>::load(x + i + 3 * width);
    }
    total = ((a + b) + (c + d)).sum();
  }
  Index i = whole;
  if (count - i >= width) {
    Simd<T> rest = Simd<T>::load(x + i);
    for (i += width; i + width <= count; i += width) rest = rest + Simd<T>::load(x + i);
    total += rest.sum();
  }
  for (; i < count; ++i) total += x[i];
  return total;
}

template<class T>
T long_sum(const T* x, Index count) {
  if (count <= sum_block) return short_sum(x, count);
  Total<T> total;
  for (Index i = 0; i < count; i += sum_block) total.add(short_sum(x + i, std::min(sum_block, count - i)));
  return total.value();
}

/// The sums of the columns of x [rows, Columns], each in the order of the rows, or W / Columns rows at a
/// time.
template<class T, Index Columns>
STATOR_ALWAYS_INLINE inline void column_sums(const T* x, T* out, Index rows) {
  constexpr Index W = native_width<T>;
  if constexpr (Columns < W && W % Columns == 0) {
    const Index count = rows * Columns, whole = count / W * W;
    alignas(alignment) T lanes[W];
    Simd<T> total(T{});
    for (Index i = 0; i < whole; i += W) total = total + Simd<T>::load(x + i);
    total.store(lanes);
    for (Index i = whole; i < count; ++i) lanes[i - whole] += x[i];
    STATOR_UNROLL
    for (Index half = W / 2; half >= Columns; half /= 2) {
      STATOR_UNROLL
      for (Index i = 0; i < half; ++i) lanes[i] += lanes[i + half];
    }
    std::copy_n(lanes, Columns, out);
  } else {
    constexpr Index most = 4 * W;
    const auto strip = [&]<class V, Index Count>(Index from, std::integral_constant<Index, Count>) {
      V total[Count];
      STATOR_UNROLL
      for (Index v = 0; v < Count; ++v) total[v] = V(T{});
      for (Index i = 0; i < rows; ++i) {
        STATOR_UNROLL
        for (Index v = 0; v < Count; ++v) total[v] = total[v] + V::load(x + i * Columns + from + v * V::size);
      }
      STATOR_UNROLL
      for (Index v = 0; v < Count; ++v) total[v].store(out + from + v * V::size);
    };
    constexpr Index strips = Columns / most;
    const auto whole = [&](Index first, Index last, int) {
      for (Index s = first; s < last; ++s)
        strip.template operator()<Simd<T>>(s * most, std::integral_constant<Index, 4>{});
    };
    if constexpr (strips > 1) {
      if (rows * Columns > (Index{1} << 16))
        parallel_for(strips, 1, whole);
      else
        whole(0, strips, 0);
    } else {
      whole(0, strips, 0);
    }
    constexpr Index rest = Columns % most, left = Columns - rest;
    if constexpr (rest / W > 0)
      strip.template operator()<Simd<T>>(left, std::integral_constant<Index, rest / W>{});
    if constexpr (rest % W > 0)
      strip.template operator()<Simd<T, 1>>(Columns - rest % W, std::integral_constant<Index, rest % W>{});
  }
}

/// The extents with neighbours merged that are both summed or both kept.
struct SumLoops {
  std::size_t rank = 0;
  std::array<Index, max_rank> extents{}; ///< a negative one counts elements per sample
  std::array<bool, max_rank> summed{};

  constexpr SumLoops(const Extents& e, unsigned mask) {
    for (std::size_t d = 0; d < e.rank; ++d) {
      if (e[d] == 1) continue;
      const bool s = (mask >> d & 1u) != 0;
      if (rank > 0 && summed[rank - 1] == s)
        extents[rank - 1] *= e[d];
      else
        extents[rank] = e[d], summed[rank] = s, ++rank;
    }
    if (rank == 0) extents[0] = 1, rank = 1;
  }
};

} // namespace detail

/// Sum over the dimensions in Mask (bit d for dimension d) of a tensor with the extents E.
template<class T, Extents E, unsigned Mask>
struct sum {
  static constexpr Bytes scratch{}; ///< none is needed

  /// out = the sums of x.
  static void run(const T* x, T* out, Index batch, std::byte*) {
    if constexpr (loops.rank == 1 && loops.summed[0]) {
      if constexpr (loops.extents[0] > 0 && loops.extents[0] <= detail::sum_block)
        *out = detail::short_sum(x, loops.extents[0]);
      else
        *out = detail::long_sum(x, extent(0, batch));
    } else if constexpr (loops.rank == 2 && loops.summed[1]) {
      constexpr Index row = loops.extents[1];
      parallel_for(extent(0, batch), std::max<Index>((Index{1} << 17) / row, 1),
                   [&](Index first, Index last, int) {
                     for (Index i = first; i < last; ++i) out[i] = detail::long_sum(x + i * row, row);
                   });
    } else if constexpr (loops.rank == 2 && vectorizable<T> && loops.extents[1] > 0) {
      STATOR_INLINE_CALL detail::column_sums<T, loops.extents[1]>(x, out, extent(0, batch));
    } else {
      Index kept = 1;
      for (std::size_t d = 0; d < loops.rank; ++d)
        if (!loops.summed[d]) kept *= extent(d, batch);
      std::fill_n(out, kept, T{});
      add<0>(x, out, batch);
    }
  }

private:
  static constexpr detail::SumLoops loops{E, Mask};

  static Index extent(std::size_t d, Index batch) {
    return loops.extents[d] < 0 ? -loops.extents[d] * batch : loops.extents[d];
  }
  /// Elements that one step passes over, of dimension d, in the operand and in the result.
  static constexpr Index behind(std::size_t d, bool result) {
    Index n = 1;
    for (std::size_t k = d + 1; k < loops.rank; ++k)
      if (!result || !loops.summed[k]) n *= loops.extents[k];
    return n;
  }
  template<std::size_t D>
  static void add(const T* x, T* out, Index batch) {
    const Index n = extent(D, batch);
    if constexpr (D + 1 == loops.rank) {
      if constexpr (loops.summed[D])
        *out += detail::long_sum(x, n);
      else
        for (Index i = 0; i < n; ++i) out[i] += x[i];
    } else {
      constexpr Index step = behind(D, false), result_step = loops.summed[D] ? 0 : behind(D, true);
      for (Index i = 0; i < n; ++i) add<D + 1>(x + i * step, out + i * result_step, batch);
    }
  }
};

/// [batch, Channels, Pixels] to [Channels]: the gradient of a bias.
template<class T, Index Channels, Index Pixels>
void channel_sum(const T* x, T* out, bool accumulate, Index batch) {
  constexpr Index grain = std::max<Index>(Channels / 16, 1);
  const bool large = batch * Channels * Pixels >= (Index{1} << 18);
  parallel_for(Channels, large ? grain : Channels, [&](Index first, Index last, int) {
    for (Index c = first; c < last; ++c) {
      Total<T> total;
      if (accumulate) total.add(out[c]);
      for (Index n = 0; n < batch; ++n) total.add(detail::long_sum(x + (n * Channels + c) * Pixels, Pixels));
      out[c] = total.value();
    }
  });
}

} // namespace stator::kernel
