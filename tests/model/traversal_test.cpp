// SPDX-License-Identifier: BSL-1.0
#include "module/nets.hpp"

#include "stator/module/containers.hpp"

#include "catch.hpp"

#include <sstream>
#include <string>
#include <vector>

using namespace stator;
using namespace stator::test;

namespace {

using Names = std::vector<std::string>;

Names names_of(const auto& range) {
  Names list;
  for (const auto& entry : range) list.emplace_back(entry.name);
  return list;
}

} // namespace

TEST_CASE("named_parameters walks a module, then its children, in the order of declaration") {
  const Model<Deep> model;
  CHECK(names_of(model.named_parameters()) ==
        Names{"own", "blocks.0.fc.weight", "blocks.0.fc.bias", "blocks.0.scale.gain", "blocks.0.scale.shift",
              "blocks.1.fc.weight", "blocks.1.fc.bias", "blocks.1.scale.gain", "blocks.1.scale.shift",
              "head.weight"});
  CHECK(names_of(model.named_buffers()) == Names{"blocks.0.scale.running", "blocks.0.scale.cache",
                                                 "blocks.1.scale.running", "blocks.1.scale.cache"});
  CHECK(names_of(model.named_modules()) == Names{"", "blocks", "blocks.0", "blocks.0.fc", "blocks.0.scale",
                                                 "blocks.1", "blocks.1.fc", "blocks.1.scale", "head"});
  CHECK(names_of(model.named_children()) == Names{"blocks", "head"});
  CHECK(model.parameters().size() == 10);
  CHECK(model.buffers().size() == 4);
}

TEST_CASE("state_dict leaves non-persistent buffers out and puts parameters before buffers") {
  const Model<Block> model;
  CHECK(names_of(model.state_dict()) ==
        Names{"fc.weight", "fc.bias", "scale.gain", "scale.shift", "scale.running"});
}

TEST_CASE("named_parameters has recurse, remove_duplicate and prefix") {
  const Model<Deep> model;
  CHECK(names_of(model.named_parameters<stator::Listing{.recurse = false}>()) == Names{"own"});
  CHECK(names_of(model.named_parameters<stator::Listing{.recurse = false}>(prefix<"net">)) ==
        Names{"net.own"});
  CHECK(names_of(model.named_buffers(prefix<"net">))[0] == "net.blocks.0.scale.running");
  CHECK(names_of(model.named_modules(prefix<"net">))[0] == "net");
  CHECK(names_of(model.named_modules(prefix<"net">))[2] == "net.blocks.0");
  const Model<Tied> tied;
  CHECK(names_of(tied.named_modules(prefix<"net">)) == Names{"net", "net.wte", "net.first", "net.lm_head"});
  CHECK(names_of(tied.named_modules(prefix<"net">, /*remove_duplicate=*/false)) ==
        Names{"net", "net.wte", "net.first", "net.second", "net.lm_head"});
}

TEST_CASE("named_parameters lists a tied weight once, by its first name") {
  const Model<Tied> model;
  CHECK(names_of(model.named_parameters()) == Names{"wte.weight", "first.weight", "first.bias"});
  CHECK(names_of(model.named_parameters(false)) ==
        Names{"wte.weight", "first.weight", "first.bias", "second.weight", "second.bias", "lm_head.weight"});
  CHECK(names_of(model.state_dict()).size() == 6);
  CHECK(names_of(model.named_modules()) == Names{"", "wte", "first", "lm_head"});
  CHECK(names_of(model.named_modules(false)) == Names{"", "wte", "first", "second", "lm_head"});
  CHECK(names_of(model.named_children()) == Names{"wte", "first", "lm_head"});
}

TEST_CASE("for_each_parameter gives static types and names") {
  Model<Deep> model;
  Names names;
  Index elements = 0;
  for_each_parameter(model, [&](auto name, auto& parameter) {
    using P = std::remove_cvref_t<decltype(parameter)>;
    static_assert(Leaf<P> && P::leaf_kind == LeafKind::parameter);
    static_assert(name.value.size() > 0);
    static_assert(name.entry().extents == P::shape_tag::extents);
    names.emplace_back(name);
    elements += P::shape_tag::numel;
    CHECK(model.get_parameter(name).raw() == reinterpret_cast<const std::byte*>(parameter.data()));
  });
  CHECK(names == names_of(model.named_parameters()));
  CHECK(elements == Model<Deep>::parameter_count);

  names.clear();
  for_each_buffer(model, [&](auto name, auto& buffer) {
    names.emplace_back(name);
    CHECK(model.get_buffer(name).raw() == reinterpret_cast<const std::byte*>(buffer.data()));
  });
  CHECK(names == Names{"blocks.0.scale.running", "blocks.0.scale.cache", "blocks.1.scale.running",
                       "blocks.1.scale.cache"});

  names.clear();
  for_each_module(model, [&](auto name, auto&) { names.emplace_back(name); });
  CHECK(names == names_of(model.named_modules()));

  names.clear();
  for_each_child(model, [&](auto name, auto& child) {
    names.emplace_back(name);
    static_assert(name == "blocks" ? detail::list_traits<std::remove_cvref_t<decltype(child)>>::is_list
                                   : std::is_same_v<decltype(child), nn::Linear<3, 3, {.bias = false}>&>);
  });
  CHECK(names == Names{"blocks", "head"});
  names.clear();
  Model<Tied> tied;
  for_each_child(tied, [&](auto name, auto&) { names.emplace_back(name); });
  CHECK(names == names_of(tied.named_children()));
}

