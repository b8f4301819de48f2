// SPDX-License-Identifier: BSL-1.0
// error: stator: Net: a module cannot have a C array as a field: use std::array instead
#include "stator/model/model.hpp"

#include <array>

struct Layer {
  stator::Parameter<float, 10, 4> weight;
};
struct Net {
  Layer first;
#ifdef STATOR_CONTROL
  std::array<Layer, 3> blocks;
#else
  Layer blocks[3];
#endif
  Layer last;
};

constexpr auto count = stator::Model<Net>::parameter_count;
