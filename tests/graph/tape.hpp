// SPDX-License-Identifier: BSL-1.0
// A straightforward evaluation to compare programs with: a tape of matrices in double precision, one
// operation after the other, nothing merged, nothing in place.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <vector>

namespace stator::test {

struct Matrix {
  std::size_t rows = 0, columns = 0;
  std::vector<double> value, grad;

  Matrix(std::size_t r, std::size_t c) : rows(r), columns(c), value(r * c), grad(r * c) {}
  /// Where element (i, j) of a larger matrix comes from.
  std::size_t at(std::size_t i, std::size_t j) const {
    return (rows == 1 ? 0 : i) * columns + (columns == 1 ? 0 : j);
  }
};
using Taped = Matrix*;

class Tape {
public:
  Taped leaf(std::size_t rows, std::size_t columns, std::span<const double> values) {
    const Taped m = make(rows, columns);
    std::copy(values.begin(), values.end(), m->value.begin());
    return m;
  }
  Taped number(double x) { return leaf(1, 1, {&x, 1}); }

  /// f(a, b) with broadcasting, and its two partial derivatives.
  Taped zip(Taped a, Taped b, auto f, auto da, auto db) {
    const Taped y = make(std::max(a->rows, b->rows), std::max(a->columns, b->columns));
    each(y, [=](std::size_t i, std::size_t j, std::size_t k) {
      y->value[k] = f(a->value[a->at(i, j)], b->value[b->at(i, j)]);
    });
    backward_.push_back([=] {
      each(y, [=](std::size_t i, std::size_t j, std::size_t k) {
        const double p = a->value[a->at(i, j)], q = b->value[b->at(i, j)];
        a->grad[a->at(i, j)] += y->grad[k] * da(p, q);
        b->grad[b->at(i, j)] += y->grad[k] * db(p, q);
      });
    });
    return y;
  }
  Taped add(Taped a, Taped b) {
    return zip(
        a, b, [](double p, double q) { return p + q; }, [](double, double) { return 1.0; },
        [](double, double) { return 1.0; });
  }
  Taped sub(Taped a, Taped b) { return add(a, mul(b, number(-1))); }
  Taped mul(Taped a, Taped b) {
    return zip(
        a, b, [](double p, double q) { return p * q; }, [](double, double q) { return q; },
        [](double p, double) { return p; });
  }
  Taped map(Taped a, auto f, auto df) {
    return zip(
        a, number(0), [=](double p, double) { return f(p); }, [=](double p, double) { return df(p); },
        [](double, double) { return 0.0; });
  }
  Taped relu(Taped a) {
    return map(a, [](double x) { return x > 0 ? x : 0; }, [](double x) { return x > 0 ? 1.0 : 0.0; });
  }
  /// a [m, k] times b [k, n], or times b [n, k] transposed.
  Taped matmul(Taped a, Taped b, bool transposed) {
    const std::size_t depth = a->columns, n = transposed ? b->rows : b->columns;
    const auto in_b = [=](std::size_t p, std::size_t j) { return transposed ? j * depth + p : p * n + j; };
    const Taped y = make(a->rows, n);
    each(y, [=](std::size_t i, std::size_t j, std::size_t k) {
      for (std::size_t p = 0; p < depth; ++p) y->value[k] += a->value[i * depth + p] * b->value[in_b(p, j)];
    });
    backward_.push_back([=] {
      each(y, [=](std::size_t i, std::size_t j, std::size_t k) {
        for (std::size_t p = 0; p < depth; ++p) {
          a->grad[i * depth + p] += y->grad[k] * b->value[in_b(p, j)];
          b->grad[in_b(p, j)] += y->grad[k] * a->value[i * depth + p];
        }
      });
    });
    return y;
  }
  /// Sum to a matrix of `rows` by `columns`, each the operand's or 1.
  Taped sum_to(Taped a, std::size_t rows, std::size_t columns) {
    const Taped y = make(rows, columns);
    each(a, [=](std::size_t i, std::size_t j, std::size_t k) { y->value[y->at(i, j)] += a->value[k]; });
    backward_.push_back([=] {
      each(a, [=](std::size_t i, std::size_t j, std::size_t k) { a->grad[k] += y->grad[y->at(i, j)]; });
    });
    return y;
  }
  /// Of each row.
  Taped softmax(Taped a) {
    const Taped most = make(a->rows, 1); // a constant: the result does not depend on it
    for (std::size_t i = 0; i < a->rows; ++i)
      most->value[i] =
          *std::max_element(a->value.begin() + static_cast<std::ptrdiff_t>(i * a->columns),
                            a->value.begin() + static_cast<std::ptrdiff_t>((i + 1) * a->columns));
    const auto exp = [](double x) { return std::exp(x); };
    const Taped e = map(sub(a, most), exp, exp);
    return zip(
        e, sum_to(e, a->rows, 1), [](double p, double q) { return p / q; },
        [](double, double q) { return 1 / q; }, [](double p, double q) { return -p / (q * q); });
  }

  /// Gradients of the only element of `root`, in each leaf's `grad`.
  void backward(Taped root) {
    root->grad[0] = 1;
    for (std::size_t k = backward_.size(); k-- > 0;) backward_[k]();
  }

private:
  Taped make(std::size_t rows, std::size_t columns) {
    return matrices_.emplace_back(std::make_unique<Matrix>(rows, columns)).get();
  }
  static void each(Taped m, auto f) {
    for (std::size_t i = 0; i < m->rows; ++i)
      for (std::size_t j = 0; j < m->columns; ++j) f(i, j, i * m->columns + j);
  }
  std::vector<std::unique_ptr<Matrix>> matrices_;
  std::vector<std::function<void()>> backward_;
};

} // namespace stator::test
