// SPDX-License-Identifier: BSL-1.0
// Gradients as expressions. The numbers are PyTorch's 1.13.1: torch.autograd.grad(..., create_graph=True) and
// torch.autograd.functional.
#include "ops/gradient_law.hpp"

#include "stator/model/model.hpp"
#include "stator/nn/nn.hpp"

using namespace stator;
using test::check_close;

namespace {

Variable<double, 2, 3> inputs() { return {.5, -1, 2, .25, .75, -.5}; }
Variable<double, 2, 3> weights() { return {1, .5, -.25, .3, -.6, .9}; }
auto outputs(const auto& x, const auto& w) { return tanh(mm(x, transpose<>(w))); }
auto squares(const auto& x, const auto& w) {
  const auto y = outputs(x, w);
  return sum(square(y));
}

constexpr double tolerance = 1e-10;

struct Wave {
  Parameter<double, 6, 2> in;
  Parameter<double, 6, 6> hidden, second;
  Parameter<double, 1, 6> out;
  constexpr auto forward(auto x) const {
    const auto a = tanh(mm(x, transpose<>(in)));
    return mm(tanh(mm(tanh(mm(a, transpose<>(hidden))), transpose<>(second))), transpose<>(out));
  }
};
void start(Model<Wave>& model) {
  test::fill(model.parameter_arena().data(), static_cast<Index>(model.parameter_arena().size()), -1, 1, 5);
}

void check_value(const auto& expression, const std::vector<double>& expected, double within = tolerance) {
  const auto value = expression.value();
  check_close(value.values(), expected, within);
}

} // namespace

TEST_CASE("grad gives PyTorch's gradients of both operands, alone and inside of a loss") {
  auto a = inputs(), w = weights();
  const auto loss = squares(a, w);
  const auto [ga, gw] = stator::grad(loss, a, w);
  check_value(ga,
              {-0.7125817822903256, -0.39199138887831697, 0.2245560926256818, 0.5379916543505713,
               0.8186209469939109, -0.8490105693518556},
              tolerance);
  check_value(gw,
              {-0.17397056512228828, 1.2952432580921034, -1.8326448139061853, -0.15940804145077228,
               -0.5972257834628307, 0.4616180738341612},
              tolerance);
  const auto penalised = loss + 0.5 * sum(ga * ga) + mean(exp(gw));
  const auto [ha, hw] = stator::grad(penalised, a, w);
  check_value(ha,
              {-1.6475649076196341, -1.1990258343589306, 0.36147991553501435, 0.26676041300968745,
               0.7320398201598077, -0.5070757794894005},
              tolerance);
  check_value(hw,
              {0.2392039760639173, 2.711985978463274, -4.072981026194592, -0.5069004576967442,
               -0.8038216347192126, 0.7292156220434619},
              tolerance);
  penalised.backward();
  check_close(w.grad().values(), test::doubles(hw.value().values()), tolerance);
  w.zero_grad();
  sum(square(ha)).backward(); // the third derivative
  check_close(w.grad().values(),
              std::vector<double>{16.602707250995362, -19.067847696014443, 40.28684795658882,
                                  1.2932090700230454, 3.339644263624213, -2.5919276424008966},
              tolerance);
}

TEST_CASE("grad knows the tensors that are meant by their memory") {
  Variable<double, 3> a{1, 2, 3}, b{4, 5, 6}, c{7, 8, 9};
  const auto loss = sum(a * a * b);
  check_value(stator::grad(loss, a), {8, 20, 36}, 0);
  check_value(stator::grad(loss, b), {1, 4, 9}, 0);
  CHECK(test::thrown<GraphError>([&] { (void)stator::grad(loss, c).value(); }).find("input 1") !=
        std::string::npos);
  const auto [gc, ga] = stator::grad(loss, c, a, allow_unused);
  check_value(gc, {0, 0, 0}, 0);
  check_value(ga, {8, 20, 36}, 0);
  // Plain tensors, and results of many elements.
  const Tensor<double, 3> t{1, 2, 3}, v{1, 0, 2};
  check_value(stator::grad(t * t, t, grad_outputs(v)), {2, 0, 12}, 0);
  const auto [value, slope] = value_and_grad(sum(exp(t) * 0.0 + t), t);
  CHECK(value.item() == 6);
  check_value(slope, {1, 1, 1}, 0);
  Tensor<double, dynamic, 2> rows(3);
  rows.fill_(1.5);
  check_value(stator::grad(sum(square(rows)), rows), {3, 3, 3, 3, 3, 3}, 0);
}

TEST_CASE("two calls of grad of one type in one expression are refused, distinct tells them apart") {
  const Tensor<double, 2> a{1, 2}, b{3, 4};
  const auto first = stator::grad(sum(square(a)), a), second = stator::grad(sum(square(b)), b);
  CHECK(test::thrown<GraphError>([&] { (void)sum(first * second).item(); }).find("distinct<1>") !=
        std::string::npos);
  const auto third = stator::grad(distinct<1>(sum(square(b))), b);
  CHECK(sum(first * third).item() == 2 * 6 + 4 * 8);
}

