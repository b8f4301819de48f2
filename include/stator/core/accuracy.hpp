// SPDX-License-Identifier: BSL-1.0
// How far the result of a kernel may be from what its operation gives as it is written.
#pragma once

#include "stator/core/requirements.hpp"

namespace stator::inline v0_2 {

/// Bit by bit the same; other roundings of about the same size; errors some ten times as large, about 1e-5 of
/// the largest number.
enum class Accuracy { same, other, coarse };

} // namespace stator::inline v0_2
