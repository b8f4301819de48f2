// SPDX-License-Identifier: BSL-1.0
// error: stator: add in place: the result has float32 elements, which a tensor of int64 cannot hold
#include "stator/stator.hpp"

void use(stator::Tensor<std::int64_t, 2>& x) {
#ifdef STATOR_CONTROL
  x += 1;
#else
  x += 0.5;
#endif
}
