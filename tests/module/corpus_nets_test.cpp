// SPDX-License-Identifier: BSL-1.0
// The models of tests/reference/corpus.py as structs: plain, residual, convolutional, transformers.
#include "corpus.hpp"
#include "networks.hpp"

using namespace stator;
using namespace stator::nn;
using stator::test::check_corpus;

namespace corpus {

inline constexpr ConvOptions<2> padded{.padding = 1};

struct Mlp {
  Linear<784, 128> fc1;
  Linear<128, 10> fc2;
};
struct NoBias {
  Linear<4, 3, {.bias = false}> first;
  Linear<3, 2> second;
};
struct LeNet {
  Conv2d<1, 6, 5, {.padding = 2}> conv1;
  Conv2d<6, 16, 5> conv2;
  MaxPool2d<2> pool;
  Linear<400, 120> fc1;
  Linear<120, 84> fc2;
  Linear<84, 10> fc3;
};
struct Autoencoder {
  Sequential<Linear<784, 64>, ReLU, Linear<64, 8>> encoder;
  Sequential<Linear<8, 64>, ReLU, Linear<64, 784>, Sigmoid> decoder;
};
struct NestedSequential {
  Sequential<Sequential<Linear<2, 3>, Tanh>, Sequential<Sequential<Linear<3, 1>>>> net;
};
template<Index I, Index O>
using Conv3 = Conv2d<I, O, 3, padded>;
struct Vgg {
  Sequential<Conv3<3, 64>, BatchNorm2d<64>, ReLU, MaxPool2d<2>, Conv3<64, 128>, BatchNorm2d<128>, ReLU,
             MaxPool2d<2>, Conv3<128, 256>, BatchNorm2d<256>, ReLU, Conv3<256, 256>, BatchNorm2d<256>, ReLU,
             MaxPool2d<2, {.stride = 2}>>
      features;
  Sequential<Linear<4096, 512>, ReLU, Dropout<>, Linear<512, 10>> classifier;
};

using ResNet18 = ResNet18Of<64, 1000>;
struct Residual {
  Linear<16, 16> fc1, fc2;
  Parameter<float> scale;
};
struct ResidualMlp {
  Linear<8, 16> stem;
  std::array<Residual, 12> blocks;
  Linear<16, 2> head;
};
template<Index I, Index O>
struct InvertedResidual {
  Sequential<Sequential<Conv2d<I, 6 * I, 1, {.bias = false}>, BatchNorm2d<6 * I>, ReLU6>,
             Sequential<Conv2d<6 * I, 6 * I, 3, {.stride = 2, .padding = 1, .groups = 6 * I, .bias = false}>,
                        BatchNorm2d<6 * I>, ReLU6>,
             Conv2d<6 * I, O, 1, {.bias = false}>, BatchNorm2d<O>>
      conv;
};
struct MobileNet {
  Sequential<InvertedResidual<3, 16>, InvertedResidual<16, 24>> features;
};

template<Index I, Index O>
using DoubleConv = Sequential<Conv3<I, O>, ReLU, Conv3<O, O>, ReLU>;
struct UNet {
  ModuleList<DoubleConv<1, 16>, DoubleConv<16, 32>, DoubleConv<32, 64>> down;
  MaxPool2d<2> pool;
  DoubleConv<64, 128> bottom;
  ModuleList<Conv2d<128, 64, 1>, Conv2d<64, 32, 1>, Conv2d<32, 16, 1>> reduce;
  ModuleList<DoubleConv<128, 64>, DoubleConv<64, 32>, DoubleConv<32, 16>> up;
  Conv2d<16, 2, 1> out;
};

struct EncoderLayer {
  MultiheadAttention<16, 4, {.dropout = 0.1, .batch_first = true}> self_attn;
  Linear<16, 32> linear1;
  Dropout<0.1> dropout;
  Linear<32, 16> linear2;
  LayerNorm<16> norm1;
  LayerNorm<16, {.eps = 1e-6}> norm2;
};
struct TransformerEncoder {
  Embedding<50, 16, {.padding_idx = 0}> embedding;
  std::array<EncoderLayer, 2> layers;
  Sequential<Linear<16, 16>, Tanh> pooler;
};
struct Attentions {
  MultiheadAttention<8, 2, {.kdim = 4, .vdim = 6}> cross;
  MultiheadAttention<8, 2, {.bias = false}> plain;
};
struct MixerBlock {
  LayerNorm<Extents(8, 16)> norm1;
  Sequential<Linear<8, 32>, GELU, Linear<32, 8>> tokens;
  LayerNorm<16, {.elementwise_affine = false}> norm2;
  Sequential<Linear<16, 64>, GELU, Linear<64, 16>> channels;
};
struct Mixer {
  Conv2d<3, 16, Dims<2>(4, 4), {.stride = Dims<2>(4, 4)}> patches;
  std::array<MixerBlock, 2> blocks;
  Linear<16, 10> head;
};

struct Expert {
  Linear<8, 32, {.bias = false}> up;
  Linear<32, 8, {.bias = false}> down;
};
struct MixtureOfExperts {
  Linear<8, 4> gate;
  std::array<Expert, 4> experts;
  Parameter<float> temperature;
};
struct ActorCritic {
  Sequential<Linear<10, 20>, ReLU> trunk;
  ModuleDict<entry<"policy", Linear<20, 4>>, entry<"value", Sequential<Linear<20, 8>, Tanh, Linear<8, 1>>>>
      heads;
};
struct Gan {
  Sequential<Linear<4, 8>, BatchNorm1d<8>, LeakyReLU<0.2>, Linear<8, 16>, Tanh> generator;
  Sequential<Linear<16, 8>, LeakyReLU<0.2>, Dropout<0.3>, Linear<8, 1>> discriminator;
};

} // namespace corpus

TEST_CASE("plain nets say of themselves what PyTorch says") {
  check_corpus<corpus::Mlp>();
  check_corpus<corpus::NoBias>();
  check_corpus<corpus::LeNet>();
  check_corpus<corpus::Autoencoder>();
  check_corpus<corpus::NestedSequential>();
  check_corpus<corpus::Vgg>();
}
TEST_CASE("residual nets say of themselves what PyTorch says") {
  check_corpus<corpus::ResNet18>();
  check_corpus<corpus::ResidualMlp>();
  check_corpus<corpus::MobileNet>();
}
TEST_CASE("encoders and decoders say of themselves what PyTorch says") {
  check_corpus<corpus::UNet>();
  check_corpus<corpus::Gpt>();
  check_corpus<corpus::TransformerEncoder>();
  check_corpus<corpus::Attentions>();
  check_corpus<corpus::Mixer>();
}
TEST_CASE("larger compositions say of themselves what PyTorch says") {
  check_corpus<corpus::MixtureOfExperts>();
  check_corpus<corpus::ActorCritic>();
  check_corpus<corpus::Gan>();
}
