// SPDX-License-Identifier: BSL-1.0
// Random numbers: the generator and what is drawn from it.
#pragma once

#include "stator/core/distributions.hpp"
#include "stator/core/generator.hpp"
