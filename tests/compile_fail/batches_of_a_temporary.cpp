// SPDX-License-Identifier: BSL-1.0
// The dataset would be gone before the loop begins.
// error(g++): use of deleted function
// error(clang): call to deleted function 'batches'
#include "stator/data/batches.hpp"
#include "stator/data/fashion_mnist.hpp"

using namespace stator::data;

void loop() {
#ifdef STATOR_CONTROL
  const auto train = fashion_mnist<784>(Split::train);
  for (auto [images, labels] : batches<64>(train)) (void)images, (void)labels;
#else
  for (auto [images, labels] : batches<64>(fashion_mnist<784>(Split::train))) (void)images, (void)labels;
#endif
}
