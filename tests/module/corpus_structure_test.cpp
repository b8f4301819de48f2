// SPDX-License-Identifier: BSL-1.0
// The models of tests/reference/corpus.py as structs: sharing, absent parts, containers, printed text,
// layers.
#include "corpus.hpp"

#include "stator/nn/conv.hpp"
#include "stator/nn/nn.hpp"
#include "stator/nn/pooling.hpp"

using namespace stator;
using namespace stator::nn;
using stator::test::check_corpus;

namespace corpus {

struct Tower {
  Linear<4, 4> fc;
  BatchNorm1d<4> bn;
};
struct Siamese {
  Tower left, right;
  Linear<8, 1> head;
  using ties = stator::ties<tie<"right", "left">>;
};
struct SharedInList {
  std::array<Tower, 3> towers;
  using ties = stator::ties<tie<"towers.2", "towers.0">>;
};
struct SharedAcross {
  Sequential<Linear<2, 2>, Tower> a;
  Sequential<Tower, Linear<4, 2>> b;
  using ties = stator::ties<tie<"b.0", "a.1">>;
};
struct Chain {
  Linear<3, 3> a, b, c, d;
  using ties =
      stator::ties<tie<"b.weight", "a.weight">, tie<"c.weight", "b.weight">, tie<"d.bias", "c.bias">>;
};
struct Residual {
  Linear<16, 16> fc1, fc2;
  Parameter<float> scale;
};
struct TieAcrossLevels {
  Sequential<Embedding<9, 4>, Linear<4, 4>> encoder;
  std::array<Residual, 2> blocks;
  ModuleDict<entry<"logits", Linear<4, 9>>, entry<"value", Linear<4, 1>>> out;
  using ties = stator::ties<tie<"out.logits.weight", "encoder.0.weight">,
                            tie<"blocks.1.fc2.weight", "blocks.0.fc1.weight">,
                            tie<"blocks.1.scale", "blocks.0.scale">>;
};
struct TiedBuffer {
  BatchNorm1d<3> one, two;
  using ties = stator::ties<tie<"two.running_mean", "one.running_mean">>;
};
struct TieIntoList {
  Parameter<float, 3> w, again;
  std::array<Parameter<float, 3>, 1> inner;
  using ties = stator::ties<tie<"again", "w">, tie<"inner.0", "w">>;
};

struct Mixed {
  Linear<2, 2> child;
  Buffer<float, 2> mean;
  Parameter<float, 2, 3, 4> late;
  Buffer<std::int64_t> steps;
  Tower other;
  Parameter<float> scalar;
  NonPersistentBuffer<float, 5> cache;
};
struct AbsentParts {
  Absent bias;
  Parameter<float, 2> weight;
  Absent state;
  AbsentModule extra;
  Linear<2, 2, {.bias = false}> fc;
  Absent skip;
};
struct OnlyBuffers {
  Buffer<std::uint8_t, 1> a;
  Buffer<double, 2> b;
  Buffer<bool, 3> c;
};
struct ParameterLists {
  ParameterList<Parameter<float, 2, 3>, Parameter<float, 4>, Parameter<float>> weights;
  std::array<Parameter<float, 7>, 1> single;
  ParameterList<> none;
  Linear<1, 1> fc;
};
struct ParameterDicts {
  ParameterDict<entry<"left", Parameter<float, 2, 2>>, entry<"right", Parameter<float, 3>>> sides;
  ParameterDict<entry<"only", Parameter<float, 1>>> one;
};
struct InDouble {
  ParameterList<Parameter<double, 2>> weights;
  ParameterDict<entry<"x", Parameter<double, 3>>> table;
  Linear<2, 3, {}, double> fc;
};

struct Lists {
  std::array<Linear<2, 2>, 3> same;
  std::tuple<Linear<2, 3>, ReLU, Linear<3, 2>> mixed;
  ModuleList<> empty;
};
struct Dicts {
  ModuleDict<entry<"conv", Conv2d<1, 2, 3>>, entry<"pool", MaxPool2d<3>>, entry<"act", ReLU>> choices;
  ModuleDict<> none;
};
struct ListOfLists {
  std::array<std::array<Linear<1, 1>, 2>, 3> grid;
};
struct DictOfLists {
  ModuleDict<entry<"a", std::tuple<Linear<1, 1>, Linear<1, 2>>>, entry<"b", Sequential<Linear<2, 1>>>> heads;
  ModuleList<ModuleDict<entry<"up", Linear<3, 1>>>, ModuleDict<entry<"down", Linear<1, 3>>>> steps;
};
template<Index Depth>
struct Level {
  Parameter<float, Depth + 1> w;
  Level<Depth - 1> inner;
};
template<>
struct Level<0> {
  Parameter<float, 1> w;
};
struct DeepNest {
  Level<5> top;
};
struct ManyElements {
  std::array<Linear<1, 1>, 12> many;
  Parameter<float, 1> last;
};
struct Bare {
  ReLU relu;
  Tanh tanh;
};
struct EmptySequential {
  Sequential<> net;
  Linear<1, 1> tail;
};

struct Scaled {
  Parameter<float, 2> weight;
  static std::string extra_repr() { return "factor=2"; }
};
struct Documented {
  Scaled inner;
  ReLU act;
  std::string extra_repr() const { return "first line\nsecond line"; }
};
struct ExtraRepr {
  Scaled scaled;
  Documented documented;
  const char* extra_repr() const { return "outer"; }
};
struct ExtraReprInList {
  ModuleList<Documented, Scaled> list;
};

struct Activations {
  Sequential<ReLU, ReLU6, Sigmoid, Tanh, SiLU, Mish, GELU, SELU, Softsign, LogSigmoid, Tanhshrink, Hardswish,
             Hardsigmoid, LeakyReLU<>, LeakyReLU<0.2>, ELU<>, CELU<0.5>, Hardtanh<-2.0, 2.0>, Softplus<>,
             Softshrink<>, Hardshrink<>, Threshold<0.1, 20.0>, PReLU<>, PReLU<3, 0.1>, Softmax<1>,
             LogSoftmax<-1>>
      net;
};
struct Norms {
  BatchNorm1d<4> bn1;
  BatchNorm2d<4, {.affine = false}> bn2;
  BatchNorm3d<4, {.track_running_stats = false}> bn3;
  BatchNorm1d<4, {.eps = 1e-3, .momentum = cumulative_average}> bn4;
  GroupNorm<2, 4> group;
  LayerNorm<Extents(2, 3)> layer;
  InstanceNorm2d<4, {.affine = true}> instance;
};
struct Convolutions {
  Conv1d<2, 4, 3, {.stride = 2, .padding = 1}> a;
  Conv2d<2, 4, Dims<2>(3, 5), {.padding = "same", .dilation = 2}> b;
  Conv3d<4, 4, 3, {.groups = 2, .bias = false}> c;
  Conv2d<3, 3, 1> d;
  Conv2d<4, 8, 3, {.stride = Dims<2>(2, 1), .padding = Dims<2>(1, 0)}> e;
};
struct Pools {
  MaxPool2d<2> a;
  MaxPool2d<3, {.stride = 2, .padding = 1, .ceil_mode = true}> b;
  AvgPool2d<2> c;
  MaxPool1d<2> d;
  AvgPool1d<3, {.stride = 1, .padding = 1}> e;
  MaxPool3d<Dims<3>(1, 2, 2)> f;
};
struct Dropouts {
  Dropout<> a;
  Dropout<0.25> b;
  Dropout1d<> c;
  Dropout2d<> d;
  Dropout3d<0.1> e;
  AlphaDropout<> f;
};

} // namespace corpus

