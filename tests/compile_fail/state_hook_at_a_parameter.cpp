// SPDX-License-Identifier: BSL-1.0
// error: stator: fc.weight is a parameter or buffer, hooks are registered with a module
#include "stator/model/model.hpp"

struct Layer {
  stator::Parameter<float, 3> weight;
};
struct Net {
  Layer fc;
};

#ifdef STATOR_CONTROL
inline constexpr stator::fixed_string path = "fc";
#else
inline constexpr stator::fixed_string path = "fc.weight";
#endif

void add(stator::Model<Net>& model) {
  model.register_load_state_dict_pre_hook<path>([](stator::StateDict&, std::string_view) {});
}
