// SPDX-License-Identifier: BSL-1.0
// One line an operation: the derivative of its derivative is right, by what comes in and by the operands.
#include "ops/gradient_law.hpp"
#include "stator/nn/loss.hpp"
#include "stator/nn/pooling.hpp"

#include <limits>

using namespace stator;
using test::check_gradient;
using test::derivative;
using test::variable;

namespace {
constexpr nn::InterpolateOptions twice{.scale_factor = {2}, .mode = "bilinear"};
}

#define LAW(op, ...)                                                                                         \
  check_gradient(                                                                                            \
      [](const auto& g, const auto& x) { return derivative(op, g, x __VA_OPT__(, ) __VA_ARGS__); },          \
      variable<3, 5>(-1, 1, 2), variable<3, 5>(-4, 4))

TEST_CASE("the second derivatives of smooth activation functions are those of central differences") {
  LAW(nn::silu);
  LAW(nn::elu);
  LAW(nn::elu, 1.7);
  LAW(nn::selu);
  LAW(nn::celu, 0.6);
  LAW(nn::softplus);
  LAW(nn::softplus, 2, 3);
  LAW(nn::mish);
  LAW(nn::gelu);
  LAW(nn::gelu_tanh);
  LAW(nn::softsign);
  LAW(nn::tanhshrink);
  LAW(nn::sigmoid);
  LAW(nn::logsigmoid);
  LAW(nn::tanh);
}

TEST_CASE("the second derivatives of piecewise functions are those of central differences") {
  LAW(nn::relu);
  LAW(nn::leaky_relu, 0.2);
  LAW(nn::hardswish);
  LAW(nn::softshrink);
  LAW(operation<ops::Pow>{}, 3);
  const auto a = variable<3, 4>(-1, 1, 1), g = variable<3, 4>(-1, 1, 2);
  const auto row = variable<4>(-1, 1, 3);
  const auto prelu = [](const auto&... x) { return derivative<0>(nn::prelu, x...); };
  check_gradient(prelu, g, a, row);
  check_gradient([](const auto&... x) { return derivative<1>(nn::prelu, x...); }, g, a, row);
  check_gradient([](const auto&... x) { return derivative<1>(operation<ops::Extremum<true>>{}, x...); }, g, a,
                 row);
}

TEST_CASE("the second derivatives of softmax are those of central differences") {
  LAW(nn::softmax<>);
  LAW(nn::softmax<0>);
  LAW(nn::log_softmax<>);
  LAW(nn::log_softmax<0>);
}

TEST_CASE("the second derivatives of paddings and interpolations are those of central differences") {
  const auto x = variable<1, 2, 3, 4>();
  check_gradient(
      [](const auto&... a) {
        return derivative(nn::pad_with<nn::PaddingMode::constant, 2.0, 1, 0, 2, 1>, a...);
      },
      variable<1, 2, 6, 5>(-1, 1, 2), x);
  check_gradient([](const auto&... a) { return derivative(nn::interpolate<twice>, a...); },
                 variable<1, 2, 6, 8>(-1, 1, 2), x);
}

namespace {
/// Attention of two heads that lie beside each other in rows of E numbers, causal or with a mask to add.
template<Index L, Index S, Index E>
auto attend_to(const auto& q, const auto& k, const auto& v, const auto&... mask) {
  const auto heads = []<Index Rows>(std::integral_constant<Index, Rows>, const auto& x) {
    return transpose<1, 2>(view<-1, Rows, 2, E / 2>(x));
  };
  constexpr std::integral_constant<Index, L> queries;
  constexpr std::integral_constant<Index, S> keys;
  return view<-1, L, E>(transpose<1, 2>(nn::scaled_dot_product_attention < sizeof...(mask) ==
                                        0 > (heads(queries, q), heads(keys, k), heads(keys, v), mask...)));
}
/// The same where the length comes first, of thirds of each row of x [L, N, 3 E].
template<Index L, Index N, Index E>
auto attend_length_first(const auto& x, const auto&... mask) {
  const auto heads = [](const auto& part) { return permute<1, 2, 0, 3>(view<L, N, 2, E / 2>(part)); };
  const auto [q, k, v] = chunk<3, 2>(x);
  return view<L, N, E>(permute<2, 0, 1, 3>(nn::scaled_dot_product_attention < sizeof...(mask) ==
                                           0 > (heads(q), heads(k), heads(v), mask...)));
}
/// The same of the thirds of each row of x.
template<Index L, Index E>
auto attend(const auto& x, const auto&... mask) {
  const auto [q, k, v] = chunk<3, 2>(x);
  return attend_to<L, L, E>(q, k, v, mask...);
}
/// The sum of the squares of the first derivatives of f, weighed by a curve, is differentiated: what grad
/// refuses does not compile, so each of these operations has a second derivative.
void check_twice(const auto& f, const auto&... x) {
  check_gradient(
      [&f](const auto&... a) {
        const auto y = f(a...);
        const auto first = stator::grad(sum(square(y) + y), a...);
        if constexpr (sizeof...(a) == 1)
          return sum(square(first));
        else
          return std::apply([](const auto&... g) { return (sum(square(g)) + ...); }, first);
      },
      x...);
}
} // namespace

