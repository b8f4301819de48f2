// SPDX-License-Identifier: BSL-1.0
// Small dense matrices, row-major: LU with partial pivoting, Cholesky, triangular systems, the exponential.
// Plain loops over matrices whose extents are known; one function for each element type.
#pragma once

#include "stator/core/shape.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace stator::kernel {

/// Factors a [n, n] in place: its rows in another order are L U, L with a diagonal of ones. pivots[k] is the
/// row that was exchanged with row k. Returns the sign of the order of rows, 0 where a pivot is zero (the
/// factors are then not of use for solving, the product of the diagonal is still the determinant).
template<class T>
int lu_factor(T* a, Index n, Index* pivots) {
  int sign = 1;
  bool singular = false;
  for (Index k = 0; k < n; ++k) {
    Index best = k;
    for (Index i = k + 1; i < n; ++i)
      if (std::abs(a[i * n + k]) > std::abs(a[best * n + k])) best = i;
    pivots[k] = best;
    if (best != k) {
      std::swap_ranges(a + k * n, a + k * n + n, a + best * n);
      sign = -sign;
    }
    const T pivot = a[k * n + k];
    if (pivot == 0) {
      singular = true;
      continue;
    }
    for (Index i = k + 1; i < n; ++i) {
      const T factor = a[i * n + k] /= pivot;
      for (Index j = k + 1; j < n; ++j) a[i * n + j] -= factor * a[k * n + j];
    }
  }
  return singular ? 0 : sign;
}

/// Replaces x [n, columns] by the solution of A y = x, A triangular: the upper or lower half of a [n, n], or
/// that of its transpose; unit: with ones for its diagonal.
template<class T>
void solve_triangular(const T* a, Index n, bool upper, bool transposed, bool unit, T* x, Index columns) {
  const bool backward = upper != transposed;
  for (Index step = 0; step < n; ++step) {
    const Index i = backward ? n - 1 - step : step;
    T* const row = x + i * columns;
    for (Index before = 0; before < step; ++before) {
      const Index k = backward ? n - 1 - before : before;
      const T factor = transposed ? a[k * n + i] : a[i * n + k];
      for (Index j = 0; j < columns; ++j) row[j] -= factor * x[k * columns + j];
    }
    if (!unit)
      for (Index j = 0; j < columns; ++j) row[j] /= a[i * n + i];
  }
}

/// Replaces x [n, columns] by the solution of A y = x, or of the transpose of A, from the factors of
/// lu_factor.
template<class T>
void lu_solve(const T* lu, const Index* pivots, Index n, bool transposed, T* x, Index columns) {
  const auto exchange = [&](Index k) {
    if (pivots[k] != k) std::swap_ranges(x + k * columns, x + (k + 1) * columns, x + pivots[k] * columns);
  };
  if (transposed) {
    solve_triangular(lu, n, true, true, false, x, columns);
    solve_triangular(lu, n, false, true, true, x, columns);
    for (Index k = n; k-- > 0;) exchange(k);
  } else {
    for (Index k = 0; k < n; ++k) exchange(k);
    solve_triangular(lu, n, false, false, true, x, columns);
    solve_triangular(lu, n, true, false, false, x, columns);
  }
}

/// l [n, n] with zeros above its diagonal and l l^T = a, of which the lower half is read. Returns n, or the
/// number of the row at which a turns out not to be positive definite.
template<class T>
Index cholesky(const T* a, Index n, T* l) {
  for (Index i = 0; i < n; ++i) {
    for (Index j = 0; j <= i; ++j) {
      T sum = a[i * n + j];
      for (Index k = 0; k < j; ++k) sum -= l[i * n + k] * l[j * n + k];
      if (i != j) {
        l[i * n + j] = sum / l[j * n + j];
      } else {
        if (!(sum > 0)) return i;
        l[i * n + i] = std::sqrt(sum);
      }
    }
    std::fill(l + i * n + i + 1, l + (i + 1) * n, T{});
  }
  return n;
}

/// c = a b, all [n, n].
template<class T>
void multiply_square(const T* a, const T* b, Index n, T* c) {
  std::fill_n(c, n * n, T{});
  for (Index i = 0; i < n; ++i)
    for (Index k = 0; k < n; ++k)
      for (Index j = 0; j < n; ++j) c[i * n + j] += a[i * n + k] * b[k * n + j];
}

/// y = exp(a) [n, n]: the Taylor series of a / 2^s, whose norm is below a half, squared s times. `space`
/// holds 2 n n.
template<class T>
void matrix_exp(const T* a, Index n, T* y, T* space) {
  T norm = 0;
  for (Index i = 0; i < n; ++i) {
    T row = 0;
    for (Index j = 0; j < n; ++j) row += std::abs(a[i * n + j]);
    if (!(row <= norm)) norm = row;
  }
  int squarings = 0;
  T scale = 1;
  while (norm * scale > T{0.5} && squarings < 1100) ++squarings, scale /= 2;
  T* const term = space;
  T* const next = space + n * n;
  std::fill_n(y, n * n, T{});
  std::fill_n(term, n * n, T{});
  for (Index i = 0; i < n; ++i) y[i * n + i] = term[i * n + i] = 1;
  // 0.5^17 / 17! is 2e-20.
  for (int k = 1; k <= 17; ++k) {
    multiply_square(term, a, n, next);
    for (Index i = 0; i < n * n; ++i) {
      term[i] = next[i] * scale / static_cast<T>(k);
      y[i] += term[i];
    }
  }
  for (; squarings > 0; --squarings) {
    multiply_square(y, y, n, next);
    std::copy_n(next, n * n, y);
  }
}

/// q [m, n] with orthonormal columns and a = q r, r [n, n] with zeros below its diagonal; m >= n. By
/// Householder's reflections, with LAPACK's signs. `space` holds m n + n.
template<class T>
void orthonormal_columns(const T* a, Index m, Index n, T* q, T* space) {
  T* const v = space; // the reflections, below the diagonal; each has a 1 on it
  T* const tau = space + m * n;
  std::copy_n(a, m * n, v);
  // Applies reflection k to column j of y: y -= tau v (v^T y).
  const auto reflect = [&](Index k, T* y, Index j) {
    T sum = y[k * n + j];
    for (Index i = k + 1; i < m; ++i) sum += v[i * n + k] * y[i * n + j];
    sum *= tau[k];
    y[k * n + j] -= sum;
    for (Index i = k + 1; i < m; ++i) y[i * n + j] -= sum * v[i * n + k];
  };
  for (Index k = 0; k < n; ++k) {
    T below = 0;
    for (Index i = k + 1; i < m; ++i) below = std::hypot(below, v[i * n + k]);
    const T alpha = v[k * n + k], beta = -std::copysign(std::hypot(alpha, below), alpha);
    tau[k] = below == 0 ? 0 : (beta - alpha) / beta;
    if (below != 0)
      for (Index i = k + 1; i < m; ++i) v[i * n + k] /= alpha - beta;
    for (Index j = k + 1; j < n; ++j) reflect(k, v, j);
  }
  std::fill_n(q, m * n, T{});
  for (Index k = 0; k < n; ++k) q[k * n + k] = 1;
  for (Index k = n; k-- > 0;)
    for (Index j = k; j < n; ++j) reflect(k, q, j);
}

} // namespace stator::kernel
