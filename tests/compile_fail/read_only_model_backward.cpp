// SPDX-License-Identifier: BSL-1.0
// error: stator: backward(): nothing in this expression requires a gradient
#include "stator/model/read_only_model.hpp"
#include "stator/stator.hpp"

namespace nn = stator::nn;

struct Net {
  nn::Linear<4, 3> fc;
  constexpr auto forward(auto x) const { return x | fc; }
};

void use(const stator::ReadOnlyModel<Net>& fixed, const stator::Model<Net>& model,
         const stator::Tensor<float, 2, 4>& x, const stator::Tensor<std::int64_t, 2>& labels) {
#ifdef STATOR_CONTROL
  nn::cross_entropy(model(x), labels).backward();
  (void)fixed(x).value();
#else
  (void)model;
  nn::cross_entropy(fixed(x), labels).backward();
#endif
}
