// SPDX-License-Identifier: BSL-1.0
// As a DataLoader is called.
// error: stator: batches: the size of a batch is a constant of the program: batches<64>(dataset
#include "stator/data/loader.hpp"

#include <array>

struct Numbers {
  stator::Index size() const { return 10; }
  std::array<float, 2> get(stator::Index) const { return {}; }
};

void loop(const Numbers& numbers) {
#ifdef STATOR_CONTROL
  for (auto [x] : stator::data::batches<8>(numbers)) (void)x;
#else
  for (auto [x] : stator::data::batches(numbers, 8)) (void)x;
#endif
}
