// SPDX-License-Identifier: BSL-1.0
// Random numbers inside of programs, drawn anew each time one runs: rand_like, randn_like, bernoulli of
// probabilities, multinomial, gumbel_softmax. From the default generator, PyTorch's numbers; no gradient
// flows through them.
#pragma once

#include "stator/core/random.hpp"
#include "stator/ops/detach.hpp"
#include "stator/ops/extremum.hpp"
#include "stator/ops/layout.hpp"
#include "stator/ops/softmax.hpp"
#include "stator/ops/sort.hpp"
#include "stator/ops/to.hpp"
#include "stator/ops/unary.hpp"

namespace stator::inline v0_2 {

namespace ops {

/// What is drawn.
enum class Noise {
  uniform,    ///< from [0, 1)
  normal,     ///< of mean 0 and deviation 1
  exponential ///< of density exp(-x)
};

/// As many random numbers as x has elements.
template<Noise N>
struct NoiseLike {
  static constexpr bool is_constant = true;
  static constexpr bool is_unique = true;
  static constexpr Promotion promotion = Promotion::floats;
  static constexpr std::string_view name = N == Noise::uniform  ? "RandLike"
                                           : N == Noise::normal ? "RandnLike"
                                                                : "Exponential";
  static constexpr Extents shape(const Extents& x) { return x; }
  template<class Out, class X>
  static void run(typename Out::scalar* out, const typename X::scalar*, Index batch, std::byte*) {
    const std::span<typename Out::scalar> all(
        out, static_cast<std::size_t>(detail::elements(Out::extents, batch)));
    if constexpr (N == Noise::uniform)
      uniform_(all);
    else if constexpr (N == Noise::normal)
      normal_(all);
    else
      exponential_(all);
  }
};

/// 1 with the probability that an element of p is, else 0.
struct BernoulliOf {
  static constexpr bool is_constant = true;
  static constexpr bool is_unique = true;
  static constexpr Promotion promotion = Promotion::floats;
  static constexpr std::string_view name = "BernoulliOf";
  static constexpr Extents shape(const Extents& p) { return p; }
  template<class Out, class P>
  static void run(typename Out::scalar* out, const typename P::scalar* p, Index batch, std::byte*) {
    const auto count = static_cast<std::size_t>(detail::elements(Out::extents, batch));
    bernoulli_(std::span(out, count), std::span(p, count));
  }
};

/// Samples numbers of elements of each row, drawn with probabilities in the proportion of its elements.
template<Index Samples, bool Replacement>
struct Multinomial {
  static constexpr bool is_constant = true;
  static constexpr bool is_unique = true;
  static constexpr std::string_view name = "Multinomial";
  template<class T>
  using scalar = std::int64_t;
  static constexpr Extents shape(const Extents& p) {
    Extents e = p;
    e[e.rank - 1] = Samples;
    return e;
  }
  static constexpr Text type_requirement(DType p) {
    if (is_floating_point(p)) return {};
    return text("multinomial: the weights are ", to_string(p), ", expected floating-point numbers");
  }
  static constexpr Text requirement(const Extents& p) {
    if (Samples < 1) return text("multinomial: ", Samples, " samples, expected at least 1");
    if (p.rank < 1 || p.rank > 2 || p.back() < 1)
      return text("multinomial: weights ", p, ", expected [C] or [N, C]");
    if (!Replacement && Samples > p.back())
      return text("multinomial: ", Samples, " samples of ", p.back(), " classes without replacement");
    return {};
  }
  template<class Out, class P>
  static constexpr Bytes scratch() {
    const std::size_t row = sizeof(typename P::scalar) * static_cast<std::size_t>(P::extents.numel());
    const std::size_t order = sizeof(std::int64_t) * static_cast<std::size_t>(P::extents.back());
    return P::extents.is_dynamic() ? Bytes{order, row} : Bytes{order + row, 0};
  }
  template<class Out, class P>
  static void run(std::int64_t* out, const typename P::scalar* p, Index batch, std::byte* space) {
    constexpr auto classes = static_cast<std::size_t>(P::extents.back());
    const auto count = static_cast<std::size_t>(detail::elements(P::extents, batch));
    auto* const order = reinterpret_cast<std::int64_t*>(space);
    auto* const keys = reinterpret_cast<typename P::scalar*>(order + classes);
    multinomial_(std::span(out, count / classes * static_cast<std::size_t>(Samples)), std::span(p, count),
                 static_cast<Index>(count / classes), Replacement, std::span(keys, count),
                 std::span(order, classes));
  }
};

} // namespace ops

/// torch.rand_like: numbers from [0, 1) in the shape of x.
inline constexpr operation<ops::NoiseLike<ops::Noise::uniform>> rand_like;
/// torch.randn_like: normal numbers of mean 0 and deviation 1 in the shape of x.
inline constexpr operation<ops::NoiseLike<ops::Noise::normal>> randn_like;
/// torch.bernoulli of probabilities that a program computes: 1 with the probability that an element is, else
/// 0. Throws ValueError when it runs unless all are in [0, 1].
template<class P>
  requires(!requires(P& p) { p.values(); })
constexpr auto bernoulli(P&& p) {
  return operation<ops::BernoulliOf>{}(std::forward<P>(p));
}
/// `multinomial<Samples, Replacement>(p)`: of weights p [C], or [N, C], the numbers of so many elements of
/// each row, int64 [Samples] or [N, Samples], drawn in their proportion. Throws ValueError when it runs for
/// weights that are negative, not finite or all zero in a row, and for rows with fewer weights above zero
/// than samples without replacement. torch.multinomial.
template<Index Samples, bool Replacement = false, Operand P>
constexpr auto multinomial(P&& p) {
  return operation<ops::Multinomial<Samples, Replacement>>{}(std::forward<P>(p));
}

namespace nn {

/// Options of torch.nn.functional.gumbel_softmax.
struct GumbelSoftmaxOptions {
  double tau = 1;    ///< The temperature, above 0: the lower, the closer to one-hot.
  bool hard = false; ///< Exactly one-hot, with the gradient of what is not.
  Index dim = -1;    ///< The dimension whose elements sum to 1.
};

} // namespace nn

namespace ops {

/// softmax((logits + g) / tau), g from Gumbel's distribution. Source: Jang et al. 2017, "Categorical
/// reparameterization with Gumbel-softmax".
template<nn::GumbelSoftmaxOptions Options>
struct GumbelSoftmax {
  static_assert(Options.tau > 0, "stator: gumbel_softmax: tau has to be above 0");
  static constexpr std::string_view name = "GumbelSoftmax";
  static constexpr Promotion promotion = Promotion::floats;
  static constexpr bool is_composite = true;
  template<class X>
  static constexpr auto compose(X x) {
    constexpr Index rank = static_cast<Index>(X::extents.rank);
    constexpr Index dim = Options.dim < 0 ? Options.dim + rank : Options.dim;
    static_assert(0 <= dim && dim < rank, "stator: gumbel_softmax: the input has no such dimension");
    static_assert(X::extents[static_cast<std::size_t>(dim)] != dynamic,
                  "stator: gumbel_softmax: the number of classes has to be known at compile time");
    const auto gumbel = log(operation<NoiseLike<Noise::exponential>>{}(x));
    const auto soft = operation<Softmax<Options.dim>>{}(div(sub(x, gumbel), Options.tau));
    if constexpr (Options.hard) {
      constexpr Index classes = X::extents[static_cast<std::size_t>(dim)];
      const auto largest = operation<OneHot<classes>>{}(argmax<dim>(soft));
      const auto there = operation<To<typename X::scalar>>{}(operation<Movedim<-1, dim>>{}(largest));
      return add(sub(there, detach(soft)), soft);
    } else {
      return soft;
    }
  }
};

} // namespace ops

namespace nn {
/// `nn::gumbel_softmax<{.tau = 0.5, .hard = true}>(logits)`: a sample of the categories that logits weigh,
/// through which gradients flow; same shape. torch.nn.functional.gumbel_softmax.
template<GumbelSoftmaxOptions Options = GumbelSoftmaxOptions{}>
inline constexpr operation<ops::GumbelSoftmax<Options>> gumbel_softmax;
} // namespace nn

} // namespace stator::inline v0_2
