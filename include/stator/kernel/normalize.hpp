// SPDX-License-Identifier: BSL-1.0
// Sums over channels and rows, for batch, layer and group normalisation. Partial sums are short and kept
// in the element type; totals are accumulated in double.
#pragma once

#include "stator/core/parallel.hpp"
#include "stator/kernel/simd.hpp"

#include <algorithm>
#include <array>
#include <cstddef>

namespace stator::kernel {

namespace detail {

/// Adds to `total` the sums over i in [0, count) of the K values that `f<V>(i)` returns as an array.
template<class T, std::size_t K, class F>
void add_sums(Index count, std::array<double, K>& total, F&& f) {
  constexpr Index width = Simd<T>::size;
  std::array<Simd<T>, K> sum;
  sum.fill(Simd<T>(T{}));
  const Index whole = count / width * width;
  for (Index i = 0; i < whole; i += width) {
    const std::array<Simd<T>, K> v = f.template operator()<Simd<T>>(i);
    for (std::size_t k = 0; k < K; ++k) sum[k] = sum[k] + v[k];
  }
  if (whole > 0)
    for (std::size_t k = 0; k < K; ++k) total[k] += static_cast<double>(sum[k].sum());
  for (Index i = whole; i < count; ++i) {
    const std::array<Simd<T, 1>, K> v = f.template operator()<Simd<T, 1>>(i);
    for (std::size_t k = 0; k < K; ++k) total[k] += static_cast<double>(v[k].raw);
  }
}

} // namespace detail

/// Sums over all but the channels of x [n, Channels, Inner].
template<class T, Index Channels, Index Inner>
struct channel_sums {
  static constexpr Index work = 1 << 15; ///< elements for which a thread pays

  /// `finish(c, totals)` gets the sums of the K values that `f<V>(offset, c)` returns for each element.
  template<std::size_t K, class F, class Finish>
  static void run(Index n, F&& f, Finish&& finish) {
    const Index grain = std::max<Index>(work / std::max<Index>(n * Inner, 1), 1);
    if constexpr (Inner > 1) {
      parallel_for(Channels, grain, [&](Index first, Index last, int) {
        for (Index c = first; c < last; ++c) {
          std::array<double, K> total{};
          for (Index i = 0; i < n; ++i) {
            const Index at = (i * Channels + c) * Inner;
            detail::add_sums<T>(Inner, total,
                                [&]<class V>(Index k) { return f.template operator()<V>(at + k, c); });
          }
          finish(c, total);
        }
      });
    } else {
      constexpr Index width = Simd<T>::size;
      parallel_for(Channels, (grain + width - 1) / width * width, [&](Index first, Index last, int) {
        Index c = first;
        // Several vectors side by side: rows are read in pieces of a few cache lines.
        for (; c + 8 * width <= last; c += 8 * width) columns<Simd<T>, 8, K>(n, c, f, finish);
        for (; c + width <= last; c += width) columns<Simd<T>, 1, K>(n, c, f, finish);
        for (; c < last; ++c) columns<Simd<T, 1>, 1, K>(n, c, f, finish);
      });
    }
  }

  /// Per-channel numbers beside the elements that `f` gets.
  template<class V>
  static V of_channel(const T* p, Index c) {
    if constexpr (Inner > 1)
      return V(p[c]);
    else
      return V::load(p + c);
  }

private:
  /// As many neighbouring channels as Count vectors hold.
  template<class V, std::size_t Count, std::size_t K, class F, class Finish>
  static void columns(Index n, Index c, F& f, Finish& finish) {
    constexpr Index width = V::size;
    constexpr Index block = 64; // rows whose sum is in the element type
    std::array<std::array<double, K>, Count* static_cast<std::size_t>(width)> total{};
    for (Index first = 0; first < n; first += block) {
      std::array<std::array<V, K>, Count> sum;
      for (auto& s : sum) s.fill(V(T{}));
      for (Index i = first; i < std::min(first + block, n); ++i) {
        for (std::size_t p = 0; p < Count; ++p) {
          const Index at = c + static_cast<Index>(p) * width;
          const std::array<V, K> v = f.template operator()<V>(i * Channels + at, at);
          for (std::size_t k = 0; k < K; ++k) sum[p][k] = sum[p][k] + v[k];
        }
      }
      for (std::size_t p = 0; p < Count; ++p)
        for (std::size_t k = 0; k < K; ++k) {
          T lanes[static_cast<std::size_t>(width)];
          sum[p][k].store(lanes);
          for (std::size_t l = 0; l < static_cast<std::size_t>(width); ++l)
            total[p * static_cast<std::size_t>(width) + l][k] += static_cast<double>(lanes[l]);
        }
    }
    for (std::size_t l = 0; l < total.size(); ++l) finish(c + static_cast<Index>(l), total[l]);
  }
};

/// Rows of Length elements normalised to mean 0 and variance 1, then an affine map. Row r belongs to group r
/// % Groups; Inner neighbouring elements share a weight. Layer normalisation is Groups = Inner = 1.
template<class T, Index Length, Index Groups, Index Inner>
struct row_norm {
  static constexpr Index per_group = Length / Inner; ///< weights of a row
  /// Rows for which a thread pays.
  static constexpr Index grain = std::max<Index>((Index{1} << 13) / Length, 1);

