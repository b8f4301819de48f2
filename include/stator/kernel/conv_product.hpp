// SPDX-License-Identifier: BSL-1.0
// Convolutions whose windows do not overlap (1x1, also strided; patches; transposed convolutions that double
// a picture) are products of matrices: every pixel stands once in the column matrix (im2col), which for 1x1
// is the source itself.
#pragma once

#include "stator/core/compiler.hpp"
#include "stator/kernel/conv_direction.hpp"
#include "stator/kernel/gemm.hpp"
#include "stator/kernel/parallel.hpp"
#include "stator/kernel/transpose.hpp"

namespace stator::kernel::detail {

/// Every Stride-th element of a row of n: to[j] = from[j · Stride].
template<Index Stride, class T>
STATOR_NOINLINE void pick_row(const T* from, Index n, T* to) {
  constexpr Index W = native_width<T>;
  Index j = 0;
  if constexpr (Stride == 2 && vectorizable<T>)
    for (; j + W < n; j += W) { // the last element's neighbour may not exist
      vec<T, W> a, b, even, odd;
      load(a, from + 2 * j);
      load(b, from + 2 * j + W);
      split<T, W>(a, b, even, odd);
      store(even, to + j);
    }
  for (; j < n; ++j) to[j] = from[j * Stride];
}

/// The inverse, for two rows that alternate, or one and zeros.
template<class T>
STATOR_NOINLINE void alternate_rows(const T* even, const T* odd, Index n, T add, T* to) {
  constexpr Index W = native_width<T>;
  using V = vec<T, W>;
  Index j = 0;
  if constexpr (vectorizable<T>)
    for (; 2 * (j + W) <= n; j += W) {
      V a, b{}, first, second;
      load(a, even + j);
      if (odd) load(b, odd + j);
      a += add - V{};
      b += add - V{};
      merge<T, W>(a, b, first, second);
      store(first, to + 2 * j);
      store(second, to + 2 * j + W);
    }
  for (j *= 2; j < n; ++j) to[j] = (j % 2 == 0 ? even[j / 2] : odd ? odd[j / 2] : T{}) + add;
}

/// What both directions of such a convolution, and the gradient of its weight, have in common.
template<class T, auto G>
struct conv_patches {
  static constexpr std::size_t D = G.axes;
  static constexpr Index in = G.in_channels / G.groups, out = G.out_channels / G.groups, taps = G.taps();
  static constexpr Index rows = in * taps, pixels = G.output_plane(), plane = G.input_plane();
  static constexpr auto output = G.output();

  static constexpr bool possible = [] {
    for (std::size_t d = 0; d < D; ++d)
      if (G.padding_begin[d] != 0 || G.padding_end[d] != 0 || G.kernel[d] > G.stride[d] ||
          (G.kernel[d] > 1 && G.dilation[d] > 1))
        return false;
    return vectorizable<T> && pixels >= 40 && out >= 8 && rows >= 8;
  }();
  /// Whether x is the column matrix.
  static constexpr bool in_place = G.stride == filled<D>(1);

  /// Calls `visit(row of the column matrix, pixel, element of the plane)` for each row of pixels, and the
  /// first taps of each row of the kernel, of a plane.
  template<class Visit>
  static void each_row(Visit&& visit) {
    auto lines = output, kernel = G.kernel;
    lines[D - 1] = kernel[D - 1] = 1;
    for_each_index<D>(kernel, [&](const std::array<Index, D>& k) {
      for_each_index<D>(lines, [&](std::array<Index, D> i) {
        const Index pixel = flat_index(i, output);
        for (std::size_t d = 0; d < D; ++d) i[d] = i[d] * G.stride[d] + k[d];
        visit(flat_index(k, G.kernel), pixel, flat_index(i, G.input));
      });
    });
  }

