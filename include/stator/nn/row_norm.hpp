// SPDX-License-Identifier: BSL-1.0
// Normalisation of each sample by itself: LayerNorm, GroupNorm, InstanceNorm1d, InstanceNorm2d,
// InstanceNorm3d.
#pragma once

#include "stator/nn/norm_state.hpp"
#include "stator/ops/batch_norm.hpp"
#include "stator/ops/layer_norm.hpp"
#include "stator/ops/variance.hpp"
#include "stator/trace/assign.hpp"
#include "stator/trace/call.hpp"

namespace stator::nn {

/// One extent, or several: `LayerNorm<64>`, `LayerNorm<Extents(8, 64)>`.
struct NormalizedShape {
  Extents extents; ///< the last extents of the input
  constexpr NormalizedShape(Index n) : extents(n) {}
  constexpr NormalizedShape(const Extents& e) : extents(e) {}
};

namespace detail {
template<class T, class S>
struct parameter_of;
template<class T, Index... E>
struct parameter_of<T, Shape<E...>> {
  using type = Parameter<T, E...>;
};
} // namespace detail

/// Options of LayerNorm, PyTorch's.
struct LayerNormOptions {
  double eps = 1e-5;              ///< added to the variance
  bool elementwise_affine = true; ///< a learned factor and summand for each element
};

/// Normalises over the last dimensions of x, which must be Normalized. Source: Ba, Kiros and Hinton 2016.
template<NormalizedShape Normalized, LayerNormOptions Options = LayerNormOptions{}, class T = float>
struct LayerNorm {
  static constexpr bool affine = Options.elementwise_affine; ///< whether there are weight and bias
  /// The type of both, with the shape that is normalised.
  using Weight = typename detail::parameter_of<T, to_shape<Normalized.extents>>::type;
  detail::FieldIf<affine, Weight> weight; ///< factor of each element
  detail::FieldIf<affine, Weight> bias;   ///< summand of each element

  constexpr auto forward(auto x) const {
    using X = decltype(x);
    constexpr std::size_t rank = Normalized.extents.rank;
    if constexpr (!fits(X::extents)) {
      x.builder->fail(text("input ", X::extents, ", expected it to end in ", Normalized.extents));
      return x;
    } else if constexpr (affine) {
      return layer_norm<rank, Options.eps>(x, weight, bias);
    } else {
      return layer_norm<rank, Options.eps>(x);
    }
  }
  constexpr auto operator()(auto&& x) const { return call(*this, std::forward<decltype(x)>(x)); }

  void reset_parameters() { detail::reset_norm(*this); }
  static std::string extra_repr() {
    return python_tuple(Normalized.extents) + ", eps=" + python_float(Options.eps) +
           ", elementwise_affine=" + python_bool(affine);
  }

  /// Whether a shape ends in the one that is normalised.
  static constexpr bool fits(const Extents& x) {
    const Extents& n = Normalized.extents;
    if (x.rank < n.rank) return false;
    for (std::size_t d = 0; d < n.rank; ++d)
      if (x[x.rank - n.rank + d] != n[d]) return false;
    return true;
  }
};

/// Options of GroupNorm, PyTorch's.
struct GroupNormOptions {
  double eps = 1e-5;  ///< added to the variance
  bool affine = true; ///< a learned factor and summand for each channel
};

/// x [N, Channels, ...]: normalises each of Groups groups of neighbouring channels. Source: Wu and He 2018.
template<Index Groups, Index Channels, GroupNormOptions Options = GroupNormOptions{}, class T = float>
struct GroupNorm {
  static_assert(Groups > 0 && Channels % Groups == 0,
                "stator: GroupNorm: channels must be a multiple of groups");
  static constexpr bool affine = Options.affine; ///< whether there are weight and bias
  /// Factor of each channel.
  detail::FieldIf<affine, Parameter<T, Channels>> weight;
  /// Summand of each channel.
  detail::FieldIf<affine, Parameter<T, Channels>> bias;

  constexpr auto forward(auto x) const {
    using X = decltype(x);
    if constexpr (X::extents.rank < 2 || X::extents[1] != Channels) {
      x.builder->fail(text("input ", X::extents, ", expected [N, ", Channels, ", ...]"));
      return x;
    } else if constexpr (affine) {
      return group_norm<Groups, Options.eps>(x, weight, bias);
    } else {
      return group_norm<Groups, Options.eps>(x);
    }
  }
  constexpr auto operator()(auto&& x) const { return call(*this, std::forward<decltype(x)>(x)); }

