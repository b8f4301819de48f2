// SPDX-License-Identifier: BSL-1.0
// Names, shapes and offsets of everything in a network are tables that the compiler makes.
#include <stator/module/hana.hpp>
#include <stator/stator.hpp>

#include <array>
#include <iostream>

namespace nn = stator::nn;

struct Block {
  nn::Linear<8, 8> fc1, fc2;
  constexpr auto forward(auto x) const { return x + (x | fc1 | nn::relu | fc2); }
};

struct Net {
  nn::Linear<4, 8> stem;
  std::array<Block, 2> blocks;
  nn::Linear<8, 8> head;
  // One weight with two names.
  using ties = stator::ties<stator::tie<"head.weight", "blocks.1.fc2.weight">>;

  constexpr auto forward(auto x) const {
    auto h = x | stem;
    for (const Block& block : blocks) h = h | block;
    return h | head;
  }
};

// Paths and offsets are constants as well.
static_assert(stator::Model<Net>::parameter_count == 4 * 8 + 8 + 4 * (8 * 8 + 8) + 8);
static_assert(stator::Model<Net>::offset<"stem.bias"> == 4 * 8 * sizeof(float));
static_assert(stator::Model<Net>::offset<"head.weight"> == stator::Model<Net>::offset<"blocks.1.fc2.weight">);

int main() {
  stator::Model<Net> model;

  for (auto [name, parameter] : model.named_parameters())
    std::cout << name << ' ' << parameter.shape() << '\n';
  // prints: stem.weight [8, 4]
  // prints: blocks.0.fc1.weight [8, 8]
  // prints: blocks.1.fc2.weight [8, 8]
  // prints: head.bias [8]

  // A shared parameter comes once; all of its names on request, as in PyTorch.
  std::cout << model.named_parameters().size() << " parameters, "
            << model.named_parameters(/*remove_duplicate=*/false).size() << " names\n";
  // prints: 11 parameters, 12 names

  for (auto [path, type] : model.named_modules()) std::cout << '"' << path << "\" is a " << type << '\n';
  // prints: "" is a Net
  // prints: "blocks.1" is a Block
  // prints: "blocks.1.fc2" is a Linear

  // The same with static types: each `p` knows its shape, each name is a constant.
  stator::for_each_parameter(model, [](auto name, auto& p) {
    static_assert(std::remove_cvref_t<decltype(p)>::dim() <= 2);
    if (name == "head.bias") std::cout << name << " has " << p.numel() << " elements\n";
  });
  // prints: head.bias has 8 elements

  // Every network is a Boost.Hana struct.
  boost::hana::for_each(boost::hana::keys(model.module()),
                        [](auto key) { std::cout << boost::hana::to<const char*>(key) << ' '; });
  std::cout << '\n';
  // prints: stem blocks head

  // Fields are fields.
  model->blocks[0].fc1.bias.view().fill_(0.5f);
  std::cout << model.get<"blocks.0.fc1.bias">()(7) << '\n';
  // prints: 0.5

  // A function for every module, children first: torch.nn.Module.apply.
  int linear_layers = 0;
  model.apply([&]<class M>(M&) {
    if constexpr (requires { &M::weight; }) ++linear_layers;
  });
  std::cout << linear_layers << " linear layers\n";
  // prints: 6 linear layers
}
