// SPDX-License-Identifier: BSL-1.0
// Activation functions and their gradients far from zero, at infinity and at NaN, against what PyTorch 1.13.1
// computes in float32.
#include "catch.hpp"
#include "compare.hpp"

#include "stator/ops/ops.hpp"
#include "stator/run/evaluation.hpp"

#include <limits>
#include <vector>

using namespace stator;

namespace {

constexpr float inf = std::numeric_limits<float>::infinity(), NaN = std::numeric_limits<float>::quiet_NaN();
using Values = std::vector<float>;
const Values at{-inf, -3e38F, -1e4F, -80, -20.5F, -1, 0, 1, 20.5F, 80, 1e4F, 3e38F, inf};

/// y: values at the numbers above; d: derivatives there. NaN stays NaN.
template<class F>
void check_edges(const F& f, Values y, Values d) {
  Variable<float, 14> x;
  std::copy(at.begin(), at.end(), x.data());
  x.data()[13] = NaN;
  y.push_back(NaN);
  test::check_close(f(x).value().values(), y, 1e-5, {.relative_to = 1e-36, .equal_nan = true});
  sum(f(x)).backward();
  test::check_close(std::span(x.grad_data(), 13), d, 1e-5, {.relative_to = 1e-36, .equal_nan = true});
}

} // namespace

TEST_CASE("smooth activation functions take large and infinite numbers as PyTorch does") {
  const float tiny = 1.80485133e-35F; // exp(-80)
  // The derivatives of gelu and softsign at infinity are their limits; PyTorch, which multiplies 0 by
  // infinity, has NaN.
  check_edges(nn::gelu, {NaN, 0, 0, 0, 0, -0.158655286F, 0, 0.841344714F, 20.5F, 80, 1e4F, 3e38F, inf},
              {0, 0, 0, 0, 0, -0.0833154321F, 0.5F, 1.08331537F, 1, 1, 1, 1, 1});
  check_edges(nn::softsign,
              {NaN, -1, -0.999899983F, -0.987654328F, -0.95348835F, -0.5F, 0, 0.5F, 0.95348835F, 0.987654328F,
               0.999899983F, 1, NaN},
              // at 1e4 PyTorch has 9.99716576e-09
              {0, 0, 9.99800030e-09F, 0.000152415596F, 0.00216333196F, 0.25F, 1, 0.25F, 0.00216333196F,
               0.000152415596F, 9.99800030e-09F, 0, 0});
  check_edges(nn::gelu_tanh, {NaN, 0, 0, 0, 0, -0.158807993F, 0, 0.841192007F, 20.5F, 80, 1e4F, 3e38F, inf},
              {NaN, NaN, 0, 0, 0, -0.0829640925F, 0.5F, 1.08296406F, 1, 1, 1, NaN, NaN});
  check_edges(
      nn::silu,
      {NaN, 0, 0, -1.44388111e-33F, -2.56281325e-08F, -0.268941432F, 0, 0.731058598F, 20.5F, 80, 1e4F, 3e38F,
       inf},
      {NaN, 0, 0, -1.42583259e-33F, -2.43779805e-08F, 0.0723294839F, 0.5F, 0.927670538F, 1, 1, 1, 1, NaN});
  check_edges(nn::mish,
              {NaN, 0, 0, -1.44388102e-33F, -2.56281343e-08F, -0.30340147F, 0, 0.865098357F, 20.5F, 80, 1e4F,
               3e38F, inf},
              {NaN, 0, 0, -1.4258325e-33F, -2.43779823e-08F, 0.0592167601F, 0.600000024F, 1.04903626F, 1, 1,
               1, 1, NaN});
  check_edges(
      nn::softplus,
      {0, 0, 0, tiny, 1.25015287e-09F, 0.313261688F, 0.693147182F, 1.31326163F, 20.5F, 80, 1e4F, 3e38F, inf},
      {0, 0, 0, tiny, 1.25015287e-09F, 0.268941432F, 0.5F, 0.731058598F, 1, 1, 1, 1, 1});
  check_edges(nn::logsigmoid,
              {-inf, -3e38F, -1e4F, -80, -20.5F, -1.31326175F, -0.693147182F, -0.313261688F, -1.25015287e-09F,
               -tiny, 0, 0, 0},
              {1, 1, 1, 1, 1, 0.731058598F, 0.5F, 0.268941432F, 1.25015287e-09F, tiny, 0, 0, 0});
  check_edges(nn::elu, {-1, -1, -1, -1, -1, -0.63212055F, 0, 1, 20.5F, 80, 1e4F, 3e38F, inf},
              {0, 0, 0, tiny, 1.25015287e-09F, 0.36787945F, 1, 1, 1, 1, 1, 1, 1});
  check_edges(nn::selu,
              {-1.75809932F, -1.75809932F, -1.75809932F, -1.75809932F, -1.75809932F, -1.11133075F, 0,
               1.05070102F, 21.5393715F, 84.0560837F, 10507.0098F, 3.15210307e38F, inf},
              {0, 0, 0, 3.17310781e-35F, 2.19789298e-09F, 0.64676863F, 1.75809932F, 1.05070102F, 1.05070102F,
               1.05070102F, 1.05070102F, 1.05070102F, 1.05070102F});
  check_edges(nn::celu, {-1, -1, -1, -1, -1, -0.63212055F, 0, 1, 20.5F, 80, 1e4F, 3e38F, inf},
              {0, 0, 0, tiny, 1.25015287e-09F, 0.36787945F, 1, 1, 1, 1, 1, 1, 1});
  check_edges(nn::tanhshrink,
              {-inf, -3e38F, -9999, -79, -19.5F, -0.238405824F, 0, 0.238405824F, 19.5F, 79, 9999, 3e38F, inf},
              {1, 1, 1, 1, 1, 0.580025673F, 0, 0.580025673F, 1, 1, 1, 1, 1});
  check_edges(nn::sigmoid, {0, 0, 0, tiny, 1.25015287e-09F, 0.268941432F, 0.5F, 0.731058598F, 1, 1, 1, 1, 1},
              {0, 0, 0, tiny, 1.25015287e-09F, 0.196611941F, 0.25F, 0.196611926F, 0, 0, 0, 0, 0});
  check_edges(nn::tanh, {-1, -1, -1, -1, -1, -0.761594176F, 0, 0.761594176F, 1, 1, 1, 1, 1},
              {0, 0, 0, 0, 0, 0.419974297F, 1, 0.419974297F, 0, 0, 0, 0, 0});
}

