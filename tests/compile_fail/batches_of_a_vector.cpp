// SPDX-License-Identifier: BSL-1.0
// error: stator: batches: vector is no source of samples: it needs `Index size() const`
#include "stator/data/loader.hpp"

#include <utility>
#include <vector>

using Sample = std::pair<std::array<float, 3>, float>;
struct Samples {
  std::vector<Sample> all;
  stator::Index size() const { return static_cast<stator::Index>(all.size()); }
  Sample get(stator::Index i) const { return all[static_cast<std::size_t>(i)]; }
};

void loop(const Samples& samples) {
#ifdef STATOR_CONTROL
  for (auto [x, y] : stator::data::batches<8>(samples)) (void)x, (void)y;
#else
  for (auto [x, y] : stator::data::batches<8>(samples.all)) (void)x, (void)y;
#endif
}
