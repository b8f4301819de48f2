// SPDX-License-Identifier: BSL-1.0
#include "catch.hpp"
#include "compare.hpp"
#include "kernel/support.hpp"
#include "stator/core/workspace.hpp"
#include "stator/kernel/conv.hpp"

#include <vector>

using namespace stator;
using namespace stator::kernel;
using namespace stator::test;

namespace {

template<class T, auto G, bool Bias = true>
void check(Index batch, double tolerance) {
  using Kernel = typename conv<T, G>::template prepared<true>;
  static_assert(kernel::detail::conv_winograd<T, G>::wins, "another kernel would be tested");
  constexpr auto output = G.output();
  const ExactArray<T> x(batch * G.in_channels * G.input_plane(), 1), w(G.weights(), 2),
      bias(G.out_channels, 3);
  ExactArray<T> y(batch * G.out_channels * G.output_plane());
  const MemoryBlock prepared(Kernel::prepared_bytes),
      scratch(Kernel::prepared_scratch * static_cast<std::size_t>(batch) + 1);
  Kernel::prepare(w.data(), Bias ? bias.data() : nullptr, prepared.data());
  for (int run = 0; run < 2; ++run) // what is prepared is only read
    Kernel::run_prepared(x.data(), prepared.data(), y.data(), batch, scratch.data());
  std::vector<double> expected;
  for (Index n = 0; n < batch; ++n)
    for (Index o = 0; o < G.out_channels; ++o)
      for (Index i = 0; i < output[0]; ++i)
        for (Index k = 0; k < output[1]; ++k) {
          double sum = Bias ? static_cast<double>(bias[o]) : 0;
          for (Index c = 0; c < G.in_channels; ++c)
            for (Index r = 0; r < 3; ++r)
              for (Index s = 0; s < 3; ++s) {
                const Index at = i + r - G.padding_begin[0], to = k + s - G.padding_begin[1];
                if (at >= 0 && at < G.input[0] && to >= 0 && to < G.input[1])
                  sum +=
                      static_cast<double>(x[((n * G.in_channels + c) * G.input[0] + at) * G.input[1] + to]) *
                      static_cast<double>(w[((o * G.in_channels + c) * 3 + r) * 3 + s]);
              }
          expected.push_back(sum);
        }
  CHECK(worst(doubles(y), expected, {.relative_to = largest(expected, 1)}).error < tolerance);

  // What is done to the result before it is written gives the same bits as afterwards.
  const auto finished = [&](const ConvFinish<T>& finish, Index size) {
    ExactArray<T> result(size);
    Kernel::run_finished(x.data(), prepared.data(), result.data(), batch, scratch.data(), finish);
    return result;
  };
  const ExactArray<T> summand(y.size(), 4);
  std::vector<T> positive, sum;
  for (Index i = 0; i < y.size(); ++i) {
    positive.push_back(y[i] <= 0 ? T{} : y[i]);
    const T s = y[i] + summand[i];
    sum.push_back(s <= 0 ? T{} : s);
  }
  CHECK(std::ranges::equal(finished({nullptr, true, false}, y.size()), positive));
  CHECK(std::ranges::equal(finished({summand.data(), true, false}, y.size()), sum));
  if constexpr (Kernel::can_halve) {
    std::vector<T> largest_of_four;
    for (Index r = 0; r < batch * G.out_channels * output[0]; r += 2)
      for (Index k = 0; k < output[1]; k += 2) {
        const auto at = [&](Index i, Index j) {
          return positive[static_cast<std::size_t>((r + i) * output[1] + k + j)];
        };
        largest_of_four.push_back(std::max({at(0, 0), at(0, 1), at(1, 0), at(1, 1)}));
      }
    CHECK(std::ranges::equal(finished({nullptr, true, true}, y.size() / 4), largest_of_four));
  }
}

constexpr ConvGeometry<2> geometry(Index in, Index out, Index high, Index wide, Index top = 1, Index left = 1,
                                   Index bottom = 1, Index right = 1) {
  return {.in_channels = in,
          .out_channels = out,
          .input = {high, wide},
          .kernel = {3, 3},
          .padding_begin = {top, left},
          .padding_end = {bottom, right}};
}

} // namespace

TEST_CASE("a convolution by F(2x2, 3x3) agrees with loops") {
  check<float, geometry(16, 16, 16, 16)>(2, 3e-6);
  check<float, geometry(64, 40, 32, 32)>(1, 3e-6);
  check<float, geometry(17, 33, 16, 15), false>(3, 3e-6);
  check<double, geometry(24, 16, 16, 16)>(2, 1e-14);
}

TEST_CASE("F(2x2, 3x3) takes planes of odd extents, and any padding") {
  check<float, geometry(16, 18, 15, 17)>(2, 3e-6);
  check<float, geometry(20, 24, 8, 8)>(2, 3e-6); // no more tiles than the widest vector has lanes
  check<float, geometry(16, 16, 26, 26, 0, 0, 0, 0)>(1, 3e-6);
  check<float, geometry(16, 16, 19, 27, 0, 2, 1, 0)>(2, 3e-6);
  check<float, geometry(20, 16, 23, 14, 2, 0, 0, 3)>(1, 3e-6);
  check<float, geometry(16, 16, 9, 40, 2, 2, 2, 2)>(1, 3e-6);
}
