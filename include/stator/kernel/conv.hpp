// SPDX-License-Identifier: BSL-1.0
// Convolutions over one, two or three axes, forward and backward, in PyTorch's layout [batch, channels, ...].
#pragma once

#include "stator/kernel/conv_columns.hpp"
#include "stator/kernel/conv_pass.hpp"
#include "stator/kernel/conv_vectors.hpp"
#include "stator/kernel/conv_weight_columns.hpp"
#include "stator/kernel/conv_weight_pass.hpp"
#include "stator/kernel/conv_weight_vectors.hpp"
#include "stator/kernel/conv_winograd.hpp"

namespace stator::kernel {

/// The convolution that `Geometry`, a ConvGeometry, describes. x: [batch, in_channels, input...],
/// w: [out_channels, in_channels / groups, kernel...], y: [batch, out_channels, output...].
template<class T, auto Geometry>
struct conv {
  /// One direction, by the kernel that suits the geometry.
  template<bool Backward>
  using pass = std::conditional_t<detail::conv_vectors<T, Geometry, Backward>::wins,
                                  detail::conv_vectors<T, Geometry, Backward>,
                                  std::conditional_t<detail::conv_columns<T, Geometry, Backward>::wins,
                                                     detail::conv_columns<T, Geometry, Backward>,
                                                     detail::conv_pass<T, Geometry, Backward>>>;
  /// The convolution.
  using forward_pass = pass<false>;
  /// The gradient of its input.
  using input_pass = pass<true>;
  /// The gradient of its weight.
  using weight_pass = std::conditional_t<
      detail::conv_weight_vectors<T, Geometry>::wins, detail::conv_weight_vectors<T, Geometry>,
      std::conditional_t<detail::conv_weight_columns<T, Geometry>::wins,
                         detail::conv_weight_columns<T, Geometry>, detail::conv_weight_pass<T, Geometry>>>;

  static constexpr Bytes forward_scratch = forward_pass::scratch; ///< temporary memory of `forward`
  /// Temporary memory of `backward_input`.
  static constexpr Bytes backward_input_scratch = input_pass::scratch;
  /// Temporary memory of `backward_weight`.
  static constexpr Bytes backward_weight_scratch = weight_pass::scratch;

  /// y = x * w + bias; a null `bias` counts as zero.
  static void forward(const T* x, const T* w, const T* bias, T* y, Index batch, std::byte* scratch) {
    forward_pass::run(x, w, bias, y, batch, scratch);
  }

  /// What runs with weights that were packed once: `prepare(w, bias, prepared)` fills `prepared_bytes`, any
  /// number of `run_prepared(x, prepared, y, batch, scratch)` read them, with `prepared_scratch` of temporary
  /// memory. As `forward`, bit by bit, unless it `MayRound` in another way.
  template<bool MayRound>
  using prepared = std::conditional_t<MayRound && detail::conv_winograd<T, Geometry>::wins,
                                      detail::conv_winograd<T, Geometry>, forward_pass>;

  /// The same for `backward_input`, with the transposed convolution's bias.
  using prepared_input = input_pass;

  /// dx: the gradient of x, overwritten. Also the forward pass of a transposed convolution, where `bias`
  /// [in_channels] is added.
  static void backward_input(const T* dy, const T* w, T* dx, Index batch, std::byte* scratch,
                             const T* bias = nullptr) {
    input_pass::run(dy, w, bias, dx, batch, scratch);
  }

  /// dw: the gradient of w, added to with `accumulate`.
  static void backward_weight(const T* x, const T* dy, T* dw, bool accumulate, Index batch,
                              std::byte* scratch) {
    weight_pass::run(x, dy, dw, accumulate, batch, scratch);
  }

  /// db [out_channels]: the sum of dy over samples and pixels.
  static void backward_bias(const T* dy, T* db, bool accumulate, Index batch) {
    constexpr Index plane = Geometry.output_plane(), channels = Geometry.out_channels;
    parallel_for_chunks(
        channels, chunk_count(channels, batch * channels * plane), [&](Index first, Index last, Index) {
          for (Index c = first; c < last; ++c) {
            T total{};
            for (Index n = 0; n < batch; ++n)
              total = static_cast<T>(total + contiguous_sum(dy + (n * channels + c) * plane, plane));
            db[c] = accumulate ? static_cast<T>(db[c] + total) : total;
          }
        });
  }
};

} // namespace stator::kernel
