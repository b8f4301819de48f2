// SPDX-License-Identifier: BSL-1.0
// Prepared inference: what does not change between calls is done once.
#include <stator/stator.hpp>

#include <iostream>
#include <thread>

namespace nn = stator::nn;

struct Net {
  nn::Conv2d<1, 8, 3, {.padding = 1, .bias = false}> conv;
  nn::BatchNorm2d<8> bn;
  nn::Dropout<0.5> dropout;
  nn::Linear<8 * 8 * 8, 10> fc;
  constexpr auto forward(auto x) const { return nn::relu(x | conv | bn) | stator::flatten<1> | dropout | fc; }
};

int main() {
  using Image = stator::Tensor<float, 1, 1, 8, 8>;
  stator::Model<Net> model; // trained, or loaded
  Image image;
  for (float& pixel : image) pixel = 0.5F;

  // Weights are packed for their kernels, the BatchNorm is folded into the convolution, the Dropout is gone.
  auto session = stator::optimize_for_inference<Image>(model.eval());
  using Session = decltype(session);
  static_assert(Session::workspace_bytes < 8 * 1024); // known while the program is compiled
  std::cout << "a call needs " << Session::workspace_bytes << " bytes\n"; // prints: a call needs

  // As model.eval()(image); into memory that is there already nothing is allocated.
  Session::Output scores, expected = model.eval()(image).value();
  session(image).value_into(scores);
  float difference = 0;
  for (std::size_t i = 0; i < 10; ++i)
    difference = std::max(difference, std::abs(scores.data()[i] - expected.data()[i]));
  std::cout << (difference < 1e-5F ? "equal to rounding\n" : "different\n"); // prints: equal to rounding

  // Without folding the outputs are equal bit by bit.
  auto exact = stator::optimize_for_inference<stator::InferenceOptions{.fold = false}, Image>(model.eval());
  exact(image).value_into(scores);
  std::cout << (scores.data()[0] == expected.data()[0] ? "equal\n" : "different\n"); // prints: equal

  // The session has a copy of the weights: it hears of new ones when it is told.
  model.get<"fc.bias">().data()[0] += 1;
  session.update(model.eval());
  session(image).value_into(scores);
  std::cout << (scores.data()[0] > expected.data()[0] + 0.5F ? "new weights\n"
                                                             : "old weights\n"); // prints: new weights

  // Any number of threads may call it, each with a workspace of its own.
  std::thread other([&] {
    Session::Workspace workspace;
    Session::Output mine;
    session(image).value_into(mine, workspace);
  });
  other.join();
}
