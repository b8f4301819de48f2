// SPDX-License-Identifier: BSL-1.0
// Models over memory that holds elements already: adopted, or read only.
#include "module/nets.hpp"

#include "catch.hpp"

#include "stator/model/read_only_model.hpp"
#include "stator/nn/loss.hpp"
#include "stator/nn/norm.hpp"
#include "stator/optim/optim.hpp"

#include <array>
#include <sstream>
#include <vector>

using namespace stator;
using namespace stator::test;

namespace {

struct alignas(64) Line {
  std::byte bytes[64];
};
/// A copy of what a model holds, in memory of the test.
std::vector<Line> copy_of(std::span<const std::byte> bytes) {
  std::vector<Line> lines((bytes.size() + 63) / 64);
  std::ranges::copy(bytes, std::as_writable_bytes(std::span(lines)).begin());
  return lines;
}
std::span<std::byte> bytes_of(std::vector<Line>& lines) { return std::as_writable_bytes(std::span(lines)); }

} // namespace

namespace read_only_test {
struct Net {
  nn::Linear<3, 4> fc;
  nn::BatchNorm1d<4> bn;
  nn::Linear<4, 2> head;
  constexpr auto forward(auto x) const { return x | fc | bn | nn::relu | head; }
};
} // namespace read_only_test

using read_only_test::Net;

TEST_CASE("a model adopts what its memory holds") {
  using M = Model<Net>;
  manual_seed(3);
  M model;
  const Tensor<float, 4, 3> x{1, 2, 3, -1, 0, 1, 0.5, 0.25, -2, 1, 1, -1};
  const Tensor<std::int64_t, 4> y{0, 1, 1, 0};
  nn::cross_entropy(model(x), y).backward();
  auto parameters = copy_of(std::as_bytes(model.parameter_arena()));
  auto gradients = copy_of(std::as_bytes(model.gradient_arena()));
  auto buffers = copy_of(model.buffer_arena());
  std::array<GradState, M::parameter_table.size()> states{};
  states[1] = {true, true};
  const auto random = get_rng_state();
  M adopted{adopt, {bytes_of(parameters), bytes_of(gradients), bytes_of(buffers), states}};
  CHECK(get_rng_state() == random); // no random number was drawn
  CHECK(adopted->fc.weight.data() == reinterpret_cast<float*>(parameters.data()));
  CHECK(std::ranges::equal(adopted.parameter_arena(), model.parameter_arena()));
  CHECK(std::ranges::equal(adopted.gradient_arena(), model.gradient_arena()));
  CHECK(std::ranges::equal(adopted->bn.running_mean.values(), model->bn.running_mean.values()));
  CHECK(adopted->fc.bias.has_grad());
  CHECK_FALSE(adopted->fc.bias.requires_grad());
  adopted.requires_grad_();
  optim::SGD one{model, {.lr = 0.1}}, two{adopted, {.lr = 0.1}};
  one.step(), two.step();
  CHECK(std::ranges::equal(adopted.parameter_arena(), model.parameter_arena()));
  CHECK(std::ranges::equal(adopted.eval()(x).value().values(), model.eval()(x).value().values()));
  CHECK_THROWS_AS((M{adopt, ModelMemory{}}), ValueError);
  // Without states of the caller.
  const M again{adopt, {bytes_of(parameters), bytes_of(gradients), bytes_of(buffers)}};
  CHECK(again->fc.weight.has_grad());
  CHECK(again->fc.weight(0, 0) == model->fc.weight(0, 0));
}

TEMPLATE_TEST_CASE("a read-only model computes what the model does, from memory that is const", "",
                   freeze<"fc">, freeze<"head">) {
  manual_seed(3);
  Model<Net, TestType> model;
  const Tensor<float, 4, 3> x{1, 2, 3, -1, 0, 1, 0.5, 0.25, -2, 1, 1, -1};
  (void)sum(model(x)).item(); // running statistics
  auto parameters = copy_of(std::as_bytes(model.parameter_arena()));
  const auto buffers = copy_of(model.buffer_arena());
  using R = ReadOnlyModel<Net, TestType>;
  const ReadOnlyMemory memory{std::as_bytes(std::span(parameters)), std::as_bytes(std::span(buffers))};
  const R fixed{memory};
  const R copy = fixed;
  CHECK(std::ranges::equal(fixed(x).value().values(), model.eval()(x).value().values()));
  CHECK(std::ranges::equal(copy.eval()(x).value().values(), model.eval()(x).value().values()));
  STATIC_REQUIRE(std::same_as<decltype(fixed.template get<"fc.weight">()), TensorView<const float, 4, 3>>);
  CHECK(fixed.template get<"bn.running_var">()(1) == model->bn.running_var(1));
  CHECK(fixed.template get<"fc.weight">().data() == reinterpret_cast<const float*>(parameters.data()) +
                                                        model.template offset<"fc.weight"> / sizeof(float));
  std::size_t seen = 0;
  for (const auto& [name, tensor] : fixed.named_parameters()) {
    const std::span<const float> values = tensor.template values<float>();
    CHECK(std::ranges::equal(values, model.get_parameter(name).template values<float>()));
    CHECK(tensor.shape() == model.get_parameter(name).shape());
    ++seen;
  }
  CHECK(seen == 6);
  CHECK(fixed.named_buffers().size() == 3);
  Model<Net> other;
  other.load_state_dict(fixed.state_dict());
  CHECK(std::ranges::equal(other.eval()(x).value().values(), fixed(x).value().values()));
  std::ostringstream mine, theirs;
  mine << fixed;
  theirs << model;
  CHECK(mine.str() == theirs.str());
  // Inputs may want a gradient, parameters have none.
  Variable<float, 4, 3> input{Tensor<float, 4, 3>(x)};
  sum(fixed(input)).backward();
  CHECK(input.grad()(0, 0) != 0);
  CHECK(thrown<ValueError>([&] {
          R{{memory.parameters.first(64), memory.buffers}};
        }).starts_with("stator: ReadOnlyModel: the memory for parameters has 64 bytes, needs "));
  CHECK(thrown<ValueError>([&] { R{{memory.parameters.subspan(4), memory.buffers}}; }).find("bytes, needs") !=
        std::string::npos);
}
