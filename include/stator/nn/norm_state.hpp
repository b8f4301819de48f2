// SPDX-License-Identifier: BSL-1.0
// What the normalisation layers have in common: how their parameters and running statistics begin and print.
#pragma once

#include "stator/expr/parameter.hpp"
#include "stator/nn/extra_repr.hpp"
#include "stator/nn/init.hpp"

#include <string>
#include <type_traits>

namespace stator::nn::detail {

/// A field that a layer has or not, as its options say.
template<bool Has, class Field>
using FieldIf = std::conditional_t<Has, Field, Absent>;

/// Weights become 1 and biases 0, running means 0 and variances 1, as far as the layer has them.
template<class Norm>
void reset_norm(Norm& norm) {
  if constexpr (requires { Norm::tracks; })
    if constexpr (Norm::tracks) {
      init::zeros_(norm.running_mean);
      init::ones_(norm.running_var);
      init::zeros_(norm.num_batches_tracked);
    }
  if constexpr (Norm::affine) {
    init::ones_(norm.weight);
    init::zeros_(norm.bias);
  }
}

/// What PyTorch prints of a layer with running statistics.
inline std::string running_norm_repr(Index features, double eps, const std::string& momentum, bool affine,
                                     bool tracks) {
  return std::to_string(features) + ", eps=" + python_float(eps) + ", momentum=" + momentum +
         ", affine=" + python_bool(affine) + ", track_running_stats=" + python_bool(tracks);
}

} // namespace stator::nn::detail
