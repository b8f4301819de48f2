// SPDX-License-Identifier: BSL-1.0
// Singular values and vectors of small dense matrices, by one-sided Jacobi rotations: columns are turned in
// pairs until all are orthogonal to each other, which gives small singular values as exactly as large ones.
// Source: Hestenes, "Inversion of matrices by biorthogonalization and related results", 1958.
#pragma once

#include "stator/core/shape.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

namespace stator::kernel {

namespace detail {
/// x . y of columns of matrices whose rows are `step` elements apart.
template<class T>
T column_product(const T* x, const T* y, Index rows, Index step) {
  T sum = 0;
  for (Index i = 0; i < rows; ++i) sum += x[i * step] * y[i * step];
  return sum;
}
/// (x, y) = (c x - s y, s x + c y)
template<class T>
void turn_columns(T* x, T* y, Index rows, Index step, T c, T s) {
  for (Index i = 0; i < rows; ++i) {
    const T a = x[i * step], b = y[i * step];
    x[i * step] = c * a - s * b;
    y[i * step] = s * a + c * b;
  }
}
/// A column of length 1 that is orthogonal to the first `count` columns of u [m, n], in column `count`.
template<class T>
void complete_column(T* u, Index m, Index n, Index count) {
  T* const column = u + count;
  for (Index unit = 0; unit < m; ++unit) {
    for (Index i = 0; i < m; ++i) column[i * n] = i == unit ? T{1} : T{0};
    for (int pass = 0; pass < 2; ++pass) // the second takes away what rounding has left
      for (Index j = 0; j < count; ++j) {
        const T part = column_product(u + j, column, m, n);
        for (Index i = 0; i < m; ++i) column[i * n] -= part * u[i * n + j];
      }
    const T size = std::sqrt(column_product(column, column, m, n));
    for (Index i = 0; i < m; ++i) column[i * n] /= size;
    if (size * size * static_cast<T>(2 * m) > 1) return; // of one of the units it is at least 1 / m
  }
}
} // namespace detail

/// a [m, n], m >= n, is u diag(s) v^T with u [m, n] and v [n, n], whose columns are orthonormal, and s [n],
/// which descends from the largest. The signs of the columns are those that come out.
template<class T>
void tall_svd(const T* a, Index m, Index n, T* u, T* s, T* v) {
  T scale = 0; // squares of elements are neither 0 nor infinite
  for (Index i = 0; i < m * n; ++i) scale = std::max(scale, std::abs(a[i]));
  if (!(scale > 0 && scale <= std::numeric_limits<T>::max())) scale = 1;
  for (Index i = 0; i < m * n; ++i) u[i] = a[i] / scale;
  std::fill_n(v, n * n, T{});
  for (Index i = 0; i < n; ++i) v[i * n + i] = 1;

  constexpr T tolerance = std::numeric_limits<T>::epsilon();
  bool turned = true;
  for (int sweep = 0; turned && sweep < 60; ++sweep) {
    turned = false;
    for (Index p = 0; p < n; ++p)
      for (Index q = p + 1; q < n; ++q) {
        const T pp = detail::column_product(u + p, u + p, m, n),
                qq = detail::column_product(u + q, u + q, m, n);
        const T pq = detail::column_product(u + p, u + q, m, n);
        if (!(std::abs(pq) > tolerance * std::sqrt(pp) * std::sqrt(qq))) continue;
        turned = true;
        const T zeta = (qq - pp) / (2 * pq);
        const T t = std::copysign(1 / (std::abs(zeta) + std::hypot(T{1}, zeta)), zeta);
        const T c = 1 / std::hypot(T{1}, t);
        detail::turn_columns(u + p, u + q, m, n, c, c * t);
        detail::turn_columns(v + p, v + q, n, n, c, c * t);
      }
  }
  for (Index j = 0; j < n; ++j) s[j] = std::sqrt(detail::column_product(u + j, u + j, m, n));
  for (Index j = 0; j < n; ++j) {
    const Index most = std::max_element(s + j, s + n) - s;
    if (most != j) {
      std::swap(s[j], s[most]);
      for (Index i = 0; i < m; ++i) std::swap(u[i * n + j], u[i * n + most]);
      for (Index i = 0; i < n; ++i) std::swap(v[i * n + j], v[i * n + most]);
    }
    if (s[j] == 0)
      detail::complete_column(u, m, n, j);
    else
      for (Index i = 0; i < m; ++i) u[i * n + j] /= s[j];
    s[j] *= scale;
  }
}

/// Of a [m, n], k the smaller of both: u [m, k], s [k], v [n, k], see tall_svd. `space` holds m n.
template<class T>
void svd(const T* a, Index m, Index n, T* u, T* s, T* v, T* space) {
  if (m >= n) return tall_svd(a, m, n, u, s, v);
  for (Index i = 0; i < m; ++i)
    for (Index j = 0; j < n; ++j) space[j * m + i] = a[i * n + j];
  tall_svd(space, n, m, v, s, u);
}

/// Columns that make those of q [m, k], which are orthonormal, an orthonormal basis: rest [m, m - k]. `space`
/// holds m m.
template<class T>
void orthonormal_complement(const T* q, Index m, Index k, T* rest, T* space) {
  for (Index i = 0; i < m; ++i) std::copy_n(q + i * k, k, space + i * m);
  for (Index j = k; j < m; ++j) detail::complete_column(space, m, m, j);
  for (Index i = 0; i < m; ++i) std::copy_n(space + i * m + k, m - k, rest + i * (m - k));
}

/// The pseudoinverse [n, m] of a [m, n]: v s^-1 u^T, where singular values of at most `rcond` times the
/// largest count as 0. `space` holds (m + n + 1) min(m, n) + m n.
template<class T>
void pinverse(const T* a, Index m, Index n, T rcond, T* out, T* space) {
  const Index k = std::min(m, n);
  T *const u = space, *const s = u + m * k, *const v = s + k;
  svd(a, m, n, u, s, v, v + n * k);
  std::fill_n(out, n * m, T{});
  for (Index l = 0; l < k && !(s[l] <= rcond * s[0]); ++l) // NaN is not left out
    for (Index i = 0; i < n; ++i) {
      const T part = v[i * k + l] / s[l];
      for (Index j = 0; j < m; ++j) out[i * m + j] += part * u[j * k + l];
    }
}

} // namespace stator::kernel
