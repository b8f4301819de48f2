// SPDX-License-Identifier: BSL-1.0
// Nothing but the header: what a source file pays before its first line.
#include <stator/stator.hpp>