TEST_CASE("attention of thirds of rows is what it is with all scores in memory") {
  const auto a = variable<2, 40, 24>(-2, 2, 1), b = variable<2, 40, 24>(-2, 2, 1);
  const auto w = variable<2, 40, 8>(-1, 1, 2);
  Tensor<double, 40, 40> mask;
  for (Index i = 0; i < 40; ++i)
    for (Index j = 0; j < 40; ++j)
      mask.data()[i * 40 + j] = j > i ? -std::numeric_limits<double>::infinity() : 0;
  const auto in_blocks = attend<40, 8>(a);
  const auto materialised = attend<40, 8>(b, mask);
  sum(w * in_blocks).backward();
  sum(w * materialised).backward();
  test::check_close(in_blocks.value().values(), test::doubles(materialised.value().values()), 1e-14);
  test::check_close(a.grad().values(), test::doubles(b.grad().values()), 1e-13);

  const auto c = variable<40, 2, 24>(-2, 2, 1), d = variable<40, 2, 24>(-2, 2, 1);
  const auto u = variable<40, 2, 8>(-1, 1, 2);
  const auto beside = attend_length_first<40, 2, 8>(c);
  const auto copied = attend_length_first<40, 2, 8>(d, mask);
  sum(u * beside).backward();
  sum(u * copied).backward();
  test::check_close(beside.value().values(), test::doubles(copied.value().values()), 1e-14);
  test::check_close(c.grad().values(), test::doubles(d.grad().values()), 1e-13);
}

TEST_CASE("the second derivatives through grad are those of central differences, kernel by kernel") {
  const auto image = variable<2, 2, 4, 4>(-1, 1, 3);
  check_twice(operation<ops::Convolution<2, ops::ConvSpec<2>{.padding_begin = 1, .padding_end = 1}>>{}, image,
              variable<2, 2, 3, 3>(-1, 1, 4), variable<2>());
  check_twice([](const auto& x) { return nn::max_pool2d<2>(x); }, image);
  check_twice([](const auto& x) { return nn::avg_pool2d<2>(x); }, image);
  check_twice([](const auto& x) { return nn::adaptive_avg_pool2d<Dims<2>{3, 2}>(x); }, image);
  check_twice([](const auto& x) { return nn::interpolate<twice>(x); }, image);
  const auto q = variable<2, 3, 4>(), k = variable<2, 3, 4>(-1, 1, 5), v = variable<2, 3, 4>(-1, 1, 6);
  check_twice([](const auto&... a) { return nn::scaled_dot_product_attention<true>(a...); }, q, k, v);
  check_twice([](const auto& x) { return attend<3, 4>(x); }, variable<1, 3, 12>());
  check_twice([](const auto& x) { return attend_length_first<3, 2, 4>(x); }, variable<3, 2, 12>());
  check_twice([](const auto& a, const auto& b) { return attend_to<3, 2, 4>(a, b, b); }, variable<1, 3, 4>(),
              variable<1, 2, 4>(-1, 1, 5));
  check_twice(bmm, q, variable<2, 4, 2>());
  check_twice([](const auto& x) { return cumsum<1>(x); }, q);
  check_twice([](const auto& x) { return amax_dims<1>(x); }, q);
  check_twice([](const auto& x) { return stddev_dims<1>(x); }, q);
  check_twice([](const auto& x) { return nn::softmax<>(x); }, q);
  check_twice([](const auto& x) { return cat<1>(narrow<1, 1, 2>(x), permute<0, 1, 2>(x)); }, q);
  const Tensor<std::int64_t, 2, 4> words{1, 0, 2, 1, 1, 2, 0, 0};
  check_twice([&](const auto& w) { return nn::embedding<>(w, words); }, variable<3, 3>());
  const Tensor<std::int64_t, 3> classes{1, 0, 2};
  check_twice([&](const auto& x) { return nn::cross_entropy(x, classes); }, variable<3, 3>(-1, 1, 9));
  check_twice([&](const auto& x) { return nn::huber_loss(x, 0.3 * x * x); }, variable<3, 3>(-3, 3, 9));
}
