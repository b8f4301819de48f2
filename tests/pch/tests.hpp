// SPDX-License-Identifier: BSL-1.0
// What most tests include, compiled once for each of the larger folders.
#include "catch.hpp"
#include "compare.hpp"

#include "stator/stator.hpp"
