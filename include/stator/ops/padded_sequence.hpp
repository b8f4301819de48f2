// SPDX-License-Identifier: BSL-1.0
// Sequences of different lengths, padded to one: what reads the lengths when the program runs.
#pragma once

#include "stator/core/compiler.hpp"
#include "stator/trace/operation.hpp"

#include <algorithm>
#include <string>

namespace stator::inline v0_2 {

namespace ops {

/// What operations on padded sequences share: x [N, L, F], or [L, N, F] with TimeMajor; lengths [N], integers
/// from 1 to L. Throws ValueError for another length.
template<bool TimeMajor>
struct PaddedSequence {
  static constexpr std::size_t time = TimeMajor ? 0 : 1; ///< the dimension of the steps
  static constexpr int checked_operand = 1;

  static constexpr Text type_requirement(DType, DType lengths) {
    if (lengths == DType::int64 || lengths == DType::int32) return {};
    return text("padded sequence: the lengths are ", to_string(lengths), ", expected int64");
  }
  /// `rank`: dimensions of x.
  static constexpr Text fits(const Extents& x, const Extents& lengths, std::size_t rank) {
    if (x.rank != rank) return text("padded sequence: ", x, ", expected ", rank, " dimensions");
    const Extents n(x[rank == 3 ? 1 - time : 0]);
    if (lengths == n) return {};
    return text("padded sequence: lengths ", lengths, " for ", x, ", expected ", n);
  }
  static constexpr Text requirement(const Extents& x, const Extents& lengths) { return fits(x, lengths, 3); }

