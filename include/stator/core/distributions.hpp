// SPDX-License-Identifier: BSL-1.0
// Random numbers of a distribution, the bits that PyTorch 1.13 draws on a CPU with AVX2 and FMA: the same
// words of the generator in the same order, and the same roundings. Every std::fma stands where PyTorch's
// build rounds once, so it may not be replaced by a product and a sum.
#pragma once

#include "stator/core/generator.hpp"
#include "stator/core/random_math.hpp"
#include "stator/core/shape.hpp"

#include <algorithm>
#include <cmath>
#include <concepts>
#include <functional>
#include <limits>
#include <numbers>
#include <numeric>
#include <vector>

namespace stator::inline v0_2 {

namespace detail {

template<std::floating_point T>
T uniform01(Generator::Draws& draws) {
  if constexpr (sizeof(T) == 8)
    return static_cast<T>(draws.random64() & ((1ULL << 53) - 1)) * 0x1p-53;
  else
    return static_cast<T>(draws.random() & ((1U << 24) - 1)) * 0x1p-24F;
}

/// One normal number from two uniform ones; its sine twin waits in the generator.
inline double normal_one(Generator::Draws& draws) {
  if (const auto spare = draws.take_spare_normal()) return *spare;
  const auto u1 = uniform01<double>(draws);
  const auto u2 = uniform01<double>(draws);
  const double radius = std::sqrt(-2.0 * std::log(1.0 - u2));
  const double theta = 2.0 * std::numbers::pi * u1;
  draws.put_spare_normal(radius * std::sin(theta));
  return radius * std::cos(theta);
}

/// Box and Muller's method on 16 uniform numbers in place: element i with element i + 8.
template<std::floating_point T>
void normal_block(T* block, T mu, T std) {
  for (int i = 0; i < 8; ++i) {
    T sine, cosine, radius;
    if constexpr (sizeof(T) == 4) {
      radius = std::sqrt(-2.0F * fast_log(1.0F - block[i]));
      fast_sincos(static_cast<float>(2.0 * std::numbers::pi) * block[i + 8], sine, cosine);
    } else {
      radius = std::sqrt(-2.0 * std::log(1.0 - block[i]));
      const double theta = 2.0 * std::numbers::pi * block[i + 8];
      sine = std::sin(theta);
      cosine = std::cos(theta);
    }
    block[i] = std::fma(radius * cosine, std, mu);
    block[i + 8] = std::fma(radius * sine, std, mu);
  }
}

} // namespace detail

/// tensor.uniform_(from, to): each element from [from, to). Throws ValueError when from > to.
template<std::floating_point T>
void uniform_(std::span<T> out, double from = 0, double to = 1, Generator& generator = default_generator()) {
  if (!(from <= to))
    raise(ValueError("uniform_ expects to return a [from, to) range, but found from=" + std::to_string(from) +
                     " > to=" + std::to_string(to)));
  const T low = static_cast<T>(from);
  const T width = static_cast<T>(to) - low;
  Generator::Draws draws(generator);
  for (T& element : out) element = std::fma(detail::uniform01<T>(draws), width, low);
}

/// tensor.normal_(mean, std). Throws ValueError when std < 0.
/// From 16 elements on, PyTorch draws blocks of 16, and the last 16 a second time if they do not fill a
/// block.
template<std::floating_point T>
void normal_(std::span<T> out, double mu = 0, double std = 1, Generator& generator = default_generator()) {
  if (!(std >= 0)) raise(ValueError("normal expects std >= 0.0, but found std " + std::to_string(std)));
  Generator::Draws draws(generator);
  if (out.size() < 16) {
    for (T& element : out) element = static_cast<T>(std::fma(detail::normal_one(draws), std, mu));
    return;
  }
  for (T& element : out) element = detail::uniform01<T>(draws);
  const auto block = [&](T* first) { detail::normal_block(first, static_cast<T>(mu), static_cast<T>(std)); };
  for (std::size_t i = 0; i + 16 <= out.size(); i += 16) block(out.data() + i);
  if (out.size() % 16 != 0) {
    const auto tail = out.last(16);
    for (T& element : tail) element = detail::uniform01<T>(draws);
    block(tail.data());
  }
}

/// tensor.bernoulli_(p): 1 with probability p, else 0. Throws ValueError unless 0 <= p <= 1.
/// torch.nn.functional.dropout(x, p) is x * (bernoulli_(1 - p) / (1 - p)).
template<class T>
void bernoulli_(std::span<T> out, double p = 0.5, Generator& generator = default_generator()) {
  if (!(p >= 0 && p <= 1))
    raise(ValueError("bernoulli_ expects p to be in [0, 1], but got p=" + std::to_string(p)));
  Generator::Draws draws(generator);
  for (T& element : out) element = static_cast<T>(detail::uniform01<double>(draws) < p);
}

/// tensor.exponential_(lambd): density lambd * exp(-lambd * x). Throws ValueError when lambd < 0.
template<std::floating_point T>
void exponential_(std::span<T> out, double lambd = 1, Generator& generator = default_generator()) {
  if (!(lambd >= 0))
    raise(ValueError("exponential_ expects lambda >= 0.0, but found lambda=" + std::to_string(lambd)));
  Generator::Draws draws(generator);
  for (T& element : out)
    element = static_cast<T>(-1.0 / lambd * std::log(1.0 - detail::uniform01<double>(draws)));
}

/// tensor.bernoulli_(p) with a probability for each element. Throws ValueError unless all are in [0, 1].
template<class T, std::floating_point P>
void bernoulli_(std::span<T> out, std::span<const P> p, Generator& generator = default_generator()) {
  if (p.size() != out.size())
    raise(ShapeError("bernoulli_: " + std::to_string(p.size()) + " probabilities for " +
                     std::to_string(out.size()) + " elements"));
  for (const P each : p)
    if (!(each >= 0 && each <= 1))
      raise(ValueError("bernoulli expects p to be in [0, 1], but got p=" + std::to_string(each)));
  Generator::Draws draws(generator);
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = static_cast<T>(detail::uniform01<P>(draws) < p[i]);
}
/// torch.bernoulli(p) of a tensor: 1 with the probability that an element is, else 0.
template<class X>
  requires requires(X& p) { p.values(); }
X bernoulli(const X& p, Generator& generator = default_generator()) {
  X result(p);
  bernoulli_(result.values(), p.values(), generator);
  return result;
}

/// tensor.geometric_(p): how many trials of probability p it takes to succeed. Throws ValueError unless
/// 0 < p < 1.
template<class T>
void geometric_(std::span<T> out, double p, Generator& generator = default_generator()) {
  if (!(p > 0 && p < 1))
    raise(ValueError("geometric_ expects p to be in (0, 1), but got p=" + std::to_string(p)));
  Generator::Draws draws(generator);
  for (T& element : out)
    element = static_cast<T>(std::ceil(std::log(detail::uniform01<double>(draws)) / std::log(1.0 - p)));
}

/// tensor.cauchy_(median, sigma): density sigma / (pi (sigma^2 + (x - median)^2)). Throws ValueError unless
/// sigma > 0.
template<std::floating_point T>
void cauchy_(std::span<T> out, double median = 0, double sigma = 1,
             Generator& generator = default_generator()) {
  if (!(sigma > 0))
    raise(ValueError("cauchy_ expects sigma > 0.0, but found sigma=" + std::to_string(sigma)));
  Generator::Draws draws(generator);
  for (T& element : out)
    element = static_cast<T>(
        std::fma(std::tan(std::numbers::pi * (detail::uniform01<double>(draws) - 0.5)), sigma, median));
}

/// tensor.log_normal_(mean, std): exp of normal numbers, whose mean and deviation are given. Throws
/// ValueError unless std > 0.
template<std::floating_point T>
void log_normal_(std::span<T> out, double mu = 1, double std = 2,
                 Generator& generator = default_generator()) {
  if (!(std > 0)) raise(ValueError("log_normal_ expects std > 0.0, but found std=" + std::to_string(std)));
  Generator::Draws draws(generator);
  for (T& element : out) element = static_cast<T>(std::exp(std::fma(detail::normal_one(draws), std, mu)));
}

/// tensor.random_(from, to), torch.randint: whole numbers from [from, to). Throws ValueError when there are
/// none.
template<class T>
void random_(std::span<T> out, std::int64_t from, std::int64_t to,
             Generator& generator = default_generator()) {
  if (from >= to)
    raise(ValueError("random_ expects 'from' to be less than 'to', but got from=" + std::to_string(from) +
                     " >= to=" + std::to_string(to)));
  const std::uint64_t range = static_cast<std::uint64_t>(to) - static_cast<std::uint64_t>(from);
  const bool wide = range >= 1ULL << 32;
  Generator::Draws draws(generator);
  for (T& element : out) {
    const std::uint64_t bits = wide ? draws.random64() : draws.random();
    element = static_cast<T>(static_cast<std::int64_t>(bits % range + static_cast<std::uint64_t>(from)));
  }
}

/// torch.randperm: the numbers 0 to out.size() - 1 in random order.
template<std::integral T>
void randperm_(std::span<T> out, Generator& generator = default_generator()) {
  std::iota(out.begin(), out.end(), T{0});
  Generator::Draws draws(generator);
  for (std::size_t i = 0; i + 1 < out.size(); ++i)
    std::swap(out[i], out[i + draws.random() % (out.size() - i)]);
}

/// torch.randperm(n)
inline std::vector<std::int64_t> randperm(Index n, Generator& generator = default_generator()) {
  std::vector<std::int64_t> order(static_cast<std::size_t>(n));
  randperm_(std::span(order), generator);
  return order;
}

namespace detail {
/// Throws where `weights` are not those of torch.multinomial.
template<std::floating_point T>
void check_multinomial(std::span<const T> weights, Index num_samples, bool replacement) {
  if (num_samples <= 0) raise(ValueError("multinomial: cannot sample n_sample <= 0 samples"));
  T total = 0;
  Index possible = 0;
  for (const T w : weights) {
    if (!(w >= 0 && w <= std::numeric_limits<T>::max()))
      raise(ValueError("multinomial: probability tensor contains either `inf`, `nan` or element < 0"));
    total += w;
    possible += w > 0;
  }
  if (!(total > 0))
    raise(ValueError("multinomial: invalid multinomial distribution (sum of probabilities <= 0)"));
  if (!replacement && num_samples > possible)
    raise(ValueError("multinomial: cannot sample " + std::to_string(num_samples) + " of " +
                     std::to_string(possible) + " weights above zero without replacement"));
}
} // namespace detail

/// torch.multinomial of rows of weights, one after another: found.size() / rows indices of each row, drawn
/// with probabilities in their proportion. `keys` and `order` are memory: as many elements as there are
/// weights, and as one row has. Throws ValueError for weights that are negative, not finite or all zero, and,
/// without replacement, for more samples than there are weights above zero.
template<std::floating_point T>
void multinomial_(std::span<std::int64_t> found, std::span<const T> weights, Index rows, bool replacement,
                  std::span<T> keys, std::span<std::int64_t> order,
                  Generator& generator = default_generator()) {
  if (rows == 0) return;
  const std::size_t n = weights.size() / static_cast<std::size_t>(rows),
                    samples = found.size() / static_cast<std::size_t>(rows);
  for (std::size_t at = 0; at < weights.size(); at += n)
    detail::check_multinomial(weights.subspan(at, n), static_cast<Index>(samples), replacement);
  if (replacement && samples > 1) {
    // The places of uniform numbers among the sums of the first weights.
    Generator::Draws draws(generator);
    for (std::size_t row = 0; row < static_cast<std::size_t>(rows); ++row) {
      const std::span<T> sums = keys.subspan(row * n, n);
      T before = 0;
      for (std::size_t i = 0; i < n; ++i) sums[i] = before += weights[row * n + i];
      for (T& s : sums) s /= before;
      sums.back() = 1;
      for (std::int64_t& index : found.subspan(row * samples, samples))
        index = std::ranges::lower_bound(sums, detail::uniform01<double>(draws), {},
                                         [](T s) { return static_cast<double>(s); }) -
                sums.begin();
    }
    return;
  }
  // The largest quotients of weights and exponential numbers: Efraimidis and Spirakis 2006.
  exponential_(keys, 1, generator);
  for (std::size_t i = 0; i < keys.size(); ++i) keys[i] = weights[i] / keys[i];
  for (std::size_t row = 0; row < static_cast<std::size_t>(rows); ++row) {
    std::iota(order.begin(), order.end(), std::int64_t{0});
    std::ranges::partial_sort(order, order.begin() + static_cast<std::ptrdiff_t>(samples), std::greater{},
                              [&](std::int64_t i) { return keys[row * n + static_cast<std::size_t>(i)]; });
    std::copy_n(order.begin(), samples, found.begin() + static_cast<std::ptrdiff_t>(row * samples));
  }
}

/// torch.multinomial of one row: so many indices of `weights`, see multinomial_.
template<std::floating_point T>
std::vector<std::int64_t> multinomial(std::span<const T> weights, Index num_samples, bool replacement = false,
                                      Generator& generator = default_generator()) {
  detail::check_multinomial(weights, num_samples, replacement);
  std::vector<std::int64_t> found(static_cast<std::size_t>(num_samples)), order(weights.size());
  std::vector<T> keys(weights.size());
  multinomial_(std::span(found), weights, 1, replacement, std::span(keys), std::span(order), generator);
  return found;
}

/// torch.nn.init.trunc_normal_: the normal distribution, truncated to [a, b].
template<std::floating_point T>
void trunc_normal_(std::span<T> out, double mu = 0, double std = 1, double a = -2, double b = 2,
                   Generator& generator = default_generator()) {
  const auto normal_cdf = [](double x) {
    // volatile: of a constant, g++ would compute a more precise erf than libm, which PyTorch calls.
    const volatile double scaled = x / std::sqrt(2.0);
    return (1.0 + std::erf(scaled)) / 2.0;
  };
  const double low = normal_cdf((a - mu) / std);
  const double high = normal_cdf((b - mu) / std);
  uniform_(out, 2 * low - 1, 2 * high - 1, generator);
  const T scale = static_cast<T>(std * std::sqrt(2.0));
  // Two passes, so that the product is rounded before the sum.
  for (T& element : out) element = detail::erfinv(element) * scale;
  for (T& element : out)
    element = std::clamp(element + static_cast<T>(mu), static_cast<T>(a), static_cast<T>(b));
}

} // namespace stator::inline v0_2
