// SPDX-License-Identifier: BSL-1.0
// How many there are is not known to the compiler; the message names the place.
// error: stator: encoder.blocks: how many modules it holds is known only at run time: use std::array
#include "stator/model/model.hpp"

#include <array>
#include <vector>

struct Layer {
  stator::Parameter<float, 10, 4> weight;
};
struct Encoder {
#ifdef STATOR_CONTROL
  std::array<Layer, 3> blocks;
#else
  std::vector<Layer> blocks;
#endif
  Layer last;
};
struct Net {
  Encoder encoder;
};

constexpr auto count = stator::Model<Net>::parameter_count;
