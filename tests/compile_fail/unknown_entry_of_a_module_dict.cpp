// SPDX-License-Identifier: BSL-1.0
// error: stator: the ModuleDict has no entry of that name: "covn"
#include "stator/stator.hpp"

namespace nn = stator::nn;

void use(nn::ModuleDict<nn::entry<"conv", nn::Linear<3, 8>>, nn::entry<"act", nn::ReLU>>& layers) {
#ifdef STATOR_CONTROL
  (void)layers.get<"conv">();
#else
  (void)layers.get<"covn">();
#endif
}
