// SPDX-License-Identifier: BSL-1.0
// Functions around state_dict and load_state_dict. Their order is compared with PyTorch's in
// state_reference_test.cpp.
#include "module/nets.hpp"

#include "catch.hpp"

#include "stator/io/state.hpp"

#include "files.hpp"

using namespace stator;
using namespace stator::test;

namespace {
using Names = std::vector<std::string>;

Names names_of(const StateDict& state) {
  Names names;
  for (const StateTensor& t : state) names.push_back(t.name);
  return names;
}
} // namespace

TEST_CASE("a pre-hook gives the names of an old checkpoint those of today") {
  Model<Deep> model;
  StateDict old = model.state_dict();
  old.rename("blocks.*.fc.*", "blocks.*.linear.*");
  old.rename("blocks.1.scale.gain", "blocks.1.scale.g");
  old.insert_or_assign("blocks.0.linear.bias", std::vector<float>{1, 2, 3});
  old.insert_or_assign("blocks.1.scale.g", std::vector<float>{4, 5, 6});
  CHECK_THROWS_AS(model.load_state_dict(old), StateDictError);

  const auto to_fc = [](StateDict& state, std::string_view prefix) {
    state.rename(std::string(prefix) + "linear.*", std::string(prefix) + "fc.*");
  };
  const auto to_gain = [](StateDict& state, std::string_view prefix) {
    state.rename(std::string(prefix) + "g", std::string(prefix) + "gain");
  };
  // At the call, or registered with the module that has changed.
  CHECK(model
            .load_state_dict(old, {.pre_hooks = {[](StateDict& state, std::string_view prefix) {
                                                   CHECK(prefix.empty());
                                                   state.rename("*.linear.*", "*.fc.*");
                                                 },
                                                 [](StateDict& state, std::string_view) {
                                                   state.rename("*.g", "*.gain");
                                                 }}})
            .empty());
  CHECK(model->blocks[0].fc.bias(2) == 3);
  CHECK(model->blocks[1].scale.gain(0) == 4);
  model->blocks[0].fc.bias(2) = model->blocks[1].scale.gain(0) = 0;

  const HookHandle first = model.register_load_state_dict_pre_hook<"blocks.0">(to_fc);
  model.register_load_state_dict_pre_hook<"blocks.1">(to_fc);
  model.register_load_state_dict_pre_hook<"blocks.1.scale">(to_gain);
  CHECK(model.load_state_dict(old).empty());
  CHECK(model->blocks[0].fc.bias(2) == 3);
  CHECK(model->blocks[1].scale.gain(0) == 4);
  CHECK(old.contains("blocks.0.linear.bias")); // hooks change a copy

  // Of one module: those at and below it.
  StateDict block;
  for (const StateTensor& t : old) block.insert_view(t);
  block.rename(std::array{Rename{"blocks.1.*", "*"}, Rename{"*", ""}});
  CHECK(model.load_state_dict(block, {.into = "blocks.1"}).empty());

  // Copies have hooks of their own; a handle works on the model it is of, wherever that has gone.
  Model<Deep> copy = model;
  Model<Deep> moved = std::move(model);
  first.remove();
  first.remove();
  CHECK_THROWS_AS(moved.load_state_dict(old), StateDictError);
  CHECK(copy.load_state_dict(old).empty());
  moved = copy;
  CHECK(moved.load_state_dict(old).empty());
}

TEST_CASE("a state_dict hook changes what is taken and saved") {
  const test::TemporaryDirectory scratch;
  Model<Block> model;
  const HookHandle handle = model.register_state_dict_hook<"scale">(
      [](const Scale& scale, StateDict& state, std::string_view prefix) {
        CHECK(state.contains("scale.gain"));
        CHECK(prefix == "scale.");
        state.erase("scale.running");
        state.insert_or_assign("scale.eps", scale.eps);
      });
  model.register_state_dict_hook([](StateDict& state, std::string_view) { state.rename("*", "module.*"); });
  model->scale.eps = 0.5;
  const Names names{"module.fc.weight", "module.fc.bias", "module.scale.gain", "module.scale.shift",
                    "module.scale.eps"};
  CHECK(names_of(model.state_dict()) == names);
  save(model, scratch / "x.safetensors");
  CHECK(load(scratch / "x.safetensors")["module.scale.eps"].to<double>() == 0.5);
  CHECK(names_of(state_dict(model->scale)) ==
        Names{"gain", "shift", "running"}); // the module alone: no hooks
  handle.remove();
  CHECK(model.state_dict().contains("module.scale.running"));
}

TEST_CASE("a post-hook sees the loaded model and may forgive what did not fit") {
  Model<Block> model;
  StateDict state = model.state_dict();
  state.insert_or_assign("fc.bias", std::vector<float>{7, 8, 9});
  state.erase("scale.gain");
  state.insert_or_assign("more", 1);
  int calls = 0;
  const HookHandle handle =
      model.register_load_state_dict_post_hook<"scale">([&](Scale& scale, IncompatibleKeys& keys) {
        CHECK(keys.missing_keys == Names{"scale.gain"});
        keys.missing_keys.clear();
        for (float& x : scale.cache.values()) x = 5; // made from what has been loaded
        ++calls;
      });
  // The lists are still an error: everything is as it was.
  model->fc.bias(0) = 1;
  CHECK_THROWS_AS(model.load_state_dict(state), StateDictError);
  CHECK(calls == 1);
  CHECK(model->fc.bias(0) == 1);
  CHECK(model.load_state_dict(state, {.strict = false}).unexpected_keys == Names{"more"});
  CHECK(model->fc.bias(0) == 7);
  CHECK(model->scale.cache() == 5);
  // Several, those of the call first.
  const LoadOptions options{.post_hooks = {[&](IncompatibleKeys& keys) {
                                             CHECK(calls == 2);
                                             CHECK(keys.unexpected_keys == Names{"more"});
                                           },
                                           [](IncompatibleKeys& keys) { keys.unexpected_keys.pop_back(); }}};
  CHECK(model.load_state_dict(state, options).empty());
  CHECK(calls == 3);

  // What a hook throws comes out, and nothing has been loaded.
  model->fc.bias(0) = 1;
  const HookHandle angry =
      model.register_load_state_dict_post_hook([](IncompatibleKeys&) { throw std::runtime_error("no"); });
  CHECK(thrown<std::runtime_error>([&] { model.load_state_dict(state, {.strict = false}); }) == "no");
  CHECK(model->fc.bias(0) == 1);
  angry.remove();
  handle.remove();
  CHECK_THROWS_AS(model.load_state_dict(state), StateDictError);
}
