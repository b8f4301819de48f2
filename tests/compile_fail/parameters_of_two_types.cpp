// SPDX-License-Identifier: BSL-1.0
// error: stator: the parameters of a network must all have one element type
#include "stator/stator.hpp"

namespace nn = stator::nn;

#ifdef STATOR_CONTROL
using Scalar = stator::bfloat16;
#else
using Scalar = float;
#endif

struct Net {
  nn::Linear<4, 3, {}, stator::bfloat16> fc;
  nn::LayerNorm<3, {}, Scalar> norm;
  constexpr auto forward(auto x) const { return x | fc | norm; }
};

stator::Model<Net> model;
