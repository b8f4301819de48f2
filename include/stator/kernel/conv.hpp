// SPDX-License-Identifier: BSL-1.0
// Convolutions over one, two or three axes, forward and backward, in PyTorch's layout [batch, channels, ...].
#pragma once

#include "stator/core/accuracy.hpp"
#include "stator/kernel/conv_columns.hpp"
#include "stator/kernel/conv_depthwise_pass.hpp"
#include "stator/kernel/conv_pass.hpp"
#include "stator/kernel/conv_product.hpp"
#include "stator/kernel/conv_small_planes.hpp"
#include "stator/kernel/conv_vectors.hpp"
#include "stator/kernel/conv_weight_columns.hpp"
#include "stator/kernel/conv_weight_pass.hpp"
#include "stator/kernel/conv_weight_planes.hpp"
#include "stator/kernel/conv_weight_vectors.hpp"
#include "stator/kernel/conv_winograd_pass.hpp"
#include "stator/kernel/conv_winograd_weight.hpp"

namespace stator::kernel {

namespace detail {

/// Tiles from which transforming the weights pays, at every call or once.
inline constexpr Index winograd_tiles = 24, winograd_tiles_prepared = 16;
/// Whether so many samples, or any number of them (`dynamic`), have as many tiles.
template<class Pass>
constexpr bool has_winograd_tiles(Index samples, Index least = winograd_tiles) {
  return samples == dynamic || samples * Pass::down * Pass::across >= least;
}

template<class T, auto G, bool Backward, Index Samples, Index Least = winograd_tiles,
         bool Winograd = winograd_by_default>
constexpr auto conv_choice() {
  constexpr bool small = conv_small_planes<T, G, Backward>::wins;
  if constexpr (Winograd && conv_winograd_pass<T, G, Backward>::wins &&
                has_winograd_tiles<conv_winograd_pass<T, G, Backward>>(Samples,
                                                                       small ? winograd_tiles : Least))
    return std::type_identity<conv_winograd_pass<T, G, Backward>>();
  else if constexpr (conv_product<T, G, Backward>::wins)
    return std::type_identity<conv_product<T, G, Backward>>();
  else if constexpr (conv_depthwise<T, G, Backward>::wins)
    return std::type_identity<conv_depthwise<T, G, Backward>>();
  else if constexpr (small)
    return std::type_identity<conv_small_planes<T, G, Backward>>();
  else if constexpr (conv_vectors<T, G, Backward>::wins)
    return std::type_identity<conv_vectors<T, G, Backward>>();
  else if constexpr (conv_columns<T, G, Backward>::wins)
    return std::type_identity<conv_columns<T, G, Backward>>();
  else
    return std::type_identity<conv_pass<T, G, Backward>>();
}
/// With weights that are prepared, and results as near as `How` says.
template<class T, auto G, Index Samples, Accuracy How>
constexpr auto conv_prepared_choice() {
  constexpr bool rounds = How != Accuracy::same;
  constexpr Index samples = Samples == dynamic ? 1 : Samples;
  constexpr bool large = [] {
    using Large = conv_winograd_pass<T, G, false, 4>;
    if constexpr (How == Accuracy::coarse)
      return Large::wins && has_winograd_tiles<Large>(samples, winograd_tiles_prepared);
    return false;
  }();
  if constexpr (large)
    return std::type_identity<conv_winograd_pass<T, G, false, 4>>();
  else
    return conv_choice<T, G, false, Samples, rounds ? winograd_tiles_prepared : winograd_tiles,
                       rounds || winograd_by_default>();
}
template<class T, auto G, Index Samples>
constexpr auto conv_weight_choice() {
  if constexpr (winograd_by_default && conv_winograd_weight<T, G>::wins &&
                has_winograd_tiles<conv_winograd_pass<T, G, false>>(Samples))
    return std::type_identity<conv_winograd_weight<T, G>>();
  else if constexpr (conv_weight_product<T, G>::wins)
    return std::type_identity<conv_weight_product<T, G>>();
  else if constexpr (conv_weight_planes<T, G>::wins)
    return std::type_identity<conv_weight_planes<T, G>>();
  else if constexpr (conv_weight_vectors<T, G>::wins)
    return std::type_identity<conv_weight_vectors<T, G>>();
  else if constexpr (conv_weight_columns<T, G>::wins)
    return std::type_identity<conv_weight_columns<T, G>>();
  else
    return std::type_identity<conv_weight_pass<T, G>>();
}

} // namespace detail

/// The convolution that `Geometry`, a ConvGeometry, describes. x: [batch, in_channels, input...],
/// w: [out_channels, in_channels / groups, kernel...], y: [batch, out_channels, output...]. `Samples` is the
/// batch where it is a constant: few samples may suit another kernel.
template<class T, auto Geometry, Index Samples = dynamic>
struct conv {
  /// One direction, by the kernel that suits the geometry.
  template<bool Backward>
  using pass = typename decltype(detail::conv_choice<T, Geometry, Backward, Samples>())::type;
  /// The convolution.
  using forward_pass = pass<false>;
  /// The gradient of its input.
  using input_pass = pass<true>;
  /// The gradient of its weight.
  using weight_pass = typename decltype(detail::conv_weight_choice<T, Geometry, Samples>())::type;

