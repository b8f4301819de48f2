// SPDX-License-Identifier: BSL-1.0
// Connectionist temporal classification of one sample: the sum over all alignments of labels with steps, in
// logarithms and in double. Source: Graves et al., "Connectionist temporal classification", 2006.
#pragma once

#include "stator/core/shape.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <type_traits>

namespace stator::kernel {

/// The logarithm of a probability, and how fast it changes in one direction of the inputs: what is written
/// for `double` so gives the product of a second derivative with that direction.
struct LogInDirection {
  double value = 0, slope = 0; ///< the logarithm, and its derivative
};

namespace detail {
inline constexpr double log_zero = -std::numeric_limits<double>::infinity();

/// Of the product of two probabilities.
constexpr double log_times(double a, double b) { return a + b; }
constexpr LogInDirection log_times(const LogInDirection& a, const LogInDirection& b) {
  return {a.value + b.value, a.slope + b.slope};
}
/// Of the sum of three.
inline double log_sum(double a, double b, double c) {
  const double most = std::max(a, std::max(b, c));
  if (most == log_zero) return a + b + c;
  return most + std::log(std::exp(a - most) + std::exp(b - most) + std::exp(c - most));
}
inline LogInDirection log_sum(const LogInDirection& a, const LogInDirection& b, const LogInDirection& c) {
  const double all = log_sum(a.value, b.value, c.value);
  if (all == log_zero) return {all, 0};
  const auto share = [all](const LogInDirection& x) {
    return x.value == log_zero ? 0 : std::exp(x.value - all) * x.slope;
  };
  return {all, share(a) + share(b) + share(c)};
}
/// A probability with a minus before it, or the derivative of that.
inline double negative_power(double a) { return -std::exp(a); }
inline double negative_power(const LogInDirection& a) {
  return a.value == log_zero ? 0 : -std::exp(a.value) * a.slope;
}
constexpr double log_value(double a) { return a; }
constexpr double log_value(const LogInDirection& a) { return a.value; }
template<class Number>
constexpr Number log_number(double value) {
  return Number{value};
}
} // namespace detail

/// The states of an alignment are a blank, the first label, a blank, ..., the last label, a blank. In each
/// step it stays, goes to the next state, or passes over the blank between labels that differ. P: the element
/// type of the logarithms, L: that of the labels, Number: `double` or LogInDirection.
template<class Number, class P, class L>
struct ctc {
  const P* log_p;               ///< of class 0 in step 0
  const P* direction;           ///< in which log_p changes, for LogInDirection
  Index stride;                 ///< from one step to the next
  Index steps;                  ///< as many as the sample has
  const L* labels;              ///< its labels
  Index count;                  ///< of labels
  Index blank;                  ///< the class that stands for no label
  Index classes;                ///< of which there is a logarithm in each step
  Index states = 2 * count + 1; ///< of an alignment

  /// -log of the probability of the labels; `row` holds `states` numbers.
  Number loss(Number* row) const {
    if (steps == 0) return at_once();
    first(row);
    for (Index t = 1; t < steps; ++t) next(t, row, row);
    return negative(end_of(row));
  }

  /// Adds `scale` times the derivative of the loss with respect to log_p to dx, which lies as log_p does; of
  /// LogInDirection the product of the second derivative with the direction. Where no alignment is possible
  /// all are NaN, or with `no_infinity` left out. `space` holds `states * (steps + 1)` numbers.
  void gradient(double scale, bool no_infinity, P* dx, Number* space) const {
    if (steps == 0) return;
    first(space);
    for (Index t = 1; t < steps; ++t) next(t, space + (t - 1) * states, space + t * states);
    const Number total = negative(end_of(space + (steps - 1) * states));
    if (detail::log_value(total) == std::numeric_limits<double>::infinity()) {
      if (no_infinity) return;
      for (Index t = 0; t < steps; ++t)
        std::fill_n(dx + t * stride, classes, std::numeric_limits<P>::quiet_NaN());
      return;
    }
    // What follows after step t from each state, without the probability of that step.
    Number* const after = space + steps * states;
    std::fill_n(after, states, detail::log_number<Number>(detail::log_zero));
    for (Index s = std::max<Index>(states - 2, 0); s < states; ++s) after[s] = Number{};
    for (Index t = steps; t-- > 0;) {
      const Number* const before = space + t * states;
      for (Index s = 0; s < states; ++s) {
        const Number both = detail::log_times(detail::log_times(before[s], after[s]), total);
        P& d = dx[t * stride + label(s)];
        d = static_cast<P>(static_cast<double>(d) + scale * detail::negative_power(both));
      }
      for (Index s = 0; s < states; ++s) after[s] = detail::log_times(after[s], emission(t, s));
      const Number never = detail::log_number<Number>(detail::log_zero);
      for (Index s = 0; s < states; ++s)
        after[s] = detail::log_sum(after[s], s + 1 < states ? after[s + 1] : never,
                                   s + 2 < states && skips(s + 2) ? after[s + 2] : never);
    }
  }

private:
  static Number negative(double a) { return -a; }
  static Number negative(const LogInDirection& a) { return {-a.value, -a.slope}; }
  /// The loss of a sample without steps.
  Number at_once() const { return detail::log_number<Number>(count == 0 ? 0 : -detail::log_zero); }
  Index label(Index s) const { return s % 2 == 0 ? blank : static_cast<Index>(labels[s / 2]); }
  /// Whether state s can follow state s - 2.
  bool skips(Index s) const { return s % 2 == 1 && s > 1 && label(s) != label(s - 2); }
  Number emission(Index t, Index s) const {
    const Index at = t * stride + label(s);
    if constexpr (std::is_same_v<Number, double>)
      return static_cast<double>(log_p[at]);
    else
      return {static_cast<double>(log_p[at]), static_cast<double>(direction[at])};
  }
  /// The states of step 0.
  void first(Number* row) const {
    std::fill_n(row, states, detail::log_number<Number>(detail::log_zero));
    for (Index s = 0; s < std::min<Index>(states, 2); ++s) row[s] = emission(0, s);
  }
  /// The states of step t from those of the one before; they may lie in one place.
  void next(Index t, const Number* before, Number* row) const {
    const Number never = detail::log_number<Number>(detail::log_zero);
    for (Index s = states; s-- > 0;)
      row[s] = detail::log_times(
          detail::log_sum(before[s], s > 0 ? before[s - 1] : never, skips(s) ? before[s - 2] : never),
          emission(t, s));
  }
  /// Of all that may come last.
  Number end_of(const Number* row) const {
    const Number never = detail::log_number<Number>(detail::log_zero);
    return detail::log_sum(row[states - 1], states > 1 ? row[states - 2] : never, never);
  }
};

} // namespace stator::kernel
