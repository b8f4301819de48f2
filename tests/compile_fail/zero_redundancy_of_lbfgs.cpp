// SPDX-License-Identifier: BSL-1.0
// error: stator: ZeroRedundancyOptimizer takes an optimizer that changes each element by itself: Adam, SGD,
// ...; LBFGS looks at all of them
#include "stator/distributed/zero_redundancy_optimizer.hpp"
#include "stator/stator.hpp"

namespace nn = stator::nn;
namespace dist = stator::distributed;

struct Net {
  nn::Linear<4, 3> fc;
  constexpr auto forward(auto x) const { return x | fc; }
};

void use(dist::DataParallel<stator::Model<Net>>& model) {
#ifdef STATOR_CONTROL
  dist::ZeroRedundancyOptimizer optimizer{stator::optim::SGD{model, {.lr = 0.1}}};
#else
  dist::ZeroRedundancyOptimizer optimizer{stator::optim::LBFGS{model}};
#endif
}