  template<class Lengths>
  static Index samples(Index batch) {
    return Lengths::extents.is_dynamic() ? batch : Lengths::extents[0];
  }
  /// The element at which step t of sample n begins.
  template<class X>
  static Index row(Index n, Index t, Index count) {
    return (TimeMajor ? t * count + n : n * X::extents[time] + t) * X::extents[2];
  }
  template<class X, class Lengths>
  static void check(const typename Lengths::scalar* lengths, Index batch) {
    check_up_to<X::extents[time], Lengths>(lengths, batch);
  }
  template<Index Most, class Lengths>
  static void check_up_to(const typename Lengths::scalar* lengths, Index batch) {
    for (Index n = 0; n < samples<Lengths>(batch); ++n)
      if (lengths[n] < 1 || lengths[n] > Most) refuse(static_cast<Index>(lengths[n]), n, Most);
  }
  STATOR_COLD static void refuse(Index length, Index sample, Index most) {
    raise(ValueError("padded sequence: the length of sample " + std::to_string(sample) + " is " +
                     std::to_string(length) + ", expected 1 to " + std::to_string(most)));
  }
};

/// The steps of each sample in reverse; padding stays where it is.
template<bool TimeMajor>
struct ReversePadded : PaddedSequence<TimeMajor> {
  using Base = PaddedSequence<TimeMajor>;
  static constexpr std::string_view name = "ReversePadded";
  static constexpr std::string_view backward_name = "ReversePaddedBackward0";
  static constexpr Extents shape(const Extents& x, const Extents&) { return x; }
  template<class Out, class X, class Lengths>
  static void run(typename Out::scalar* out, const typename X::scalar* x,
                  const typename Lengths::scalar* lengths, Index batch, std::byte*) {
    Base::template check<X, Lengths>(lengths, batch);
    const Index count = Base::template samples<Lengths>(batch);
    for (Index n = 0; n < count; ++n) {
      const auto length = static_cast<Index>(lengths[n]);
      for (Index t = 0; t < X::extents[Base::time]; ++t)
        std::copy_n(x + Base::template row<X>(n, t < length ? length - 1 - t : t, count), X::extents[2],
                    out + Base::template row<X>(n, t, count));
    }
  }
  /// A permutation that is its own inverse is its own transpose.
  template<class G, class Y, class X, class Lengths>
  static constexpr auto vjp(G g, Y, X, Lengths lengths) {
    return gradients(operation<ReversePadded>{}(g, lengths), no_gradient);
  }
};

/// Numbers written over features of the steps behind the end of a sequence: over the first half of `features`
/// one, over the second half the other. -1: all features.
struct PaddingFill {
  Index features = -1;
  double first = 0, second = 0;
};

/// x with `Fill` behind the end of each sequence.
template<bool TimeMajor, PaddingFill Fill>
struct FillPadding : PaddedSequence<TimeMajor> {
  using Base = PaddedSequence<TimeMajor>;
  static constexpr std::string_view name = "FillPadding";
  static constexpr std::string_view backward_name = "FillPaddingBackward0";
  static constexpr Extents shape(const Extents& x, const Extents&) { return x; }
  template<class Out, class X, class Lengths>
  static void run(typename Out::scalar* out, const typename X::scalar* x,
                  const typename Lengths::scalar* lengths, Index batch, std::byte*) {
    using T = typename Out::scalar;
    constexpr Index all = X::extents[2], filled = Fill.features < 0 ? all : Fill.features, half = filled / 2;
    Base::template check<X, Lengths>(lengths, batch);
    const Index count = Base::template samples<Lengths>(batch);
    for (Index n = 0; n < count; ++n)
      for (Index t = 0; t < X::extents[Base::time]; ++t) {
        const Index at = Base::template row<X>(n, t, count);
        if (t < static_cast<Index>(lengths[n])) {
          std::copy_n(x + at, all, out + at);
        } else {
          std::fill_n(out + at, half, static_cast<T>(Fill.first));
          std::fill_n(out + at + half, filled - half, static_cast<T>(Fill.second));
          std::copy_n(x + at + filled, all - filled, out + at + filled);
        }
      }
  }
  template<class G, class Y, class X, class Lengths>
  static constexpr auto vjp(G g, Y, X, Lengths lengths) {
    return gradients(operation<FillPadding<TimeMajor, PaddingFill{Fill.features}>>{}(g, lengths),
                     no_gradient);
  }
};

/// The last step of each sequence, [N, F].
template<bool TimeMajor>
struct LastOfPadded : PaddedSequence<TimeMajor> {
  using Base = PaddedSequence<TimeMajor>;
  static constexpr std::string_view name = "LastOfPadded";
  static constexpr std::string_view backward_name = "LastOfPaddedBackward0";
  static constexpr Extents shape(const Extents& x, const Extents&) {
    return Extents(x[1 - Base::time], x[2]);
  }
  template<class Out, class X, class Lengths>
  static void run(typename Out::scalar* out, const typename X::scalar* x,
                  const typename Lengths::scalar* lengths, Index batch, std::byte*) {
    Base::template check<X, Lengths>(lengths, batch);
    const Index count = Base::template samples<Lengths>(batch);
    for (Index n = 0; n < count; ++n)
      std::copy_n(x + Base::template row<X>(n, static_cast<Index>(lengths[n]) - 1, count), X::extents[2],
                  out + n * X::extents[2]);
  }
  /// g [N, F] where the last of Steps steps is, zeros elsewhere.
  template<Index Steps>
  struct Backward {
    static constexpr std::string_view name = "LastOfPaddedBackward";
    static constexpr int checked_operand = 1;
    static constexpr Extents shape(const Extents& g, const Extents&) {
      return TimeMajor ? Extents(Steps, g[0], g[1]) : Extents(g[0], Steps, g[1]);
    }
    static constexpr Text requirement(const Extents& g, const Extents& lengths) {
      return Base::fits(g, lengths, 2);
    }
    template<class G, class Lengths>
    static void check(const typename Lengths::scalar* lengths, Index batch) {
      Base::template check_up_to<Steps, Lengths>(lengths, batch);
    }
    template<class Out, class G, class Lengths>
    static void run(typename Out::scalar* out, const typename G::scalar* g,
                    const typename Lengths::scalar* lengths, Index batch, std::byte*) {
      check<G, Lengths>(lengths, batch);
      const Index count = Base::template samples<Lengths>(batch);
      std::fill_n(out, count * Steps * G::extents[1], typename Out::scalar{});
      for (Index n = 0; n < count; ++n)
        std::copy_n(g + n * G::extents[1], G::extents[1],
                    out + Base::template row<Out>(n, static_cast<Index>(lengths[n]) - 1, count));
    }
    template<class GG, class Y, class G, class Lengths>
    static constexpr auto vjp(GG gg, Y, G, Lengths lengths) {
      return gradients(operation<LastOfPadded>{}(gg, lengths), no_gradient);
    }
  };
  template<class G, class Y, class X, class Lengths>
  static constexpr auto vjp(G g, Y, X, Lengths lengths) {
    return gradients(operation<Backward<X::extents[Base::time]>>{}(g, lengths), no_gradient);
  }
};

/// Whether a step lies behind the end of its sequence, [N, Steps].
template<Index Steps>
struct PaddingMask {
  static constexpr std::string_view name = "PaddingMask";
  static constexpr int checked_operand = 0;
  static constexpr Extents shape(const Extents& lengths) { return Extents(lengths[0], Steps); }
  template<class Lengths>
  using scalar = bool;
  static constexpr bool is_constant = true;
  static constexpr Text type_requirement(DType lengths) {
    return PaddedSequence<false>::type_requirement(DType::float32, lengths);
  }
  static constexpr Text requirement(const Extents& lengths) {
    if (lengths.rank == 1) return {};
    return text("padding_mask: lengths ", lengths, ", expected [N]");
  }
  template<class Lengths>
  static void check(const typename Lengths::scalar* lengths, Index batch) {
    PaddedSequence<false>::template check_up_to<Steps, Lengths>(lengths, batch);
  }
  template<class Out, class Lengths>
  static void run(bool* out, const typename Lengths::scalar* lengths, Index batch, std::byte*) {
    check<Lengths>(lengths, batch);
    for (Index n = 0; n < PaddedSequence<false>::template samples<Lengths>(batch); ++n)
      for (Index t = 0; t < Steps; ++t) *out++ = t >= static_cast<Index>(lengths[n]);
  }
};

} // namespace ops

} // namespace stator::inline v0_2
