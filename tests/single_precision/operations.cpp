// SPDX-License-Identifier: BSL-1.0
// Operations of float and their derivatives: no instruction of double may come of them. Not those that are
// double by definition (float_power), nor random numbers, which are PyTorch's.
#include <stator/nn/functional.hpp>
#include <stator/nn/loss.hpp>
#include <stator/nn/pooling.hpp>
#include <stator/nn/upsample.hpp>
#include <stator/ops/ops.hpp>
#include <stator/run/evaluation.hpp>

namespace single_precision {

using namespace stator;
using Rows = Variable<float, 4, 6>;
using Image = Variable<float, 2, 3, 8, 8>;

/// Values and derivatives of several expressions.
void run(const auto&... each) { (sum(each).backward(), ...); }

void exponentials(Rows& x) {
  run(exp(x) + log(x) + expm1(x) + log1p(x) + exp2(x) + log2(x) + log10(x) + sqrt(x) + rsqrt(x),
      square(x) + reciprocal(x) + sinh(x) + cosh(x) + tanh(x) + asinh(x) + acosh(x) + atanh(x) + logit(x));
}
void trigonometry(Rows& x, Rows& y) {
  run(sin(x) + cos(x) + tan(x) + asin(x) + acos(x) + atan(x) + sinc(x) + deg2rad(x) + rad2deg(x) +
      atan2(x, y));
}
void special(Rows& x, Rows& y) {
  run(erf(x) + erfc(x) + erfinv(x) + lgamma(x) + digamma(x) + polygamma<2>(x) + mvlgamma<3>(x) + i0(x),
      igamma(0.7, y) + igammac(2.5, y));
}
void binary(Rows& x, Rows& y) {
  run(x + y * x - x / y + pow(x, y) + pow(x, 2.5) + pow(x, 3) + pow(2, x) + hypot(x, y) + fmod(x, y) +
          remainder(x, y),
      maximum(x, y) + minimum(x, y) + logaddexp(x, y) + logaddexp2(x, y) + xlogy(x, y) + clamp(x, -1, 0.5) +
          where(gt(x, 0.3), x, y) + copysign(x, y) + addcmul(x, y, y) + addcdiv(x, x, y) + abs(x) + frac(x) +
          floor(x) + ceil(x) + round(x) + trunc(x) + floor_divide(x, y));
}
void activations(Rows& x) {
  run(nn::sigmoid(x) + nn::logsigmoid(x) + nn::silu(x) + nn::elu(x, 1.7) + nn::selu(x) + nn::celu(x, 0.6) +
          nn::softplus(x, 2, 3) + nn::mish(x) + nn::gelu(x) + nn::gelu_tanh(x) + nn::softsign(x),
      nn::tanhshrink(x) + nn::relu6(x) + nn::leaky_relu(x, 0.2) + nn::hardtanh(x, -2, 0.5) +
          nn::hardsigmoid(x) + nn::hardswish(x) + nn::softshrink(x, 0.7) + nn::hardshrink(x) +
          nn::threshold(x, 0.5, 20));
}
void reductions(Rows& x) {
  run(sum_dims<0>(x), mean_dims<1>(x), var(x), stddev_dims<1>(x), norm<2.0>(x), norm<3.0, 1>(x), prod<1>(x),
      amax(x), logsumexp<1>(x), nansum(x), nn::softmax<1>(x), nn::log_softmax<0>(x), cov(x), corrcoef(x),
      renorm<2.0, 0>(x, 3.0));
}
void orders(Rows& x) {
  run(median(x), quantile(x, 0.3), quantile<1>(x, 0.3), std::get<0>(kthvalue<2, 1>(x)),
      std::get<0>(cummax<1>(x)), cumsum<1>(x), cumprod<1>(x), logcumsumexp<1>(x), std::get<0>(sort<1>(x)),
      diff<1, 1>(x));
}
void matrices(Rows& x, Variable<float, 6, 6>& a, Variable<float, 2, 4, 6>& b) {
  run(matmul(x, a), matmul(b, a), einsum<"bij,bkj->bik">(b, b), cdist<>(x, x), cdist<1.0>(x, x),
      cdist<3.0>(x, x), nn::pdist<>(x), cross<>(narrow<1, 0, 3>(x), narrow<1, 3, 3>(x)), kron(x, a),
      outer(flatten<0>(x), flatten<0>(a)));
}
void systems(Variable<float, 4, 4>& a, Variable<float, 4, 2>& b) {
  run(det(a), std::get<1>(slogdet(a)), inverse(a), solve(a, b), cholesky<>(matmul(a, transpose<>(a))),
      std::get<0>(qr(a)), matrix_exp(a), pinverse(b), matrix_power<3>(a));
}
void images(Image& x, Variable<float, 2, 5, 7, 2>& grid, Variable<float, 2, 2, 3>& theta) {
  run(nn::interpolate<nn::InterpolateOptions{.size = {11, 13}, .mode = "bilinear"}>(x),
      nn::interpolate<nn::InterpolateOptions{.size = {11, 13}, .mode = "bicubic"}>(x),
      nn::grid_sample<>(x, grid), nn::affine_grid<false, 3, 4>(theta), nn::avg_pool2d<3>(x),
      nn::lp_pool2d<2.0, 2>(x), nn::lp_pool2d<3.0, 2>(x), nn::max_pool2d<2>(x), nn::adaptive_avg_pool2d<3>(x),
      nn::local_response_norm<2>(x), nn::normalize<>(x), nn::unfold<2>(x), nn::pixel_unshuffle<2>(x));
}
void losses(Rows& x, Rows& y, const Tensor<std::int64_t, 4>& classes) {
  run(nn::mse_loss(x, y), nn::l1_loss(x, y), nn::smooth_l1_loss(x, y), nn::huber_loss(x, y),
      nn::binary_cross_entropy(x, detach(y)), nn::binary_cross_entropy_with_logits(x, detach(y)),
      nn::kl_div(x, detach(y)), nn::nll_loss(x, classes), nn::poisson_nll_loss<>(x, y),
      nn::multi_margin_loss<>(x, classes), nn::triplet_margin_loss<>(x, y, x * y),
      nn::cosine_similarity<>(x, y), nn::pairwise_distance<>(x, y));
}
void indices(Rows& x, const Tensor<std::int64_t, 4, 6>& at, const Tensor<std::int64_t, 5>& rows) {
  run(gather<0>(x, at), scatter_add<0>(x, at, x), scatter_reduce<0, "mean">(x, at, x),
      index_select<0>(x, rows), masked_fill(x, x > 0.25, 3), nn::embedding<>(x, rows));
}

} // namespace single_precision
