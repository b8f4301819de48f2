// SPDX-License-Identifier: BSL-1.0
// error: stator: LBFGS: parameters of 16 bits cannot take the steps of a line search: make the network one of
// float, or take SGD, Adam or another optimiser with use_master_weights()
#include "stator/stator.hpp"

#ifdef STATOR_CONTROL
using Scalar = float;
#else
using Scalar = stator::float16;
#endif
using Net = stator::Model<stator::nn::Linear<2, 3, {}, Scalar>>;

void optimise(Net& model) { stator::optim::LBFGS optimizer{model}; }
