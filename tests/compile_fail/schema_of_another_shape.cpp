// SPDX-License-Identifier: BSL-1.0
// A header of a file whose tensor has another shape than the network's.
// error: stator: Layer does not fit the file: weight is [2, 3] in the network, [3, 2] in the header
#include "stator/io/schema.hpp"

struct Layer {
  stator::Parameter<float, 2, 3> weight;
};

#ifdef STATOR_CONTROL
static_assert(
    stator::fits_schema<Layer, R"({"weight":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]}})">());
#else
static_assert(
    stator::fits_schema<Layer, R"({"weight":{"dtype":"F32","shape":[3,2],"data_offsets":[0,24]}})">());
#endif