  void reset_parameters() { detail::reset_norm(*this); }
  static std::string extra_repr() {
    return std::to_string(Groups) + ", " + std::to_string(Channels) + ", eps=" + python_float(Options.eps) +
           ", affine=" + python_bool(affine);
  }
};

/// Options of InstanceNorm1d, InstanceNorm2d and InstanceNorm3d, PyTorch's.
struct InstanceNormOptions {
  double eps = 1e-5;                ///< added to the variance
  double momentum = 0.1;            ///< of the running statistics
  bool affine = false;              ///< a learned factor and summand for each channel
  bool track_running_stats = false; ///< keep statistics for evaluation
};

/// x [N, Features, ...] with Dims dimensions after the channel dimension: normalises each channel of each
/// sample. With track_running_stats the averages of their means and variances go into the running ones, which
/// evaluation uses instead; num_batches_tracked stays 0, as in PyTorch. Source: Ulyanov, Vedaldi and
/// Lempitsky 2016.
template<std::size_t Dims, Index Features, InstanceNormOptions Options, class T>
struct InstanceNorm {
  static constexpr bool affine = Options.affine;              ///< whether there are weight and bias
  static constexpr bool tracks = Options.track_running_stats; ///< whether there are running statistics
  static constexpr std::string_view class_name() {
    return Dims == 1 ? "InstanceNorm1d" : Dims == 2 ? "InstanceNorm2d" : "InstanceNorm3d";
  }
  /// Factor of each channel.
  detail::FieldIf<affine, Parameter<T, Features>> weight;
  /// Summand of each channel.
  detail::FieldIf<affine, Parameter<T, Features>> bias;
  detail::FieldIf<tracks, Buffer<arithmetic_of<T>, Features>> running_mean; ///< of each channel
  detail::FieldIf<tracks, Buffer<arithmetic_of<T>, Features>> running_var;  ///< of each channel, unbiased
  /// As PyTorch has it: stays 0.
  detail::FieldIf<tracks, Buffer<std::int64_t>> num_batches_tracked;

  constexpr auto forward(auto x) const {
    using X = decltype(x);
    if constexpr (X::extents.rank != Dims + 2 || X::extents[1] != Features) {
      x.builder->fail(
          text("input ", X::extents, ", expected ", Features, " channels and ", Dims + 2, " dimensions"));
      return x;
    } else if constexpr (affine) {
      return normalized(x, ops::symbol(x, weight), ops::symbol(x, bias));
    } else {
      return normalized(x);
    }
  }
  constexpr auto operator()(auto&& x) const { return call(*this, std::forward<decltype(x)>(x)); }

  void reset_parameters() { detail::reset_norm(*this); }
  static std::string extra_repr() {
    return detail::running_norm_repr(Features, Options.eps, python_float(Options.momentum), affine, tracks);
  }

private:
  constexpr auto normalized(auto x, auto... scale) const {
    if constexpr (tracks) {
      const auto mean = ops::symbol(x, running_mean), variance = ops::symbol(x, running_var);
      if (!x.training()) {
        if constexpr (affine)
          return ops::batch_norm::normalize_by<Options.eps>(x, mean, variance, scale...);
        else
          return ops::batch_norm::normalize_by<Options.eps>(x, mean, variance, 1.0, 0.0);
      }
      update(x);
    }
    if constexpr (decltype(x)::extents.product(2, Dims + 2) == 1)
      x.builder->fail(text("input ", decltype(x)::extents, ", expected more than 1 element in each channel"));
    return group_norm<Features, Options.eps>(x, scale...);
  }
  constexpr void update(auto x) const {
    using Running = operation<ops::batch_norm::Update<Options.momentum, false>>;
    const auto each = [&]<std::size_t... D>(std::index_sequence<D...>) {
      return var_dims<static_cast<Index>(2 + D)...>(x);
    }(std::make_index_sequence<Dims>{});
    stator::assign(running_mean, Running{}(running_mean, operation<ops::batch_norm::Mean>{}(x), x));
    stator::assign(running_var, Running{}(running_var, mean_dims<0>(each), x));
  }
};

/// torch.nn.InstanceNorm1d: x [N, Features, L].
template<Index Features, InstanceNormOptions Options = InstanceNormOptions{}, class T = float>
using InstanceNorm1d = InstanceNorm<1, Features, Options, T>;
/// torch.nn.InstanceNorm2d: x [N, Features, H, W].
template<Index Features, InstanceNormOptions Options = InstanceNormOptions{}, class T = float>
using InstanceNorm2d = InstanceNorm<2, Features, Options, T>;
/// torch.nn.InstanceNorm3d: x [N, Features, D, H, W].
template<Index Features, InstanceNormOptions Options = InstanceNormOptions{}, class T = float>
using InstanceNorm3d = InstanceNorm<3, Features, Options, T>;

} // namespace stator::nn
