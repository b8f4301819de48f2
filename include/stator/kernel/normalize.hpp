// SPDX-License-Identifier: BSL-1.0
// Sums over channels and rows, for batch, layer and group normalisation. Partial sums are short; totals keep
// what rounding takes away, so that all arithmetic is in the element type.
#pragma once

#include "stator/core/compiler.hpp"
#include "stator/core/parallel.hpp"
#include "stator/kernel/shuffle.hpp"
#include "stator/kernel/simd.hpp"
#include "stator/kernel/total.hpp"

#include <algorithm>
#include <array>
#include <cstddef>

namespace stator::kernel {

/// Sums over all but the channels of x [n, Channels, Inner].
template<class T, Index Channels, Index Inner>
struct channel_sums {
  static constexpr Index work = 1 << 15; ///< elements for which a thread pays

  /// `finish(c, sums)` gets the sums of the K values that `f<V>(offset, c)` returns for each element.
  template<std::size_t K, class F, class Finish>
  static void run(Index n, F&& f, Finish&& finish) {
    const Index grain = std::max<Index>(work / std::max<Index>(n * Inner, 1), 1);
    if constexpr (Inner > 1) {
      constexpr Index samples = std::clamp<Index>(1024 / Inner, 1, 64); // whose sum is plain
      parallel_for(Channels, grain, [&](Index first, Index last, int) {
        for (Index c = first; c < last; ++c) {
          std::array<Total<T>, K> total{};
          for (Index i = 0; i < n;) {
            std::array<T, K> part{};
            for (const Index end = std::min(i + samples, n); i < end; ++i) {
              const Index at = (i * Channels + c) * Inner;
              const auto sum = detail::long_sums<T, K>(Inner, [&]<class V>(Index k) STATOR_INLINE_LAMBDA {
                return f.template operator()<V>(at + k, c);
              });
              for (std::size_t k = 0; k < K; ++k) part[k] += sum[k];
            }
            for (std::size_t k = 0; k < K; ++k) total[k].add(part[k]);
          }
          std::array<T, K> sums;
          for (std::size_t k = 0; k < K; ++k) sums[k] = total[k].value();
          finish(c, sums);
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
    constexpr Index block = 64; // rows whose sum is plain
    std::array<std::array<Total<V>, K>, Count> total{};
    for (Index first = 0; first < n; first += block) {
      std::array<std::array<V, K>, Count> sum{};
      for (Index i = first; i < std::min(first + block, n); ++i) {
        for (std::size_t p = 0; p < Count; ++p) {
          const Index at = c + static_cast<Index>(p) * width;
          const std::array<V, K> v = f.template operator()<V>(i * Channels + at, at);
          for (std::size_t k = 0; k < K; ++k) sum[p][k] = sum[p][k] + v[k];
        }
      }
      for (std::size_t p = 0; p < Count; ++p)
        for (std::size_t k = 0; k < K; ++k) total[p][k].add(sum[p][k]);
    }
    for (std::size_t p = 0; p < Count; ++p) {
      T lanes[K][static_cast<std::size_t>(width)];
      for (std::size_t k = 0; k < K; ++k) total[p][k].value().store(lanes[k]);
      for (std::size_t l = 0; l < static_cast<std::size_t>(width); ++l) {
        std::array<T, K> sums;
        for (std::size_t k = 0; k < K; ++k) sums[k] = lanes[k][l];
        finish(c + static_cast<Index>(p) * width + static_cast<Index>(l), sums);
      }
    }
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
    T mean;  ///< rounded
    T rstd;  ///< the reciprocal deviation
    T shift; ///< -rstd times what the mean has lost by rounding

    /// (x - mean) * rstd
    template<class V>
    V normal(const V& x) const {
      return (x - V(mean)) * V(rstd) + V(shift);
    }
  };
  /// Mean and 1 / sqrt(variance + eps) of the row at x. The differences to the mean, nearly exact where the
  /// mean is large, correct it and the sum of their squares.
  static Moments moments(const T* x, T eps) {
    constexpr auto count = static_cast<T>(Length);
    const auto [sum] = detail::long_sums<T, 1>(
        Length, [&]<class V>(Index i) STATOR_INLINE_LAMBDA { return std::array<V, 1>{V::load(x + i)}; });
    const T mean = sum / count;
    const auto [left, squares] = detail::long_sums<T, 2>(Length, [&]<class V>(Index i) STATOR_INLINE_LAMBDA {
      const V d = V::load(x + i) - V(mean);
      return std::array<V, 2>{d, d * d};
    });
    const T rest = left / count;
    const T variance = std::max(squares / count - rest * rest, T{0});
    const T rstd = 1 / std::sqrt(variance + eps);
    return {mean, rstd, -rest * rstd};
  }

  /// Rows that are summed side by side, for sums across a vector take long one after the other; 1: they are
  /// not.
  static constexpr Index together =
      vectorizable<T> && Inner == 1 && Length % native_width<T> == 0 &&
              Length * native_width<T> * static_cast<Index>(sizeof(T)) <= 49152 // they are read again
          ? native_width<T>
          : 1;
  /// How many of a number of rows that is: fewer than a few are summed one after the other.
  static Index at_once(Index rows) { return rows < 4 ? 1 : together; }
  /// K sums of each of `count` rows, at most `together`, of what `f<V>(row, i)` returns.
  template<std::size_t K, class F>
  STATOR_ALWAYS_INLINE static std::array<Simd<T>, K> sums_of_rows(Index count, F&& f) {
    constexpr Index width = native_width<T>;
    vec<T> part[K][static_cast<std::size_t>(width)]{};
    for (Index r = 0; r < count; ++r) {
      std::array<Simd<T>, K> even{}, odd{}; // two chains
      Index i = 0;
      for (; i + width < Length; i += 2 * width) {
        const auto a = f.template operator()<Simd<T>>(r, i), b = f.template operator()<Simd<T>>(r, i + width);
        for (std::size_t k = 0; k < K; ++k) even[k] += a[k], odd[k] += b[k];
      }
      if (i < Length) {
        const auto a = f.template operator()<Simd<T>>(r, i);
        for (std::size_t k = 0; k < K; ++k) even[k] += a[k];
      }
      for (std::size_t k = 0; k < K; ++k) part[k][r] = (even[k] + odd[k]).raw;
    }
    std::array<Simd<T>, K> sums;
    for (std::size_t k = 0; k < K; ++k) sum_vectors<T, width>(part[k], sums[k].raw);
    return sums;
  }
  /// The moments of `count` rows, at most `step`.
  static void moments(const T* x, T eps, Index count, Index step, Moments* out) {
    if (step == 1) *out = moments(x, eps);
    if constexpr (together > 1) {
      if (step == 1) return;
      using V = Simd<T>;
      const V length(static_cast<T>(Length));
      T mean[static_cast<std::size_t>(together)], rstd[static_cast<std::size_t>(together)],
          shift[static_cast<std::size_t>(together)];
      const auto [sum] = sums_of_rows<1>(count, [&]<class X>(Index r, Index i) STATOR_INLINE_LAMBDA {
        return std::array<X, 1>{X::load(x + r * Length + i)};
      });
      (sum / length).store(mean);
      const auto [left, squares] =
          sums_of_rows<2>(count, [&]<class X>(Index r, Index i) STATOR_INLINE_LAMBDA {
            const X d = X::load(x + r * Length + i) - X(mean[r]);
            return std::array<X, 2>{d, d * d};
          });
      const V rest = left / length, variance = squares / length - rest * rest, zero(T{});
      const V scale = V(T{1}) / sqrt(select(variance < zero, zero, variance) + eps);
      scale.store(rstd);
      (-rest * scale).store(shift);
      for (Index r = 0; r < count; ++r) out[r] = {mean[r], rstd[r], shift[r]};
    }
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
        for_each_vector<T, Inner>([&]<class V>(Index i) { body.template operator()<V>(c * Inner + i); });
    } else {
      for_each_vector<T, Length>(body);
    }
  }
  /// Where the weights of a row begin; null without weights.
  static const T* of_group(const T* p, Index row) { return p == nullptr ? p : p + row % Groups * per_group; }

  /// y = w * (x - mean) * rstd + b for each row; w and b may be null.
  static void forward(const T* x, const T* w, const T* b, T* y, Index rows, T eps) {
    parallel_for(rows, grain, [&](Index first, Index last, int) {
      const Index step = at_once(rows);
      Moments all[static_cast<std::size_t>(together)];
      Index at = 0;
      for (Index r = first; r < last; ++r, at = at + 1 == step ? 0 : at + 1) {
        const T* const from = x + r * Length;
        T* const to = y + r * Length;
        if (at == 0) moments(from, eps, std::min(last - r, step), step, all);
        const Moments m = all[at];
        const T *const weights = of_group(w, r), *const biases = of_group(b, r);
        for_row([&]<class V>(Index i) {
          const V normal = m.normal(V::load(from + i));
          (normal * weight<V>(weights, i, T{1}) + weight<V>(biases, i, T{0})).store(to + i);
        });
      }
    });
  }

  /// dx from the gradient g of the result.
  static void backward(const T* g, const T* x, const T* w, T* dx, Index rows, T eps) {
    parallel_for(rows, grain, [&](Index first, Index last, int) {
      const Index step = at_once(rows);
      Moments all[static_cast<std::size_t>(together)];
      T sums_of[2][static_cast<std::size_t>(together)];
      Index at = 0;
      for (Index r = first; r < last; ++r, at = at + 1 == step ? 0 : at + 1) {
        const T *const from = x + r * Length, *const grad = g + r * Length, *const weights = of_group(w, r);
        T* const to = dx + r * Length;
        const Index count = std::min(last - r, step);
        if (at == 0) moments(from, eps, count, step, all);
        const Moments m = all[at];
        if (step == 1) {
          const auto sums = sums_of_row(grad, from, weights, m);
          sums_of[0][0] = sums[0], sums_of[1][0] = sums[1];
        }
        if constexpr (together > 1)
          if (step > 1 && at == 0) {
            const auto sums = sums_of_rows<2>(count, [&]<class V>(Index k, Index i) STATOR_INLINE_LAMBDA {
              const V gw = V::load(grad + k * Length + i) * weight<V>(of_group(w, r + k), i, T{1});
              return std::array<V, 2>{gw, gw * all[k].normal(V::load(from + k * Length + i))};
            });
            sums[0].store(sums_of[0]), sums[1].store(sums_of[1]);
          }
        const T a = sums_of[0][at] / static_cast<T>(Length), b = sums_of[1][at] / static_cast<T>(Length);
        for_row([&]<class V>(Index i) {
          const V gw = V::load(grad + i) * weight<V>(weights, i, T{1});
          (V(m.rstd) * (gw - V(a) - m.normal(V::load(from + i)) * V(b))).store(to + i);
        });
      }
    });
  }

  /// The sums over a row of the gradient of its normalised elements, and of that times these.
  static std::array<T, 2> sums_of_row(const T* grad, const T* from, const T* weights, const Moments& m) {
    const auto sums_from = [&](Index begin, Index count) {
      return detail::long_sums<T, 2>(count, [&]<class V>(Index k) STATOR_INLINE_LAMBDA {
        const V gw = V::load(grad + begin + k) * weight<V>(weights, begin + k, T{1});
        return std::array<V, 2>{gw, gw * m.normal(V::load(from + begin + k))};
      });
    };
    if constexpr (Inner > 1) {
      std::array<Total<T>, 2> total{};
      for (Index c = 0; c < per_group; ++c) {
        const auto part = sums_from(c * Inner, Inner);
        total[0].add(part[0]), total[1].add(part[1]);
      }
      return {total[0].value(), total[1].value()};
    } else {
      return sums_from(0, Length);
    }
  }

  /// dw[c] = the sum of g * normalised x; `moments_of` has room for the moments of all rows.
  static void backward_weight(const T* g, const T* x, T* dw, Index rows, T eps, Moments* moments_of) {
    parallel_for(rows, grain, [&](Index first, Index last, int) {
      const Index step = at_once(rows);
      for (Index r = first; r < last; r += step)
        moments(x + r * Length, eps, std::min(last - r, step), step, moments_of + r);
    });
    channel_sums<T, Groups * per_group, Inner>::template run<1>(
        rows / Groups,
        [&]<class V>(Index at, Index) {
          return std::array<V, 1>{V::load(g + at) * moments_of[at / Length].normal(V::load(x + at))};
        },
        [&](Index c, const std::array<T, 1>& sum) { dw[c] = sum[0]; });
  }
};

} // namespace stator::kernel
