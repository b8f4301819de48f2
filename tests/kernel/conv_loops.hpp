// SPDX-License-Identifier: BSL-1.0
// Convolutions by plain loops over every sample, pair of channels, pixel and tap. They run without
// optimisation, so the inner one has pointers and is the same function for every convolution.
#pragma once

#include "stator/kernel/conv.hpp"

#include <vector>

namespace stator::test {

/// A multiplication of a convolution: where its operands lie in their planes and the weight of their
/// channels.
struct Tap {
  Index y, x, w;
};

/// Those of one pair of planes, without the ones that meet padding.
template<std::size_t D>
std::vector<Tap> taps_of(const kernel::ConvGeometry<D>& g) {
  const auto output = g.output();
  std::vector<Tap> taps;
  for (Index q = 0; q < g.output_plane(); ++q)
    for (Index k = 0; k < g.taps(); ++k) {
      Index pixel = q, tap = k, at = 0, scale = 1;
      bool inside = true;
      for (std::size_t d = D; d-- > 0;) {
        const Index i =
            pixel % output[d] * g.stride[d] + tap % g.kernel[d] * g.dilation[d] - g.padding_begin[d];
        inside = inside && i >= 0 && i < g.input[d];
        at += i * scale;
        scale *= g.input[d];
        pixel /= output[d];
        tap /= g.kernel[d];
      }
      if (inside) taps.push_back({q, at, k});
    }
  return taps;
}

/// Adds the products of one pair of planes to the result and to both gradients.
template<class T>
void add_products(const std::vector<Tap>& taps, const T* x, const T* w, const T* dy, double* y, double* dx,
                  double* dw) {
  const Tap* const end = taps.data() + taps.size();
  for (const Tap* tap = taps.data(); tap != end; ++tap) {
    const double a = static_cast<double>(x[tap->x]), b = static_cast<double>(w[tap->w]),
                 slope = static_cast<double>(dy[tap->y]);
    y[tap->y] += a * b;
    dx[tap->x] += slope * b;
    dw[tap->w] += slope * a;
  }
}

/// Adds a convolution's products to its result, and those of `dy` to the gradients of its input and its
/// weights.
template<auto G, class T>
void add_products(Index batch, const T* x, const T* w, const T* dy, double* y, double* dx, double* dw) {
  const std::vector<Tap> taps = taps_of(G);
  constexpr Index in = G.in_channels / G.groups, out = G.out_channels / G.groups;
  for (Index n = 0; n < batch; ++n)
    for (Index o = 0; o < G.out_channels; ++o)
      for (Index c = 0; c < in; ++c) {
        const Index from = (n * G.in_channels + o / out * in + c) * G.input_plane(),
                    to = (n * G.out_channels + o) * G.output_plane(), weights = (o * in + c) * G.taps();
        add_products(taps, x + from, w + weights, dy + to, y + to, dx + from, dw + weights);
      }
}

} // namespace stator::test
