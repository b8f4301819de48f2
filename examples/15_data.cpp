// SPDX-License-Identifier: BSL-1.0
// Data of your own: tables, arrays, or a struct that says how many samples it has and gives one. Any number
// of inputs and targets, of any type and shape.
#include <stator/data/csv.hpp>
#include <stator/data/loader.hpp>
#include <stator/data/stack_dataset.hpp>
#include <stator/stator.hpp>

#include <cmath>
#include <fstream>
#include <iostream>

namespace nn = stator::nn;
namespace data = stator::data;

// A network of two inputs: where a pendulum is, and how hard it is pushed; out comes its acceleration.
struct Dynamics {
  nn::Linear<2, 32> state;
  nn::Linear<1, 32> push;
  nn::Linear<32, 1> out;
  constexpr auto forward(auto x, auto u) const { return nn::tanh(state(x) + push(u)) | out; }
};

// A source that computes its samples. What get() returns may also be a tuple, a pair or one value.
struct Pendulum {
  struct Sample {
    std::array<float, 2> state;
    std::array<float, 1> push, acceleration;
  };
  stator::Index size() const { return 4096; }
  Sample get(stator::Index i) const {
    const float angle = 0.001F * static_cast<float>(i) - 2, speed = std::sin(static_cast<float>(i)),
                push = std::cos(2 * static_cast<float>(i));
    return {{angle, speed}, {push}, {push - std::sin(angle) - 0.1F * speed}};
  }
};

float mean_loss(const auto& model, auto&& batches) {
  float sum = 0, count = 0;
  for (auto [x, u, y] : batches) sum += nn::mse_loss(model(x, u), y).item(), ++count;
  return sum / count;
}

int main() {
  // Split, shuffled and fetched by a thread of its own while the network computes.
  const Pendulum pendulum;
  const auto parts = data::random_split(pendulum, {3584, 512}, 0);
  auto training = data::batches<64>(parts[0], {.shuffle = true, .prefetch = 2});
  auto validation = data::batches<64>(parts[1]);

  stator::manual_seed(0);
  stator::Model<Dynamics> model;
  stator::optim::Adam optimizer{model, {.lr = 1e-2}};
  const float before = mean_loss(model.eval(), validation);
  for (int epoch = 0; epoch < 10; ++epoch)
    for (auto [x, u, y] : training) {
      optimizer.zero_grad();
      nn::mse_loss(model(x, u), y).backward();
      optimizer.step();
    }
  std::cout << std::boolalpha << (mean_loss(model.eval(), validation) < 0.02F * before) << '\n';
  // prints: true

  // A table of a file: numbers by the names of their columns, words as classes.
  std::ofstream("irises.csv")
      << "length,width,species\n1.4,0.2,setosa\n4.7,1.4,versicolor\n6,2.5,virginica\n";
  const data::Csv table = data::read_csv("irises.csv");
  auto [species, labels] = table.classes("species");
  const data::StackDataset irises{table.columns<float, 2>({"length", "width"}), labels};
  for (auto [x, y] : data::batches<2>(irises))
    std::cout << x << ' ' << species[static_cast<std::size_t>(y(0))] << '\n';
  // prints: tensor([[1.4, 0.2], [4.7, 1.4]]) setosa
  // prints: tensor([[6, 2.5]]) virginica
  try {
    table.column<float>("lenght");
  } catch (const stator::KeyError& error) {
    std::cout << error.what() << '\n';
    // prints: has no column 'lenght'; there are length, width, species
  }
}
