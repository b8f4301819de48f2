// SPDX-License-Identifier: BSL-1.0
// Expressions of parameters, buffers, numbers and plain fields alone: inside of forward they become symbols
// when they meet one, outside they are expressions like others.
#include "catch.hpp"
#include "stator/stator.hpp"

#include <algorithm>
#include <tuple>

using stator::Parameter;
using stator::Tensor;
using stator::where;
namespace nn = stator::nn;

namespace {
struct Scaled {
  Parameter<float, 2> s, g;
  stator::Buffer<float, 2> shift;
  constexpr auto forward(auto x) const { return x * exp(s) + x * (1 + g) + s * g - shift * 2; }
};
/// The transposed weight, and a layer applied to a parameter.
struct Tied {
  nn::Linear<2, 3> fc;
  Parameter<float, 1, 2> query;
  constexpr auto forward(auto x) const {
    return matmul(x | fc, fc.weight) +
           matmul(query | fc, stator::transpose<0, 1>(stator::transpose<0, 1>(fc.weight)));
  }
};
struct Penalty {
  Parameter<float, 2> w;
  constexpr auto forward(auto) const { return sum(w * w); }
};
struct Pair {
  Parameter<float, 2> w;
  constexpr auto forward(auto x) const { return std::tuple(x, w + 1); }
};
struct Outer {
  Pair pair;
  constexpr auto forward(auto x) const {
    const auto [y, z] = x | pair;
    return y * z;
  }
};
struct Leaky {
  double rate = 0.5;
  int steps = 3;
  nn::Linear<2, 2> fc;
  constexpr auto forward(auto x) const { return (x | fc) * rate + steps; }
};
struct Deep {
  Leaky a{.rate = 2, .fc = {}}, b;
  bool offset = true;
  constexpr auto forward(auto x) const { return where(x > 0, x | a, x | b) + offset; }
};
} // namespace

TEST_CASE("forward may compute with parameters, buffers and numbers alone") {
  stator::Model<Scaled> model;
  model->s.view().fill_(0);
  model->g.view().fill_(3);
  model->shift.view().fill_(1);
  const Tensor<float, 1, 2> x{1, 2};
  const auto y = model(x);
  CHECK(y.value()(0, 0) == 3); // 1 + 4 + 0 - 2
  CHECK(y.value()(0, 1) == 8);
  sum(y).backward();
  CHECK(model->s.grad()(1) == 5); // x exp(s) + g
  CHECK(model->g.grad()(1) == 2); // x + s
}

TEST_CASE("forward may transpose a weight and apply a layer to a parameter") {
  stator::Model<Tied> model;
  model->fc.weight.view().fill_(1);
  model->fc.bias.view().fill_(0);
  model->query.view().fill_(1);
  const Tensor<float, 1, 2> x{1, 2};
  const auto y = model(x);
  CHECK(y.value()(0, 0) == 15); // 3 * 3 + 2 * 3
  sum(y).backward();
  CHECK(model->query.grad()(0, 0) == 6);
}

TEST_CASE("forward may return an expression of parameters, also in a tuple") {
  stator::Model<Penalty> penalty;
  penalty->w.view().fill_(3);
  const Tensor<float, 2> x{1, 2};
  const auto y = penalty(x);
  CHECK(y.item() == 18);
  y.backward();
  CHECK(penalty->w.grad()(0) == 6);
  stator::Model<Outer> outer;
  outer->pair.w.view().fill_(1);
  CHECK(outer(x).value()(1) == 4);
}

TEST_CASE("plain fields are read when the program runs") {
  stator::Model<Leaky> model;
  model->fc.weight.view().fill_(1);
  model->fc.bias.view().fill_(0);
  const Tensor<float, 1, 2> x{1, 3};
  const auto y = model.eval()(x);
  CHECK(y.value()(0, 0) == 5);
  model->rate = 10;
  model->steps = 1;
  CHECK(y.value()(0, 0) == 41);
  const stator::Model<Leaky> copy = model;
  CHECK(copy(x).value()(0, 1) == 41);
}

TEST_CASE("plain fields belong to the module that they are declared in") {
  stator::Model<Deep> model;
  for (auto [name, parameter] : model.named_parameters()) std::ranges::fill(parameter.values<float>(), 1.0f);
  const Tensor<float, 1, 2> x{1, -1};
  const auto y = model(x);
  CHECK(y.value()(0, 0) == 6);    // (0 + 1) * 2 + 3 + 1
  CHECK(y.value()(0, 1) == 4.5f); // (0 + 1) * 0.5 + 3 + 1
  sum(y).backward();
  CHECK(model->a.fc.bias.grad()(0) == 2);
}

TEST_CASE("expressions of a model's parameters are penalties outside of forward") {
  stator::Model<Scaled> model;
  model->s.view().fill_(2);
  model->shift.view().fill_(3);
  const auto penalty = sum(model->s * model->s) + sum(model->shift);
  CHECK(penalty.item() == 14);
  penalty.backward();
  CHECK(model->s.grad()(0) == 4);
  const Scaled unbound;
  CHECK_THROWS_AS(sum(unbound.s).item(), stator::UnboundError);
}
