// SPDX-License-Identifier: BSL-1.0
#include "use.hpp"

const void* one() { return use(); }