TEST_CASE("grad goes through networks: by tensor, path and pattern, and again") {
  Model<Wave> model;
  start(model);
  auto x = test::variable<5, 2>();
  const auto u = model(x);
  const auto loss = mean(square(u));
  // hidden and second have one type: a tensor is found by its memory.
  const auto by_path = stator::grad<"second">(loss);
  const auto by_tensor = stator::grad(loss, model->second);
  const auto [in, hidden, second, out] = stator::grad<"*">(loss);
  model.zero_grad();
  loss.backward();
  check_value(by_path, test::doubles(model->second.grad().values()), tolerance);
  check_value(by_tensor, test::doubles(model->second.grad().values()), tolerance);
  check_value(second, test::doubles(model->second.grad().values()), tolerance);
  check_value(out, test::doubles(model->out.grad().values()), tolerance);

  // u_t - u_xx and its gradient, against central differences of its own.
  const auto residual = [&] {
    const auto du = stator::grad(sum(u), x);
    const auto u_xx = narrow<1, 1, 1>(stator::grad(sum(narrow<1, 1, 1>(du)), x));
    return mean(square(narrow<1, 0, 1>(du) - u_xx));
  };
  model.zero_grad();
  residual().backward();
  auto& weight = model->hidden;
  std::vector<double> differences;
  for (Index i = 0; i < 36; i += 7) {
    double& at = weight.data()[i];
    const double was = at, h = 1e-5;
    at = was + h;
    const double above = residual().item();
    at = was - h;
    differences.push_back((above - residual().item()) / (2 * h));
    at = was;
  }
  check_close(test::doubles(weight.grad().values(), 7), differences, 1e-7);
  // One forward and few sweeps, whatever the number of derivatives that share them.
  using Residual = run::Program<typename expr::borrowed<decltype(residual())>::type, true>;
  STATIC_REQUIRE(Residual::count("Tanh") == 3);
}

TEST_CASE("jacobian, hessian, vjp, jvp and hvp give PyTorch's numbers") {
  auto a = inputs();
  const Tensor<double, 2, 3> w = weights(); // not a Variable, so a alone can be meant
  const Tensor<double, 2, 3> v{1, 2, 3, -1, .5, .25};
  const Tensor<double, 2, 2> u{1, 2, -1, .5};
  const auto y = [&](const auto& x) { return outputs(x, w); };
  const auto f = [&](const auto& x) { return squares(x, w); };
  const auto j = jacobian(y, a);
  STATIC_REQUIRE(std::is_same_v<decltype(j.value()), Tensor<double, 2, 2, 2, 3>>);
  check_value(j, {0.7864477329659274,
                  0.3932238664829637,
                  -0.19661193324148185,
                  0.0,
                  0.0,
                  0.0,
                  0.007227696356960079,
                  -0.014455392713920158,
                  0.02168308907088024,
                  0.0,
                  0.0,
                  0.0,
                  0.0,
                  0.0,
                  0.0,
                  0.5965858082813315,
                  0.2982929041406657,
                  -0.14914645207033286,
                  0.0,
                  0.0,
                  0.0,
                  0.16218342713149744,
                  -0.3243668542629949,
                  0.48655028139449236});
  check_value(hessian(f, a), {0.5568494901991888,
                              0.2993242402510485,
                              -0.16638171624668746,
                              0.0,
                              0.0,
                              0.0,
                              0.2993242402510485,
                              0.10786312982261617,
                              -0.02049237266898164,
                              0.0,
                              0.0,
                              0.0,
                              -0.16638171624668743,
                              -0.020492372668981646,
                              -0.03991260202899884,
                              0.0,
                              0.0,
                              0.0,
                              0.0,
                              0.0,
                              0.0,
                              -0.28765480161027884,
                              -0.05182907995241324,
                              -0.04768411670597434,
                              0.0,
                              0.0,
                              0.0,
                              -0.05182907995241324,
                              -0.209911181681659,
                              0.25215290420519143,
                              0.0,
                              0.0,
                              0.0,
                              -0.04768411670597434,
                              0.25215290420519143,
                              -0.3468724221491386});
  const auto [loss, product] = hvp(f, a, v);
  check_value(product, {0.6563528219612232, 0.45357338188933577, -0.32710426767164724, 0.24981923245757864,
                        0.00991171516288156, 0.08704246327128544});
  check_value(loss, {f(a).item()});
  const auto [forward, pushed] = jvp(y, a, v);
  check_value(pushed, {0.9830596662074093, 0.043366178141760484, -0.4847259692285818, -0.2027292839143718});
  const auto [same, pulled] = vjp(y, a, u);
  check_value(pulled, {0.8009031256798476, 0.3643130810551234, -0.15324575509972138, -0.5154940947155827,
                       -0.46047633127216314, 0.39242159276757904});
  check_value(same, test::doubles(y(a).value().values()));
  // A product with the Jacobian is the forward and one pass more: no backward is left.
  using Pushed = run::Program<typename expr::borrowed<std::remove_cvref_t<decltype(pushed)>>::type, false>;
  STATIC_REQUIRE(Pushed::count("Mm") == 2);
}

