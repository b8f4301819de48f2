// SPDX-License-Identifier: BSL-1.0
// error: stator: view: a tensor of shape [?, 5, 7] cannot be seen as [?, 7]: a batch that is known only when
#include "stator/stator.hpp"

void use(stator::Tensor<float, stator::dynamic, 5, 7>& x) {
#ifdef STATOR_CONTROL
  (void)stator::view<-1, 35>(x);
#else
  (void)stator::view<-1, 7>(x);
#endif
}
