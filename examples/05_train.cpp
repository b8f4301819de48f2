// SPDX-License-Identifier: BSL-1.0
// 05: train. Two networks on Fashion-MNIST: a multilayer perceptron for three epochs, a convolutional network
// for one. Writes the loss curves to loss.svg.
//
//   05_train [folder with the four IDX files [images that the convolutional network is trained on]]
#include <stator/data/batches.hpp>
#include <stator/data/fashion_mnist.hpp>
#include <stator/io/progress.hpp>
#include <stator/io/svg.hpp>
#include <stator/stator.hpp>

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <iostream>
#include <numeric>
#include <string>
#include <vector>

namespace nn = stator::nn;
namespace data = stator::data;

struct Mlp {
  nn::Linear<784, 128> fc1;
  nn::Linear<128, 10> fc2;
  constexpr auto forward(auto x) const { return x | fc1 | nn::relu | fc2; }
};

struct Cnn {
  nn::Conv2d<1, 32, 3> conv1;
  nn::Conv2d<32, 64, 3> conv2;
  nn::Linear<9216, 128> fc1;
  nn::Linear<128, 10> fc2;
  constexpr auto forward(auto x) const {
    auto features = x | conv1 | nn::relu | conv2 | nn::relu | nn::max_pool2d<2>;
    return features | stator::flatten<1> | fc1 | nn::relu | fc2;
  }
};

/// What a training run ends with.
struct Outcome {
  double accuracy = 0;
  double images_per_second = 0; // of training, without the tests
  std::vector<double> losses;
};

/// Share of the images whose largest logit is that of their label.
double accuracy(const auto& model, const auto& test) {
  stator::Index right = 0;
  stator::Tensor<float, stator::dynamic, 10> logits(0);
  for (auto [images, labels] : data::batches<500>(test)) {
    if (logits.size(0) != images.size(0)) logits = stator::Tensor<float, stator::dynamic, 10>(images.size(0));
    model.eval()(images).value_into(logits);
    for (stator::Index i = 0; i < images.size(0); ++i) {
      const float* row = logits.data() + 10 * i;
      right += std::max_element(row, row + 10) - row == labels(i);
    }
  }
  return static_cast<double>(right) / static_cast<double>(test.size());
}

template<class Net>
Outcome train(const std::string& name, const auto& train_set, const auto& test_set, int epochs) {
  stator::manual_seed(0);
  stator::Model<Net> model;
  stator::optim::Adam optimizer{model, {.lr = 1e-3}};

  std::cout << model << "\n\n";
  for (auto [path, parameter] : model.named_parameters())
    std::cout << "  " << path << ' ' << parameter.shape() << '\n';
  std::cout << "  " << model.parameter_count << " parameters\n\n";

  Outcome outcome;
  double seconds = 0;
  auto batches = data::batches<64>(train_set, {.shuffle = true, .seed = 5});
  for (int epoch = 1; epoch <= epochs; ++epoch) {
    stator::io::Progress progress{train_set.size(),
                                  name + " epoch " + std::to_string(epoch) + "/" + std::to_string(epochs)};
    const auto start = std::chrono::steady_clock::now();
    for (auto [images, labels] : batches) {
      auto loss = nn::cross_entropy(model(images), labels);
      optimizer.zero_grad();
      loss.backward();
      optimizer.step();
      progress.update(loss.item(), images.size(0));
      outcome.losses.push_back(loss.item());
    }
    seconds += std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    progress.finish();
    outcome.accuracy = accuracy(model, test_set);
    std::printf("%s epoch %d: test accuracy %.4f\n\n", name.c_str(), epoch, outcome.accuracy);
    std::fflush(stdout);
  }
  outcome.images_per_second = static_cast<double>(train_set.size()) * epochs / seconds;
  return outcome;
}

int main(int argc, char** argv) try {
  const std::string folder = argc > 1 ? argv[1] : std::string(data::fashion_mnist_root);

  const auto flat_train = data::fashion_mnist<784>(folder, data::Split::train);
  const auto flat_test = data::fashion_mnist<784>(folder, data::Split::test);
  const Outcome mlp = train<Mlp>("mlp", flat_train, flat_test, 3);

  auto image_train = data::fashion_mnist<1, 28, 28>(folder, data::Split::train);
  if (argc > 2) { // the first so many
    std::vector<stator::Index> chosen(std::stoul(argv[2]));
    std::iota(chosen.begin(), chosen.end(), 0);
    image_train = image_train.subset(chosen);
  }
  const auto image_test = data::fashion_mnist<1, 28, 28>(folder, data::Split::test);
  const Outcome cnn = train<Cnn>("cnn", image_train, image_test, 1);

  const std::vector<stator::io::Series> curves{{"mlp", mlp.losses}, {"cnn", cnn.losses}};
  stator::io::save_line_chart("loss.svg", curves,
                              {.title = "Fashion-MNIST", .x_label = "step", .y_label = "cross-entropy"});
  std::cout << "loss curves: " << std::filesystem::absolute("loss.svg").string() << '\n';

  std::printf("mlp: test accuracy %.4f, %.0f images/s\n", mlp.accuracy, mlp.images_per_second);
  std::printf("cnn: test accuracy %.4f, %.0f images/s\n", cnn.accuracy, cnn.images_per_second);
} catch (const stator::Error& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}
