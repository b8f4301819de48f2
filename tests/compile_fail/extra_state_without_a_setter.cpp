// SPDX-License-Identifier: BSL-1.0
// error: stator: Counter at counter: get_extra_state() needs a set_extra_state() that takes what it returns
#include "stator/model/model.hpp"

struct Counter {
  stator::Parameter<float, 3> weight;
  std::int64_t count = 0;

  std::int64_t get_extra_state() const { return count; }
#ifdef STATOR_CONTROL
  void set_extra_state(std::int64_t state) { count = state; }
#else
  void set_extra_state(const std::string&) {}
#endif
};

struct Net {
  Counter counter;
};

constexpr auto count = stator::Model<Net>::parameter_count;
