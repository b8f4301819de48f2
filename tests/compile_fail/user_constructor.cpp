// SPDX-License-Identifier: BSL-1.0
// error: stator: Net: a module must be a plain aggregate, this one has a constructor, a virtual function, or
// a private or protected field
#include "stator/model/model.hpp"

struct Net {
  stator::Parameter<float, 10, 4> weight;
#ifndef STATOR_CONTROL
  Net() {}
#endif
  constexpr auto forward(auto x) const { return x; }
};

constexpr auto count = stator::Model<Net>::parameter_count;
