// SPDX-License-Identifier: BSL-1.0
// The umbrella, compiled once for the programs that must not compile.
#include "stator/stator.hpp"
