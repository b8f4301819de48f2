// SPDX-License-Identifier: BSL-1.0
// Everything but the heavy file formats: networks, expressions, layers, optimisers, data.
#pragma once

// First, so that compilers have few files to name before the text of an error.
#include "stator/core/compile_error.hpp"
#include "stator/expr/expression.hpp"

#include "stator/data/batches.hpp"
#include "stator/hooks/hooked_model.hpp"
#include "stator/io/save_state.hpp"
#include "stator/model/inference_session.hpp"
#include "stator/model/load.hpp"
#include "stator/model/model.hpp"
#include "stator/model/parameters_to_vector.hpp"
#include "stator/module/containers.hpp"
#include "stator/module/hana.hpp"
#include "stator/nn/nn.hpp"
#include "stator/ops/ops.hpp"
#include "stator/optim/averaged_model.hpp"
#include "stator/optim/optim.hpp"
#include "stator/run/evaluation.hpp"
#include "stator/run/summary.hpp"
#include "stator/run/values.hpp"
