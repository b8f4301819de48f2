// SPDX-License-Identifier: BSL-1.0
#include "stator/module/hana.hpp"

#include <boost/hana.hpp>

#include "module/nets.hpp"
#include "stator/module/containers.hpp"

#include "catch.hpp"

#include <string>

namespace hana = boost::hana;
using namespace stator;
using namespace stator::test;

TEST_CASE("every network models hana::Struct") {
  STATIC_REQUIRE(hana::Struct<Deep>::value);
  STATIC_REQUIRE(hana::Struct<nn::Linear<2, 3>>::value);
  STATIC_REQUIRE_FALSE(hana::Struct<int>::value);
  STATIC_REQUIRE_FALSE(hana::Struct<std::string>::value);
}

TEST_CASE("hana::for_each and hana::fold walk the fields") {
  const Model<Deep> model;
  std::string names;
  hana::for_each(*model,
                 hana::fuse([&](auto name, const auto&) { names += std::string(name.c_str()) + ' '; }));
  CHECK(names == "own blocks head ");
  const Index elements = hana::fold(model->head, Index{0}, [](Index n, const auto& field) {
    if constexpr (Leaf<std::remove_cvref_t<decltype(hana::second(field))>>)
      return n + hana::second(field).numel();
    else
      return n;
  });
  CHECK(elements == 9);
}

TEST_CASE("hana::keys, members, at_key and to_map give the fields by name") {
  Model<Mlp> model;
  const auto keys = hana::keys(model->fc1),
             expected = hana::make_tuple(BOOST_HANA_STRING("weight"), BOOST_HANA_STRING("bias"));
  STATIC_REQUIRE(decltype(keys == expected)::value);
  CHECK(hana::at_c<1>(hana::members(model->fc1)).shape()[0] == 128);
  CHECK(hana::to_map(model->fc1)[BOOST_HANA_STRING("weight")].data() == model->fc1.weight.data());
  auto& weight = hana::at_key(model->fc1, BOOST_HANA_STRING("weight"));
  CHECK(&weight == &model->fc1.weight);
}

TEST_CASE("the members of a container are its elements") {
  using Choices = nn::ModuleDict<nn::entry<"conv", nn::Linear<2, 3>>, nn::entry<"scale", Scale>>;
  using Layers = nn::ModuleList<nn::Linear<2, 3>, Scale, nn::Linear<3, 1>>;
  struct Net {
    Choices choices;
    Layers layers;
  };
  const Model<Net> model;
  std::string names;
  const auto collect = hana::fuse([&](auto name, const auto& module) {
    names += std::string(name.c_str()) + ':' +
             std::string(reflect::class_name<std::remove_cvref_t<decltype(module)>>()) + ' ';
  });
  hana::for_each(model->choices, collect);
  hana::for_each(model->layers, collect);
  CHECK(names == "conv:Linear scale:Scale 0:Linear 1:Scale 2:Linear ");
}
