// SPDX-License-Identifier: BSL-1.0
// A mistake inside a network names the path of the module and both shapes.
// error: stator: Linear<782, 128>: input [64, 784] has 784 features, expected 782 (weight [128, 782]), at
// encoder.fc1
#include "stator/stator.hpp"

namespace nn = stator::nn;

template<stator::Index Features>
struct Encoder {
  nn::Linear<Features, 128> fc1;
  nn::Linear<128, 32> fc2;
  constexpr auto forward(auto x) const { return x | fc1 | fc2; }
};

template<stator::Index Features>
struct Classifier {
  Encoder<Features> encoder;
  nn::Linear<32, 10> head;
  constexpr auto forward(auto x) const { return x | encoder | head; }
};

void use(stator::Tensor<float, 64, 784>& images) {
#ifdef STATOR_CONTROL
  stator::Model<Classifier<784>> model;
#else
  stator::Model<Classifier<782>> model;
#endif
  auto y = model(images);
  (void)y;
}
