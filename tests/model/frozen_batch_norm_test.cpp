// SPDX-License-Identifier: BSL-1.0
// BatchNorm in a frozen part: `freeze` alone leaves it in training, as requires_grad_(False) does in PyTorch:
// it normalises with the batch and its running statistics follow. With `eval_mode` it uses them and they
// stay.
#include "catch.hpp"

#include "stator/model/model.hpp"
#include "stator/nn/container.hpp"
#include "stator/nn/linear.hpp"
#include "stator/nn/norm.hpp"
#include "stator/ops/ops.hpp"
#include "stator/optim/sgd.hpp"
#include "stator/run/evaluation.hpp"

using namespace stator;

namespace frozen_batch_norm {
struct Net {
  nn::Sequential<nn::Linear<3, 4>, nn::BatchNorm1d<4>> backbone;
  nn::Linear<4, 2> head;
  constexpr auto forward(auto x) const { return x | backbone | head; }
};
} // namespace frozen_batch_norm

namespace {

using frozen_batch_norm::Net;

/// What a step of training did.
template<class M>
struct Step {
  M model = [] {
    manual_seed(0);
    M m;
    auto& bn = m->backbone.template get<1>();
    for (Index c = 0; c < 4; ++c) bn.running_mean(c) = 0.5f, bn.running_var(c) = 2 + static_cast<float>(c);
    return m;
  }();
  float loss = 0;

  Step() {
    const Tensor<float, 3, 3> x{1, 2, 3, -1, 0.5, 2, 3, 1, -2};
    const Tensor<std::int64_t, 3> y{1, 0, 1};
    optim::SGD optimizer{model, {.lr = 0.1}};
    const auto l = nn::cross_entropy(model(x), y);
    using Program = run::Program<std::remove_cvref_t<decltype(l)>, true>;
    nodes = static_cast<int>(Program::computed_nodes);
    updates = Program::count("BatchNormUpdate");
    products = Program::count("Mm");
    l.backward();
    loss = l.item();
    optimizer.step();
    evaluated = nn::cross_entropy(model.eval()(x), y).item();
  }
  auto& bn() { return model->backbone.template get<1>(); }
  int nodes = 0, updates = 0, products = 0;
  float evaluated = 0;
};

} // namespace

TEST_CASE("BatchNorm in a frozen part is trained or evaluated as the user says") {
  Step<Model<Net>> all;
  Step<Model<Net, freeze<"backbone.*">>> frozen;
  Step<Model<Net, freeze<"backbone.*">, eval_mode<"backbone">>> evaluated;
  Step<Model<Net, eval_mode<"*.1">>> only_evaluated;

  // No gradient storage: what is left is the head's.
  STATIC_REQUIRE(decltype(all.model)::gradient_bytes == 6 * 64);
  STATIC_REQUIRE(decltype(frozen.model)::gradient_bytes == 2 * 64);
  STATIC_REQUIRE(decltype(evaluated.model)::gradient_bytes == 2 * 64);
  STATIC_REQUIRE(decltype(frozen.model)::trainable_count == 10);
  STATIC_REQUIRE(decltype(frozen.model)::buffer_bytes == decltype(all.model)::buffer_bytes);
  CHECK(frozen.model->backbone.get<0>().weight.grad_data() == nullptr);

  // No backward code for the frozen part, no statistics where it is evaluated.
  CHECK(all.updates == 2);
  CHECK(frozen.updates == 2);
  CHECK(evaluated.updates == 0);
  CHECK(all.products == 3); // gradients of both weights, and of what goes into the head
  CHECK(frozen.products == 1);
  CHECK(evaluated.products == 1);
  CHECK(only_evaluated.products == all.products);
  CHECK(frozen.nodes < all.nodes);
  CHECK(evaluated.nodes < frozen.nodes);

  // Statistics of the batch, and running ones that follow, without a gradient as with one.
  CHECK(frozen.loss == all.loss);
  CHECK(frozen.bn().num_batches_tracked() == 1);
  CHECK(all.bn().num_batches_tracked() == 1);
  CHECK(std::ranges::equal(frozen.bn().running_mean.values(), all.bn().running_mean.values()));
  CHECK(std::ranges::equal(frozen.bn().running_var.values(), all.bn().running_var.values()));
  CHECK(frozen.bn().running_mean(0) != 0.5f);

  // Running statistics that stay.
  CHECK(evaluated.bn().num_batches_tracked() == 0);
  CHECK(evaluated.bn().running_mean(0) == 0.5f);
  CHECK(evaluated.bn().running_var(3) == 5);
  CHECK(evaluated.loss != frozen.loss);
  CHECK(only_evaluated.loss == evaluated.loss);
  CHECK(only_evaluated.bn().running_mean(0) == 0.5f);

  // Frozen weights stay, others do not.
  CHECK(frozen.bn().weight(0) == 1);
  CHECK(evaluated.bn().weight(0) == 1);
  CHECK(only_evaluated.bn().weight(0) != 1);
  CHECK(frozen.evaluated != frozen.loss);
}
