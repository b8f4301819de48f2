// SPDX-License-Identifier: BSL-1.0
// The whole path in one program, on made-up images. The README shows it.
#include <stator/io/state.hpp>
#include <stator/stator.hpp>

#include <iostream>

namespace {

/// Images whose label can be seen: the rows from 2 * label on are bright.
auto made_up_images(stator::Index count) {
  stator::data::AlignedVector<float> values(static_cast<std::size_t>(784 * count));
  std::vector<std::int64_t> labels(static_cast<std::size_t>(count));
  stator::uniform_(std::span<float>(values));
  for (std::size_t i = 0; i < labels.size(); ++i) {
    labels[i] = static_cast<std::int64_t>(i * 7 % 10);
    for (std::size_t k = 0; k < 84; ++k) values[784 * i + static_cast<std::size_t>(labels[i]) * 56 + k] += 1;
  }
  return stator::data::TensorDataset<float, 784>(std::move(values), std::move(labels));
}

} // namespace

namespace nn = stator::nn;

// [overview]
struct Mlp { // a plain aggregate: no base class, no macro
  nn::Linear<784, 128> fc1;
  nn::Linear<128, 10> fc2;
  constexpr auto forward(auto x) const { return x | fc1 | nn::relu | fc2; }
};

void train(stator::Model<Mlp>& model, const auto& dataset) {
  stator::optim::Adam optimizer{model, {.lr = 1e-3}};
  for (auto [images, labels] : stator::data::batches<64>(dataset)) {
    auto loss = nn::cross_entropy(model(images), labels); // an expression: nothing has run yet
    optimizer.zero_grad();
    loss.backward(); // runs the forward and backward program that the compiler made
    optimizer.step();
  }
  stator::save(model, "mlp.safetensors"); // PyTorch loads it
}
// [overview]

static_assert(stator::Model<Mlp>::parameter_count == 101'770);

void look_at(const stator::Model<Mlp>& model, const auto& dataset) {
  for (auto [name, parameter] : model.named_parameters())  // range-for over a constexpr table
    std::cout << name << ' ' << parameter.shape() << '\n'; // fc1.weight [128, 784] ...

  const auto& weight = model.get<"fc1.weight">();       // static lookup; a typo does not compile
  std::cout << weight.shape() << '\n' << model << '\n'; // Mlp(\n  (fc1): Linear(in_features=784, ...

  auto [images, labels] = *stator::data::batches<64>(dataset).begin();
  const auto logits = model.eval()(images).value(); // inference: no gradient code, no dropout
  std::cout << logits.shape() << ' ' << nn::cross_entropy(model.eval()(images), labels).item() << '\n';
}

int main() {
  const auto dataset = made_up_images(1000);
  stator::manual_seed(0);   // the same seed gives the weights PyTorch gives
  stator::Model<Mlp> model; // owns one arena: parameters, buffers, gradients
  train(model, dataset);
  look_at(model, dataset);
}
// prints: fc1.weight [128, 784]
// prints: fc2.bias [10]
// prints:   (fc1): Linear(in_features=784, out_features=128, bias=True)
// prints: [64, 10]
