// SPDX-License-Identifier: BSL-1.0
// Options out of range, in PyTorch's words.
#pragma once

#include "stator/core/error.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <string>

namespace stator::optim::detail {

/// The shortest text that reads back as the same number: "-1", "0.001".
inline std::string number_text(double value) {
  char text[32];
  return {text, std::to_chars(text, text + sizeof text, value).ptr};
}

inline void check(bool valid, const char* what, double value) {
  if (!valid) raise(ValueError("Invalid " + std::string(what) + ": " + number_text(value)));
}

inline void check_finite(const char* what, double value) { check(std::isfinite(value), what, value); }

/// PyTorch takes infinity as well; a step with it makes every parameter not-a-number.
inline void check_not_negative(const char* what, double value) {
  check(value >= 0 && std::isfinite(value), what, value);
}

inline void check_betas(const std::array<double, 2>& betas) {
  check(betas[0] >= 0 && betas[0] < 1, "beta parameter at index 0", betas[0]);
  check(betas[1] >= 0 && betas[1] < 1, "beta parameter at index 1", betas[1]);
}

/// The options that Adam and its relatives share.
template<class Options>
void check_adam_options(const Options& o) {
  check_not_negative("learning rate", o.lr);
  check_not_negative("epsilon value", o.eps);
  check_betas(o.betas);
  check_not_negative("weight_decay value", o.weight_decay);
}

} // namespace stator::optim::detail
