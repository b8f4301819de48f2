// SPDX-License-Identifier: BSL-1.0
// Shared parameters and modules: one storage, gradients add up, a step is taken once, and copies and files
// keep it.
#include "catch.hpp"
#include "files.hpp"

#include "stator/io/checkpoint.hpp"
#include "stator/nn/linear.hpp"
#include "stator/ops/ops.hpp"
#include "stator/optim/optim.hpp"
#include "stator/run/evaluation.hpp"

using namespace stator;

namespace sharing_test {

struct Block {
  nn::Linear<3, 3> fc;
  constexpr auto forward(auto x) const { return x + (x | fc | nn::tanh); }
};
/// A chain of weights, one into an element of an array, and a whole module on another level.
template<bool Shared>
struct NetOf {
  nn::Linear<3, 3> a, b, c;
  std::array<Block, 2> blocks;
  struct Inner {
    Block block;
    nn::Linear<3, 3> last;
    constexpr auto forward(auto x) const { return x | block | last; }
  } inner;
  using shared = stator::ties<tie<"b.weight", "a.weight">, tie<"c.weight", "b.weight">,
                              tie<"blocks.1.fc.weight", "c.weight">, tie<"inner.block", "blocks.0">>;
  using ties = std::conditional_t<Shared, shared, stator::ties<>>;

  constexpr auto forward(auto x) const { return x | a | b | c | blocks[0] | blocks[1] | inner; }
};
using Net = NetOf<true>;
using Separate = NetOf<false>;

} // namespace sharing_test

namespace {

using sharing_test::Net;
using sharing_test::Separate;

constexpr std::array chain{"a.weight", "b.weight", "c.weight", "blocks.1.fc.weight"};
const Tensor<float, 2, 3> x{1, -2, 0.5, 0.25, 1, -1};

bool is_shared(const Model<Net>& model) {
  const auto at = [&](std::string_view name) { return model.get_parameter(name).raw(); };
  for (const char* name : chain)
    if (at(name) != at("a.weight")) return false;
  return at("inner.block.fc.weight") == at("blocks.0.fc.weight") &&
         at("inner.block.fc.bias") == at("blocks.0.fc.bias") && at("a.weight") != at("blocks.0.fc.weight");
}
auto element(const auto& model, std::string_view name, std::size_t i) {
  return model.get_parameter(name).template values<float>()[i];
}

} // namespace

TEST_CASE("ties in chains, into arrays and across levels: gradients add up, a step is taken once") {
  manual_seed(4);
  Model<Net> model;
  Model<Separate> separate;
  CHECK(is_shared(model));
  CHECK(model.parameters().size() == 9);
  CHECK(model.named_parameters(false).size() == 14);
  CHECK(separate.load_state_dict(model.state_dict()).empty()); // both names are there
  const auto loss = sum(model(x) * model(x));
  const auto separate_loss = sum(separate(x) * separate(x));
  loss.backward();
  separate_loss.backward();
  CHECK(loss.item() == Approx(separate_loss.item()));

  const auto grad = [](const auto& m, std::string_view name, std::size_t i) {
    return m.get_parameter(name).template grad<float>()[i];
  };
  for (std::size_t i = 0; i < 9; ++i) {
    float total = 0;
    for (const char* name : chain) total += grad(separate, name, i);
    CHECK(grad(model, "c.weight", i) == Approx(total));
    CHECK(grad(model, "inner.block.fc.weight", i) ==
          Approx(grad(separate, "inner.block.fc.weight", i) + grad(separate, "blocks.0.fc.weight", i)));
  }
  const float before = element(model, "a.weight", 4), slope = grad(model, "a.weight", 4);
  optim::SGD optimizer{model, {.lr = 0.125}};
  optimizer.step();
  for (const char* name : chain) CHECK(element(model, name, 4) == before - 0.125f * slope);
  CHECK(optim::clip_grad_norm_(model, 1e9) > 0);
  model.zero_grad();
  CHECK(grad(model, "blocks.1.fc.weight", 4) == 0);
}

TEST_CASE("copies, moves, files and checkpoints keep ties") {
  const test::TemporaryDirectory scratch;
  Model<Net> model;
  model->blocks[1].fc.weight(1, 1) = 42;
  model->inner.block.fc.bias(2) = 43;
  const auto check = [](const Model<Net>& m) {
    CHECK(is_shared(m));
    for (const char* name : chain) CHECK(element(m, name, 4) == 42);
    CHECK(element(m, "blocks.0.fc.bias", 2) == 43);
  };
  Model<Net> copy = model;
  check(copy);
  const Model<Net> moved = std::move(copy);
  check(moved);
  Model<Net> assigned;
  assigned = moved;
  check(assigned);
  for (const char* name : {"x.safetensors", "x.npz"}) {
    Model<Net> loaded;
    save(model, scratch / name);
    CHECK(stator::load(scratch / name).size() == 9); // each tensor once
    load(loaded, scratch / name);
    check(loaded);
  }
  Checkpoint out, in;
  Model<Net> resumed;
  out.add("net", model).save(scratch / "run");
  in.add("net", resumed).load(scratch / "run");
  check(resumed);
  // A network with separate weights takes such a file only where it has every name.
  Model<Separate> separate;
  CHECK(test::thrown<StateDictError>([&] { load(separate, scratch / "x.safetensors"); })
            .starts_with("stator: Error(s) in loading state_dict for NetOf:\n\tMissing key(s) in state_dict: "
                         "\"b.weight\""));
  save(model, scratch / "every", {.every_name = true});
  CHECK(load(separate, scratch / "every").empty());
  CHECK(separate->c.weight(1, 1) == 42);
}
