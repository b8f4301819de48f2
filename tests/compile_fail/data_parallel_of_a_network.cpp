// SPDX-License-Identifier: BSL-1.0
// error: stator: DataParallel takes a Model: DataParallel model{stator::Model<Net>()}; optimizers are made of
// the DataParallel afterwards
#include "stator/distributed/data_parallel.hpp"
#include "stator/stator.hpp"

namespace nn = stator::nn;
namespace dist = stator::distributed;

struct Net {
  nn::Linear<4, 3> fc;
  constexpr auto forward(auto x) const { return x | fc; }
};

void use() {
#ifdef STATOR_CONTROL
  dist::DataParallel model{stator::Model<Net>()};
#else
  dist::DataParallel model{Net()};
#endif
}
