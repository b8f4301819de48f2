// SPDX-License-Identifier: BSL-1.0
// error: stator: Settings is not a module: it has neither `forward` nor parameters, buffers or modules
#include "stator/model/model.hpp"

struct Settings {
  int layers = 3;
#ifdef STATOR_CONTROL
  stator::Parameter<float, 1> weight;
#endif
};

constexpr auto count = stator::Model<Settings>::parameter_count;
