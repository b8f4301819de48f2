// SPDX-License-Identifier: BSL-1.0
// What has been moved from says so, whatever is asked of it.
#include "module/nets.hpp"

#include "catch.hpp"
#include "files.hpp"

#include "stator/io/checkpoint.hpp"
#include "stator/model/parameters_to_vector.hpp"
#include "stator/nn/activation.hpp"
#include "stator/nn/loss.hpp"
#include "stator/optim/averaged_model.hpp"
#include "stator/optim/optim.hpp"

#include <sstream>

using namespace stator;
using namespace stator::test;

namespace moved_from_test {
struct Empty {
  nn::ReLU act{};
  constexpr auto forward(auto x) const { return x | act; }
};
} // namespace moved_from_test
using moved_from_test::Empty;

TEST_CASE("a model that has been moved from says so") {
  const test::TemporaryDirectory scratch;
  Model<Deep> model;
  optim::SGD optimizer{model, {.momentum = 0.9}};
  optim::AveragedModel average{model};
  save(model, scratch / "x.safetensors");
  const StateDict state = StateDict(model.named_parameters());
  Model<Deep> moved = std::move(model);
  const std::string text = "stator: Deep: this model has no memory: it has been moved from";
  const auto refused = [&](auto f) { CHECK(thrown<UnboundError>(f) == text); };
  refused([&] { model.zero_grad(); });
  refused([&] { (void)model.has_grad(0); });
  refused([&] { model.requires_grad_(false); });
  refused([&] { model.requires_grad_<"head">(false); });
  refused([&] { (void)model.named_parameters(); });
  refused([&] { (void)model.named_buffers(); });
  refused([&] { (void)model.parameters(); });
  refused([&] { (void)model.parameters<"*.bias">(); });
  refused([&] { (void)model.get_parameter("own"); });
  refused([&] { (void)model.get_submodule("head"); });
  refused([&] { (void)model.children(); });
  refused([&] { model.reset_parameters(); });
  refused([&] { model.apply([](auto&) {}); });
  refused([&] { (void)model.state_dict(); });
  refused([&] { model.load_state_dict(state); });
  refused([&] { load(model, scratch / "x.safetensors"); });
  refused([&] { save(model, scratch / "y.safetensors"); });
  refused([&] { (void)nn::parameters_to_vector(model); });
  refused([&] { (void)optim::clip_grad_norm_(model, 1); });
  refused([&] { optim::clip_grad_value_(model, 1); });
  CHECK_FALSE(std::filesystem::exists(scratch / "y.safetensors"));
  refused([&] { optimizer.zero_grad(); });
  CHECK(thrown<UnboundError>([&] {
          optimizer.step();
        }).starts_with("stator: an optimizer's model has no memory: it has been moved from"));
  Checkpoint checkpoint;
  checkpoint.add("optimizer", optimizer);
  CHECK_THROWS_AS(checkpoint.save(scratch / "y.safetensors"), UnboundError);
  CHECK_THROWS_AS(average.update_parameters(model), UnboundError);
  const Tensor<float, 2, 3> x;
  CHECK_THROWS_AS(model(x).value(), UnboundError);
  CHECK(thrown<UnboundError>([&] { (void)model->own(0); }) ==
        "stator: a tensor of shape [2] has no memory: it has been moved from, or belongs to no Model");
  CHECK_THROWS_AS(model->head.weight.values(), UnboundError);
  // The other one is whole, and the first can be one again.
  moved.zero_grad();
  model = moved;
  optimizer.step();
  model.zero_grad();
}

TEST_CASE("a network without parameters has nothing to lose") {
  Model<Empty> model;
  const Model<Empty> moved = std::move(model);
  model.zero_grad();
  CHECK(model.named_parameters().size() == 0);
  CHECK(model(Tensor<float, 2>{-1, 1}).value()(0) == 0);
}

TEST_CASE("a tensor that has been moved from says so") {
  Tensor<float, 2, 3> a{1, 2, 3, 4, 5, 6};
  Tensor<float, dynamic, 3> b(2);
  Variable<float> c{1};
  const auto moved_a = std::move(a);
  const auto moved_b = std::move(b);
  const auto moved_c = std::move(c);
  const auto refused = [](auto&& f, const std::string& shape) {
    CHECK(thrown<UnboundError>(f) == "stator: a tensor of shape " + shape +
                                         " has no memory: it has been moved from, or belongs to no Model");
  };
  refused([&] { (void)a(0, 0); }, "[2, 3]");
  refused([&] { (void)std::as_const(a)(0, 0); }, "[2, 3]");
  refused([&] { (void)a.values(); }, "[2, 3]");
  refused([&] { (void)a.begin(); }, "[2, 3]");
  refused([&] { (void)a.view()(0, 0); }, "[2, 3]");
  refused([&] { a.fill_(1); }, "[2, 3]");
  refused([&] { (void)Tensor<float, 2, 3>(a); }, "[2, 3]");
  refused([&] { (void)(std::ostringstream() << a); }, "[2, 3]");
  refused([&] { (void)exp(a).value(); }, "[2, 3]");
  refused([&] { (void)b(0, 0); }, "[2, 3]");
  refused([&] { (void)sum(b).item(); }, "[2, 3]");
  refused([&] { (void)c.item(); }, "[]");
  refused([&] { (c * c).backward(); }, "[]");
  a = moved_a;
  CHECK(a(1, 2) == 6);
  CHECK(Tensor<float, dynamic, 3>(TensorView<const float, dynamic, 3>()).numel() ==
        0); // nothing is enough for nothing
}
