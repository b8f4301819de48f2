// SPDX-License-Identifier: BSL-1.0
// What most tests include, compiled once for all of them. That each header includes what it needs is what the
// test of the headers alone holds.
#include "catch.hpp"
#include "compare.hpp"
#include "files.hpp"
#include "reference/reference.hpp"

#include "stator/io/checkpoint.hpp"
#include "stator/stator.hpp"

#include <fstream>
#include <map>
#include <sstream>