TEST_CASE("piecewise activation functions take large and infinite numbers as PyTorch does") {
  check_edges(nn::relu, {0, 0, 0, 0, 0, 0, 0, 1, 20.5F, 80, 1e4F, 3e38F, inf},
              {0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1});
  check_edges(nn::relu6, {0, 0, 0, 0, 0, 0, 0, 1, 6, 6, 6, 6, 6}, {0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0});
  check_edges(nn::leaky_relu, {-inf, -3e36F, -100, -0.8F, -0.205F, -0.01F, 0, 1, 20.5F, 80, 1e4F, 3e38F, inf},
              {0.01F, 0.01F, 0.01F, 0.01F, 0.01F, 0.01F, 0.01F, 1, 1, 1, 1, 1, 1});
  check_edges(nn::hardtanh, {-1, -1, -1, -1, -1, -1, 0, 1, 1, 1, 1, 1, 1},
              {0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0});
  check_edges(nn::hardsigmoid, {0, 0, 0, 0, 0, 1 / 3.0F, 0.5F, 2 / 3.0F, 1, 1, 1, 1, 1},
              {0, 0, 0, 0, 0, 1 / 6.0F, 1 / 6.0F, 1 / 6.0F, 0, 0, 0, 0, 0});
  check_edges(nn::hardswish, {NaN, 0, 0, 0, 0, -1 / 3.0F, 0, 2 / 3.0F, 20.5F, 80, 1e4F, inf, inf},
              {0, 0, 0, 0, 0, 1 / 6.0F, 0.5F, 5 / 6.0F, 1, 1, 1, 1, 1});
  check_edges(nn::softshrink,
              {-inf, -3e38F, -9999.5F, -79.5F, -20, -0.5F, 0, 0.5F, 20, 79.5F, 9999.5F, 3e38F, inf},
              {1, 1, 1, 1, 1, 1, 0, 1, 1, 1, 1, 1, 1});
  check_edges(nn::hardshrink, {-inf, -3e38F, -1e4F, -80, -20.5F, -1, 0, 1, 20.5F, 80, 1e4F, 3e38F, inf},
              {1, 1, 1, 1, 1, 1, 0, 1, 1, 1, 1, 1, 1});
}

TEST_CASE("relu passes the gradient of a NaN on, as PyTorch does") {
  Variable<float, 2> x{NaN, -1};
  sum(nn::relu(x) * 3).backward();
  CHECK(x.grad_data()[0] == 3);
  CHECK(x.grad_data()[1] == 0);
}

TEST_CASE("the gradient of sign is zero, as in PyTorch, even where what comes back is infinite") {
  Variable<float, 3> x{0, 1, -2.5F};
  sum(sign(x) * Tensor<float, 3>{1, inf, NaN}).backward();
  CHECK(x.grad().values()[0] == 0);
  CHECK(x.grad().values()[1] == 0);
  CHECK(x.grad().values()[2] == 0);
  // It adds nothing to the gradient of another use.
  Variable<double, 1> z{2};
  sum(log(z) + sign(z)).backward();
  CHECK(z.grad_data()[0] == 0.5);
}
