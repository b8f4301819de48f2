// SPDX-License-Identifier: BSL-1.0
// Attention in blocks, forward and backward, against plain loops in double.
#include "catch.hpp"
#include "compare.hpp"
#include "kernel/support.hpp"
#include "stator/kernel/attention.hpp"

#include <cmath>
#include <cstring>
#include <vector>

using namespace stator;
using stator::test::ExactArray;

namespace {

/// Where the rows of a head lie.
struct Rows {
  Index length, row, width, heads;
  bool length_first; ///< samples lie beside each other
  Index at(Index unit, Index i) const {
    const Index sample = length_first ? heads * width : length * row;
    return unit / heads * sample + unit % heads * width + i * row;
  }
  Index count(Index samples) const { return (length_first ? 1 : samples) * length * row; }
};

/// One kernel, as what checks it sees it: the check is compiled once for each element type.
template<class T>
struct Kernel {
  void (*forward)(const T* q, const T* k, const T* v, T scale, T* y, T* lse, Index n);
  void (*backward)(const T* g, const T* q, const T* k, const T* v, const T* y, const T* lse, T scale, T* dq,
                   T* dk, T* dv, Index n);
  bool causal;
  Rows q, k, v, y;
};

template<class T, bool Causal, Index L, Index S, Index D, Index E, Index Heads = 1, Index Beside = 1>
constexpr Kernel<T> kernel_of() {
  constexpr Index row = Beside * Heads;
  using K = kernel::attention<T, Causal, L, S, D, E, Heads, row * D, row * D, row * E, Beside>;
  return {&K::forward,
          &K::backward,
          Causal,
          {L, row * D, D, Heads, Beside > 1},
          {S, row * D, D, Heads, Beside > 1},
          {S, row * E, E, Heads, Beside > 1},
          {L, row * E, E, Heads, Beside > 1}};
}

template<class T>
void check(const Kernel<T>& kernel, Index samples = 2, double large = 1) {
  const auto& [forward, backward, causal, Q, K, V, Y] = kernel;
  const Index heads = Q.heads, units = samples * heads, L = Q.length, S = K.length, D = Q.width, E = V.width;
  CAPTURE(sizeof(T), causal, L, S, D, E, heads);
  ExactArray<T> q(Q.count(samples), 1), k(K.count(samples), 2), v(V.count(samples), 3),
      g(Y.count(samples), 4);
  for (T& x : q) x *= static_cast<T>(large);
  ExactArray<T> y(g.size(), 5), lse(units * L, 6), dq(q.size(), 7), dk(k.size(), 8), dv(v.size(), 9);
  const double scale = 1 / std::sqrt(static_cast<double>(D));
  forward(q.data(), k.data(), v.data(), static_cast<T>(scale), y.data(), lse.data(), samples);
  backward(g.data(), q.data(), k.data(), v.data(), y.data(), lse.data(), static_cast<T>(scale), dq.data(),
           dk.data(), dv.data(), samples);

  const auto wide = [](Index count) { return std::vector<double>(static_cast<std::size_t>(count)); };
  std::vector<double> right_y = wide(y.size()), right_lse = wide(lse.size()), right_dq = wide(q.size()),
                      right_dk = wide(k.size()), right_dv = wide(v.size()), p = wide(S), dp = wide(S);
  const auto get = [](const auto& a, Index i) { return static_cast<double>(a[i]); };
  const auto of = [](std::vector<double>& a, Index i) -> double& { return a[static_cast<std::size_t>(i)]; };
  for (Index u = 0; u < units; ++u)
    for (Index i = 0; i < L; ++i) {
      const Index seen = causal ? std::min(S, i + 1) : S;
      double high = -1e300, sum = 0, mean = 0;
      for (Index j = 0; j < seen; ++j) {
        double score = 0;
        for (Index d = 0; d < D; ++d) score += get(q, Q.at(u, i) + d) * get(k, K.at(u, j) + d);
        of(p, j) = score * scale;
        high = std::max(high, score * scale);
      }
      for (Index j = 0; j < seen; ++j) sum += of(p, j) = std::exp(of(p, j) - high);
      of(right_lse, u * L + i) = high + std::log(sum);
      for (Index j = 0; j < seen; ++j) {
        of(p, j) /= sum;
        of(dp, j) = 0;
        for (Index e = 0; e < E; ++e) {
          of(right_y, Y.at(u, i) + e) += of(p, j) * get(v, V.at(u, j) + e);
          of(right_dv, V.at(u, j) + e) += of(p, j) * get(g, Y.at(u, i) + e);
          of(dp, j) += get(g, Y.at(u, i) + e) * get(v, V.at(u, j) + e);
        }
        mean += of(p, j) * of(dp, j);
      }
      for (Index j = 0; j < seen; ++j) {
        const double slope = of(p, j) * (of(dp, j) - mean) * scale;
        for (Index d = 0; d < D; ++d) {
          of(right_dq, Q.at(u, i) + d) += slope * get(k, K.at(u, j) + d);
          of(right_dk, K.at(u, j) + d) += slope * get(q, Q.at(u, i) + d);
        }
      }
    }
  const double allowed = (sizeof(T) == 4 ? 2e-6 : 4e-15) * large;
  test::check_close(y, right_y, allowed);
  test::check_close(lse, right_lse, 2 * allowed);
  test::check_close(dq, right_dq, 4 * allowed);
  test::check_close(dk, right_dk, allowed * std::sqrt(static_cast<double>(L)) * 4);
  test::check_close(dv, right_dv, allowed * std::sqrt(static_cast<double>(L)) * 4);
}

template<class T, Index L, Index S, Index D, Index E, Index Heads = 1, Index Beside = 1>
void check_both(Index samples = 2) {
  check(kernel_of<T, false, L, S, D, E, Heads, Beside>(), samples);
  check(kernel_of<T, true, L, S, D, E, Heads, Beside>(), samples);
}

} // namespace

