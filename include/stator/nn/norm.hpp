// SPDX-License-Identifier: BSL-1.0
// Normalisation over the batch: BatchNorm1d, BatchNorm2d, BatchNorm3d.
#pragma once

#include "stator/nn/norm_state.hpp"
#include "stator/ops/batch_norm.hpp"
#include "stator/trace/assign.hpp"
#include "stator/trace/call.hpp"

namespace stator::nn {

/// For `momentum`: PyTorch's None, running statistics are the plain average of all batches.
inline constexpr double cumulative_average = -1;

/// Options of BatchNorm1d, BatchNorm2d and BatchNorm3d, PyTorch's.
struct BatchNormOptions {
  double eps = 1e-5;               ///< added to the variance
  double momentum = 0.1;           ///< the part of a batch in the running statistics
  bool affine = true;              ///< a learned factor and summand for each channel
  bool track_running_stats = true; ///< keep statistics for evaluation
};

/// x [N, Features, ...] with Dims dimensions after the channel dimension (for 1: none or one). In training it
/// is normalised with the statistics of the batch, which go into the running ones; in evaluation with the
/// running ones. Source: Ioffe and Szegedy 2015.
template<std::size_t Dims, Index Features, BatchNormOptions Options, class T>
struct BatchNorm {
  static_assert(Features > 0, "stator: BatchNorm needs a positive number of features");
  static constexpr bool affine = Options.affine;              ///< whether there are weight and bias
  static constexpr bool tracks = Options.track_running_stats; ///< whether there are running statistics
  static constexpr std::string_view class_name() {
    return Dims == 1 ? "BatchNorm1d" : Dims == 2 ? "BatchNorm2d" : "BatchNorm3d";
  }

  /// Factor of each channel.
  detail::FieldIf<affine, Parameter<T, Features>> weight;
  /// Summand of each channel.
  detail::FieldIf<affine, Parameter<T, Features>> bias;
  detail::FieldIf<tracks, Buffer<arithmetic_of<T>, Features>> running_mean; ///< of each channel
  detail::FieldIf<tracks, Buffer<arithmetic_of<T>, Features>> running_var;  ///< of each channel, unbiased
  /// Batches in the running statistics.
  detail::FieldIf<tracks, Buffer<std::int64_t>> num_batches_tracked;

  constexpr auto forward(auto x) const {
    using X = decltype(x);
    if constexpr (!fits(X::extents)) {
      x.builder->fail(text("input ", X::extents, ", expected ", Features, " channels and ",
                           Dims == 1   ? "2 or 3"
                           : Dims == 2 ? "4"
                                       : "5",
                           " dimensions"));
      return x;
    } else if constexpr (affine) {
      return forward(x, ops::symbol(x, weight), ops::symbol(x, bias));
    } else {
      return forward(x, 1.0, 0.0);
    }
  }
  constexpr auto operator()(auto&& x) const { return call(*this, std::forward<decltype(x)>(x)); }

  void reset_parameters() { detail::reset_norm(*this); }
  static std::string extra_repr() {
    const bool plain = Options.momentum == cumulative_average;
    return detail::running_norm_repr(Features, Options.eps, plain ? "None" : python_float(Options.momentum),
                                     affine, tracks);
  }

  /// Files of PyTorch before 0.4.1 have no num_batches_tracked: it becomes 0, as in PyTorch.
  static void upgrade_state(auto& state, std::string_view prefix) {
    if constexpr (tracks)
      if (const std::string name = std::string(prefix) + "num_batches_tracked"; !state.contains(name))
        state.insert_or_assign(name, std::int64_t{0});
  }

  /// Whether an input of this shape can be normalised.
  static constexpr bool fits(const Extents& x) {
    return (x.rank == Dims + 2 || (Dims == 1 && x.rank == 2)) && x[1] == Features;
  }

private:
  constexpr auto forward(auto x, auto w, auto b) const {
    using namespace ops::batch_norm;
    if constexpr (tracks)
      if (!x.training())
        return normalize_by<Options.eps>(x, ops::symbol(x, running_mean), ops::symbol(x, running_var), w, b);
    const auto mean = operation<Mean>{}(x);
    const auto variance = operation<Variance>{}(x, mean);
    if constexpr (tracks) {
      if constexpr (Options.momentum == cumulative_average) {
        const auto count = operation<Increment>{}(ops::symbol(x, num_batches_tracked));
        stator::assign(num_batches_tracked, count);
        stator::assign(running_mean, operation<Update<0.0, false>>{}(running_mean, mean, x, count));
        stator::assign(running_var, operation<Update<0.0, true>>{}(running_var, variance, x, count));
      } else {
        stator::assign(num_batches_tracked, operation<Increment>{}(ops::symbol(x, num_batches_tracked)));
        stator::assign(running_mean, operation<Update<Options.momentum, false>>{}(running_mean, mean, x));
        stator::assign(running_var, operation<Update<Options.momentum, true>>{}(running_var, variance, x));
      }
    }
    return ops::batch_norm::normalize<Options.eps>(x, mean, variance, w, b);
  }
};

/// x [N, Features] or [N, Features, L]
template<Index Features, BatchNormOptions Options = BatchNormOptions{}, class T = float>
using BatchNorm1d = BatchNorm<1, Features, Options, T>;
/// x [N, Features, H, W]
template<Index Features, BatchNormOptions Options = BatchNormOptions{}, class T = float>
using BatchNorm2d = BatchNorm<2, Features, Options, T>;
/// x [N, Features, D, H, W]
template<Index Features, BatchNormOptions Options = BatchNormOptions{}, class T = float>
using BatchNorm3d = BatchNorm<3, Features, Options, T>;

} // namespace stator::nn