namespace {
struct Picture {
  nn::Conv2d<1, 2, 3, {}, double> conv;
  nn::Linear<8, 2, {}, double> fc;
  constexpr auto forward(auto x) const { return x | conv | nn::relu | nn::max_pool2d<2> | flatten<1> | fc; }
};
} // namespace

TEST_CASE("jvp of a network runs the kernels that forward mode has, and no other") {
  const Model<Picture> model;
  auto x = test::variable<2, 1, 6, 6>();
  Tensor<double, 2, 1, 6, 6> v;
  test::fill(v.data(), v.numel(), -1, 1, 9);
  const auto f = [&](const auto& in) { return model.eval()(in); };
  const auto [y, pushed] = jvp(f, x, v);
  const auto found = pushed.value();
  const double h = 1e-6;
  const auto moved = [&](double by) {
    auto other = x;
    for (Index i = 0; i < v.numel(); ++i) other.data()[i] += by * v.data()[i];
    return f(other).value();
  };
  const auto above = moved(h), below = moved(-h);
  check_value((above - below) / (2 * h), test::doubles(found.values()), 1e-8);
  // Twice the convolution, the choice of the maxima, the product with fc: its first result nobody needs.
  using Pushed = run::Program<typename expr::borrowed<std::remove_cvref_t<decltype(pushed)>>::type, false>;
  constexpr auto kernels = std::ranges::count_if(
      Pushed::nodes, [](const auto& node) { return node.signature->kind == graph::Kind::kernel; });
  STATIC_REQUIRE(kernels == 4);
  STATIC_REQUIRE(Pushed::count("Convolution") == 2);
  STATIC_REQUIRE(Pushed::count("MaxPoolPick") == 1);
}

TEST_CASE("jacobian and hvp take parameters of a network, by tensor and by path, and several inputs") {
  Model<Wave> model;
  start(model);
  auto x = test::variable<3, 2>();
  const auto y = model(x);
  const auto loss = mean(square(y));
  check_value(jacobian<"out">(y), test::doubles(jacobian(y, model->out).value().values()));
  check_value(jacobian<"out">(y),
              test::doubles(jacobian([&](const auto&) { return model(x); }, model->out).value().values()));
  // The product of the Hessian with v is the difference of the gradient along v.
  Tensor<double, 6, 2> v;
  test::fill(v.data(), v.numel(), -1, 1, 3);
  Tensor<double, 1, 6> w;
  test::fill(w.data(), w.numel(), -1, 1, 4);
  const auto [value, h_in, h_out] = hvp(loss, std::tie(model->in, model->out), std::tie(v, w));
  const auto [g_in, g_out] = stator::grad(loss, model->in, model->out);
  const auto move = [&](double by) {
    for (Index i = 0; i < v.numel(); ++i) model->in.data()[i] += by * v.data()[i];
    for (Index i = 0; i < w.numel(); ++i) model->out.data()[i] += by * w.data()[i];
  };
  const auto exact_in = h_in.value();
  const auto exact_out = h_out.value();
  const double h = 1e-5;
  move(h);
  const auto above_in = g_in.value();
  const auto above_out = g_out.value();
  move(-2 * h);
  check_value((above_in - g_in) / (2 * h), test::doubles(exact_in.values()), 1e-7);
  check_value((above_out - g_out) / (2 * h), test::doubles(exact_out.values()), 1e-7);
  // A batch that is known only at run time.
  Tensor<double, dynamic, 2> rows(2), along(2);
  test::fill(rows.data(), 4, 1, 2, 1), test::fill(along.data(), 4, 1, 2, 2);
  const auto [squared, slope] = jvp([](const auto& r) { return square(r); }, rows, along);
  check_value(slope, test::doubles((2 * rows * along).value().values()));
}

TEST_CASE("third derivatives of activation functions are those of central differences") {
  const auto check_third = [](const auto& f) {
    test::check_gradient(
        [&f](const auto& x) {
          const auto first = stator::grad(sum(f(x)), x);
          return stator::grad(sum(square(first)), x);
        },
        test::variable<7>(-2, 2, 3));
  };
  check_third(nn::silu);
  check_third(nn::gelu);
  check_third(nn::gelu_tanh);
  check_third(nn::mish);
  check_third(nn::softsign);
  check_third(nn::tanhshrink);
}
