// SPDX-License-Identifier: BSL-1.0
// error: stator: freeze<"bakcbone">: Net has no parameter of that name, did you mean backbone
#include "stator/model/model.hpp"

struct Layer {
  stator::Parameter<float, 10, 4> weight;
};
struct Net {
  Layer backbone, head;
};

#ifdef STATOR_CONTROL
constexpr auto bytes = stator::Model<Net, stator::freeze<"backbone">>::gradient_bytes;
#else
constexpr auto bytes = stator::Model<Net, stator::freeze<"bakcbone">>::gradient_bytes;
#endif
