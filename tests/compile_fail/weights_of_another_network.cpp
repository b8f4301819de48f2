// SPDX-License-Identifier: BSL-1.0
// error: stator: Wider does not fit the weights of Mlp: fc.weight is [3, 3] in the network, [2, 3] in them
#include "stator/model/model.hpp"
#include "stator/model/read_only_model.hpp"
#include "stator/nn/linear.hpp"

namespace nn = stator::nn;

// As stator::save_header writes it.
struct mlp_weights : stator::Embedded {
  static constexpr std::string_view network = "Mlp";
  static constexpr stator::EmbeddedTensor tensors[]{
      {"fc.weight", true, stator::DType::float32, stator::Extents(2, 3), 0},
      {"fc.bias", true, stator::DType::float32, stator::Extents(2), 64},
  };
  struct Parameters {
    alignas(64) float t0[6];
    alignas(64) float t1[2];
  };
  static constexpr Parameters parameters{{1, 2, 3, 4, 5, 6}, {1, 2}};
};

struct Mlp {
  nn::Linear<3, 2> fc;
  constexpr auto forward(auto x) const { return x | fc; }
};
struct Wider {
  nn::Linear<3, 3> fc;
  constexpr auto forward(auto x) const { return x | fc; }
};

#ifdef STATOR_CONTROL
stator::ReadOnlyModel<Mlp> model{mlp_weights{}};
#else
stator::ReadOnlyModel<Wider> model{mlp_weights{}};
#endif
