// SPDX-License-Identifier: BSL-1.0
// Batch normalisation over the channels of x [N, C, ...]. The map y = x * scale + shift is elementwise, so it
// is fused with what comes before and after it; the statistics and the sums of the backward are kernels.
#pragma once

#include "stator/kernel/normalize.hpp"
#include "stator/ops/detach.hpp"
#include "stator/ops/unary.hpp"
#include "stator/ops/variance.hpp"

namespace stator::ops {

/// a * b + c with broadcasting.
struct MulAdd {
  static constexpr std::string_view name = "Addcmul";
  static constexpr std::string_view backward_name = "NativeBatchNormBackward0";
  static constexpr bool is_mul_add = true;
  static constexpr Extents shape(const Extents& a, const Extents& b, const Extents& c) {
    return broadcast(a, b, c);
  }
  static constexpr Text requirement(const Extents& a, const Extents& b, const Extents& c) {
    const Text first = broadcast_requirement("addcmul", a, b);
    return first.empty() ? broadcast_requirement("addcmul", broadcast(a, b), c) : first;
  }
  template<class V>
  static V apply(const V& a, const V& b, const V& c) {
    return a * b + c;
  }
  template<class G, class Y, class A, class B, class C>
  static constexpr auto vjp(G g, Y, A a, B b, C) {
    return gradients(sum_to<typename A::typed>(mul(g, b)), sum_to<typename B::typed>(mul(g, a)),
                     sum_to<typename C::typed>(g));
  }
};

namespace batch_norm {

/// The kernel that adds up over samples and positions of X, [N, C, ...].
template<class X>
using Sums = kernel::channel_sums<typename X::scalar, X::extents[1], X::extents.product(2, X::extents.rank)>;
/// Elements of a channel of X.
template<class X>
Index samples(Index batch) {
  return X::extents.is_dynamic() ? batch : X::extents[0];
}
/// Values that one channel's statistics are taken over. An empty batch has none, and no statistics either:
/// the running ones stay.
template<class X>
Index count(Index batch) {
  return samples<X>(batch) * X::extents.product(2, X::extents.rank);
}

/// The mean of each channel, [C].
struct Mean {
  static constexpr std::string_view name = "BatchNormMean";
  static constexpr Extents shape(const Extents& x) { return Extents(x[1]); }
  template<class Out, class X>
  static void run(typename Out::scalar* mean, const typename X::scalar* x, Index batch, std::byte*) {
    const auto n = static_cast<typename X::scalar>(std::max<Index>(count<X>(batch), 1));
    Sums<X>::template run<1>(
        samples<X>(batch), [&]<class V>(Index at, Index) { return std::array<V, 1>{V::load(x + at)}; },
        [&](Index c, const std::array<typename X::scalar, 1>& sum) { mean[c] = sum[0] / n; });
  }
};

/// The variance of each channel, not corrected, [C]. Throws ValueError when there is one value for each
/// channel.
struct Variance {
  static constexpr std::string_view name = "BatchNormVariance";
  static constexpr Extents shape(const Extents&, const Extents& mean) { return mean; }
  template<class Out, class X, class M>
  static void run(typename Out::scalar* variance, const typename X::scalar* x, const typename M::scalar* mean,
                  Index batch, std::byte*) {
    const auto n = static_cast<typename X::scalar>(std::max<Index>(count<X>(batch), 1));
    if (count<X>(batch) == 1)
      raise(
          ValueError("batch_norm: Expected more than 1 value per channel when training, got input of shape " +
                     to_string(X::extents) + " with batch " + std::to_string(samples<X>(batch))));
    Sums<X>::template run<1>(
        samples<X>(batch),
        [&]<class V>(Index at, Index c) {
          const V d = V::load(x + at) - Sums<X>::template of_channel<V>(mean, c);
          return std::array<V, 1>{d * d};
        },
        [&](Index c, const std::array<typename X::scalar, 1>& sum) { variance[c] = sum[0] / n; });
  }
};

/// weight / sqrt(variance + eps); the weight may be a number.
template<double Eps>
struct Scale {
  static constexpr std::string_view name = "BatchNormScale";
  static constexpr Extents shape(const Extents&, const Extents& variance) { return variance; }
  template<class V>
  static V apply(const V& weight, const V& variance) {
    return weight / kernel::sqrt(variance + constant<V>(Eps));
  }
  template<class G, class Y, class W, class Var>
  static constexpr auto vjp(G g, Y, W, Var variance) {
    return gradients(sum_to<typename W::typed>(operation<Scale>{}(g, variance)), no_gradient);
  }
};

/// bias - mean * scale. No gradient goes to the scale here: that of `Apply` is complete.
struct Shift {
  static constexpr std::string_view name = "BatchNormShift";
  static constexpr Extents shape(const Extents&, const Extents& mean, const Extents&) { return mean; }
  template<class V>
  static V apply(const V& bias, const V& mean, const V& scale) {
    return bias - mean * scale;
  }
  template<class G, class Y, class B, class M, class S>
  static constexpr auto vjp(G g, Y, B, M, S) {
    return gradients(sum_to<typename B::typed>(g), no_gradient, no_gradient);
  }
};

/// sum(g) and sum(g (x - mean)) of each channel, [2, C].
struct GradientSums {
  static constexpr std::string_view name = "BatchNormGradientSums";
  static constexpr Extents shape(const Extents&, const Extents& x, const Extents&) {
    return Extents(2, x[1]);
  }
  template<class Out, class G, class X, class M>
  static void run(typename Out::scalar* out, const typename G::scalar* g, const typename X::scalar* x,
                  const typename M::scalar* mean, Index batch, std::byte*) {
    Sums<X>::template run<2>(
        samples<X>(batch),
        [&]<class V>(Index at, Index c) {
          const V grad = V::load(g + at);
          return std::array<V, 2>{grad, grad * (V::load(x + at) - Sums<X>::template of_channel<V>(mean, c))};
        },
        [&](Index c, const std::array<typename X::scalar, 2>& sum) {
          out[c] = sum[0];
          out[X::extents[1] + c] = sum[1];
        });
  }
};

/// One row of the sums, as the gradient of scale (1) or shift (0).
template<Index Row>
struct SumsRow {
  static constexpr std::string_view name = "BatchNormSumsRow";
  static constexpr Extents shape(const Extents& sums) { return Extents(sums[1]); }
  template<class Out, class S>
  static void run(typename Out::scalar* out, const typename S::scalar* sums, Index, std::byte*) {
    std::copy_n(sums + Row * S::extents[1], S::extents[1], out);
  }
};

/// What the gradient of x has besides g * scale: -scale sum(g) / n (Row 0), and for each unit of x - mean
/// -scale sum(g (x - mean)) / (n (variance + eps)) (Row 1). The last operand says how large n is.
template<Index Row, double Eps>
struct Correction {
  static constexpr std::string_view name = "BatchNormCorrection";
  static constexpr Extents shape(const Extents& sums, const auto&...) { return Extents(sums[1]); }
  template<class Out, class S, class A, class Var, class X>
  static void run(typename Out::scalar* out, const typename S::scalar* sums, const typename A::scalar* scale,
                  const typename Var::scalar* variance, const typename X::scalar*, Index batch, std::byte*) {
    using T = typename Out::scalar;
    const auto n = static_cast<T>(count<X>(batch));
    for (Index c = 0; c < S::extents[1]; ++c) {
      const T each = -scale[c] * (sums[Row * S::extents[1] + c] / n);
      out[c] = Row == 0 ? each : each / (variance[c] + static_cast<T>(Eps));
    }
  }
};

/// x * scale + shift, where both come from x: scale from `Scale`, shift from `Shift`. Its gradient for x is
/// the whole one, through mean and variance as well; those for scale and shift treat mean and variance as
/// numbers.
template<double Eps>
struct Apply {
  static constexpr std::string_view name = "NativeBatchNorm";
  static constexpr std::string_view backward_name = "NativeBatchNormBackward0";
  static constexpr Extents shape(const Extents& x, const Extents&, const Extents&) { return x; }
  template<class V>
  static V apply(const V& x, const V& scale, const V& shift) {
    return x * scale + shift;
  }
  template<class G, class Y, class X, class A, class B>
  static constexpr auto vjp(G g, Y, X x, A scale, B shift) {
    graph::Builder& b = *x.builder;
    using Vector = Symbol<typename X::scalar, Shape<X::extents[1]>, X::order>;
    // Both are views of [C] as [C, 1, ...], or [C] itself.
    const int at_scale = A::extents.rank > 1 ? b.operand(scale.node, 0) : scale.node;
    const int at_shift = B::extents.rank > 1 ? b.operand(shift.node, 0) : shift.node;
    const Vector plain_scale{&b, at_scale}, variance{&b, b.operand(at_scale, 1)},
        mean{&b, b.operand(at_shift, 1)};
    const auto along = [](auto v) { return reshape_to<A::extents>(v); };
    if constexpr (X::order > 0)
      return again(g, x, scale, along(operation<Sqrt>{}(add(operation<Detach>{}(variance), Eps))));
    const auto sums = operation<GradientSums>{}(g, x, mean);
    const auto constant = operation<Correction<0, Eps>>{}(sums, plain_scale, variance, x);
    const auto slope = operation<Correction<1, Eps>>{}(sums, plain_scale, variance, x);
    constexpr operation<MulAdd> mul_add;
    const auto dx = mul_add(g, scale, mul_add(sub(x, along(mean)), along(slope), along(constant)));
    return gradients(dx, along(operation<SumsRow<1>>{}(sums)), along(operation<SumsRow<0>>{}(sums)));
  }

private:
  /// The same in operations that can be differentiated again; `root` is sqrt(variance + eps), a number for
  /// each channel: it cancels against that in `scale`, so that all that comes from x is written here.
  template<class G, class X, class A, class R>
  static constexpr auto again(G g, X x, A scale, R root) {
    return [&]<std::size_t... D>(std::index_sequence<D...>) {
      constexpr operation<ops::Mean<true, 0, static_cast<Index>(2 + D)...>> m;
      constexpr operation<Sum<true, 0, static_cast<Index>(2 + D)...>> total;
      const auto variance = operation<Var<0, true, 0, static_cast<Index>(2 + D)...>>{}(x);
      const auto r = operation<Rsqrt>{}(add(variance, Eps));
      const auto normal = mul(sub(x, m(x)), r);
      const auto dx = sub(g, add(m(g), mul(normal, m(mul(g, normal)))));
      return gradients(mul(mul(mul(scale, root), r), dx),
                       mul(reshape_to<A::extents>(total(mul(g, normal))), root),
                       reshape_to<A::extents>(total(g)));
    }(std::make_index_sequence<X::extents.rank - 2>{});
  }
};

/// (1 - momentum) running + momentum statistic; with Unbiased the statistic is a variance that is corrected.
/// With a counter as last operand momentum is 1 / counter. The operand x says how many values there are.
template<double Momentum, bool Unbiased>
struct Update {
  static constexpr std::string_view name = "BatchNormUpdate";
  static constexpr Extents shape(const Extents& running, const auto&...) { return running; }
  template<class Out, class R, class S, class X, class... Counter>
  static void run(typename Out::scalar* out, const typename R::scalar* running,
                  const typename S::scalar* statistic, const typename X::scalar*,
                  const typename Counter::scalar*... counter, Index batch, std::byte*) {
    using T = typename Out::scalar;
    const auto n = static_cast<T>(count<X>(batch));
    if (n == 0) {
      std::copy_n(running, R::extents[0], out);
      return;
    }
    T momentum = static_cast<T>(Momentum), rest = static_cast<T>(1 - Momentum);
    ((momentum = 1 / static_cast<T>(*counter), rest = 1 - momentum), ...);
    const T factor = Unbiased ? momentum * (n / (n - 1)) : momentum;
    for (Index c = 0; c < R::extents[0]; ++c) out[c] = factor * statistic[c] + rest * running[c];
  }
};

/// A counter of any type plus one.
struct Increment : SameShape {
  static constexpr std::string_view name = "Increment";
  template<class Out, class X>
  static void run(typename Out::scalar* out, const typename X::scalar* x, Index, std::byte*) {
    *out = *x + 1;
  }
};

/// [C] as [C, 1, ...], to broadcast to x.
template<class X, class V>
constexpr auto along_channels(const V& v) {
  constexpr Extents e = [] {
    Extents result(X::extents[1]);
    for (std::size_t d = 2; d < X::extents.rank; ++d) result.push_back(1);
    return result;
  }();
  return reshape_to<e>(v);
}

/// x normalised by its own statistics, which are symbols [C].
template<double Eps, class X, class M, class Var, class W, class B>
constexpr auto normalize(const X& x, const M& mean, const Var& variance, const W& weight, const B& bias) {
  const auto scale = operation<Scale<Eps>>{}(weight, variance);
  const auto shift = operation<Shift>{}(bias, mean, scale);
  return operation<Apply<Eps>>{}(x, along_channels<X>(scale), along_channels<X>(shift));
}

/// x normalised by given statistics.
template<double Eps, class X, class M, class Var, class W, class B>
constexpr auto normalize_by(const X& x, const M& mean, const Var& variance, const W& weight, const B& bias) {
  const auto scale = operation<Scale<Eps>>{}(weight, variance);
  const auto shift = sub(bias, mul(mean, scale));
  return operation<MulAdd>{}(x, along_channels<X>(scale), along_channels<X>(shift));
}

} // namespace batch_norm

} // namespace stator::ops
