// SPDX-License-Identifier: BSL-1.0
// error: stator: Net has no parameter that matches fc*.wieght, did you mean fc1.weight
#include "stator/model/model.hpp"

struct Layer {
  stator::Parameter<float, 10, 4> weight;
};
struct Net {
  Layer fc1, fc2;
};

void use(stator::Model<Net>& model) {
#ifdef STATOR_CONTROL
  for (auto p : model.parameters<"fc*.weight">()) (void)p;
#else
  for (auto p : model.parameters<"fc*.wieght">()) (void)p;
#endif
}
