// SPDX-License-Identifier: BSL-1.0
// error: stator: tie<"a.weight", "c.weight">: the two are tied already, the ties form a cycle
#include "stator/model/model.hpp"

struct Layer {
  stator::Parameter<float, 10, 4> weight;
};
struct Net {
  Layer a, b, c;
#ifdef STATOR_CONTROL
  using ties = stator::ties<stator::tie<"b.weight", "a.weight">, stator::tie<"c.weight", "b.weight">>;
#else
  using ties = stator::ties<stator::tie<"b.weight", "a.weight">, stator::tie<"c.weight", "b.weight">,
                            stator::tie<"a.weight", "c.weight">>;
#endif
};

constexpr auto count = stator::Model<Net>::parameter_count;
