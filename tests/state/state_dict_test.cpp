// SPDX-License-Identifier: BSL-1.0
// state_dict and load_state_dict in memory; with files: tests/io/state_test.cpp.
#include "module/nets.hpp"

#include "catch.hpp"

#include "stator/nn/norm.hpp"

#include <map>

using namespace stator;
using namespace stator::test;

namespace {

struct Norm {
  nn::Linear<3, 3> fc;
  nn::BatchNorm1d<3> bn;
};
/// Both halves are one module.
struct Siamese {
  Norm left, right;
  using ties = stator::ties<tie<"right", "left">>;
};

template<class Net>
bool equal(const Model<Net>& a, const Model<Net>& b) {
  return std::ranges::equal(a.parameter_arena(), b.parameter_arena()) &&
         std::ranges::equal(a.buffer_arena(), b.buffer_arena());
}

template<class M>
StateDictError refusal(M& model, const StateDict& state, const LoadOptions& options = {}) {
  try {
    load_state_dict(model, state, options);
  } catch (const StateDictError& error) {
    return error;
  }
  throw std::logic_error("was loaded");
}

} // namespace

TEST_CASE("state_dict is an ordered dictionary of views of the model's memory") {
  Model<Block> model;
  StateDict state = model.state_dict();
  std::string names;
  for (const auto& [name, tensor] : model.state_dict())
    names += name + ' ' + std::to_string(tensor.numel()) + ' ';
  CHECK(names == "fc.weight 9 fc.bias 3 scale.gain 3 scale.shift 1 scale.running 3 ");
  CHECK(state.size() == 5);
  CHECK(state["scale.gain"].data == model.get_parameter("scale.gain").raw());
  model->scale.gain(1) = 4;
  CHECK(state["scale.gain"].to<std::vector<float>>()[1] == 4);
  CHECK(state["scale.gain"].to<std::array<double, 3>>()[1] == 4);
  CHECK(state["fc.weight"].to<Tensor<float, 3, 3>>()(2, 1) == model->fc.weight(2, 1));
  CHECK(state["fc.weight"].to<Tensor<double, dynamic, 3>>().size(0) == 3);
  CHECK(state["scale.shift"].to<float>() == model->scale.shift());
  CHECK(thrown<KeyError>([&] { (void)state["scale.gian"]; }) ==
        "stator: the state_dict has no 'scale.gian', did you mean scale.gain or scale.shift or fc.bias?");
  CHECK(thrown<ShapeError>([&] { (void)state["fc.weight"].to<Tensor<float, 3, 4>>(); }) ==
        "stator: 'fc.weight' has shape torch.Size([3, 3]), expected torch.Size([3, 4])");
  CHECK(thrown<ValueError>([&] { (void)state["fc.bias"].to<std::vector<std::int32_t>>(); }) ==
        "stator: 'fc.bias' holds F32, which does not convert to I32 without loss");

  // What is inserted is copied, and stands in the place of what had the name.
  {
    const std::vector<double> twos(3, 2.0);
    state.insert_or_assign("scale.gain", twos);
    state.insert_or_assign("note", std::string("text"));
  }
  CHECK((state.begin() + 2)->name == "scale.gain");
  CHECK((state.begin() + 2)->type == StorageType::F64);
  const StateDict copy = state;
  state = {};
  CHECK(copy["scale.gain"].to<std::vector<double>>() == std::vector<double>{2, 2, 2});
  CHECK(copy["note"].to<std::string>() == "text");
  CHECK(model->scale.gain(1) == 4);

  CHECK(state_dict(model.get<"scale">()).size() == 3);
  CHECK(state_dict(model.get<"scale">())["gain"].data == model.get_parameter("scale.gain").raw());
  CHECK_THROWS_AS(state_dict(Block()), UnboundError);
}

