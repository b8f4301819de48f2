// SPDX-License-Identifier: BSL-1.0
#include "stator/nn/padding.hpp"

#include "nn/layer_law.hpp"

using namespace stator;
using test::check_layer;
using test::In;

TEST_CASE("padding layers agree with PyTorch") {
  const In<1, 2, 5> line;
  const In<1, 2, 4, 5> image;
  const In<1, 2, 3, 4, 3> volume;
  check_layer<nn::ReflectionPad1d<1>>("ReflectionPad1d.all", line);
  check_layer<nn::ReflectionPad1d<1, 2>>("ReflectionPad1d.uneven", line);
  check_layer<nn::ReflectionPad2d<1>>("ReflectionPad2d.all", image);
  check_layer<nn::ReflectionPad2d<1, 2, 0, 1>>("ReflectionPad2d.uneven", image);
  check_layer<nn::ReflectionPad3d<1>>("ReflectionPad3d.all", volume);
  check_layer<nn::ReflectionPad3d<1, 2, 0, 1, 2, 1>>("ReflectionPad3d.uneven", volume);
  check_layer<nn::ReplicationPad1d<1>>("ReplicationPad1d.all", line);
  check_layer<nn::ReplicationPad2d<1, 2, 0, 1>>("ReplicationPad2d.uneven", image);
  check_layer<nn::ReplicationPad3d<1, 2, 0, 1, 2, 1>>("ReplicationPad3d.uneven", volume);
  check_layer<nn::ConstantPad1d<0.5, 1>>("ConstantPad1d.all", line);
  check_layer<nn::ConstantPad2d<0.5, 1, 2, 0, 1>>("ConstantPad2d.uneven", image);
  check_layer<nn::ConstantPad2d<3.0, -1, 1, 2, -1>>("ConstantPad2d.crop", image);
  check_layer<nn::ConstantPad3d<0.5, 1, 2, 0, 1, 2, 1>>("ConstantPad3d.uneven", volume);
  check_layer<nn::ZeroPad2d<1>>("ZeroPad2d.all", image);
  check_layer<nn::ZeroPad2d<1, 2, 0, 1>>("ZeroPad2d.uneven", image);
  check_layer<nn::CircularPad1d<1, 2>>("CircularPad1d.uneven", line);
  check_layer<nn::CircularPad2d<1, 2, 0, 1>>("CircularPad2d.uneven", image);
  check_layer<nn::CircularPad3d<1, 2, 0, 1, 2, 1>>("CircularPad3d.uneven", volume);
}
