// SPDX-License-Identifier: BSL-1.0
// Gradients as expressions: put into a loss, differentiated again, and as matrices.
#include <stator/eigen.hpp>
#include <stator/stator.hpp>

#include <cmath>
#include <iostream>
#include <numbers>

namespace nn = stator::nn;
using stator::Index;
using stator::square;
using stator::Tensor;

// A network of (t, x): u.
struct Heat {
  nn::Linear<2, 20> in;
  nn::Linear<20, 20> hidden;
  nn::Linear<20, 1> out;
  constexpr auto forward(auto tx) const { return tx | in | nn::tanh | hidden | nn::tanh | out; }
};

// A physics-informed network: u_t = u_xx / pi^2 with u(0, x) = sin(pi x), u(t, +-1) = 0, whose solution is
// exp(-t) sin(pi x).
void physics_informed() {
  stator::manual_seed(0);
  stator::Model<Heat> model;
  stator::optim::LBFGS optimizer{model, {.line_search_fn = "strong_wolfe"}};
  constexpr Index points = 64;
  Tensor<float, points, 2> inside, edge;
  Tensor<float, points, 1> known;
  for (Index i = 0; i < points; ++i) {
    const float t = static_cast<float>(i / 8) / 7, x = static_cast<float>(i % 8) / 3.5F - 1;
    inside(i, 0) = t, inside(i, 1) = x;
    const bool first = i < points / 2;
    const float along = static_cast<float>(i % 32) / 31;
    edge(i, 0) = first ? 0 : along, edge(i, 1) = first ? 2 * along - 1 : i % 2 == 0 ? 1.0F : -1.0F;
    known(i, 0) = first ? std::sin(std::numbers::pi_v<float> * edge(i, 1)) : 0;
  }
  for (int step = 0; step < 15; ++step)
    optimizer.step([&] {
      const auto u = sum(model(inside));
      const auto du = stator::grad(u, inside); // [points, 2]: u_t, u_x
      const auto u_xx = stator::select<1, 1>(stator::grad(sum(stator::select<1, 1>(du)), inside));
      const auto residual = stator::select<1, 0>(du) - u_xx * (1 / (std::numbers::pi * std::numbers::pi));
      const auto loss = mean(square(residual)) + mean(square(model(edge) - known));
      optimizer.zero_grad();
      loss.backward();
      return loss.item();
    });
  const Tensor<float, 1, 2> middle{1, 0.5F};
  const float u = model.eval()(middle).item();
  std::cout << "u(1, 0.5) is e^-1: " << std::boolalpha << (std::abs(u - std::exp(-1.0F)) < 0.01F) << '\n';
  // prints: u(1, 0.5) is e^-1: true
}

struct Critic {
  nn::Linear<2, 16> in;
  nn::Linear<16, 1> out;
  constexpr auto forward(auto x) const { return x | in | nn::silu | out; }
};

// The gradient penalty of WGAN-GP (Gulrajani et al. 2017): the critic's gradient at each sample is to have
// length 1.
void gradient_penalty() {
  stator::manual_seed(1);
  stator::Model<Critic> critic;
  stator::optim::Adam optimizer{critic, {.lr = 1e-2}};
  Tensor<float, 32, 2> mixed;
  stator::nn::init::uniform_(mixed, -1, 1);
  float penalty = 0;
  for (int step = 0; step < 200; ++step) {
    const auto g = stator::grad(sum(critic(mixed)), mixed);
    const auto loss = mean(square(stator::sqrt(stator::sum_dims<1>(square(g))) - 1));
    optimizer.zero_grad();
    loss.backward();
    optimizer.step();
    penalty = loss.item();
  }
  std::cout << "the critic's gradient has length 1: " << (penalty < 0.02F) << '\n';
  // prints: the critic's gradient has length 1: true
}

// Newton's method for Rosenbrock's function: the step solves H d = g by conjugate gradients, which need only
// products with H.
void newton() {
  Tensor<double, 2> x{-1.2, 1}, v, result;
  const auto f = [](const auto& at) {
    const auto a = stator::select<0, 0>(at);
    const auto b = stator::select<0, 1>(at);
    return square(1 - a) + 100 * square(b - square(a));
  };
  const auto g = stator::grad(f(x), x);
  const auto product = std::get<1>(stator::hvp(f, x, v)); // reads x and v each time that it runs
  for (int step = 0; step < 10; ++step) {
    const auto slope = g.value();
    Eigen::Vector2d d = Eigen::Vector2d::Zero();
    Eigen::Vector2d r = stator::as_vector(slope);
    Eigen::Vector2d p = r;
    for (int i = 0; i < 2 && r.norm() > 1e-12; ++i) {
      stator::as_vector(v) = p;
      product.value_into(result);
      const Eigen::Vector2d hp = stator::as_vector(result);
      const double rate = r.squaredNorm() / p.dot(hp), before = r.squaredNorm();
      d += rate * p, r -= rate * hp;
      p = r + p * (r.squaredNorm() / before);
    }
    stator::as_vector(x) -= d;
  }
  std::cout << "the minimum: " << x << '\n';
  // prints: the minimum: tensor([1, 1])
}

// How a network's outputs depend on its inputs, as a matrix.
void sensitivities() {
  stator::manual_seed(2);
  stator::Model<Heat> model;
  const Tensor<float, 2> at{0.5F, 0.25F};
  const auto f = [&](const auto& tx) { return stator::view<20>(model->in(stator::view<1, 2>(tx))); };
  const Tensor<float, 20, 2> j = stator::jacobian(f, at).value();
  const Eigen::MatrixXf matrix = stator::as_matrix(j);
  std::cout << "of a linear layer it is the weight: "
            << (matrix - stator::as_matrix(model->in.weight)).isZero(1e-6F) << '\n';
  // prints: of a linear layer it is the weight: true
}

int main() {
  physics_informed();
  gradient_penalty();
  newton();
  sensitivities();
}
