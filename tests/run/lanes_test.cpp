// SPDX-License-Identifier: BSL-1.0
// Small networks whose rows run side by side in the lanes of vectors, against the same network row by row.
#include "catch.hpp"
#include "stator/stator.hpp"

#include <algorithm>

namespace nn = stator::nn;
using stator::Index;

namespace {

template<Index Out>
struct Net {
  nn::Linear<6, 8> fc1;
  nn::Linear<8, 6> fc2;
  nn::Linear<6, Out, {.bias = false}> fc3;
  /// A residual of the input, a number, and a value that two operations use.
  constexpr auto forward(auto x) const {
    const auto h = x | fc1 | nn::relu | fc2;
    return fc3(tanh(h + x) * 0.5 + h);
  }
};

/// Ends in elementwise operations.
struct Gate {
  nn::Linear<5, 4> fc;
  constexpr auto forward(auto x) const { return nn::sigmoid(fc(nn::relu(x))); }
};

template<class Network, Index Batch, Index In, Index Out>
void check_rows() {
  CAPTURE(Batch, Out);
  stator::manual_seed(3);
  stator::Model<Network> model;
  stator::Tensor<float, Batch, In> x;
  for (Index r = 0; r < Batch; ++r)
    for (Index i = 0; i < In; ++i) x(r, i) = static_cast<float>((7 * r + 5 * i) % 11 - 5) / 4;
  const auto all = model.eval()(x).value();
  stator::Tensor<float, 1, In> row;
  for (Index r = 0; r < Batch; ++r) {
    for (Index i = 0; i < In; ++i) row(0, i) = x(r, i);
    const auto one = model.eval()(row).value();
    for (Index i = 0; i < Out; ++i) CHECK(all(r, i) == Approx(one(0, i)).epsilon(1e-5).margin(1e-6));
  }
  const auto session = stator::optimize_for_inference<stator::InferenceOptions{.fold = false},
                                                      stator::Tensor<float, Batch, In>>(model.eval());
  const auto prepared = session(x).value();
  CHECK(std::equal(all.begin(), all.end(), prepared.begin()));
}

} // namespace

TEST_CASE("a row of a small network has the result that it has alone") {
  check_rows<Net<2>, 8, 6, 2>();
  check_rows<Net<4>, 32, 6, 4>();
  check_rows<Net<1>, 16, 6, 1>();
  check_rows<Net<3>, 16, 6, 3>();
  check_rows<Net<2>, 6, 6, 2>();
  check_rows<Gate, 16, 5, 4>();
}
