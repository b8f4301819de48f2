// SPDX-License-Identifier: BSL-1.0
// error: stator: Net: a module cannot have a base class: make the base a field instead
#include "stator/model/model.hpp"

struct Layer {
  stator::Parameter<float, 10, 4> weight;
};
#ifdef STATOR_CONTROL
struct Net {
  Layer base;
#else
struct Net : Layer {
#endif
  stator::Parameter<float, 10> bias;
  constexpr auto forward(auto x) const { return x; }
};

constexpr auto count = stator::Model<Net>::parameter_count;
