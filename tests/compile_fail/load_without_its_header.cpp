// SPDX-License-Identifier: BSL-1.0
// error: stator: load needs #include "stator/io/state.hpp", and -lboost_json to link
#include "stator/stator.hpp"
#ifdef STATOR_CONTROL
#include "stator/io/state.hpp"
#endif

struct Net {
  stator::nn::Linear<4, 2> fc;
  constexpr auto forward(auto x) const { return x | fc; }
};

void use(stator::Model<Net>& model, const std::string& path) {
  stator::load(model, path);
  stator::load(model, "net.safetensors");
}
