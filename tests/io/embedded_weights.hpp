// SPDX-License-Identifier: BSL-1.0
// Headers that save_header wrote, as a program includes them; io/embedded_test.cpp compares and renews them.
#pragma once

#include "io/embedded_net.inc"
#include "io/embedded_small.inc"
#include "io/embedded_types.inc"
