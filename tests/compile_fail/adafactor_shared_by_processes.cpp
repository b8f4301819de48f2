// SPDX-License-Identifier: BSL-1.0
// error: stator: the states of this optimizer belong to whole parameters: processes cannot share them
#include "stator/stator.hpp"

using Net = stator::Model<stator::nn::Linear<2, 3>>;

#ifdef STATOR_CONTROL
using Optimizer = stator::optim::Adam<Net>;
#else
using Optimizer = stator::optim::Adafactor<Net>;
#endif

void share(Optimizer& optimizer) { optimizer.keep_only({{0, 4}}); }
