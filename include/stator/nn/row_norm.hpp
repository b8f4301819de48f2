// SPDX-License-Identifier: BSL-1.0
// Normalisation of each sample by itself: LayerNorm, GroupNorm, InstanceNorm1d, InstanceNorm2d,
// InstanceNorm3d.
#pragma once

#include "stator/nn/extra_repr.hpp"
#include "stator/nn/init.hpp"
#include "stator/ops/call.hpp"
#include "stator/ops/layer_norm.hpp"

namespace stator::nn {

/// One extent, or several: `LayerNorm<64>`, `LayerNorm<Extents(8, 64)>`.
struct NormalizedShape {
  Extents extents;
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

struct LayerNormOptions {
  double eps = 1e-5;
  bool elementwise_affine = true;
};

/// Normalises over the last dimensions of x, which must be Normalized. Source: Ba, Kiros and Hinton 2016.
template<NormalizedShape Normalized, LayerNormOptions Options = LayerNormOptions{}, class T = float>
struct LayerNorm {
  static constexpr bool affine = Options.elementwise_affine;
  using Weight = typename detail::parameter_of<T, to_shape<Normalized.extents>>::type;
  std::conditional_t<affine, Weight, Absent> weight;
  std::conditional_t<affine, Weight, Absent> bias;

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
  constexpr auto operator()(const auto& x) const { return call(*this, x); }

  void reset_parameters() {
    if constexpr (affine) {
      init::ones_(weight);
      init::zeros_(bias);
    }
  }
  static std::string extra_repr() {
    return python_tuple(Normalized.extents) + ", eps=" + python_float(Options.eps) +
           ", elementwise_affine=" + python_bool(affine);
  }

  static constexpr bool fits(const Extents& x) {
    const Extents& n = Normalized.extents;
    if (x.rank < n.rank) return false;
    for (std::size_t d = 0; d < n.rank; ++d)
      if (x[x.rank - n.rank + d] != n[d]) return false;
    return true;
  }
};

struct GroupNormOptions {
  double eps = 1e-5;
  bool affine = true;
};

/// x [N, Channels, ...]: normalises each of Groups groups of neighbouring channels. Source: Wu and He 2018.
template<Index Groups, Index Channels, GroupNormOptions Options = GroupNormOptions{}, class T = float>
struct GroupNorm {
  static_assert(Groups > 0 && Channels % Groups == 0,
                "stator: GroupNorm: channels must be a multiple of groups");
  std::conditional_t<Options.affine, Parameter<T, Channels>, Absent> weight;
  std::conditional_t<Options.affine, Parameter<T, Channels>, Absent> bias;

  constexpr auto forward(auto x) const {
    using X = decltype(x);
    if constexpr (X::extents.rank < 2 || X::extents[1] != Channels) {
      x.builder->fail(text("input ", X::extents, ", expected [N, ", Channels, ", ...]"));
      return x;
    } else if constexpr (Options.affine) {
      return group_norm<Groups, Options.eps>(x, weight, bias);
    } else {
      return group_norm<Groups, Options.eps>(x);
    }
  }
  constexpr auto operator()(const auto& x) const { return call(*this, x); }

  void reset_parameters() {
    if constexpr (Options.affine) {
      init::ones_(weight);
      init::zeros_(bias);
    }
  }
  static std::string extra_repr() {
    return std::to_string(Groups) + ", " + std::to_string(Channels) + ", eps=" + python_float(Options.eps) +
           ", affine=" + python_bool(Options.affine);
  }
};

struct InstanceNormOptions {
  double eps = 1e-5;
  double momentum = 0.1; ///< for the text of the module only: there are no running statistics
  bool affine = false;
};

/// x [N, Features, ...] with Dims dimensions behind the channels: normalises each channel of each sample.
/// There are no running statistics (track_running_stats=False, PyTorch's default).
template<std::size_t Dims, Index Features, InstanceNormOptions Options, class T>
struct InstanceNorm {
  static constexpr std::string_view class_name() {
    return Dims == 1 ? "InstanceNorm1d" : Dims == 2 ? "InstanceNorm2d" : "InstanceNorm3d";
  }
  std::conditional_t<Options.affine, Parameter<T, Features>, Absent> weight;
  std::conditional_t<Options.affine, Parameter<T, Features>, Absent> bias;

  constexpr auto forward(auto x) const {
    using X = decltype(x);
    if constexpr (X::extents.rank != Dims + 2 || X::extents[1] != Features) {
      x.builder->fail(
          text("input ", X::extents, ", expected ", Features, " channels and ", Dims + 2, " dimensions"));
      return x;
    } else if constexpr (Options.affine) {
      return group_norm<Features, Options.eps>(x, weight, bias);
    } else {
      return group_norm<Features, Options.eps>(x);
    }
  }
  constexpr auto operator()(const auto& x) const { return call(*this, x); }

  void reset_parameters() {
    if constexpr (Options.affine) {
      init::ones_(weight);
      init::zeros_(bias);
    }
  }
  static std::string extra_repr() {
    return std::to_string(Features) + ", eps=" + python_float(Options.eps) +
           ", momentum=" + python_float(Options.momentum) + ", affine=" + python_bool(Options.affine) +
           ", track_running_stats=False";
  }
};

template<Index Features, InstanceNormOptions Options = InstanceNormOptions{}, class T = float>
using InstanceNorm1d = InstanceNorm<1, Features, Options, T>;
template<Index Features, InstanceNormOptions Options = InstanceNormOptions{}, class T = float>
using InstanceNorm2d = InstanceNorm<2, Features, Options, T>;
template<Index Features, InstanceNormOptions Options = InstanceNormOptions{}, class T = float>
using InstanceNorm3d = InstanceNorm<3, Features, Options, T>;

} // namespace stator::nn