TEST_CASE("a state_dict without hooks and one with a hook that does nothing are the same") {
  const auto check = []<class Net>(std::type_identity<Net>) {
    Model<Net> model;
    const StateDict plain = model.state_dict();
    const auto hook = model.register_state_dict_hook([](StateDict&, std::string_view) {});
    CHECK(model.has_state_hooks());
    const StateDict hooked = model.state_dict();
    REQUIRE(plain.size() == hooked.size());
    CHECK(plain.has_metadata());
    CHECK(std::ranges::equal(plain, hooked, [](const StateTensor& a, const StateTensor& b) {
      return a.name == b.name && a.type == b.type && a.shape == b.shape && a.data == b.data;
    }));
    hook.remove();
    CHECK_FALSE(model.has_state_hooks());
  };
  check(std::type_identity<Block>{});
  check(std::type_identity<Norm>{});
  check(std::type_identity<Siamese>{});
}

TEST_CASE("names of a state_dict are changed by rules, all or none") {
  const float x = 1;
  StateDict state{{"module.a.w", x}, {"module.b.w", x}, {"step", x}};
  state.rename("module.*", "*");
  CHECK(state.contains("a.w"));
  CHECK(thrown<ValueError>([&] { state.rename("*.w", "w"); }) ==
        "stator: state_dict: 'a.w' and 'b.w' would both be 'w'");
  CHECK(state.contains("a.w"));
  state.rename(std::array{Rename{"a.*", "b.*"}, Rename{"b.*", "a.*"}, Rename{"*", ""}});
  CHECK(state.size() == 2);
  CHECK(state.begin()->name == "b.w");
  CHECK_THROWS_AS(StateDict({*state.begin(), *state.begin()}, nullptr), ValueError);
}

TEST_CASE("load_state_dict takes another model's state, a map, a list") {
  Model<Deep> from, to;
  for (const TensorRef p : from.parameters()) p.values<float>()[0] += 1;
  from->blocks[1].scale.running(2) = 7;
  CHECK_FALSE(equal(from, to));
  CHECK(to.load_state_dict(from.state_dict()).empty());
  CHECK(equal(from, to));

  std::map<std::string, TensorRef> map;
  for (const auto& [name, tensor] : from.named_parameters()) map[std::string(name)] = tensor;
  Model<Deep> third;
  const IncompatibleKeys keys = third.load_state_dict(map, {.strict = false});
  CHECK(keys.missing_keys == std::vector<std::string>{"blocks.0.scale.running", "blocks.1.scale.running"});
  CHECK(std::ranges::equal(from.parameter_arena(), third.parameter_arena()));
  CHECK(Model<Deep>().load_state_dict(from.named_parameters(), {.strict = false}).unexpected_keys.empty());

  const Tensor<double, 2> own{3, 4};
  CHECK(third.load_state_dict({{"own", own}, {"more", 1}}, {.strict = false, .allow_lossy = true})
            .unexpected_keys == std::vector<std::string>{"more"});
  CHECK(third->own(1) == 4);

  // One module of a model, by its type or by its path.
  const StateDict block = state_dict(from.get<"blocks.1">());
  CHECK(load_state_dict(third.get<"blocks.0">(), block).empty());
  CHECK(third->blocks[0].scale.running(2) == 7);
  for (float& x : third->blocks[1].scale.running.values()) x = 0;
  CHECK(third.load_state_dict(block, {.into = "blocks.1"}).empty());
  CHECK(third->blocks[1].scale.running(2) == 7);
}

TEST_CASE("a model takes its own state, names exchanged") {
  Model<Deep> model;
  model->blocks[0].fc.bias(0) = 1;
  model->blocks[1].fc.bias(0) = 2;
  CHECK(model.load_state_dict(model.state_dict()).empty());
  CHECK(model->blocks[1].fc.bias(0) == 2);
  model.load_state_dict(model.state_dict(),
                        {.rename = {{"blocks.0.*", "blocks.1.*"}, {"blocks.1.*", "blocks.0.*"}}});
  CHECK(model->blocks[0].fc.bias(0) == 2);
  CHECK(model->blocks[1].fc.bias(0) == 1);
}

