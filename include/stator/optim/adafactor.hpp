// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "stator/optim/check.hpp"
#include "stator/optim/optimizer.hpp"

#include <array>
#include <cmath>
#include <limits>

namespace stator::optim {

/// Options of Adafactor, those of torch.optim.Adafactor (PyTorch 2.5).
struct AdafactorOptions {
  double lr = 1e-2;          ///< the largest relative size of a step, and the rate of the weight decay
  double beta2_decay = -0.8; ///< after t steps the averages of squares take in a part t^beta2_decay
  /// What divides is at least the first; -1, PyTorch's None: the epsilon of the element type. A parameter
  /// counts as at least so large as the second when its step is measured by it.
  std::array<double, 2> eps{-1, 1e-3};
  double d = 1;            ///< the root mean square that an update is clipped to
  double weight_decay = 0; ///< parameters shrink by lr * weight_decay in each step
  bool maximize = false;   ///< gradient ascent, not descent
};

/// With s = max(eps[1], rms(p)) min(lr, 1 / sqrt(t)), then p *= 1 - lr weight_decay: v is an average of g^2,
/// kept whole of vectors, and of matrices (the last two dimensions) as the averages r of its rows and c of
/// its columns, v = r c / max(mean(r), eps[0]); u = g / max(sqrt(v), eps[0]); p -= s u / max(1, rms(u) / d).
/// Source: Shazeer and Stern 2018, with eps and lr as torch.optim.Adafactor has them.
struct AdafactorRule {
  using Options = AdafactorOptions;
  static constexpr std::string_view name = "Adafactor";
  static constexpr std::array state_names{"row_var", "col_var", "variance"};
  static constexpr std::array<bool, 3> uses(const Options&) { return {true, true, true}; }
  /// A row for each last dimension, a column for each before, or one number for each element.
  static constexpr Extents state_extents(std::size_t state, const Extents& parameter) {
    const bool is_matrix = parameter.rank > 1;
    if (is_matrix == (state == 2)) return Extents(0);
    Extents e = parameter;
    if (is_matrix) e[e.rank - (state == 0 ? 1 : 2)] = 1;
    return e;
  }

  static void check(const Options& o) {
    detail::check_not_negative("learning rate", o.lr);
    detail::check(o.beta2_decay <= 0 && std::isfinite(o.beta2_decay), "beta2_decay", o.beta2_decay);
    detail::check(o.eps[0] == -1 || (o.eps[0] >= 0 && std::isfinite(o.eps[0])), "epsilon1", o.eps[0]);
    detail::check_not_negative("epsilon2", o.eps[1]);
    detail::check(o.d >= 1 && std::isfinite(o.d), "clipping threshold d", o.d);
    detail::check_not_negative("weight_decay value", o.weight_decay);
  }
  static bool keeps_zero(const Options&) { return false; }

  void begin(const Options& o, Index step) {
    const auto t = static_cast<double>(step);
    fresh = std::pow(t, o.beta2_decay);
    relative_step = std::min(o.lr, 1 / std::sqrt(t));
  }

  /// One whole parameter.
  template<class T>
  void update(const Options& o, const Extents& extents, std::span<T> param, std::span<const T> grad,
              const std::array<T*, 3>& state) const {
    const bool is_matrix = extents.rank > 1;
    const std::size_t columns = is_matrix ? static_cast<std::size_t>(extents.back()) : 1;
    const std::size_t rows = is_matrix ? static_cast<std::size_t>(extents[extents.rank - 2]) : 1;
    const double eps = o.eps[0] < 0 ? static_cast<double>(std::numeric_limits<T>::epsilon()) : o.eps[0];
    const double size = std::max(o.eps[1], root_mean_square(param.size(), [&](std::size_t i) {
                                   return static_cast<double>(param[i]);
                                 }));
    if (is_matrix)
      for (std::size_t at = 0; at < param.size(); at += rows * columns)
        average(grad.subspan(at, rows * columns), rows, columns, state[0] + at / columns,
                state[1] + at / rows);
    else
      for (std::size_t i = 0; i < grad.size(); ++i) average(state[2][i], square(grad[i]));

    double of_rows = 1; // their mean, in the matrix that `change` is in
    const auto change = [&](std::size_t i) {
      if (is_matrix && i % (rows * columns) == 0) {
        double sum = 0;
        for (std::size_t r = 0; r < rows; ++r) sum += static_cast<double>(state[0][i / columns + r]);
        of_rows = std::max(sum / static_cast<double>(rows), eps);
      }
      const double v = is_matrix
                           ? static_cast<double>(state[0][i / columns]) *
                                 static_cast<double>(state[1][i / (rows * columns) * columns + i % columns]) /
                                 of_rows
                           : static_cast<double>(state[2][i]);
      return static_cast<double>(grad[i]) / std::max(std::sqrt(v), eps);
    };
    const double clipped = std::max(1.0, root_mean_square(grad.size(), change) / o.d);
    const double factor = (o.maximize ? 1 : -1) * size * relative_step / clipped;
    const double left = 1 - o.lr * o.weight_decay;
    for (std::size_t i = 0; i < param.size(); ++i)
      param[i] = static_cast<T>(static_cast<double>(param[i]) * left + factor * change(i));
  }

  double fresh = 1, relative_step = 0; ///< in this step: what averages take in, and min(lr, 1 / sqrt(t))

private:
  static double square(auto x) { return static_cast<double>(x) * static_cast<double>(x); }
  static double root_mean_square(std::size_t count, const auto& element) {
    if (count == 0) return 0;
    double sum = 0;
    for (std::size_t i = 0; i < count; ++i) sum += square(element(i));
    return std::sqrt(sum / static_cast<double>(count));
  }
  template<class T>
  void average(T& state, double now) const {
    const auto before = static_cast<double>(state);
    state = static_cast<T>(before + fresh * (now - before));
  }
  /// The averages of the rows and columns of one matrix.
  template<class T>
  void average(std::span<const T> g, std::size_t rows, std::size_t columns, T* row, T* column) const {
    for (std::size_t r = 0; r < rows; ++r) {
      double sum = 0;
      for (std::size_t c = 0; c < columns; ++c) sum += square(g[r * columns + c]);
      average(row[r], sum / static_cast<double>(columns));
    }
    for (std::size_t c = 0; c < columns; ++c) {
      double sum = 0;
      for (std::size_t r = 0; r < rows; ++r) sum += square(g[r * columns + c]);
      average(column[c], sum / static_cast<double>(rows));
    }
  }
};

/// torch.optim.Adafactor of PyTorch 2.5: `Adafactor optimizer{model};`. Of a matrix it keeps one number for
/// each row and column. Throws ValueError for options out of range.
template<class M>
class Adafactor : public Optimizer<AdafactorRule, M> {
public:
  explicit Adafactor(M& model, const AdafactorOptions& options = {})
      : Optimizer<AdafactorRule, M>(model, options) {}
};
/// What is no model is refused in words.
template<class Other>
Adafactor(const Other&, const AdafactorOptions& = {}) -> Adafactor<const Other>;

} // namespace stator::optim
