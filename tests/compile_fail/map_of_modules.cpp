// SPDX-License-Identifier: BSL-1.0
// A map would hide its modules from the network; tests/static/hidden_modules.cpp has the other types that do.
// error: stator: heads: how many modules it holds is known only at run time: use std::array
#include "stator/model/model.hpp"
#include "stator/nn/linear.hpp"

#include <map>
#include <string>

struct Net {
  stator::nn::Linear<3, 2> trunk;
#ifdef STATOR_CONTROL
  std::map<std::string, double> heads;
#else
  std::map<std::string, stator::nn::Linear<3, 2>> heads;
#endif
};

constexpr auto count = stator::Model<Net>::parameter_count;