  /// The column matrix of `channels` planes.
  static void columns(const T* x, Index channels, T* to) {
    for (Index c = 0; c < channels; ++c, x += plane, to += taps * pixels)
      each_row([&](Index row, Index pixel, Index at) {
        for (Index k = 0; k < G.kernel[D - 1]; ++k)
          pick_row<G.stride[D - 1]>(x + at + k, output[D - 1], to + (row + k) * pixels + pixel);
      });
  }
  /// `channels` planes from their column matrix, and `bias`.
  static void planes(const T* from, Index channels, const T* bias, T* y) {
    constexpr Index wide = G.kernel[D - 1], stride = G.stride[D - 1], width = output[D - 1];
    for (Index c = 0; c < channels; ++c, y += plane, from += taps * pixels) {
      const T start = bias ? bias[c] : T{};
      if (G.kernel != G.stride || plane != pixels * taps) std::fill_n(y, plane, start);
      each_row([&](Index row, Index pixel, Index at) {
        const T* const first = from + row * pixels + pixel;
        if constexpr (stride == 2) {
          // Behind the last window of one element there may be no other.
          alternate_rows(first, wide == 2 ? first + pixels : nullptr, 2 * width - (wide == 2 ? 0 : 1), start,
                         y + at);
        } else {
          for (Index k = 0; k < wide; ++k)
            for (Index j = 0; j < width; ++j) y[at + k + j * stride] = first[k * pixels + j] + start;
        }
      });
    }
  }
};

template<class T, auto G, bool Backward>
struct conv_product {
  using patches = conv_patches<T, G>;
  using direction = conv_direction<G, Backward>;
  static constexpr std::size_t D = G.axes;
  static constexpr Index out = patches::out, rows = patches::rows, pixels = patches::pixels;
  /// To the input, other kernels join what they have computed for each tap; else they are as fast where a
  /// pixel has many steps, if planes do not displace one another in the caches (measured).
  static constexpr bool wins =
      patches::possible && (patches::in_place ? (Backward ? out : rows) <= 128 ||
                                                    pixels * static_cast<Index>(sizeof(T)) % 1024 == 0
                                              : Backward);

  /// Channels whose columns are computed at once, of which 512 KiB stay near until they are put into planes.
  static constexpr Index block = [] {
    Index c = patches::in;
    if (Backward && !patches::in_place)
      while (c % 2 == 0 && c * patches::taps * pixels * static_cast<Index>(sizeof(T)) > (Index{1} << 19))
        c /= 2;
    return c;
  }();
  /// Weights of the backward direction are read as they lie, or transposed for blocks of channels.
  static constexpr bool transposes = Backward;
  using product =
      gemm<T, Backward ? block * patches::taps : out, pixels, Backward ? out : rows, false, false>;

  static constexpr std::size_t columns_bytes =
      patches::in_place
          ? 0
          : align_up(static_cast<std::size_t>(patches::taps * pixels * (Backward ? block : patches::in)) *
                     sizeof(T));
  static constexpr std::size_t slot = columns_bytes + align_up(product::scratch.total(0));
  static constexpr std::size_t weight_bytes =
      transposes ? align_up(static_cast<std::size_t>(G.weights()) * sizeof(T)) : 0;
  static constexpr std::size_t prepared_scratch_for(Index batch) {
    return static_cast<std::size_t>(std::min(batch, max_threads)) * slot;
  }
  static constexpr std::size_t scratch_for(Index batch) { return weight_bytes + prepared_scratch_for(batch); }

  static constexpr Index channels = Backward ? G.in_channels : G.out_channels;
  /// Weights, then the bias.
  static constexpr std::size_t prepared_bytes = static_cast<std::size_t>(G.weights() + channels) * sizeof(T);
  static void prepare(const T* w, const T* bias, std::byte* prepared) {
    T* const to = reinterpret_cast<T*>(prepared);
    if constexpr (transposes)
      transpose(w, to);
    else
      std::copy_n(w, G.weights(), to);
    for (Index c = 0; c < channels; ++c) to[G.weights() + c] = bias ? bias[c] : T{};
  }

