// SPDX-License-Identifier: BSL-1.0
// error: stator: a leaf that requires a gradient is changed in place: change its values alone
#include "stator/stator.hpp"

void use(stator::Variable<float, 2>& x) {
#ifdef STATOR_CONTROL
  x.view() += 1;
#else
  x += 1;
#endif
}
