// SPDX-License-Identifier: BSL-1.0
// error: stator: tie<"head.bias", "embedding.weight">: head.bias [10] and embedding.weight [10, 4] differ in
// shape
#include "stator/model/model.hpp"

struct Embedding {
  stator::Parameter<float, 10, 4> weight;
  stator::Parameter<float, 10> bias;
};
struct Net {
  Embedding embedding, head;
#ifdef STATOR_CONTROL
  using ties = stator::ties<stator::tie<"head.weight", "embedding.weight">>;
#else
  using ties = stator::ties<stator::tie<"head.bias", "embedding.weight">>;
#endif
};

constexpr auto count = stator::Model<Net>::parameter_count;