TEST_CASE("shared modules and parameters are listed as PyTorch lists them") {
  check_corpus<corpus::Siamese>();
  check_corpus<corpus::SharedInList>();
  check_corpus<corpus::SharedAcross>();
  check_corpus<corpus::Chain>();
  check_corpus<corpus::TieAcrossLevels>();
  check_corpus<corpus::TiedBuffer>();
  check_corpus<corpus::TieIntoList>();
}
TEST_CASE("parameters, buffers and absent parts are listed as PyTorch lists them") {
  check_corpus<corpus::Mixed>();
  check_corpus<corpus::AbsentParts>();
  check_corpus<corpus::OnlyBuffers>();
  check_corpus<corpus::ParameterLists>();
  check_corpus<corpus::ParameterDicts>();
  check_corpus<corpus::InDouble>();
}
TEST_CASE("containers are listed and printed as PyTorch's") {
  check_corpus<corpus::Lists>();
  check_corpus<corpus::Dicts>();
  check_corpus<corpus::ListOfLists>();
  check_corpus<corpus::DictOfLists>();
  check_corpus<corpus::DeepNest>();
  check_corpus<corpus::ManyElements>();
  check_corpus<corpus::Bare>();
  check_corpus<corpus::EmptySequential>();
}
TEST_CASE("the text of user structs is printed where PyTorch prints it") {
  check_corpus<corpus::ExtraRepr>();
  check_corpus<corpus::ExtraReprInList>();
}
TEST_CASE("layers print their options as PyTorch's") {
  check_corpus<corpus::Activations>();
  check_corpus<corpus::Norms>();
  check_corpus<corpus::Convolutions>();
  check_corpus<corpus::Pools>();
  check_corpus<corpus::Dropouts>();
}