  /// What a row is normalised with.
  struct Moments {
    T mean, rstd; ///< and the reciprocal deviation
  };
  /// Mean and 1 / sqrt(variance + eps) of the row at x, accumulated in double.
  static Moments moments(const T* x, double eps) {
    std::array<double, 1> sum{}, squares{};
    detail::add_sums<T>(Length, sum, [&]<class V>(Index i) { return std::array<V, 1>{V::load(x + i)}; });
    const T mean = static_cast<T>(sum[0] / static_cast<double>(Length));
    detail::add_sums<T>(Length, squares, [&]<class V>(Index i) {
      const V d = V::load(x + i) - V(mean);
      return std::array<V, 1>{d * d};
    });
    return {mean, static_cast<T>(1 / std::sqrt(squares[0] / static_cast<double>(Length) + eps))};
  }

  /// The weight of element i of a row whose weights begin at w; 1 without weights.
  template<class V>
  static V weight(const T* w, Index i, T otherwise) {
    if (w == nullptr) return V(otherwise);
    if constexpr (Inner > 1)
      return V(w[i / Inner]);
    else
      return V::load(w + i);
  }
  /// Runs `body<V>(i)` so that the elements of a vector share a weight, or lie beside as many weights.
  template<class F>
  static void for_row(F&& body) {
    if constexpr (Inner > 1) {
      for (Index c = 0; c < per_group; ++c)
        for_each_vector<T>(Inner, [&]<class V>(Index i) { body.template operator()<V>(c * Inner + i); });
    } else {
      for_each_vector<T>(Length, body);
    }
  }
  /// Where the weights of a row begin; null without weights.
  static const T* of_group(const T* p, Index row) { return p == nullptr ? p : p + row % Groups * per_group; }

  /// y = w * (x - mean) * rstd + b for each row; w and b may be null.
  static void forward(const T* x, const T* w, const T* b, T* y, Index rows, double eps) {
    parallel_for(rows, grain, [&](Index first, Index last, int) {
      for (Index r = first; r < last; ++r) {
        const T* const from = x + r * Length;
        T* const to = y + r * Length;
        const Moments m = moments(from, eps);
        const T *const weights = of_group(w, r), *const biases = of_group(b, r);
        for_row([&]<class V>(Index i) {
          const V normal = (V::load(from + i) - V(m.mean)) * V(m.rstd);
          (normal * weight<V>(weights, i, T{1}) + weight<V>(biases, i, T{0})).store(to + i);
        });
      }
    });
  }

  /// dx from the gradient g of the result.
  static void backward(const T* g, const T* x, const T* w, T* dx, Index rows, double eps) {
    parallel_for(rows, grain, [&](Index first, Index last, int) {
      for (Index r = first; r < last; ++r) {
        const T *const from = x + r * Length, *const grad = g + r * Length, *const weights = of_group(w, r);
        T* const to = dx + r * Length;
        const Moments m = moments(from, eps);
        std::array<double, 2> sums{};
        const auto add = [&](Index begin, Index count) {
          detail::add_sums<T>(count, sums, [&]<class V>(Index k) {
            const V gw = V::load(grad + begin + k) * weight<V>(weights, begin + k, T{1});
            return std::array<V, 2>{gw, gw * (V::load(from + begin + k) - V(m.mean)) * V(m.rstd)};
          });
        };
        if constexpr (Inner > 1)
          for (Index c = 0; c < per_group; ++c) add(c * Inner, Inner);
        else
          add(0, Length);
        const T a = static_cast<T>(sums[0] / static_cast<double>(Length));
        const T b = static_cast<T>(sums[1] / static_cast<double>(Length));
        for_row([&]<class V>(Index i) {
          const V gw = V::load(grad + i) * weight<V>(weights, i, T{1});
          const V normal = (V::load(from + i) - V(m.mean)) * V(m.rstd);
          (V(m.rstd) * (gw - V(a) - normal * V(b))).store(to + i);
        });
      }
    });
  }

  /// dw[c] = the sum of g * normalised x; `moments_of` has room for the moments of all rows.
  static void backward_weight(const T* g, const T* x, T* dw, Index rows, double eps, Moments* moments_of) {
    parallel_for(rows, grain, [&](Index first, Index last, int) {
      for (Index r = first; r < last; ++r) moments_of[r] = moments(x + r * Length, eps);
    });
    channel_sums<T, Groups * per_group, Inner>::template run<1>(
        rows / Groups,
        [&]<class V>(Index at, Index) {
          const Moments m = moments_of[at / Length];
          return std::array<V, 1>{V::load(g + at) * (V::load(x + at) - V(m.mean)) * V(m.rstd)};
        },
        [&](Index c, const std::array<double, 1>& total) { dw[c] = static_cast<T>(total[0]); });
  }
};

} // namespace stator::kernel