TEST_CASE("everything that does not fit is in one error, and nothing is changed") {
  Model<Deep> model;
  const Model<Deep> before = model;
  StateDict state = model.state_dict();
  state.insert_or_assign("own", std::vector<float>{5, 6});
  state.insert_or_assign("head.weight", std::vector<float>(3));
  state.insert_or_assign("blocks.0.fc.bias", std::vector<double>(3));
  state.erase("blocks.1.scale.gain");
  state.insert_or_assign("blocks.2.fc.bias", std::vector<float>(3));
  const StateDictError error = refusal(model, state);
  CHECK(std::string(error.what()) == "stator: Error(s) in loading state_dict for Deep:\n"
                                     "\tMissing key(s) in state_dict: \"blocks.1.scale.gain\". \n"
                                     "\tUnexpected key(s) in state_dict: \"blocks.2.fc.bias\". \n"
                                     "\tdtype mismatch for blocks.0.fc.bias: copying a param with dtype F64 "
                                     "from checkpoint, the dtype in current "
                                     "model is F32, allow_lossy is needed to convert.\n"
                                     "\tsize mismatch for head.weight: copying a param with shape "
                                     "torch.Size([3]) from checkpoint, the shape in "
                                     "current model is torch.Size([3, 3]).");
  CHECK(error.keys.missing_keys == std::vector<std::string>{"blocks.1.scale.gain"});
  CHECK(equal(model, before));
  state.erase("head.weight");
  const LoadOptions partial{.strict = false, .allow_lossy = true, .only = {"own", "blocks.*"}};
  CHECK(model.load_state_dict(state, partial).missing_keys ==
        std::vector<std::string>{"blocks.1.scale.gain"});
  CHECK(model->own(1) == 6);
  CHECK(std::ranges::equal(model->head.weight.values(), before->head.weight.values()));
}

TEST_CASE("shared tensors load under any of their names, and stay shared") {
  Model<test::Tied> model;
  StateDict state = model.state_dict();
  CHECK(state.size() == 6);
  CHECK(state["wte.weight"].data == state["lm_head.weight"].data);
  const Tensor<float, 6, 4> embedding = [] {
    Tensor<float, 6, 4> x;
    x.fill_(3);
    return x;
  }();
  state.erase("wte.weight");
  CHECK(model.load_state_dict(state).empty());
  state.insert_or_assign("lm_head.weight", embedding);
  CHECK(model.load_state_dict(state).empty());
  CHECK(model->wte.weight(5, 3) == 3);
  CHECK(model->wte.weight.data() == model->lm_head.weight.data());
  state.insert_or_assign("wte.weight", Tensor<float, 6, 4>());
  CHECK_THAT(refusal(model, state).what(),
             contains("\"wte.weight\" and \"lm_head.weight\" are one tensor in current model, but differ"));
}

TEST_CASE("a state without num_batches_tracked is taken where it may be old, as PyTorch does") {
  Model<Siamese> model;
  model->left.bn.num_batches_tracked() = 5;
  StateDict state = model.state_dict();
  state.erase("right.bn.num_batches_tracked"); // the other name is there: nothing is missing
  CHECK(model.load_state_dict(state).empty());
  state.set_has_metadata(false);
  CHECK(model.load_state_dict(state).empty());
  CHECK(model->right.bn.num_batches_tracked() == 5);

  state.erase("left.bn.num_batches_tracked");
  CHECK(model.load_state_dict(state).empty());
  CHECK(model->left.bn.num_batches_tracked() == 0);
  model->left.bn.num_batches_tracked() = 5;
  CHECK(model.load_state_dict(state, {.only = {"*.weight"}}).empty());
  CHECK(model->left.bn.num_batches_tracked() == 5);
  CHECK(load_state_dict(model->left, state, {.rename = {{"left.*", "*"}, {"*", ""}}}).empty());
  CHECK(model->left.bn.num_batches_tracked() == 0);

  state.set_has_metadata(true); // of today's modules: then it has been lost
  CHECK(refusal(model, state).keys.missing_keys ==
        std::vector<std::string>{"left.bn.num_batches_tracked", "right.bn.num_batches_tracked"});
}