  /// Temporary memory of `forward` for so many samples, or for any number of them (`dynamic`).
  static constexpr Bytes forward_scratch(Index batch = dynamic) {
    return detail::conv_scratch<forward_pass>(batch);
  }
  /// Temporary memory of `backward_input`.
  static constexpr Bytes backward_input_scratch(Index batch = dynamic) {
    return detail::conv_scratch<input_pass>(batch);
  }
  /// Temporary memory of `backward_weight`.
  static constexpr Bytes backward_weight_scratch(Index batch = dynamic) {
    return detail::conv_scratch<weight_pass>(batch);
  }

  /// y = x * w + bias; a null `bias` counts as zero.
  static void forward(const T* x, const T* w, const T* bias, T* y, Index batch, std::byte* scratch) {
    forward_pass::run(x, w, bias, y, batch, scratch);
  }

  /// What runs with weights that were packed once: `prepare(w, bias, prepared)` fills `prepared_bytes`, any
  /// number of `run_prepared(x, prepared, y, batch, scratch)` read them, with the temporary memory that
  /// `detail::conv_prepared_scratch` says. As near to `forward` as `How` says.
  template<Accuracy How>
  using prepared = typename decltype(detail::conv_prepared_choice<T, Geometry, Samples, How>())::type;

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

  /// Whether relu and the maximum of windows of two by two can follow `forward` in one kernel, and the
  /// gradients begin with that of the maxima.
  static constexpr bool pools = [] {
    if constexpr (requires { forward_pass::can_halve; })
      return forward_pass::can_halve && requires { input_pass::can_halve; } &&
             std::is_same_v<weight_pass, detail::conv_winograd_weight<T, Geometry>>;
    else
      return false;
  }();
  /// Maxima of a sample.
  static constexpr Index maxima = Geometry.output_plane() / 4 * Geometry.out_channels;
  /// Elements of a sample of what `forward_pooled` writes.
  static constexpr Index pooled_elements() {
    constexpr Index down = Geometry.output()[0] / 2, across = Geometry.output()[Geometry.axes - 1] / 2;
    return maxima + detail::ConvWinners<T, native_width<T>, Geometry.out_channels, down, across>::sample;
  }
  /// y: the maxima of windows of two by two of relu(x * w + bias), and behind those of all samples which
  /// pixels they are.
  static void forward_pooled(const T* x, const T* w, const T* bias, T* y, Index batch, std::byte* scratch) {
    forward_pass::run(x, w, bias, y, batch, scratch,
                      {.relu = true, .halve_max = true, .winners = y + batch * maxima});
  }
  /// As `backward_input`, from the gradient of the maxima and what `forward_pooled` has written.
  static void backward_input_pooled(const T* g, const T* pooled, const T* w, T* dx, Index batch,
                                    std::byte* scratch) {
    input_pass::run(detail::PooledGradient<T>{g, pooled + batch * maxima}, w, nullptr, dx, batch, scratch);
  }
  /// As `backward_weight`, in the same way.
  static void backward_weight_pooled(const T* x, const T* g, const T* pooled, T* dw, bool accumulate,
                                     Index batch, std::byte* scratch) {
    weight_pass::run(x, detail::PooledGradient<T>{g, pooled + batch * maxima}, dw, accumulate, batch,
                     scratch);
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
