// SPDX-License-Identifier: BSL-1.0
// Single layers and kernels of libtorch.
#include "libtorch.hpp"

namespace bench {
namespace {

/// Holds one layer, as a network does.
template<class Layer>
struct Only : tn::Module {
  Layer layer;
  template<class Options>
  explicit Only(const Options& options) : layer(register_module("layer", Layer(options))) {}
  Tensor forward(const Tensor& x) {
    if constexpr (std::is_same_v<Layer, tn::LSTM> || std::is_same_v<Layer, tn::GRU>)
      return std::get<0>(layer(x));
    else
      return layer(x);
  }
};

struct Attention : tn::Module {
  std::int64_t length;
  Tensor hidden{};
  Attention(std::int64_t l, bool causal) : length(l) {
    if (causal) hidden = torch::ones({length, length}, torch::kBool).triu(1);
  }
  Tensor forward(const Tensor& x) {
    const auto parts = x.split(128, 2);
    const auto heads_of = [&](const Tensor& t) { return t.view({-1, length, 4, 32}).transpose(1, 2); };
    Tensor scores = torch::matmul(heads_of(parts[0]), heads_of(parts[1]).transpose(2, 3)) / std::sqrt(32.0);
    if (hidden.defined()) scores = scores.masked_fill(hidden, -std::numeric_limits<float>::infinity());
    const Tensor y = torch::matmul(torch::softmax(scores, 3), heads_of(parts[2]));
    return y.transpose(1, 2).contiguous().view({-1, length, 128});
  }
};

/// A forward, and the gradients of sum(y * g) by the input and the parameters.
template<class Net>
struct Gradients {
  std::shared_ptr<Net> net;
  Tensor x, g;
  Gradients(std::shared_ptr<Net> n, Tensor in) : net(std::move(n)), x(std::move(in)) {
    g = filled(net->forward(x).sizes().vec(), target_tensor);
    x.requires_grad_();
  }
  void operator()() {
    net->zero_grad();
    (net->forward(x) * g).sum().backward();
  }
  double result() const { return digest_of(x.grad()); }
};

template<class Net, class... A>
void enter(const std::string& what, std::vector<std::int64_t> sizes, const A&... arguments) {
  const auto x = floats(std::move(sizes));
  Enter{
      {"layer/" + what + "/forward", "libtorch",
       [=] { return repeat<TorchInfer<Net>>(made<Net>(arguments...), x(), false); }},
      {"layer/" + what + "/gradients", "libtorch",
       [=] { return repeat<Gradients<Net>>(made<Net>(arguments...), x()); }},
  };
}

/// One kernel on tensors that are there already: `Does(x, g, y)` writes to y, or makes it anew.
template<auto Does>
struct Kernel {
  Tensor x, g, y;
  Kernel(Tensor in, Tensor gradient, Tensor out)
      : x(std::move(in)), g(std::move(gradient)), y(std::move(out)) {
    torch::set_num_threads(1);
  }
  void operator()() {
    c10::InferenceMode guard;
    Does(x, g, y);
  }
  double result() const { return digest_of(y); }
};
using Widths = std::vector<std::int64_t>;
template<auto Does>
Contender kernel(const std::string& what, const Widths& x, const Widths& y) {
  return {"memory/" + what, "libtorch", [=] {
            return repeat<Kernel<Does>>(filled(x, input_tensor), filled(y, target_tensor), torch::zeros(y));
          }};
}
/// A gradient: of x's shape, from one of the result's.
template<auto Does>
Contender backward(const std::string& what, const Widths& x, const Widths& y) {
  return {"memory/" + what + "_backward", "libtorch", [=] {
            return repeat<Kernel<Does>>(filled(x, input_tensor), filled(y, target_tensor), torch::zeros(x));
          }};
}

/// The gradient of a max pooling needs where the maxima are; that of a normalisation its statistics: both are
/// the forward's, and made once.
template<std::int64_t Window, std::int64_t Stride, std::int64_t Padding>
struct PoolBackward {
  Tensor x, g, y, at;
  PoolBackward(const Widths& sizes) : x(filled(sizes, input_tensor)) {
    torch::set_num_threads(1);
    std::tie(y, at) = torch::max_pool2d_with_indices(x, Window, Stride, Padding);
    g = filled(y.sizes().vec(), target_tensor);
    y = torch::zeros(sizes);
  }
  void operator()() {
    at::max_pool2d_with_indices_backward_out(y, g, x, {Window, Window}, {Stride, Stride}, {Padding, Padding},
                                             {1, 1}, false, at);
  }
  double result() const { return digest_of(y); }
};
struct LayerNormBackward {
  Tensor x, g, y, dx, mean, rstd;
  explicit LayerNormBackward(const Widths& sizes)
      : x(filled(sizes, input_tensor)), g(filled(sizes, target_tensor)) {
    torch::set_num_threads(1);
    std::tie(y, mean, rstd) = torch::native_layer_norm(x, {sizes[1]}, {}, {}, 1e-5);
  }
  void operator()() {
    dx = std::get<0>(at::native_layer_norm_backward(g, x, {x.size(1)}, mean, rstd, {}, {},
                                                    std::array<bool, 3>{true, false, false}));
  }
  double result() const { return digest_of(dx); }
};

struct CrossEntropy {
  Tensor x = filled({4096, 2048}, input_tensor).requires_grad_(), target = labels({4096}), dx{};
  CrossEntropy() { torch::set_num_threads(1); }
  void operator()() { dx = torch::autograd::grad({tn::functional::cross_entropy(x, target)}, {x})[0]; }
  double result() const { return digest_of(dx); }
};

struct AdamStep {
  std::vector<Tensor> parameters{torch::zeros({2048, 2048}), torch::zeros({2048}), torch::zeros({2048, 2048}),
                                 torch::zeros({2048})};
  std::unique_ptr<torch::optim::Adam> adam;
  AdamStep() {
    torch::set_num_threads(1);
    for (Tensor& p : parameters) p.mutable_grad() = torch::full_like(p, 0.01);
    adam = std::make_unique<torch::optim::Adam>(parameters, torch::optim::AdamOptions(learning_rate));
  }
  void operator()() { adam->step(); }
};

const bool entered = [] {
  enter<Only<tn::BatchNorm2d>>("batch_norm", {8, 64, 32, 32}, 64);
  enter<Only<tn::LayerNorm>>("layer_norm", {512, 256}, tn::LayerNormOptions({256}));
  enter<Only<tn::MaxPool2d>>("max_pool_3x3", {8, 64, 56, 56}, tn::MaxPool2dOptions(3).stride(2).padding(1));
  enter<Only<tn::ConvTranspose2d>>("conv_transpose", {8, 64, 16, 16},
                                   tn::ConvTranspose2dOptions(64, 32, 4).stride(2).padding(1));
  enter<Only<tn::LSTM>>("lstm_64_128", {32, 50, 64}, tn::LSTMOptions(64, 128).batch_first(true));
  enter<Only<tn::GRU>>("gru_64_128", {32, 50, 64}, tn::GRUOptions(64, 128).batch_first(true));
  enter<Attention>("attention_64_causal", {8, 64, 384}, std::int64_t{64}, true);
  enter<Attention>("attention_512", {2, 512, 384}, std::int64_t{512}, false);
  const Widths rows{4096, 2048}, planes{64, 64, 56, 56}, halves{64, 64, 28, 28};
  Enter{
      kernel<[](const Tensor& x, const Tensor&, Tensor& y) { at::clamp_min_out(y, x, 0); }>("relu", rows,
                                                                                            rows),
      kernel<[](const Tensor& x, const Tensor&, Tensor& y) { at::gelu_out(y, x); }>("gelu", rows, rows),
      backward<[](const Tensor& x, const Tensor& g, Tensor& y) { at::gelu_backward_out(y, g, x); }>(
          "gelu", rows, rows),
      kernel<[](const Tensor& x, const Tensor&, Tensor& y) { at::_softmax_out(y, x, 1, false); }>("softmax",
                                                                                                  rows, rows),
      backward<[](const Tensor& x, const Tensor& g, Tensor& y) {
        at::_softmax_backward_data_out(y, g, x, 1, torch::kFloat);
      }>("softmax", rows, rows),
      kernel<[](const Tensor& x, const Tensor&, Tensor& y) { y = torch::layer_norm(x, {2048}); }>(
          "layer_norm", rows, rows),
      kernel<[](const Tensor& x, const Tensor&, Tensor& y) {
        y = torch::batch_norm(x, {}, {}, {}, {}, true, 0.1, 1e-5, false);
      }>("batch_norm", planes, planes),
      kernel<[](const Tensor& x, const Tensor&, Tensor& y) { y = torch::max_pool2d(x, 2); }>("max_pool",
                                                                                             planes, halves),
      kernel<[](const Tensor& x, const Tensor&, Tensor& y) { y = torch::max_pool2d(x, 3, 2, 1); }>(
          "max_pool_3x3", planes, halves),
      kernel<[](const Tensor& x, const Tensor&, Tensor& y) { y.copy_(x.t()); }>("transpose", rows,
                                                                                {2048, 4096}),
      {"memory/max_pool_backward", "libtorch", [=] { return repeat<PoolBackward<2, 2, 0>>(planes); }},
      {"memory/max_pool_3x3_backward", "libtorch", [=] { return repeat<PoolBackward<3, 2, 1>>(planes); }},
      {"memory/layer_norm_backward", "libtorch", [=] { return repeat<LayerNormBackward>(rows); }},
      {"memory/cross_entropy", "libtorch", [] { return repeat<CrossEntropy>(); }},
      {"memory/adam", "libtorch", [] { return repeat<AdamStep>(); }},
  };
  return true;
}();

} // namespace
} // namespace bench
