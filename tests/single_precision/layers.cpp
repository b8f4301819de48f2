// SPDX-License-Identifier: BSL-1.0
// Layers of float in inference and in training: no instruction of double may come of it. (Numbers of an
// optimiser's step, such as its learning rate, are double, as PyTorch's are, and so are random numbers, which
// are PyTorch's.)
#include <stator/model/model.hpp>
#include <stator/nn/nn.hpp>
#include <stator/ops/ops.hpp>
#include <stator/run/evaluation.hpp>

namespace nn = stator::nn;

namespace single_precision {

struct Perceptron {
  nn::Linear<17, 33> fc1;
  nn::LayerNorm<33> norm;
  nn::Linear<33, 32> fc2;
  nn::GroupNorm<4, 32> groups;
  nn::RMSNorm<32> rms;
  nn::Linear<32, 5> fc3;
  constexpr auto forward(auto x) const {
    return x | fc1 | norm | nn::gelu | fc2 | groups | rms | nn::elu | fc3;
  }
};
struct Images {
  nn::Conv2d<3, 8, 3, {.stride = 2, .padding = 1, .bias = false}> conv1;
  nn::BatchNorm2d<8> norm;
  nn::Conv2d<8, 16, 3, {.padding = 1}> conv2;
  nn::Conv2d<16, 16, 3, {.padding = 1, .groups = 16}> depthwise;
  nn::InstanceNorm2d<16> instances;
  nn::ConvTranspose2d<16, 8, 2, {.stride = 2}> up;
  nn::Conv2d<8, 4, 5, {.dilation = 2}> wide;
  nn::Linear<64, 5> fc;
  constexpr auto forward(auto x) const {
    const auto features = x | conv1 | norm | nn::relu | conv2 | nn::silu | depthwise | instances | up | wide;
    return features | nn::max_pool2d<2> | stator::flatten<1> | fc;
  }
};
struct Winograd {
  nn::Conv2d<16, 32, 3, {.padding = 1}> conv;
  constexpr auto forward(auto x) const { return x | conv | nn::adaptive_avg_pool2d<1> | stator::flatten<1>; }
};
struct Signals {
  nn::Conv1d<6, 8, 3, {.padding = 1}> conv;
  nn::BatchNorm1d<8> norm;
  nn::LSTM<8, 9, {.batch_first = true}> lstm;
  nn::GRU<9, 9, {.batch_first = true}> gru;
  nn::RNN<9, 9, {.batch_first = true}> rnn;
  nn::MultiheadAttention<9, 3, {.batch_first = true}> attention;
  nn::PReLU<> prelu;
  nn::Linear<9, 5> fc;
  constexpr auto forward(auto x) const {
    const auto y = stator::transpose<1, 2>(x) | conv | norm;
    const auto z = rnn(gru(lstm(stator::transpose<1, 2>(y))));
    return stator::narrow<1, 6, 1>(attention(z, z, z)) | stator::flatten<1> | prelu | fc;
  }
};
struct Words {
  nn::Embedding<20, 12> embedding;
  nn::TransformerEncoderLayer<12, 3, 16, {.dropout = 0, .batch_first = true}> encoder;
  nn::Linear<12, 5> fc;
  constexpr auto forward(auto x) const { return stator::mean_dims<1>(encoder(embedding(x))) | fc; }
};

/// Inference, and the gradients of a loss.
template<class Net, class X>
void train(stator::Model<Net>& model, const X& x, const stator::Tensor<std::int64_t, 4>& target) {
  nn::cross_entropy<nn::CrossEntropyOptions{.label_smoothing = 0.1}>(model(x), target).backward();
}
template<class Net, class X, class Y>
void infer(const stator::Model<Net>& model, const X& x, Y& y) {
  model.eval()(x).value_into(y);
}

using stator::Model, stator::Tensor;
using Target = Tensor<std::int64_t, 4>;
using Scores = Tensor<float, 4, 5>;

void train_perceptron(Model<Perceptron>& m, const Tensor<float, 4, 17>& x, const Target& t) {
  train(m, x, t);
}
void train_images(Model<Images>& m, const Tensor<float, 4, 3, 16, 16>& x, const Target& t) { train(m, x, t); }
void train_winograd(Model<Winograd>& m, const Tensor<float, 4, 16, 24, 24>& x, const Target& t) {
  train(m, x, t);
}
void train_signals(Model<Signals>& m, const Tensor<float, 4, 7, 6>& x, const Target& t) { train(m, x, t); }
void train_words(Model<Words>& m, const Tensor<std::int64_t, 4, 7>& x, const Target& t) { train(m, x, t); }
void infer_perceptron(Model<Perceptron>& m, const Tensor<float, 4, 17>& x, Scores& y) { infer(m, x, y); }
void infer_images(Model<Images>& m, const Tensor<float, 4, 3, 16, 16>& x, Scores& y) { infer(m, x, y); }
void infer_winograd(Model<Winograd>& m, const Tensor<float, 4, 16, 24, 24>& x, Tensor<float, 4, 32>& y) {
  infer(m, x, y);
}
void infer_signals(Model<Signals>& m, const Tensor<float, 4, 7, 6>& x, Scores& y) { infer(m, x, y); }
void infer_words(Model<Words>& m, const Tensor<std::int64_t, 4, 7>& x, Scores& y) { infer(m, x, y); }

} // namespace single_precision
