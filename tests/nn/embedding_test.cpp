// SPDX-License-Identifier: BSL-1.0
#include "stator/nn/embedding.hpp"

#include "nn/layer_law.hpp"

#include "stator/nn/dropout.hpp"
#include "stator/nn/embedding_bag.hpp"
#include "stator/nn/rrelu.hpp"

using namespace stator;
using test::check_layer;
using test::Fixed;

TEST_CASE("Embedding agrees with PyTorch") {
  check_layer<nn::Embedding<6, 4>>("Embedding.default", Fixed<std::int64_t, 5>{});
  check_layer<nn::Embedding<6, 4, nn::EmbeddingOptions{.padding_idx = 2}>>("Embedding.padding_idx",
                                                                           Fixed<std::int64_t, 3, 4>{});
  check_layer<nn::Embedding<9, 3>>("Embedding.rank2", Fixed<std::int64_t, 2, 3>{});
}

TEST_CASE("Embedding refuses an index that is not a row") {
  Model<nn::Embedding<3, 2>> model;
  const Tensor<std::int64_t, 2> index{1, 3};
  CHECK(test::thrown<ValueError>([&] { (void)model(index).value(); }) ==
        "stator: embedding: index 3 at position 1 is out of range, the table has 3 rows");
}

TEST_CASE("EmbeddingBag agrees with PyTorch") {
  using Options = nn::EmbeddingBagOptions;
  constexpr Fixed<std::int64_t, 3, 3> bags;
  check_layer<nn::EmbeddingBag<6, 4, Options{.mode = "sum"}>>("EmbeddingBag.sum", bags);
  check_layer<nn::EmbeddingBag<6, 4>>("EmbeddingBag.mean", bags);
  check_layer<nn::EmbeddingBag<6, 4, Options{.mode = "max"}>>("EmbeddingBag.max", bags);
  check_layer<nn::EmbeddingBag<6, 4, Options{"sum", 2}>>("EmbeddingBag.padding_idx.sum", bags);
  check_layer<nn::EmbeddingBag<6, 4, Options{"mean", 2}>>("EmbeddingBag.padding_idx.mean", bags);
  check_layer<nn::EmbeddingBag<6, 4, Options{"max", 2}>>("EmbeddingBag.padding_idx.max", bags);
  check_layer<nn::EmbeddingBag<6, 4, Options{.mode = "sum"}>>("EmbeddingBag.weighted", bags,
                                                              test::In<3, 3>{"each"});
}

namespace {
/// Dropout draws its mask when it runs: once for value(), again for the backward of another expression.
template<class Layer, Index... E>
void check_dropout(const std::string& name) {
  const std::string prefix = name + ".";
  Model<Layer> model;
  Variable<float, E...> x;
  test::load(prefix + "x", x.values());
  manual_seed(5);
  auto y = model(x).value();
  test::compare<float>(prefix + "y", y.values());
  test::load(prefix + "dy", y.values());
  manual_seed(5);
  sum(mul(model(x), y)).backward();
  test::compare<float>(prefix + "dx", {x.grad_data(), static_cast<std::size_t>(x.numel())});
}
} // namespace

TEST_CASE("dropout draws PyTorch's masks, and the backward uses the forward's") {
  check_dropout<nn::Dropout<0.5>, 4, 9>("Dropout.half");
  check_dropout<nn::Dropout<0.2>, 4, 9>("Dropout.fifth");
  check_dropout<nn::Dropout2d<0.5>, 3, 4, 2, 2>("Dropout2d.half");
  check_dropout<nn::AlphaDropout<0.5>, 4, 9>("AlphaDropout.half");
  check_dropout<nn::FeatureAlphaDropout<0.5>, 3, 4, 2, 2>("FeatureAlphaDropout.half");
  check_dropout<nn::RReLU<>, 4, 9>("RReLU.default");
}

TEST_CASE("dropout does nothing in evaluation") {
  test::check_layer<nn::Dropout<0.5>, false>("Dropout.eval", test::In<4, 9>{});
  test::check_layer<nn::RReLU<0.1, 0.5>, false>("RReLU.eval", test::In<4, 9>{});
}
