// SPDX-License-Identifier: BSL-1.0
// error: stator: einsum: ij,jk->ik: the extents 3 and 4 of j differ
#include "stator/stator.hpp"

void use(stator::Tensor<float, 2, 3>& a, stator::Tensor<float, 4, 5>& b, stator::Tensor<float, 3, 5>& c) {
#ifdef STATOR_CONTROL
  auto y = stator::einsum<"ij,jk->ik">(a, c);
#else
  auto y = stator::einsum<"ij,jk->ik">(a, b);
#endif
  (void)b, (void)c, (void)y;
}
