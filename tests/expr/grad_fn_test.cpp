// grad_fn() is what PyTorch calls the grad_fn of the same result: tests/reference/grad_fn.py.
#include "catch.hpp"

#include "stator/expr/variable.hpp"
#include "stator/model/model.hpp"
#include "stator/nn/nn.hpp"
#include "stator/ops/ops.hpp"
#include "stator/run/evaluation.hpp"

#include <fstream>
#include <map>
#include <set>
#include <string>

namespace nn = stator::nn;
using namespace stator;

namespace {

/// Names by calls, from data/grad_fn.txt.
class Names {
public:
  Names() {
    std::ifstream file(STATOR_TEST_REFERENCE "/data/grad_fn.txt");
    for (std::string line; std::getline(file, line);) {
      const std::size_t colon = line.rfind(": ");
      names_[line.substr(0, colon)] = line.substr(colon + 2);
    }
    REQUIRE(names_.size() > 100);
  }
  ~Names() {
    for (const auto& [call, name] : names_) {
      INFO("compared with nothing: " << call);
      CHECK(seen_.contains(call));
    }
  }
  template<class E>
  void same(const std::string& call, const E&) {
    look(call);
    INFO(call);
    CHECK(E::grad_fn() == names_[call]);
  }
  /// What the program of Stator ends in is another operation than PyTorch's.
  template<class E>
  void other(const std::string& call, const E&, std::string_view ours) {
    look(call);
    INFO(call);
    CHECK(E::grad_fn() == ours);
    CHECK(E::grad_fn() != names_[call]);
  }

private:
  void look(const std::string& call) {
    INFO(call);
    REQUIRE(names_.contains(call));
    seen_.insert(call);
  }
  std::map<std::string, std::string> names_;
  std::set<std::string> seen_;
};

} // namespace

