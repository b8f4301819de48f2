// SPDX-License-Identifier: BSL-1.0
// A network in an unnamed namespace, as compilers build it without optimisation: g++ writes out every
// constant of it then, also those that only the compiler reads. None may refer to the network's prototype,
// which does not exist at run time.
#include "stator/io/dot.hpp"
#include "stator/optim/sgd.hpp"
#include "stator/stator.hpp"

namespace {

namespace nn = stator::nn;

struct Net {
  nn::Linear<3, 4> fc1;
  nn::Linear<4, 2> fc2;
  constexpr auto forward(auto x) const { return x | fc1 | nn::relu | fc2; }
};

} // namespace

int main() {
  stator::Model<Net> model;
  stator::optim::SGD optimizer{model, {.lr = 1e-2}};
  const stator::Tensor<float, 2, 3> x{1, 2, 3, 4, 5, 6};
  const auto loss = mean(model(x));
  loss.backward();
  optimizer.step();
  const auto rows = stator::summary<Net>(stator::Shape<2, 3>{});
  return rows.rows.size() == 3 && rows.rows[1].multiply_adds == 24 && !stator::dot(loss).empty() ? 0 : 1;
}
