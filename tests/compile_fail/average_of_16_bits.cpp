// SPDX-License-Identifier: BSL-1.0
// error: stator: AveragedModel: what one update adds to an average is less than 16 bits can show: make the
// network one of float
#include "stator/stator.hpp"

#ifdef STATOR_CONTROL
using Scalar = float;
#else
using Scalar = stator::bfloat16;
#endif
using Net = stator::Model<stator::nn::Linear<2, 3, {}, Scalar>>;

void average(const Net& model) { stator::optim::AveragedModel ema{model}; }
