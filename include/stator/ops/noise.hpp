// SPDX-License-Identifier: BSL-1.0
// Random numbers inside of programs, drawn anew each time one runs: rand_like, randn_like, bernoulli of
// probabilities, gumbel_softmax. From the default generator, PyTorch's numbers; no gradient flows through
// them.
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