TEST_CASE("for_each works on a module inside of a model, and on a tied one") {
  Model<Tied> model;
  Names names;
  for_each_parameter(model, [&](auto name, auto&) { names.emplace_back(name); });
  CHECK(names == Names{"wte.weight", "first.weight", "first.bias"});
  names.clear();
  for_each_parameter(model.get<"second">(), [&](auto name, auto&) { names.emplace_back(name); });
  CHECK(names == Names{"weight", "bias"});
}

TEST_CASE("globs select parameters and buffers") {
  const Model<Deep> model;
  CHECK(names_of(model.named_parameters<"blocks.*.bias">()) == Names{"blocks.0.fc.bias", "blocks.1.fc.bias"});
  CHECK(model.parameters<"*.weight">().size() == 3);
  CHECK(model.parameters<"blocks.1.*">().size() == 4);
  CHECK(model.parameters<"own">().size() == 1);
  CHECK(model.buffers<"*.running">().size() == 2);
}

TEST_CASE("get finds parameters, buffers, modules and list elements") {
  Model<Deep> model;
  STATIC_REQUIRE(std::is_same_v<decltype(model.get<"blocks.1.fc.weight">()), Parameter<float, 3, 3>&>);
  CHECK(&model.get<"blocks.1">() == &model->blocks[1]);
  CHECK(&model.get<"">() == &*model);
  CHECK(&model.get_parameter<"own">() == &model->own);
  CHECK(&model.get_buffer<"blocks.0.scale.running">() == &model->blocks[0].scale.running);
  CHECK(&model.get_submodule<"head">() == &model->head);
  model.get<"own">()(1) = 4;
  CHECK(model.get_parameter("own").values<float>()[1] == 4);
}

TEST_CASE("a name that is not there is a KeyError with the nearest ones") {
  const Model<Deep> model;
  CHECK_THROWS_WITH(model.get_parameter("head.wieght"),
                    "stator: Deep has no parameter 'head.wieght', did you mean head.weight or head?");
  CHECK_THROWS_AS(model.get_parameter("head"), KeyError);
  CHECK_THROWS_AS(model.get_parameter("head.bias"), KeyError);
  CHECK_THROWS_AS(model.get_buffer("own"), KeyError);
  CHECK_THROWS_AS(model.get_submodule("blocks.2"), KeyError);
  CHECK(model.get_submodule("").type() == "Deep");
}

TEST_CASE("modules can be walked without their types") {
  const Model<Deep> model;
  const ModuleRef blocks = model.get_submodule("blocks");
  CHECK(blocks.type() == "ModuleList");
  CHECK(blocks.children().size() == 2);
  CHECK(blocks.children()[1].path() == "blocks.1");
  CHECK(blocks.children()[1].name() == "1");
  CHECK(names_of(blocks.named_parameters())[0] == "0.fc.weight");
  CHECK(blocks.modules().size() == 7);
  CHECK(names_of(blocks.children()[0].named_parameters({.recurse = false})).empty());
  CHECK(names_of(model.get_submodule("blocks.0.scale").named_buffers()) == Names{"running", "cache"});
  std::size_t n = 0;
  for (const ModuleRef module : model.modules()) n += module.children().size();
  CHECK(n == 8);
  const Model<Tied> tied;
  CHECK(tied.get_submodule("first") == tied.get_submodule("second"));
  CHECK(tied.get_submodule("").children().size() == 3);
}

TEST_CASE("apply calls children before parents, with their types") {
  Model<Deep> model;
  Names types;
  model.apply([&]<class M>(M&) { types.emplace_back(reflect::class_name<M>()); });
  CHECK(types == Names{"Linear", "Scale", "Block", "Linear", "Scale", "Block", "array", "Linear", "Deep"});
}

TEST_CASE("the function apply walks a module without a model, every object of it") {
  Tied net;
  Names types;
  apply(net, [&]<class M>(M&) { types.emplace_back(reflect::class_name<M>()); });
  CHECK(types == Names{"Linear", "Linear", "Linear", "Linear", "Tied"});
}

TEST_CASE("containers name their elements as PyTorch does") {
  struct Same {
    nn::ModuleDict<nn::entry<"conv", nn::Linear<2, 2>>, nn::entry<"pool", Scale>> choices;
    nn::ParameterList<Parameter<float, 2, 3>, Parameter<float>> factors;
    nn::ParameterDict<nn::entry<"left", Parameter<float, 2>>> sides;
    std::tuple<Parameter<float, 1>> list;
    nn::ModuleList<nn::Linear<2, 2>, std::array<nn::Linear<1, 1>, 2>> layers;
    std::tuple<> nothing;
  };
  Model<Same> model;
  CHECK(names_of(model.named_parameters()) ==
        Names{"choices.conv.weight", "choices.conv.bias", "choices.pool.gain", "choices.pool.shift",
              "factors.0", "factors.1", "sides.left", "list.0", "layers.0.weight", "layers.0.bias",
              "layers.1.0.weight", "layers.1.0.bias", "layers.1.1.weight", "layers.1.1.bias"});
  CHECK(&model.get<"choices.conv.bias">() == &model->choices.get<"conv">().bias);
  CHECK(&model.get<"factors.1">() == &model->factors.get<1>());
  CHECK(model.get<"layers.1.1.weight">().numel() == 1);
  Names entries;
  model->choices.for_each([&](std::string_view name, const auto&) { entries.emplace_back(name); });
  CHECK(entries == Names{"conv", "pool"});
}