  STATOR_NOINLINE static void run(const T* x, const T* w, const T* bias, T* y, Index batch,
                                  std::byte* space) {
    if constexpr (transposes) {
      transpose(w, reinterpret_cast<T*>(space));
      w = reinterpret_cast<const T*>(space);
    }
    multiply(x, w, bias, y, batch, space + weight_bytes);
  }
  static void run_prepared(const T* x, const std::byte* prepared, T* y, Index batch, std::byte* space) {
    const T* const w = reinterpret_cast<const T*>(prepared);
    multiply(x, w, w + G.weights(), y, batch, space);
  }

private:
  /// w [groups, out, rows] as [groups, rows, out].
  static void transpose(const T* w, T* to) {
    for (Index g = 0; g < G.groups; ++g)
      kernel::transpose(w + g * out * rows, rows, out, rows, to + g * out * rows, out);
  }

  /// Samples side by side if there are enough for all threads, else each by all threads.
  STATOR_NOINLINE static void multiply(const T* x, const T* w, const T* bias, T* y, Index batch,
                                       std::byte* space) {
    const Index threads = chunk_count(max_threads, direction::work * batch);
    parallel_for_chunks(batch, batch >= threads ? threads : 1, [&](Index first, Index last, Index chunk) {
      for (Index n = first; n < last; ++n)
        for (Index g = 0; g < G.groups; ++g)
          one(x + (n * G.groups + g) * direction::source_channels * direction::source_plane,
              w + g * out * rows, bias ? bias + g * direction::target_channels : nullptr,
              y + (n * G.groups + g) * direction::target_channels * direction::target_plane,
              space + static_cast<std::size_t>(chunk) * slot);
    });
  }
  /// A group of a sample.
  static void one(const T* x, const T* w, const T* bias, T* y, std::byte* space) {
    T* const columns = reinterpret_cast<T*>(space);
    std::byte* const rest = space + columns_bytes;
    const auto multiply_by = [&](const T* weights, const T* source, T* target, bool add) {
      product::run(weights, source, nullptr, target, add, Backward ? block * patches::taps : out, pixels,
                   Backward ? out : rows, rest);
    };
    if constexpr (Backward && !patches::in_place) {
      for (Index c = 0; c < patches::in; c += block) {
        multiply_by(w + c * patches::taps * out, x, columns, false);
        patches::planes(columns, block, bias ? bias + c : nullptr, y + c * patches::plane);
      }
    } else {
      if constexpr (!patches::in_place) {
        patches::columns(x, patches::in, columns);
        x = columns;
      }
      if (bias)
        for (Index c = 0; c < direction::target_channels; ++c)
          std::fill_n(y + c * direction::target_plane, direction::target_plane, bias[c]);
      multiply_by(w, x, y, bias != nullptr);
    }
  }
};

/// The gradient of the weight: a product for each sample.
template<class T, auto G>
struct conv_weight_product {
  using patches = conv_patches<T, G>;
  static constexpr Index out = patches::out, rows = patches::rows, pixels = patches::pixels;
  static constexpr bool wins = patches::possible && patches::taps == 1;
  using product = gemm<T, out, rows, pixels, false, true>;
  static constexpr std::size_t columns_bytes =
      patches::in_place ? 0 : align_up(static_cast<std::size_t>(rows * pixels) * sizeof(T));
  static constexpr Bytes scratch{columns_bytes + align_up(product::scratch.total(0)), 0};

  STATOR_NOINLINE static void run(const T* x, const T* dy, T* dw, bool accumulate, Index batch,
                                  std::byte* space) {
    T* const columns = reinterpret_cast<T*>(space);
    if (batch == 0 && !accumulate) std::fill_n(dw, G.weights(), T{});
    for (Index n = 0; n < batch; ++n)
      for (Index g = 0; g < G.groups; ++g) {
        const T* source = x + (n * G.groups + g) * patches::in * patches::plane;
        if constexpr (!patches::in_place) {
          patches::columns(source, patches::in, columns);
          source = columns;
        }
        product::run(dy + (n * G.groups + g) * out * pixels, source, nullptr, dw + g * out * rows,
                     accumulate || n > 0, out, rows, pixels, space + columns_bytes);
      }
  }
};

} // namespace stator::kernel::detail
