// SPDX-License-Identifier: BSL-1.0
// error: stator: Derived at blocks.0.inner: a module cannot have a base class
#include "stator/model/model.hpp"

#include <array>

struct Layer {
  stator::Parameter<float, 10, 4> weight;
};
#ifdef STATOR_CONTROL
struct Derived {
  Layer base;
#else
struct Derived : Layer {
#endif
  constexpr auto forward(auto x) const { return x; }
};
struct Block {
  Layer first;
  Derived inner;
};
struct Net {
  std::array<Block, 2> blocks;
};

constexpr auto count = stator::Model<Net>::parameter_count;
