// SPDX-License-Identifier: BSL-1.0
// torch.nn.SyncBatchNorm: batch normalisation with the statistics of all ranks' batches. In training each
// layer waits for the other ranks three times: for the sums of x, of its squared distances, and of the
// backward. A backward that is differentiated again is written in sums over ranks that have a derivative.
#pragma once

#include "stator/distributed/collectives.hpp"
#include "stator/nn/norm.hpp"

#include <cmath>

namespace stator::distributed {

namespace detail {

/// Sums over all ranks; those of this process where there is no World.
inline void add_over_ranks(std::span<double> sums) {
  if (World::exists()) all_reduce(sums);
}

/// Calls `f(channel, first, last)` for each row of positions of x, [N, C, ...].
template<class X, class F>
void for_each_row(Index batch, F&& f) {
  constexpr Index channels = X::extents[1], inner = X::extents.product(2, X::extents.rank);
  for (Index n = 0, at = 0; n < ops::batch_norm::samples<X>(batch); ++n)
    for (Index c = 0; c < channels; ++c, at += inner) f(c, at, at + inner);
}

/// Mean, variance (not corrected) and count of each channel over the batches of all ranks, [3, C].
struct SyncMoments {
  static constexpr std::string_view name = "SyncBatchNormMoments";
  static constexpr Extents shape(const Extents& x) { return Extents(3, x[1]); }
  template<class Out, class X>
  static void run(typename Out::scalar* out, const typename X::scalar* x, Index batch, std::byte*) {
    constexpr auto channels = static_cast<std::size_t>(X::extents[1]);
    using T = typename Out::scalar;
    std::array<double, channels + 1> sums{};
    for_each_row<X>(batch, [&](Index c, Index first, Index last) {
      for (Index i = first; i < last; ++i) sums[static_cast<std::size_t>(c)] += static_cast<double>(x[i]);
    });
    sums[channels] = static_cast<double>(ops::batch_norm::count<X>(batch));
    add_over_ranks(sums);
    const double n = sums[channels];
    if (n <= 1)
      raise(ValueError(
          "SyncBatchNorm: Expected more than 1 value per channel when training, all ranks together"));
    std::array<double, channels> mean{}, squares{};
    for (std::size_t c = 0; c < channels; ++c) mean[c] = sums[c] / n;
    for_each_row<X>(batch, [&](Index c, Index first, Index last) {
      for (Index i = first; i < last; ++i) {
        const double d = static_cast<double>(x[i]) - mean[static_cast<std::size_t>(c)];
        squares[static_cast<std::size_t>(c)] += d * d;
      }
    });
    add_over_ranks(squares);
    for (std::size_t c = 0; c < channels; ++c) {
      out[c] = static_cast<T>(mean[c]);
      out[channels + c] = static_cast<T>(squares[c] / n);
      out[2 * channels + c] = static_cast<T>(n);
    }
  }
};

/// Sums of g and of g (x - mean) of each channel, [2, C], of this rank; with All over all ranks.
template<bool All>
struct SyncSums {
  static constexpr std::string_view name = "SyncBatchNormSums";
  static constexpr Extents shape(const Extents&, const Extents& x, const Extents&) {
    return Extents(2, x[1]);
  }
  template<class Out, class G, class X, class M>
  static void run(typename Out::scalar* out, const typename G::scalar* g, const typename X::scalar* x,
                  const typename M::scalar* moments, Index batch, std::byte*) {
    constexpr auto channels = static_cast<std::size_t>(X::extents[1]);
    std::array<double, 2 * channels> sums{};
    for_each_row<X>(batch, [&](Index c, Index first, Index last) {
      for (Index i = first; i < last; ++i) {
        sums[static_cast<std::size_t>(c)] += static_cast<double>(g[i]);
        sums[channels + static_cast<std::size_t>(c)] +=
            static_cast<double>(g[i]) * static_cast<double>(x[i] - moments[c]);
      }
    });
    if (All) add_over_ranks(sums);
    for (std::size_t i = 0; i < sums.size(); ++i) out[i] = static_cast<typename Out::scalar>(sums[i]);
  }
};

/// weight (g - S0 / n - (x - mean) S1 / (n (variance + eps))) / sqrt(variance + eps), S the sums over all
/// ranks.
template<double Eps>
struct SyncInputGradient {
  static constexpr std::string_view name = "SyncBatchNormInputGradient";
  static constexpr Extents shape(const Extents& g, const auto&...) { return g; }
  template<class Out, class G, class X, class M, class W, class S>
  static void run(typename Out::scalar* out, const typename G::scalar* g, const typename X::scalar* x,
                  const typename M::scalar* moments, const typename W::scalar* weight,
                  const typename S::scalar* sums, Index batch, std::byte*) {
    using T = typename Out::scalar;
    constexpr Index channels = X::extents[1];
    for_each_row<X>(batch, [&](Index c, Index first, Index last) {
      const T n = moments[2 * channels + c], variance = moments[channels + c] + static_cast<T>(Eps);
      const T factor = weight[c] / std::sqrt(variance);
      const T constant = sums[c] / n, slope = sums[channels + c] / (n * variance);
      for (Index i = first; i < last; ++i) out[i] = factor * (g[i] - constant - (x[i] - moments[c]) * slope);
    });
  }
};

/// The gradient of the weight, from this rank's sums: PyTorch's; means over ranks are DataParallel's.
template<double Eps>
struct SyncWeightGradient {
  static constexpr std::string_view name = "SyncBatchNormWeightGradient";
  static constexpr Extents shape(const Extents& sums, const Extents&) { return Extents(sums[1]); }
  template<class Out, class S, class M>
  static void run(typename Out::scalar* out, const typename S::scalar* sums,
                  const typename M::scalar* moments, Index, std::byte*) {
    constexpr Index channels = S::extents[1];
    for (Index c = 0; c < channels; ++c)
      out[c] = sums[channels + c] / std::sqrt(moments[channels + c] + static_cast<typename Out::scalar>(Eps));
  }
};

/// The sum over all ranks of each element. Its gradient is the sum of the ranks' gradients, as that of
/// torch.distributed.nn.functional.all_reduce.
struct RankSum {
  static constexpr std::string_view name = "RankSum";
  static constexpr Extents shape(const Extents& x) { return x; }
  template<class Out, class X>
  static void run(typename Out::scalar* out, const typename X::scalar* x, Index, std::byte*) {
    constexpr auto count = static_cast<std::size_t>(X::extents.product(0, X::extents.rank));
    std::array<double, count> sums{};
    for (std::size_t i = 0; i < count; ++i) sums[i] = static_cast<double>(x[i]);
    add_over_ranks(sums);
    for (std::size_t i = 0; i < count; ++i) out[i] = static_cast<typename Out::scalar>(sums[i]);
  }
  template<class G, class Y, class X>
  static constexpr auto vjp(G g, Y, X) {
    return gradients(operation<RankSum>{}(g));
  }
};

/// Values of each channel over all ranks, [C].
struct SyncCount {
  static constexpr std::string_view name = "SyncBatchNormCount";
  static constexpr bool is_constant = true;
  static constexpr Extents shape(const Extents& moments) { return Extents(moments[1]); }
  template<class Out, class M>
  static void run(typename Out::scalar* out, const typename M::scalar* moments, Index, std::byte*) {
    std::copy_n(moments + 2 * M::extents[1], M::extents[1], out);
  }
};

/// (x - mean) weight / sqrt(variance + eps) + bias. The gradient of x is the whole one, through the moments
/// too.
template<double Eps>
struct SyncNormalize {
  static constexpr std::string_view name = "SyncBatchNorm";
  static constexpr std::string_view backward_name = "SyncBatchNormBackward";
  static constexpr Extents shape(const Extents& x, const auto&...) { return x; }
  template<class Out, class X, class M, class W, class B>
  static void run(typename Out::scalar* out, const typename X::scalar* x, const typename M::scalar* moments,
                  const typename W::scalar* weight, const typename B::scalar* bias, Index batch, std::byte*) {
    using T = typename Out::scalar;
    constexpr Index channels = X::extents[1];
    for_each_row<X>(batch, [&](Index c, Index first, Index last) {
      const T factor = weight[c] / std::sqrt(moments[channels + c] + static_cast<T>(Eps));
      for (Index i = first; i < last; ++i) out[i] = (x[i] - moments[c]) * factor + bias[c];
    });
  }
  template<class G, class Y, class X, class M, class W, class B>
  static constexpr auto vjp(G g, Y, X x, M moments, W weight, B) {
    if constexpr (X::order > 0) return again(g, x, moments, weight);
    const auto mine = operation<SyncSums<false>>{}(g, x, moments);
    const auto all = operation<SyncSums<true>>{}(g, x, moments);
    return gradients(operation<SyncInputGradient<Eps>>{}(g, x, moments, weight, all), no_gradient,
                     operation<SyncWeightGradient<Eps>>{}(mine, moments),
                     operation<ops::batch_norm::SumsRow<0>>{}(mine));
  }

private:
  /// The same in operations that can be differentiated again: all that comes from x is written here, the
  /// moments' part of it too.
  template<class G, class X, class M, class W>
  static constexpr auto again(G g, X x, M moments, W weight) {
    return [&]<std::size_t... D>(std::index_sequence<D...>) {
      constexpr operation<ops::Sum<true, 0, static_cast<Index>(2 + D)...>> total; // of this rank
      const auto n = ops::batch_norm::along_channels<X>(operation<SyncCount>{}(moments));
      const auto mean = [&](const auto& v) { return div(operation<RankSum>{}(total(v)), n); };
      const auto centred = sub(x, mean(x));
      const auto r = operation<ops::Rsqrt>{}(add(mean(mul(centred, centred)), Eps));
      const auto normal = mul(centred, r);
      const auto dx = sub(g, add(mean(g), mul(normal, mean(mul(g, normal)))));
      return gradients(mul(mul(ops::batch_norm::along_channels<X>(weight), r), dx), no_gradient,
                       ops::reshape_to<W::extents>(total(mul(g, normal))),
                       ops::reshape_to<W::extents>(total(g)));
    }(std::make_index_sequence<X::extents.rank - 2>{});
  }
};

/// (1 - momentum) running + momentum statistic, of row Row of the moments: 1, the variance, is corrected.
/// With a counter as last operand momentum is 1 / counter.
template<double Momentum, Index Row>
struct SyncUpdate {
  static constexpr std::string_view name = "SyncBatchNormUpdate";
  static constexpr Extents shape(const Extents& running, const auto&...) { return running; }
  template<class Out, class R, class M, class... Counter>
  static void run(typename Out::scalar* out, const typename R::scalar* running,
                  const typename M::scalar* moments, const typename Counter::scalar*... counter, Index,
                  std::byte*) {
    constexpr Index channels = R::extents[0];
    const auto n = static_cast<double>(moments[2 * channels]);
    double momentum = Momentum;
    ((momentum = 1.0 / static_cast<double>(*counter)), ...);
    const double factor = Row == 1 ? momentum * n / (n - 1) : momentum;
    for (Index c = 0; c < channels; ++c)
      out[c] = static_cast<typename Out::scalar>(factor * static_cast<double>(moments[Row * channels + c]) +
                                                 (1 - momentum) * static_cast<double>(running[c]));
  }
};

} // namespace detail

/// x [N, Features, ...]. In training it is normalised with the statistics of all ranks' batches, which need
/// not be of one size, and the running statistics are the same on all; in evaluation as nn::BatchNorm. The
/// names of its parameters are those of BatchNorm, so files of one fit the other. Without a World it is a
/// BatchNorm.
template<Index Features, nn::BatchNormOptions Options = nn::BatchNormOptions{}, class T = float>
struct SyncBatchNorm {
  static_assert(Features > 0, "stator: SyncBatchNorm needs a positive number of features");
  static_assert(
      Options.affine && Options.track_running_stats,
      "stator: SyncBatchNorm has weight and bias and running statistics: without, take nn::BatchNorm");
  static constexpr bool affine = true; ///< there are weight and bias
  static constexpr bool tracks = true; ///< there are running statistics

