// SPDX-License-Identifier: BSL-1.0
// The derivatives of the derivatives of norms and losses, by what comes in and by the operands.
#include "ops/gradient_law.hpp"

#include "stator/model/model.hpp"
#include "stator/nn/activation.hpp"
#include "stator/nn/linear.hpp"
#include "stator/nn/norm.hpp"

using namespace stator;
using nn::CrossEntropyOptions;
using nn::Reduction;
using test::check_gradient;
using test::derivative;
using test::variable;

namespace {
template<std::size_t Which>
void check_second(auto op, const auto&... x) {
  check_gradient([op](const auto&... a) { return derivative<Which>(op, a...); }, x...);
}

/// The gradients of x and weight of batch normalisation in training, multiplied.
struct BatchNormGradient {
  static constexpr bool is_composite = true;
  template<class G, class X, class W>
  static constexpr auto compose(G g, X x, W w) {
    using namespace ops::batch_norm;
    const auto mean = operation<Mean>{}(x), variance = operation<Variance>{}(x, mean);
    const auto scale = operation<Scale<1e-2>>{}(w, variance);
    const auto shift = operation<Shift>{}(w, mean, scale);
    const auto y = normalize<1e-2>(x, mean, variance, w, w);
    const auto [dx, dscale, dshift] =
        Apply<1e-2>::vjp(g, y, x, along_channels<X>(scale), along_channels<X>(shift));
    const auto dw = std::get<0>(Scale<1e-2>::vjp(ops::reshape_to<W::extents>(dscale), scale, w, variance));
    return mul(dx, along_channels<X>(mul(dw, ops::reshape_to<W::extents>(dshift))));
  }
};
} // namespace

TEST_CASE("the second derivatives of batch normalisation are those of central differences") {
  check_gradient([](const auto&... a) { return operation<BatchNormGradient>{}(a...); },
                 variable<2, 3, 4>(-1, 1, 2), variable<2, 3, 4>(-2, 2, 3), variable<3>(0.5, 1.5, 4));
  check_gradient([](const auto&... a) { return operation<BatchNormGradient>{}(a...); },
                 variable<5, 2>(-1, 1, 2), variable<5, 2>(-2, 2, 3), variable<2>(0.5, 1.5, 4));
}

namespace {
struct Critic {
  nn::Linear<2, 3, nn::LinearOptions{}, double> in;
  nn::BatchNorm1d<3, nn::BatchNormOptions{}, double> bn;
  constexpr auto forward(auto x) const { return x | in | bn | nn::tanh; }
};
} // namespace

TEST_CASE(
    "a penalty on the gradient of a network with batch normalisation has central differences' gradient") {
  manual_seed(3);
  Model<Critic> critic;
  const Tensor<double, 5, 2> x = variable<5, 2>(-1, 1, 2);
  const auto penalty = [&] { return sum(square(grad(sum(square(critic(x))), x))); };
  penalty().backward();
  const std::vector<double> found(critic.gradient_arena().begin(), critic.gradient_arena().end());
  for (std::size_t i = 0; i < found.size(); ++i) {
    double& p = critic.parameter_arena()[i];
    const double before = p, step = 1e-5;
    p = before + step;
    const double above = penalty().item();
    p = before - step;
    const double below = penalty().item();
    p = before;
    CHECK(found[i] == Approx((above - below) / (2 * step)).margin(1e-7));
  }
}

TEST_CASE("the second derivatives of layer_norm are those of central differences") {
  const auto g = variable<2, 3, 4>(-1, 1, 2), x = variable<2, 3, 4>(-2, 2, 3);
  const auto w = variable<3, 4>(0.5, 1.5, 4), b = variable<3, 4>(-1, 1, 5);
  check_second<0>(nn::layer_norm<1>, g, x);
  check_second<0>(nn::layer_norm<2>, g, x, w, b);
  check_second<1>(nn::layer_norm<2, 1e-2>, g, x, w, b);
}

TEST_CASE("the second derivatives of group_norm are those of central differences") {
  const auto g = variable<2, 4, 3>(-1, 1, 2), x = variable<2, 4, 3>(-2, 2, 3);
  const auto w = variable<4>(0.5, 1.5, 4), b = variable<4>(-1, 1, 5);
  check_second<0>(nn::group_norm<2>, g, x, w, b);
  check_second<1>(nn::group_norm<2>, g, x, w, b);
}

TEST_CASE("the second derivatives of losses are those of central differences") {
  const auto g = variable<3, 4>(-1, 1, 1), x = variable<3, 4>(-2, 2, 2), t = variable<3, 4>(-2, 2, 3);
  const auto p = variable<3, 4>(0.1, 0.9, 4), fixed = variable<3, 4>(0.1, 0.9, 5);
  const Tensor<double, 3, 4>& target = fixed;
  check_second<0>(operation<ops::HuberElements<0.7, false>>{}, g, x, t);
  check_second<1>(operation<ops::HuberElements<0.5, true>>{}, g, x, t);
  check_second<0>(operation<ops::BceElements>{}, g, p, fixed);
  check_gradient(
      [&](const auto& a, const auto& b) {
        return derivative(operation<ops::BceLogitsElements>{}, a, b, target, 2);
      },
      g, x);
  const Tensor<std::int64_t, 3> classes{0, 3, -100};
  const Tensor<double, 4> weight{0.5, 1, 2, 3};
  const auto nll = [&](auto loss, const auto& dy) {
    check_gradient([&](const auto& a, const auto& b) { return derivative(loss, a, b, classes, weight); }, dy,
                   x);
  };
  nll(operation<ops::NllLoss<CrossEntropyOptions{}>>{}, variable<>());
  nll(operation<ops::NllLoss<CrossEntropyOptions{.reduction = Reduction::none, .label_smoothing = 0.2}>>{},
      variable<3>());
}
