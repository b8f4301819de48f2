// SPDX-License-Identifier: BSL-1.0
// What the program knows of the network: how to make it.
#pragma once

#include <stator/wall/network.hpp>

stator::Network make_mlp(unsigned seed);
