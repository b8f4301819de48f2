// SPDX-License-Identifier: BSL-1.0
#include "stator/nn/container.hpp"

#include "catch.hpp"

#include "stator/model/model.hpp"
#include "stator/nn/nn.hpp"
#include "stator/ops/ops.hpp"
#include "stator/run/evaluation.hpp"

#include <sstream>

using namespace stator;

namespace {

using Mlp = nn::Sequential<nn::Linear<4, 3>, nn::ReLU, nn::Linear<3, 2>>;
struct Nested {
  nn::Sequential<Mlp, nn::ReLU> backbone;
  nn::Sequential<nn::Linear<2, 2>> head;
  constexpr auto forward(auto x) const { return x | backbone | head; }
};

/// Uses a part of a Sequential; an empty part is its input.
struct Tail {
  Mlp net;
  constexpr auto forward(auto y) const { return net.run<3>(net.run<0, 0>(y)); }
};

template<class M>
std::string text_of() {
  std::ostringstream out;
  out << Model<M>();
  return out.str();
}

} // namespace

TEST_CASE("the parts of a Sequential are called 0, 1, ...") {
  Model<Nested> model;
  std::string names;
  for (auto [name, parameter] : model.named_parameters()) names += std::string(name) + " ";
  CHECK(names == "backbone.0.0.weight backbone.0.0.bias backbone.0.2.weight backbone.0.2.bias head.0.weight "
                 "head.0.bias ");
  CHECK(&model.get<"backbone.0.2.weight">() == &model->backbone.get<0>().get<2>().weight);
}

TEST_CASE("a Sequential calls its parts in order") {
  manual_seed(1);
  Model<Mlp> model;
  const Tensor<float, 2, 4> x{1, 2, 3, 4, -1, 0, 1, 2};
  const auto y = model(x).value();
  const auto hidden = nn::relu(nn::linear(x, model->get<0>().weight, model->get<0>().bias)).value();
  const auto expected = nn::linear(hidden, model->get<2>().weight, model->get<2>().bias).value();
  for (Index i = 0; i < 4; ++i) CHECK(y.data()[i] == expected.data()[i]);
}

TEST_CASE("a Sequential is indexed by constants, called in part and walked") {
  Model<Mlp> model;
  const Tensor<float, 2, 4> x{1, 2, 3, 4, -1, 0, 1, 2};
  const auto equal = [](const auto& a, const auto& b) {
    return std::ranges::equal(a.value().values(), b.value().values());
  };
  CHECK(equal(model->run<0, 2>(x), nn::relu(x | model->get<0>())));
  CHECK(equal(model->run<1>(x | model->get<0>()), model(x)));
  CHECK(equal(x | *model, model(x)));
  STATIC_REQUIRE(Mlp::size() == 3);
  STATIC_REQUIRE(std::is_same_v<decltype(model->get<2>()), nn::Linear<3, 2>&>);
  std::string parts;
  model->for_each([&]<class M>(const M&) { parts += std::string(reflect::class_name<M>()) + " "; });
  CHECK(parts == "Linear ReLU Linear ");
  CHECK(Model<Tail>()(x).value()(1, 0) == -1);
}

TEST_CASE("layers print as in PyTorch 1.13") {
  CHECK(text_of<Mlp>() ==
        "Sequential(\n  (0): Linear(in_features=4, out_features=3, bias=True)\n  (1): ReLU()\n  (2): "
        "Linear(in_features=3, out_features=2, bias=True)\n)");
  CHECK(repr(nn::ZeroPad2d<1>{}) == "ZeroPad2d((1, 1, 1, 1))");
  CHECK(repr(nn::ConstantPad1d<3.5, 2>{}) == "ConstantPad1d(padding=(2, 2), value=3.5)");
  CHECK(repr(nn::ReplicationPad3d<1>{}) == "ReplicationPad3d((1, 1, 1, 1, 1, 1))");
  CHECK(repr(nn::Upsample<nn::InterpolateOptions{.scale_factor = {2}}>{}) ==
        "Upsample(scale_factor=2.0, mode=nearest)");
  CHECK(repr(nn::Upsample<nn::InterpolateOptions{.size = {5, 7}, .mode = "bilinear"}>{}) ==
        "Upsample(size=(5, 7), mode=bilinear)");
  CHECK(repr(nn::PixelShuffle<2>{}) == "PixelShuffle(upscale_factor=2)");
  CHECK(repr(nn::Identity{}) == "Identity()");
  CHECK(repr(nn::Flatten<>{}) == "Flatten(start_dim=1, end_dim=-1)");
  CHECK(repr(nn::Unflatten<1, 2, 3>{}) == "Unflatten(dim=1, unflattened_size=(2, 3))");
  CHECK(repr(nn::GELU{}) == "GELU(approximate='none')");
  CHECK(repr(nn::LeakyReLU<>{}) == "LeakyReLU(negative_slope=0.01)");
  CHECK(repr(nn::ELU<>{}) == "ELU(alpha=1.0)");
  CHECK(repr(nn::Softplus<>{}) == "Softplus(beta=1, threshold=20)");
  CHECK(repr(nn::Threshold<0.1, 20.0>{}) == "Threshold(threshold=0.1, value=20.0)");
  CHECK(repr(nn::Softmax<1>{}) == "Softmax(dim=1)");
  CHECK(repr(nn::Dropout2d<>{}) == "Dropout2d(p=0.5, inplace=False)");
  CHECK(repr(nn::Embedding<3, 4, nn::EmbeddingOptions{.padding_idx = 0}>{}) ==
        "Embedding(3, 4, padding_idx=0)");
  CHECK(repr(nn::BatchNorm1d<3, nn::BatchNormOptions{.momentum = nn::cumulative_average}>{}) ==
        "BatchNorm1d(3, eps=1e-05, momentum=None, affine=True, track_running_stats=True)");
  CHECK(repr(nn::LayerNorm<Extents(3, 4)>{}) == "LayerNorm((3, 4), eps=1e-05, elementwise_affine=True)");
  CHECK(repr(nn::InstanceNorm1d<3>{}) ==
        "InstanceNorm1d(3, eps=1e-05, momentum=0.1, affine=False, track_running_stats=False)");
  CHECK(repr(nn::CrossEntropyLoss<>{}) == "CrossEntropyLoss()");
  CHECK(repr(nn::MultiheadAttention<4, 2>{}) ==
        "MultiheadAttention(\n  (out_proj): NonDynamicallyQuantizableLinear("
        "in_features=4, out_features=4, bias=True)\n)");
}
