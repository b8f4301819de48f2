// SPDX-License-Identifier: BSL-1.0
// error: stator: ZeroRedundancyOptimizer takes an optimizer of a DataParallel model
#include "stator/distributed/zero_redundancy_optimizer.hpp"
#include "stator/stator.hpp"

namespace nn = stator::nn;
namespace dist = stator::distributed;

struct Net {
  nn::Linear<4, 3> fc;
  constexpr auto forward(auto x) const { return x | fc; }
};

void use([[maybe_unused]] stator::Model<Net>& plain,
         [[maybe_unused]] dist::DataParallel<stator::Model<Net>>& model) {
#ifdef STATOR_CONTROL
  dist::ZeroRedundancyOptimizer optimizer{stator::optim::Adam{model}};
#else
  dist::ZeroRedundancyOptimizer optimizer{stator::optim::Adam{plain}};
#endif
}
