// SPDX-License-Identifier: BSL-1.0
// Elementwise operations with more operands than the library's own have.
#include "catch.hpp"
#include "stator/ops/ops.hpp"
#include "stator/run/evaluation.hpp"

#include <cmath>

namespace {

/// Rows of N elements, for all that do not fill a vector.
template<stator::Index N>
void check_rows() {
  CAPTURE(N);
  stator::Variable<float, 3, N> x;
  stator::Variable<float, N> bias;
  for (stator::Index r = 0; r < 3; ++r)
    for (stator::Index i = 0; i < N; ++i) x(r, i) = static_cast<float>(3 * r - i) / 8;
  for (stator::Index i = 0; i < N; ++i) bias(i) = static_cast<float>(i) / 16;
  const auto y = (stator::tanh(x + bias) * x).value();
  const auto z = stator::tanh(bias).value();
  for (stator::Index i = 0; i < N; ++i) {
    CHECK(z(i) == Approx(std::tanh(double{bias(i)})).epsilon(1e-6));
    for (stator::Index r = 0; r < 3; ++r)
      CHECK(y(r, i) == Approx(std::tanh(double{x(r, i)} + double{bias(i)}) * double{x(r, i)}).epsilon(1e-6));
  }
}

/// a + 2 b + 3 c + ...
struct Weighted {
  static constexpr std::string_view name = "Weighted";
  static constexpr stator::Extents shape(const stator::Extents& x, const auto&...) { return x; }
  template<class V, std::same_as<V>... Rest>
  static V apply(const V& first, const Rest&... rest) {
    V total = first;
    int k = 1;
    ((total = total + V(static_cast<float>(++k)) * rest), ...);
    return total;
  }
  template<class G, class Y, class... X>
  static constexpr auto vjp(G g, Y, X...) {
    return [&]<std::size_t... I>(std::index_sequence<I...>) {
      return stator::gradients(stator::mul(g, static_cast<double>(I + 1))...);
    }(std::index_sequence_for<X...>{});
  }
};
constexpr stator::operation<Weighted> weighted;

} // namespace

TEST_CASE("rows that do not fill their last vector are computed to their end and no further") {
  check_rows<2>(), check_rows<3>(), check_rows<7>(), check_rows<12>(), check_rows<29>();
}

TEST_CASE("an elementwise operation may have eight operands") {
  stator::Variable<float, 19> x[8];
  for (int k = 0; k < 8; ++k)
    for (int i = 0; i < 19; ++i) x[k](i) = static_cast<float>(100 * k + i);

  const auto of_four = weighted(x[0], x[1], x[2], x[3]).value();
  const auto of_eight = weighted(x[0], x[1], x[2], x[3], x[4], x[5], x[6], x[7]).value();
  for (int i = 0; i < 19; ++i) {
    float four = 0, eight = 0;
    for (int k = 0; k < 8; ++k) {
      eight += static_cast<float>(k + 1) * x[k](i);
      if (k < 4) four += static_cast<float>(k + 1) * x[k](i);
    }
    CHECK(of_four(i) == four);
    CHECK(of_eight(i) == eight);
  }
}

TEST_CASE("each of eight operands gets its gradient, in a region with operations of other widths") {
  stator::Variable<float, 19> x[8];
  auto y = weighted(x[0], x[1], x[2], x[3], x[4], x[5], x[6], x[7]);
  auto loss = stator::sum(y * y + stator::exp(x[0]));
  for (auto& v : x) v.fill_(0.5f);
  loss.backward();
  for (int k = 0; k < 8; ++k)
    for (int i = 0; i < 19; ++i)
      CHECK(x[k].grad()(i) == Approx(2 * 18 * (k + 1) + (k == 0 ? 1.6487213 : 0)).epsilon(1e-6));
}
