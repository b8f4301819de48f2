// SPDX-License-Identifier: BSL-1.0
// 1 - beta^step, by which averages that began with 0 are divided.
#pragma once

#include "stator/core/shape.hpp"

#include <cmath>
#include <limits>

namespace stator::optim::detail {

/// The correction of each step. Once it is 1 it stays 1, and beta^step, which takes as long as a step of a
/// small network, is computed no more: from step 356 on for 0.9, 37,412 for 0.999.
class BiasCorrection {
public:
  /// 1 - beta^step; 0 <= beta < 1.
  double operator()(double beta, Index step) {
    if (beta == beta_ && step >= settled_) return 1;
    const double result = 1 - std::pow(beta, static_cast<double>(step));
    beta_ = beta;
    settled_ = result == 1 ? step : std::numeric_limits<Index>::max();
    return result;
  }

private:
  double beta_ = -1;
  Index settled_ = 0; ///< a step from which on the correction of beta_ is 1
};

} // namespace stator::optim::detail
