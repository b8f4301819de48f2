// SPDX-License-Identifier: BSL-1.0
// The two networks of the main job.
#pragma once

#include "stator/nn/conv.hpp"
#include "stator/nn/pooling.hpp"
#include "stator/optim/adam.hpp"
#include "stator/stator.hpp"

namespace stator::test {

struct Mlp {
  nn::Linear<784, 128> fc1;
  nn::Linear<128, 10> fc2;
  constexpr auto forward(auto x) const { return x | fc1 | nn::relu | fc2; }

  template<Index Batch>
  using Images = Tensor<float, Batch, 784>;
};

struct Cnn {
  nn::Conv2d<1, 32, 3> conv1;
  nn::Conv2d<32, 64, 3> conv2;
  nn::Linear<9216, 128> fc1;
  nn::Linear<128, 10> fc2;
  constexpr auto forward(auto x) const {
    const auto features = x | conv1 | nn::relu | conv2 | nn::relu | nn::max_pool2d<2>;
    return features | flatten<1> | fc1 | nn::relu | fc2;
  }

  template<Index Batch>
  using Images = Tensor<float, Batch, 1, 28, 28>;
};

/// A batch of `count` samples with fixed values.
template<class Net, Index Batch>
struct Samples {
  typename Net::template Images<Batch> images;
  Tensor<std::int64_t, Batch> labels;

  explicit Samples(Index count)
      : images(make<decltype(images)>(count)), labels(make<decltype(labels)>(count)) {
    int i = 0;
    for (float& x : images) x = static_cast<float>(i++ * 7 % 256) / 256;
    for (std::int64_t& label : labels) label = i++ * 7 % 10;
  }

private:
  template<class T>
  static T make(Index count) {
    if constexpr (T::shape_type::is_dynamic)
      return T(count);
    else
      return T();
  }
};

} // namespace stator::test
