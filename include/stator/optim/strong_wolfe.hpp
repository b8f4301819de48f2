// SPDX-License-Identifier: BSL-1.0
// The line search of LBFGS, and what both need of vectors.
#pragma once

#include "stator/core/shape.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <span>
#include <utility>
#include <vector>

namespace stator::optim::detail {

/// The sum of a function of the elements, in double: four sums, which do not wait for one another.
template<class F>
double sum_over(std::size_t size, F f) {
  std::array<double, 4> sums{};
  const std::size_t whole = size / 4 * 4;
  for (std::size_t i = 0; i < whole; i += 4)
    for (std::size_t k = 0; k < 4; ++k) sums[k] += f(i + k);
  for (std::size_t i = whole; i < size; ++i) sums[i - whole] += f(i);
  return (sums[0] + sums[1]) + (sums[2] + sums[3]);
}
template<class T>
double dot(std::span<const T> a, std::span<const T> b) {
  return sum_over(a.size(),
                  [=](std::size_t i) { return static_cast<double>(a[i]) * static_cast<double>(b[i]); });
}
template<class T>
double sum_of_sizes(std::span<const T> a) {
  return sum_over(a.size(), [=](std::size_t i) { return std::abs(static_cast<double>(a[i])); });
}
/// The largest |element|.
template<class T>
double largest(std::span<const T> a) {
  T most{};
  for (const T v : a) most = std::max(most, std::abs(v));
  return static_cast<double>(most);
}

/// The minimum of the cubic with these values and slopes at x1 and x2, within bounds.
inline double cubic_interpolate(double x1, double f1, double g1, double x2, double f2, double g2, double low,
                                double high) {
  const double d1 = g1 + g2 - 3 * (f1 - f2) / (x1 - x2), d2_square = d1 * d1 - g1 * g2;
  if (!(d2_square >= 0)) return (low + high) / 2;
  const double d2 = std::sqrt(d2_square);
  const double at = x1 <= x2 ? x2 - (x2 - x1) * ((g2 + d2 - d1) / (g2 - g1 + 2 * d2))
                             : x1 - (x1 - x2) * ((g1 + d2 - d1) / (g1 - g2 + 2 * d2));
  return std::min(std::max(at, low), high);
}

/// Finds how far to go along a direction: so far that the value has fallen enough and the slope has become
/// much smaller (the strong Wolfe conditions). First steps that grow until they enclose such a place, then
/// the enclosure shrinks. Source: Nocedal and Wright 2006, algorithms 3.5 and 3.6, with minFunc's bounds.
template<class T>
class StrongWolfe {
public:
  /// `at(t, gradient)`: value and gradient at t. `t`: where to look first, and what is found. `value`,
  /// `gradient` and `slope`: those at 0; the gradient becomes that at t. Returns the value at t.
  template<class F>
  double operator()(F&& at, double& t, double longest, double value, std::vector<T>& gradient, double slope,
                    const std::vector<T>& direction, double tolerance_change) {
    constexpr int most = 25;
    constexpr double c1 = 1e-4, c2 = 0.9;
    const auto look = [&](double where, Place& place) {
      place.t = where;
      place.value = at(where, place.gradient);
      place.slope = dot<T>(place.gradient, direction);
    };
    const auto enough = [&](const Place& place) { return std::abs(place.slope) <= -c2 * slope; };
    const auto too_high = [&](const Place& place) { return place.value > value + c1 * place.t * slope; };

    Place &before = places_[0], &now = places_[1];
    before.t = 0, before.value = value, before.slope = slope;
    before.gradient = gradient;
    look(t, now);
    int step = 0;
    bool done = false;
    for (; step < most; ++step) {
      if (too_high(now) || (step > 1 && now.value >= before.value)) break;
      done = enough(now);
      if (done || now.slope >= 0) break;
      const double next = cubic_interpolate(before.t, before.value, before.slope, now.t, now.value, now.slope,
                                            now.t + 0.01 * (now.t - before.t), now.t * 10);
      std::swap(before, now);
      look(next, now);
    }
    if (done) return take(now, t, gradient);
    if (step == most) { // as if it had gone from 0 at once
      before.t = 0, before.value = value;
      before.gradient = gradient;
    }

    bool insufficient = false;
    Place *low = &before, *high = &now;
    if (!(before.value <= now.value)) std::swap(low, high);
    while (step < most) {
      const double least = std::min(low->t, high->t), greatest = std::max(low->t, high->t);
      if (std::abs(now.t - before.t) * longest < tolerance_change) break;
      double next = cubic_interpolate(before.t, before.value, before.slope, now.t, now.value, now.slope,
                                      least, greatest);
      // Places too near to an end are moved away from it, the second time in succession.
      const double margin = 0.1 * (greatest - least);
      if (std::min(greatest - next, next - least) < margin) {
        if (insufficient || next >= greatest || next <= least) {
          next = std::abs(next - greatest) < std::abs(next - least) ? greatest - margin : least + margin;
          insufficient = false;
        } else {
          insufficient = true;
        }
      } else {
        insufficient = false;
      }
      look(next, trial_);
      ++step;
      if (too_high(trial_) || trial_.value >= low->value) {
        std::swap(*high, trial_);
        low = &before, high = &now;
        if (!(before.value <= now.value)) std::swap(low, high);
      } else {
        done = enough(trial_);
        if (!done && trial_.slope * (high->t - low->t) >= 0) std::swap(*high, *low);
        std::swap(*low, trial_);
        if (done) break;
      }
    }
    return take(*low, t, gradient);
  }

private:
  struct Place {
    double t = 0, value = 0, slope = 0;
    std::vector<T> gradient;
  };
  static double take(Place& place, double& t, std::vector<T>& gradient) {
    t = place.t;
    gradient.swap(place.gradient);
    return place.value;
  }

  std::array<Place, 2> places_;
  Place trial_;
};

} // namespace stator::optim::detail
