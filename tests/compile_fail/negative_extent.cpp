// SPDX-License-Identifier: BSL-1.0
// error: stator: an extent of a tensor is negative, or it has more elements than memory can have
#include "stator/stator.hpp"

#ifdef STATOR_CONTROL
stator::Tensor<float, 2, 3> x;
#else
stator::Tensor<float, 2, -3> x;
#endif
