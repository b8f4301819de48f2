// SPDX-License-Identifier: BSL-1.0
// The code of an elementwise operation without its type: the graph carries a pointer to it from the
// operation, which knows its element type, to the kernel, which runs it.
#pragma once

#include "stator/core/requirements.hpp"

namespace stator::detail {

/// The base of kernel::Elementwise<T>; one object for each operation and element type.
struct ElementwiseBase {};

} // namespace stator::detail
