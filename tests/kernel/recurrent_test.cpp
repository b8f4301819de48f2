// SPDX-License-Identifier: BSL-1.0
// Recurrent layers against plain loops in double: states, gradients, gates that are saturated.
#include "catch.hpp"
#include "kernel/support.hpp"
#include "stator/kernel/recurrent.hpp"

#include <cmath>
#include <vector>

using namespace stator;
using kernel::Cell;
using stator::test::ExactArray;

namespace {

double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

/// An LSTM on N samples; x times `size` reaches gates of 0 and 1.
template<class T, Index H, Index Steps, Index Batch, bool TimeMajor, bool Reverse>
void check_lstm(double size, Index batch = Batch) {
  CAPTURE(H, Steps, batch, TimeMajor, Reverse, size);
  using Kernel = kernel::recurrence<T, Cell::lstm, H, Steps, Batch, TimeMajor, Reverse>;
  const auto scratch_of = [&](const Bytes& b) { return static_cast<Index>(b.total(batch)); };
  ExactArray<T> x(batch * Steps * 4 * H, 1), w(4 * H * H, 2), bias(4 * H, 3), h0(batch * H, 4),
      c0(batch * H, 5);
  ExactArray<T> y(batch * Steps * 6 * H, 6), g(batch * Steps * H, 7), gc(batch * H, 8);
  ExactArray<T> d(batch * (Steps * 4 + 2) * H, 9);
  for (T& v : x) v *= static_cast<T>(size);
  {
    ExactArray<double> space(scratch_of(Kernel::forward_scratch) / 8 + 1);
    Kernel::forward(x.data(), w.data(), bias.data(), h0.data(), c0.data(), y.data(), batch,
                    reinterpret_cast<std::byte*>(space.data()));
  }
  {
    ExactArray<double> space(scratch_of(Kernel::backward_scratch) / 8 + 1);
    Kernel::backward(g.data(), gc.data(), y.data(), w.data(), h0.data(), c0.data(), d.data(), batch,
                     reinterpret_cast<std::byte*>(space.data()));
  }
  const auto row = [&](Index n, Index s) {
    const Index t = Reverse ? Steps - 1 - s : s;
    return TimeMajor ? t * batch + n : n * Steps + t;
  };
  const auto of = [](const ExactArray<T>& a, Index i) { return static_cast<double>(a[i]); };
  double worst = 0;
  const auto compare = [&](double right, T found) {
    worst = std::max(worst, std::abs(right - static_cast<double>(found)) / std::max(1.0, std::abs(right)));
  };
  for (Index n = 0; n < batch; ++n) {
    using Row = std::vector<double>;
    std::vector<Row> h(1), c(1);
    for (Index k = 0; k < H; ++k) h[0].push_back(of(h0, n * H + k)), c[0].push_back(of(c0, n * H + k));
    std::vector<Row> gate;
    for (Index s = 0; s < Steps; ++s) {
      Row a(static_cast<std::size_t>(4 * H)), h1, c1;
      for (Index q = 0; q < 4 * H; ++q) {
        double sum = of(x, row(n, s) * 4 * H + q) + of(bias, q);
        for (Index k = 0; k < H; ++k) sum += of(w, q * H + k) * h.back()[static_cast<std::size_t>(k)];
        a[static_cast<std::size_t>(q)] = q / H == 2 ? std::tanh(sum) : sigmoid(sum);
      }
      for (Index k = 0; k < H; ++k) {
        const auto at = [&](Index q) { return a[static_cast<std::size_t>(q * H + k)]; };
        c1.push_back(at(1) * c.back()[static_cast<std::size_t>(k)] + at(0) * at(2));
        h1.push_back(at(3) * std::tanh(c1.back()));
        compare(h1.back(), y[row(n, s) * H + k]);
      }
      h.push_back(h1), c.push_back(c1), gate.push_back(a);
    }
    for (Index k = 0; k < H; ++k)
      compare(c.back()[static_cast<std::size_t>(k)],
              Kernel::last_cell(y.data(), batch)[n * Kernel::cell_stride + k]);
    Row dh(static_cast<std::size_t>(H)), dc;
    for (Index k = 0; k < H; ++k) dc.push_back(of(gc, n * H + k));
    for (Index s = Steps; s-- > 0;) {
      const auto now = static_cast<std::size_t>(s);
      Row da(static_cast<std::size_t>(4 * H)), before(static_cast<std::size_t>(H));
      for (Index j = 0; j < H; ++j) {
        const auto k = static_cast<std::size_t>(j), e = static_cast<std::size_t>(H);
        const double slope = dh[k] + of(g, row(n, s) * H + j), squashed = std::tanh(c[now + 1][k]);
        const double i = gate[now][k], f = gate[now][e + k], fresh = gate[now][2 * e + k],
                     o = gate[now][3 * e + k];
        dc[k] += slope * o * (1 - squashed * squashed);
        da[k] = dc[k] * fresh * i * (1 - i);
        da[e + k] = dc[k] * c[now][k] * f * (1 - f);
        da[2 * e + k] = dc[k] * i * (1 - fresh * fresh);
        da[3 * e + k] = slope * squashed * o * (1 - o);
        dc[k] *= f;
      }
      for (Index q = 0; q < 4 * H; ++q) {
        compare(da[static_cast<std::size_t>(q)], d[row(n, s) * 4 * H + q]);
        for (Index k = 0; k < H; ++k)
          before[static_cast<std::size_t>(k)] += of(w, q * H + k) * da[static_cast<std::size_t>(q)];
      }
      dh = before;
    }
    for (Index k = 0; k < H; ++k) {
      compare(dh[static_cast<std::size_t>(k)], d[(batch * Steps * 4 + n * 2) * H + k]);
      compare(dc[static_cast<std::size_t>(k)], d[(batch * Steps * 4 + n * 2 + 1) * H + k]);
    }
  }
  CHECK(worst <= (sizeof(T) == 4 ? 2e-5 : 1e-12));
}

} // namespace

TEST_CASE("an LSTM's states and gradients are those of plain loops") {
  check_lstm<float, 3, 1, 2, false, false>(1);
  check_lstm<float, 8, 5, 3, false, false>(1);
  check_lstm<float, 13, 4, 5, true, false>(1);
  check_lstm<float, 16, 6, 2, false, true>(1);
  check_lstm<float, 9, 3, 4, true, true>(1);
  check_lstm<float, 10, 5, dynamic, false, false>(1, 7);
  check_lstm<float, 10, 5, dynamic, false, false>(1, 0);
  check_lstm<double, 7, 4, 3, false, false>(1);
}

TEST_CASE("an LSTM's gates may be as good as 0 and 1") {
  check_lstm<float, 8, 5, 3, false, false>(30);
  check_lstm<float, 11, 5, 3, false, false>(1000);
  check_lstm<double, 5, 4, 3, true, false>(2000);
}
