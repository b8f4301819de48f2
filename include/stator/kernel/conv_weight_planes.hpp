// SPDX-License-Identifier: BSL-1.0
// The weight gradient of planes that are convolved each by itself (depthwise, stride one): a plane is laid
// out where it stays in the first-level cache, and all sums of a channel are in registers. A channel belongs
// to one thread, which adds its samples in their order.
#pragma once

#include "stator/core/compiler.hpp"
#include "stator/kernel/conv_depthwise.hpp"
#include "stator/kernel/conv_lanes.hpp"
#include "stator/kernel/parallel.hpp"

namespace stator::kernel::detail {

template<class T, auto G>
struct conv_weight_planes {
  using direction = conv_direction<G, false>;
  using lanes = conv_lanes<T, G, false>;
  static constexpr std::size_t D = G.axes;
  static constexpr Index W = lanes::W, taps = direction::taps, pixels = direction::target_plane;
  static constexpr Index high = G.kernel[0], wide = G.kernel[D - 1];

  static constexpr bool wins = [] {
    if (D != 2 || G.in_channels != G.groups || G.out_channels != G.groups || G.stride != filled<D>(1) ||
        G.dilation != filled<D>(1))
      return false;
    return high > 1 && taps + high + 2 <= vector_registers && lanes::possible;
  }();

  static constexpr Index parts = std::min(G.groups, max_threads);
  static constexpr std::size_t part_bytes =
      lanes::lays_out ? align_up(static_cast<std::size_t>(lanes::plane) * sizeof(T)) : 0;
  static constexpr Bytes scratch{static_cast<std::size_t>(parts) * part_bytes, 0};

  STATOR_NOINLINE static void run(const T* x, const T* dy, T* dw, bool accumulate, Index batch,
                                  std::byte* space) {
    parallel_for_chunks(
        G.groups, chunk_count(parts, direction::work * batch), [&](Index first, Index last, Index chunk) {
          T* const laid = reinterpret_cast<T*>(space + static_cast<std::size_t>(chunk) * part_bytes);
          for (Index c = first; c < last; ++c) {
            alignas(64) T sums[static_cast<std::size_t>(taps * W)] = {};
            for (Index n = 0; n < batch; ++n) {
              const T* plane = x + (n * G.groups + c) * G.input_plane();
              if constexpr (lanes::lays_out) {
                lanes::lay_out(plane, 1, laid, c == first && n == 0);
                plane = laid;
              }
              conv_plane_products<T, W, high, wide>(plane, lanes::extents[D - 1],
                                                    dy + (n * G.groups + c) * pixels, direction::target[0],
                                                    direction::target[D - 1], sums);
            }
            for (Index t = 0; t < taps; ++t) {
              vec<T, W> lane;
              load(lane, sums + t * W);
              const T total = horizontal_sum<T, W>(lane);
              T& to = dw[c * taps + t];
              to = accumulate ? static_cast<T>(to + total) : total;
            }
          }
        });
  }
};

} // namespace stator::kernel::detail
