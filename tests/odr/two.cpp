// SPDX-License-Identifier: BSL-1.0
#include "use.hpp"

const void* two() { return use(); }
