// SPDX-License-Identifier: BSL-1.0
// error: stator: AdaptiveLogSoftmaxWithLoss: cutoffs must be unique, positive, in increasing order and less
// than the number of classes
#include "stator/stator.hpp"

#ifdef STATOR_CONTROL
constexpr std::array cutoffs{10, 20};
#else
constexpr std::array cutoffs{20, 10};
#endif

stator::nn::AdaptiveLogSoftmaxWithLoss<64, 100, cutoffs> layer;
