// SPDX-License-Identifier: BSL-1.0
// error: stator: an extent of a tensor is negative, or it has more elements than memory can have
#include "stator/stator.hpp"

#ifdef STATOR_CONTROL
stator::Tensor<float, 32, 32> x;
#else
stator::Tensor<float, (std::ptrdiff_t{1} << 32), (std::ptrdiff_t{1} << 32)> x;
#endif
