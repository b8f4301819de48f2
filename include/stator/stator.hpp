// SPDX-License-Identifier: BSL-1.0
// Everything but the heavy file formats: networks, expressions, layers, optimisers, data.
#pragma once

#include "stator/data/batches.hpp"
#include "stator/io/save_state.hpp"
#include "stator/module/average.hpp"
#include "stator/module/containers.hpp"
#include "stator/module/hana.hpp"
#include "stator/module/model.hpp"
#include "stator/module/vector.hpp"
#include "stator/nn/nn.hpp"
#include "stator/ops/hooked_model.hpp"
#include "stator/ops/ops.hpp"
#include "stator/optim/optim.hpp"
#include "stator/run/session.hpp"
#include "stator/run/summary.hpp"
