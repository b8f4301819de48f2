// SPDX-License-Identifier: BSL-1.0
// Outputs that are weighted sums of a few inputs, separately along each dimension: padding and interpolation.
// Which inputs, and their weights, are constant tables.
#pragma once

#include "stator/core/parallel.hpp"

#include <algorithm>
#include <array>
#include <cstddef>

namespace stator::kernel {

/// One input of an output along one dimension; index -1: none.
struct Tap {
  Index index = -1;  ///< of the input along the dimension
  double weight = 1; ///< what it is multiplied by
};

/// `Plan` says: T, in and out (extents of the dimensions that change, as arrays), taps (for each output), and
/// tap(d, o, k): tap k of output o along dimension d.
template<class Plan>
struct resample {
  /// Element type.
  using T = typename Plan::T;
  static constexpr std::size_t rank = Plan::in.size(); ///< dimensions that change
  static constexpr std::size_t taps = Plan::taps;      ///< inputs of an output along one dimension
  /// Product of the extents e from dimension `first` on.
  static constexpr Index product(const auto& e, std::size_t first) {
    Index n = 1;
    for (std::size_t d = first; d < rank; ++d) n *= e[d];
    return n;
  }
  /// Elements of a block.
  static constexpr Index in_size = product(Plan::in, 0), out_size = product(Plan::out, 0);
  /// Blocks for which a thread pays.
  static constexpr Index grain = std::max<Index>((Index{1} << 14) / std::max<Index>(out_size, 1), 1);

  /// A Tap with its weight as an element.
  struct Entry {
    Index index; ///< of the input
    T weight;    ///< what it is multiplied by
  };
  /// The taps of all outputs along dimension D.
  template<std::size_t D>
  static constexpr auto table = [] {
    std::array<Entry, static_cast<std::size_t>(Plan::out[D]) * taps> t{};
    for (std::size_t o = 0; o < static_cast<std::size_t>(Plan::out[D]); ++o)
      for (std::size_t k = 0; k < taps; ++k) {
        const Tap tap = Plan::tap(D, static_cast<Index>(o), k);
        t[o * taps + k] = {tap.index, static_cast<T>(tap.weight)};
      }
    return t;
  }();

  /// y = the sums, for `count` blocks; outputs without inputs are `otherwise`.
  static void forward(const T* x, T* y, Index count, T otherwise) {
    parallel_for(count, grain, [&](Index first, Index last, int) {
      std::fill_n(y + first * out_size, (last - first) * out_size, otherwise);
      for (Index i = first; i < last; ++i) add<0, true>(x + i * in_size, y + i * out_size, T{1});
    });
  }
  /// dx = the sums of g over the outputs that each input goes to.
  static void backward(const T* g, T* dx, Index count) {
    parallel_for(count, grain, [&](Index first, Index last, int) {
      std::fill_n(dx + first * in_size, (last - first) * in_size, T{});
      for (Index i = first; i < last; ++i) add<0, false>(dx + i * in_size, g + i * out_size, T{1});
    });
  }

private:
  template<std::size_t D, bool Forward, class X, class Y>
  static void add(X* x, Y* y, T weight) {
    constexpr Index in_step = product(Plan::in, D + 1), out_step = product(Plan::out, D + 1);
    for (Index o = 0; o < Plan::out[D]; ++o)
      for (std::size_t k = 0; k < taps; ++k) {
        const Entry& e = table<D>[static_cast<std::size_t>(o) * taps + k];
        if (e.index < 0) continue;
        if constexpr (D + 1 < rank) {
          add<D + 1, Forward>(x + e.index * in_step, y + o * out_step, taps > 1 ? weight * e.weight : weight);
        } else if constexpr (Forward) {
          if constexpr (taps == 1)
            y[o] = x[e.index];
          else
            y[o] += weight * e.weight * x[e.index];
        } else {
          x[e.index] += taps > 1 ? weight * e.weight * y[o] : y[o];
        }
      }
  }
};

} // namespace stator::kernel