TEST_CASE("attention in blocks is that of plain loops") {
  check_both<float, 1, 1, 1, 1>();
  check_both<float, 3, 5, 4, 6>();
  check_both<float, 64, 64, 32, 32>();
  check_both<float, 33, 70, 20, 7>();
  check_both<float, 70, 33, 16, 80>();
  check_both<float, 300, 300, 8, 24>(1);
  check_both<double, 9, 7, 3, 5>();
  check_both<double, 65, 140, 40, 17>(1);
}

TEST_CASE("heads that lie beside each other are read and written there") {
  check_both<float, 40, 150, 12, 16, 3>();
  check_both<double, 6, 6, 4, 4, 2>();
}

TEST_CASE("samples that lie beside each other are read and written there, rows that collide in a cache too") {
  check_both<float, 40, 150, 16, 16, 4, 16>(16); // rows are 4096 bytes apart
  check_both<double, 6, 7, 4, 3, 2, 3>(3);
}

TEST_CASE("scores that grow from block to block do not overflow") {
  check(kernel_of<float, false, 20, 300, 16, 16>(), 1, 200);
  check(kernel_of<float, true, 300, 300, 16, 16>(), 1, 200);
}

TEST_CASE("attention gives the same numbers with any number of threads") {
  constexpr Index L = 160, S = 160, D = 32, heads = 4, samples = 3;
  using K = kernel::attention<float, true, L, S, D, D, heads>;
  constexpr Index count = samples * L * heads * D;
  const auto run = [](int threads) {
    set_num_threads(threads);
    ExactArray<float> q(count, 1), k(count, 2), v(count, 3), g(count, 4);
    ExactArray<float> out(4 * count + samples * heads * L);
    float *const y = out.data(), *const lse = y + 4 * count;
    K::forward(q.data(), k.data(), v.data(), 0.2F, y, lse, samples);
    K::backward(g.data(), q.data(), k.data(), v.data(), y, lse, 0.2F, y + count, y + 2 * count, y + 3 * count,
                samples);
    return out;
  };
  const int before = get_num_threads();
  const auto one = run(1), three = run(3);
  set_num_threads(before);
  CHECK(std::memcmp(one.data(), three.data(), static_cast<std::size_t>(one.size()) * sizeof(float)) == 0);
}

TEST_CASE("a score that is NaN makes its query NaN, one that is infinite another weight zero") {
  using K = kernel::attention<float, false, 2, 300, 1, 1>;
  ExactArray<float> q(2, 1), k(300, 2), v(300, 3), y(2), lse(2);
  std::fill(k.begin(), k.end(), -std::numeric_limits<float>::infinity());
  k[299] = 0.5F;
  q[0] = 1;
  q[1] = std::numeric_limits<float>::quiet_NaN();
  K::forward(q.data(), k.data(), v.data(), 1, y.data(), lse.data(), 1);
  CHECK(y[0] == v[299]);
  CHECK(std::isnan(y[1]));
}