  Parameter<T, Features> weight;            ///< factor of each channel
  Parameter<T, Features> bias;              ///< summand of each channel
  Buffer<T, Features> running_mean;         ///< of each channel
  Buffer<T, Features> running_var;          ///< of each channel, unbiased
  Buffer<std::int64_t> num_batches_tracked; ///< batches in the running statistics

  /// x as a symbol; all ranks call it together in training.
  constexpr auto forward(auto x) const {
    using X = decltype(x);
    if constexpr (X::extents.rank < 2 || X::extents[1] != Features) {
      x.builder->fail(text("input ", X::extents, ", expected [N, ", Features, ", ...]"));
      return x;
    } else {
      using namespace detail;
      const auto w = ops::symbol(x, weight), b = ops::symbol(x, bias);
      if (!x.training())
        return ops::batch_norm::normalize_by<Options.eps>(x, ops::symbol(x, running_mean),
                                                          ops::symbol(x, running_var), w, b);
      const auto moments = operation<SyncMoments>{}(x);
      const auto count = operation<ops::batch_norm::Increment>{}(ops::symbol(x, num_batches_tracked));
      assign(num_batches_tracked, count);
      if constexpr (Options.momentum == nn::cumulative_average) {
        assign(running_mean, operation<SyncUpdate<0.0, 0>>{}(running_mean, moments, count));
        assign(running_var, operation<SyncUpdate<0.0, 1>>{}(running_var, moments, count));
      } else {
        assign(running_mean, operation<SyncUpdate<Options.momentum, 0>>{}(running_mean, moments));
        assign(running_var, operation<SyncUpdate<Options.momentum, 1>>{}(running_var, moments));
      }
      return operation<SyncNormalize<Options.eps>>{}(x, moments, w, b);
    }
  }
  constexpr auto operator()(auto&& x) const { return nn::call(*this, std::forward<decltype(x)>(x)); }
  /// As PyTorch: weight 1, bias 0, running mean 0 and variance 1.
  void reset_parameters() { nn::detail::reset_norm(*this); }
  /// As PyTorch prints it.
  static std::string extra_repr() {
    const bool plain = Options.momentum == nn::cumulative_average;
    return nn::detail::running_norm_repr(Features, Options.eps,
                                         plain ? "None" : nn::python_float(Options.momentum), true, true);
  }
};

} // namespace stator::distributed
