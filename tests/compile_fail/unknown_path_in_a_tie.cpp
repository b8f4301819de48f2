// SPDX-License-Identifier: BSL-1.0
// error: stator: tie<"head.weight", "embeding.weight">: there is no parameter, buffer or module
// embeding.weight, did you mean embedding.weight
#include "stator/model/model.hpp"

struct Embedding {
  stator::Parameter<float, 10, 4> weight;
};
struct Net {
  Embedding embedding, head;
#ifdef STATOR_CONTROL
  using ties = stator::ties<stator::tie<"head.weight", "embedding.weight">>;
#else
  using ties = stator::ties<stator::tie<"head.weight", "embeding.weight">>;
#endif
};

constexpr auto count = stator::Model<Net>::parameter_count;