TEST_CASE("grad_fn has PyTorch's name for every operation") {
  Names names;
  const Variable<float, 2, 3> a, b, p;
  const Variable<float, 3, 3> s;
  const Variable<float, 3> v;
  const Variable<float, 2, 2, 3> t;
  const Variable<float, 2, 3, 3> u;
  const Variable<float, 2, 4, 8> x1;
  const Variable<float, 2, 4, 8, 8> x2;
  const Variable<float, 2, 4, 8, 8, 8> x3;
  const Variable<float, 5, 3> w;
  const Variable<float, 5> bias;
  const Tensor<float, 2, 3> target;
  const Tensor<std::int64_t, 2> i;
  const Tensor<bool, 2, 3> c;
  const Variable<float, 7, 3> table;
  const Tensor<std::int64_t, 2, 8, 8> classes;

  // arithmetic
  names.same("a + b", a + b);
  names.same("a - b", a - b);
  names.same("a * b", a * b);
  names.same("a / b", a / b);
  names.same("-a", -a);
  names.same("a + 1", a + 1);
  names.same("2 * a", 2 * a);
  names.same("a / 2", a / 2);
  names.other("1 / a", 1 / a, "DivBackward0");
  names.other("1 - a", 1 - a, "SubBackward0");
  names.same("pow(a, b)", pow(a, b));
  names.same("pow(a, 2)", pow(a, 2));
  names.same("pow(2, a)", pow(2, a));
  names.same("expand", expand<2, 3>(v));

  // functions of one number
  names.same("exp", exp(a));
  names.same("log", log(a));
  names.same("log1p", log1p(a));
  names.same("expm1", expm1(a));
  names.same("sqrt", sqrt(a));
  names.same("rsqrt", rsqrt(a));
  names.same("square", square(a));
  names.same("reciprocal", reciprocal(a));
  names.same("abs", abs(a));
  names.same("sign", sign(a));
  names.same("sin", sin(a));
  names.same("cos", cos(a));
  names.same("tanh", tanh(a));
  names.same("erf", erf(a));
  names.same("sigmoid", sigmoid(a));
  names.same("tan", tan(a));
  names.same("asin", asin(a));
  names.same("acos", acos(a));
  names.same("atan", atan(a));
  names.same("sinh", sinh(a));
  names.same("cosh", cosh(a));
  names.same("asinh", asinh(a));
  names.same("acosh", acosh(a));
  names.same("atanh", atanh(a));
  names.same("sinc", sinc(a));
  names.same("deg2rad", deg2rad(a));
  names.same("exp2", exp2(a));
  names.same("log2", log2(a));
  names.same("log10", log10(a));
  names.same("logit", logit(a));
  names.same("floor", floor(a));
  names.same("frac", frac(a));
  names.same("round<2>", round<2>(a));
  names.same("nan_to_num", nan_to_num(a));
  names.same("erfc", erfc(a));
  names.same("erfinv", erfinv(a));
  names.same("lgamma", lgamma(a));
  names.same("digamma", digamma(a));
  names.same("polygamma<2>", polygamma<2>(a));
  names.same("mvlgamma<1>", mvlgamma<1>(a));
  names.same("i0", i0(a));

  // functions of two
  names.same("atan2", atan2(a, b));
  names.same("hypot", hypot(a, b));
  names.same("logaddexp", logaddexp(a, b));
  names.same("logaddexp2", logaddexp2(a, b));
  names.same("xlogy", xlogy(a, b));
  names.same("ldexp", ldexp(a, b));
  names.same("float_power", float_power(a, b));
  names.same("remainder", remainder(a, b));
  names.same("fmod", fmod(a, b));
  names.same("fmax", fmax(a, b));
  names.same("fmin", fmin(a, b));
  names.same("copysign", copysign(a, b));
  names.same("remainder(a, 2)", remainder(a, 2));
  names.same("fmod(a, 2)", fmod(a, 2));
  names.same("igamma", igamma(target, b));
  names.same("igammac", igammac(target, b));

  // choices
  names.same("where", where(c, a, b));
  names.same("clamp", clamp(a, 0.1, 0.5));
  names.same("maximum", maximum(a, b));
  names.same("minimum", minimum(a, b));
  names.same("clamp_min", clamp_min(a, b));
  names.same("clamp_min(a, 1)", clamp_min(a, 1));
  names.same("clamp_max", clamp_max(a, b));
  names.same("lerp", lerp(a, b, a));
  names.same("lerp(a, b, 0.5)", lerp(a, b, 0.5));
  names.same("addcmul", addcmul(a, a, b));
  names.same("addcdiv", addcdiv(a, a, b));

  // reductions
  names.same("sum", sum(a));
  names.same("prod", prod(a));
  names.same("prod<1>", prod<1>(a));
  names.same("cumprod<1>", cumprod<1>(a));
  names.same("logcumsumexp<1>", logcumsumexp<1>(a));
  names.same("logsumexp<1>", logsumexp<1>(a));
  names.same("norm", norm(a));
  names.same("median", median(a));
  names.same("nanmedian", nanmedian(a));
  names.other("nansum", nansum(a), "SumBackward0");
  names.same("sum_dims<1>", sum_dims<1>(a));
  names.same("sum_keepdim<1>", sum_keepdim<1>(a));
  names.same("mean", mean(a));
  names.same("mean_dims<1>", mean_dims<1>(a));
  names.same("mean_keepdim<1>", mean_keepdim<1>(a));
  names.other("var", var(a), "DivBackward0");
  names.other("var_dims<1>", var_dims<1>(a), "DivBackward0");
  names.other("biased_var", biased_var(a), "DivBackward0");
  names.same("stddev", stddev(a));
  names.same("stddev_dims<1>", stddev_dims<1>(a));
  names.same("cumsum<1>", cumsum<1>(a));
  names.same("amax<1>", amax_dims<1>(a));
  names.same("amin<1>", amin_dims<1>(a));
  names.same("softmax", nn::softmax<-1>(a));
  names.same("log_softmax", nn::log_softmax<-1>(a));

  // shapes
  names.same("view", view<3, 2>(a));
  names.same("flatten", flatten<1>(t));
  names.same("permute", permute<2, 0, 1>(t));
  names.other("transpose", transpose<0, 1>(a), "PermuteBackward0");
  names.same("narrow", narrow<1, 0, 2>(a));
  names.same("select", stator::select<1, 0>(a));
  names.same("cat", cat<0>(a, b));
  names.other("stack", stack<0>(a, b), "CatBackward0");
  names.same("squeeze", squeeze<1>(sum_keepdim<1>(a)));
  names.same("unsqueeze", unsqueeze<1>(a));
  names.same("to<double>", to<double>(a));

  // products
  names.same("mm", mm(a, s));
  names.same("matmul of matrices", matmul(a, s));
  names.other("matmul of vectors", matmul(v, v), "SumBackward0");
  names.same("bmm", bmm(t, u));
  names.same("matmul of three dimensions by two", matmul(t, s));
  names.same("linear", nn::linear(a, w, bias));
  names.same("linear without bias", nn::linear(a, w));
  names.same("linear of a vector", nn::linear(v, w, bias));
  names.same("linear of a vector without bias", nn::linear(v, w));
  names.same("linear of three dimensions", nn::linear(t, w, bias));
  names.same("linear of three dimensions without bias", nn::linear(t, w));
  names.same("embedding", nn::embedding<>(table, i));

  // convolutions and pooling
  const Model<nn::Conv1d<4, 4, 3>> conv1;
  const Model<nn::Conv2d<4, 4, 3>> conv2;
  const Model<nn::Conv3d<4, 4, 3>> conv3;
  const Model<nn::ConvTranspose2d<4, 4, 3>> transposed;
  names.same("conv1d", conv1(x1));
  names.same("conv2d", conv2(x2));
  names.same("conv3d", conv3(x3));
  names.same("conv_transpose2d", transposed(x2));
  names.same("max_pool1d", nn::max_pool1d<2>(x1));
  names.same("max_pool2d", nn::max_pool2d<2>(x2));
  names.same("max_pool3d", nn::max_pool3d<2>(x3));
  const auto [v1, at1] = nn::max_pool1d_with_indices<2>(x1);
  const auto [v2, at2] = nn::max_pool2d_with_indices<2>(x2);
  const auto [v3, at3] = nn::max_pool3d_with_indices<2>(x3);
  names.same("max_pool1d with indices", v1);
  names.same("max_pool2d with indices", v2);
  names.same("max_pool3d with indices", v3);
  names.same("adaptive_max_pool2d with indices", std::get<0>(nn::adaptive_max_pool2d_with_indices<2>(x2)));
  names.same("fractional_max_pool2d",
             nn::fractional_max_pool2d<2, nn::FractionalPoolSettings<2>{.output_size = 2}>(x2));
  names.same("fractional_max_pool3d",
             nn::fractional_max_pool3d<2, nn::FractionalPoolSettings<3>{.output_size = 2}>(x3));
  names.same("max_unpool1d", nn::max_unpool1d<2>(v1, at1));
  names.same("max_unpool2d", nn::max_unpool2d<2>(v2, at2));
  names.same("max_unpool3d", nn::max_unpool3d<2>(v3, at3));
  names.same("avg_pool1d", nn::avg_pool1d<2>(x1));
  names.same("avg_pool2d", nn::avg_pool2d<2>(x2));
  names.same("avg_pool3d", nn::avg_pool3d<2>(x3));
  names.same("adaptive_max_pool1d", nn::adaptive_max_pool1d<2>(x1));
  names.same("adaptive_max_pool2d", nn::adaptive_max_pool2d<2>(x2));
  names.same("adaptive_max_pool3d", nn::adaptive_max_pool3d<2>(x3));
  names.same("adaptive_avg_pool1d", nn::adaptive_avg_pool1d<2>(x1));
  names.same("adaptive_avg_pool2d", nn::adaptive_avg_pool2d<2>(x2));
  names.same("adaptive_avg_pool3d", nn::adaptive_avg_pool3d<2>(x3));
  names.same("adaptive_avg_pool2d to one", nn::adaptive_avg_pool2d<1>(x2));
  names.same("lp_pool2d", nn::lp_pool2d<2.0, 2>(x2));

  // padding and resampling
  using enum nn::PaddingMode;
  names.same("pad", nn::pad<1, 1>(x2));
  names.same("pad reflect", nn::pad_with<reflect, 0.0, 1, 1, 1, 1>(x2));
  names.same("pad reflect 1d", nn::pad_with<reflect, 0.0, 1, 1>(x1));
  names.same("pad replicate", nn::pad_with<replicate, 0.0, 1, 1, 1, 1>(x2));
  names.same("pad replicate 3d", nn::pad_with<replicate, 0.0, 1, 1, 1, 1, 1, 1>(x3));
  names.same("pad circular", nn::pad_with<circular, 0.0, 1, 1, 1, 1>(x2));
  using To = nn::InterpolateOptions;
  names.same("interpolate nearest 1d", nn::interpolate<To{.scale_factor = {2.0}}>(x1));
  names.same("interpolate nearest", nn::interpolate<To{.scale_factor = {2.0}}>(x2));
  names.same("interpolate nearest 3d", nn::interpolate<To{.scale_factor = {2.0}}>(x3));
  names.same("interpolate linear", nn::interpolate<To{.scale_factor = {2.0}, .mode = "linear"}>(x1));
  names.same("interpolate bilinear", nn::interpolate<To{.scale_factor = {2.0}, .mode = "bilinear"}>(x2));
  names.same("interpolate trilinear", nn::interpolate<To{.scale_factor = {2.0}, .mode = "trilinear"}>(x3));
  names.same("interpolate bicubic", nn::interpolate<To{.scale_factor = {2.0}, .mode = "bicubic"}>(x2));
  names.other("pixel_shuffle", nn::pixel_shuffle<2>(x2), "ViewBackward0");
  names.other("pixel_unshuffle", nn::pixel_unshuffle<2>(x2), "ViewBackward0");

  // normalisation
  Model<nn::BatchNorm2d<4>> batch_norm;
  const Model<nn::InstanceNorm2d<4>> instance_norm;
  names.same("batch_norm", batch_norm(x2));
  names.same("batch_norm in evaluation", batch_norm.eval()(x2));
  names.other("instance_norm", instance_norm(x2), "NativeGroupNormBackward0");
  names.same("layer_norm", nn::layer_norm<1>(a));
  names.same("group_norm", nn::group_norm<2>(x2));

  // activations
  const Variable<float, 1> slope;
  names.same("relu", nn::relu(a));
  names.same("relu6", nn::relu6(a));
  names.same("leaky_relu", nn::leaky_relu(a));
  names.same("prelu", nn::prelu(a, slope));
  names.same("threshold", nn::threshold(a, 0.1, 0.2));
  names.same("hardtanh", nn::hardtanh(a));
  names.same("hardsigmoid", nn::hardsigmoid(a));
  names.same("hardswish", nn::hardswish(a));
  names.same("softshrink", nn::softshrink(a));
  names.same("hardshrink", nn::hardshrink(a));
  names.same("logsigmoid", nn::logsigmoid(a));
  names.same("silu", nn::silu(a));
  names.same("elu", nn::elu(a));
  names.same("selu", nn::selu(a));
  names.same("celu", nn::celu(a));
  names.same("softplus", nn::softplus(a));
  names.same("mish", nn::mish(a));
  names.same("gelu", nn::gelu(a));
  names.same("gelu_tanh", nn::gelu_tanh(a));
  names.same("softsign", nn::softsign(a));
  names.same("tanhshrink", nn::tanhshrink(a));
  const Model<nn::Dropout<>> dropout;
  names.same("dropout", dropout(a));

  // losses
  constexpr auto none = nn::Reduction::none;
  names.same("mse_loss", nn::mse_loss(a, target));
  names.same("mse_loss sum", nn::mse_loss<nn::Reduction::sum>(a, target));
  names.same("mse_loss none", nn::mse_loss<none>(a, target));
  names.same("l1_loss", nn::l1_loss(a, target));
  names.same("l1_loss none", nn::l1_loss<none>(a, target));
  names.same("smooth_l1_loss", nn::smooth_l1_loss(a, target));
  names.same("smooth_l1_loss none", nn::smooth_l1_loss<none>(a, target));
  names.same("huber_loss", nn::huber_loss(a, target));
  names.same("huber_loss none", nn::huber_loss<none>(a, target));
  names.same("binary_cross_entropy", nn::binary_cross_entropy(p, target));
  names.same("binary_cross_entropy none", nn::binary_cross_entropy<none>(p, target));
  names.same("binary_cross_entropy_with_logits", nn::binary_cross_entropy_with_logits(a, target));
  names.same("binary_cross_entropy_with_logits none", nn::binary_cross_entropy_with_logits<none>(a, target));
  names.same("kl_div", nn::kl_div<nn::Reduction::sum>(a, target));
  names.same("kl_div none", nn::kl_div<none>(a, target));
  names.same("nll_loss", nn::nll_loss(a, i));
  names.same("nll_loss 2d", nn::nll_loss(x2, classes));
  names.same("cross_entropy", nn::cross_entropy(a, i));
  names.other("cross_entropy of probabilities", nn::cross_entropy(a, target), "MulBackward0");

  // recurrences: one operation, and the columns of its result that are hidden states
  const Model<nn::RNN<3, 5, {.batch_first = true}>> rnn;
  const Model<nn::LSTM<3, 5, {.batch_first = true}>> lstm;
  const Model<nn::GRU<3, 5, {.batch_first = true}>> gru;
  names.other("rnn", rnn(t), "RnnBackward0");
  names.other("lstm", lstm(t), "SliceBackward0");
  names.other("gru", gru(t), "SliceBackward0");
}
