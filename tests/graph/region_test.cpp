// SPDX-License-Identifier: BSL-1.0
// Fused regions over every kind of broadcasting, element by element against indices.
#include "catch.hpp"
#include "stator/stator.hpp"

#include <array>

using namespace stator;

namespace {

template<Index... E>
auto make(Index batch, int seed) {
  const auto fill = [seed](auto tensor) {
    int i = seed;
    for (auto& x : tensor) x = static_cast<float>((i += 7) % 23 - 11) / 4;
    return tensor;
  };
  if constexpr (Shape<E...>::is_dynamic)
    return fill(Tensor<float, E...>(batch));
  else
    return fill(Tensor<float, E...>());
}

/// The element of `tensor` that belongs to an index of a larger shape.
template<class T>
float at(const T& tensor, const std::array<Index, 4>& index, std::size_t rank) {
  const Sizes sizes = tensor.shape();
  Index offset = 0;
  for (std::size_t d = 0; d < sizes.size(); ++d) {
    const Index i = index[rank - sizes.size() + d];
    offset = offset * sizes[d] + (sizes[d] == 1 ? 0 : i);
  }
  return tensor.data()[offset];
}

/// a * b - c + 2 a with shapes that broadcast.
void check(const auto& a, const auto& b, const auto& c) {
  const auto y = (a * b - c + 2 * a).value();
  const Sizes sizes = y.shape();
  INFO(a.shape() << ' ' << b.shape() << ' ' << c.shape());
  bool good = true;
  const auto extent = [&](std::size_t d) { return d < sizes.size() ? sizes[d] : 1; };
  Index k = 0;
  for (Index i = 0; i < extent(0); ++i)
    for (Index j = 0; j < extent(1); ++j)
      for (Index m = 0; m < extent(2); ++m)
        for (Index n = 0; n < extent(3); ++n) {
          const std::array<Index, 4> index{i, j, m, n};
          const float p = at(a, index, sizes.size()), q = at(b, index, sizes.size()),
                      r = at(c, index, sizes.size());
          good = good && y.data()[k++] == p * q - r + 2 * p;
        }
  CHECK(good);
}

} // namespace

TEST_CASE("regions broadcast operands of static shape") {
  check(make<33>(0, 1), make<33>(0, 2), make<1>(0, 3));
  check(make<>(0, 1), make<>(0, 2), make<1>(0, 3));
  check(make<4, 5>(0, 1), make<5>(0, 2), make<4, 1>(0, 3));
  check(make<4, 5, 6>(0, 1), make<5, 1>(0, 2), make<4, 1, 6>(0, 3));
  check(make<3, 1, 17>(0, 1), make<5, 17>(0, 2), make<1, 5, 1>(0, 3));
  check(make<2, 3, 4, 5>(0, 1), make<3, 1, 5>(0, 2), make<2, 1, 4, 1>(0, 3));
  check(make<2, 1, 1, 5>(0, 1), make<1, 3, 4, 1>(0, 2), make<1>(0, 3));
  check(make<1, 1>(0, 1), make<1>(0, 2), make<7, 1>(0, 3));
}

TEST_CASE("regions broadcast operands beside a dynamic batch") {
  for (const Index batch : {1, 2, 9, 300}) {
    check(make<dynamic>(batch, 1), make<dynamic>(batch, 2), make<1>(0, 3));
    check(make<dynamic, 5>(batch, 1), make<5>(0, 2), make<dynamic, 1>(batch, 3));
    check(make<dynamic, 1>(batch, 1), make<1, 19>(0, 2), make<19>(0, 3));
    check(make<dynamic, 5, 6>(batch, 1), make<5, 1>(0, 2), make<dynamic, 1, 6>(batch, 3));
    check(make<dynamic, 3, 4, 5>(batch, 1), make<3, 1, 1>(0, 2), make<dynamic, 1, 4, 5>(batch, 3));
  }
}

TEST_CASE("regions that are large enough for several threads") {
  check(make<dynamic, 64>(3000, 1), make<64>(0, 2), make<dynamic, 1>(3000, 3));
  check(make<3000, 64>(0, 1), make<3000, 64>(0, 2), make<3000, 64>(0, 3));
  check(make<300, 64, 5>(0, 1), make<64, 1>(0, 2), make<300, 1, 5>(0, 3));
}
