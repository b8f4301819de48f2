// SPDX-License-Identifier: BSL-1.0
// All optimisers, schedulers and gradient clipping.
#pragma once

#include "stator/optim/adadelta.hpp"
#include "stator/optim/adafactor.hpp"
#include "stator/optim/adagrad.hpp"
#include "stator/optim/adam.hpp"
#include "stator/optim/adamax.hpp"
#include "stator/optim/adamw.hpp"
#include "stator/optim/asgd.hpp"
#include "stator/optim/clip.hpp"
#include "stator/optim/lbfgs.hpp"
#include "stator/optim/lion.hpp"
#include "stator/optim/lr_scheduler.hpp"
#include "stator/optim/nadam.hpp"
#include "stator/optim/radam.hpp"
#include "stator/optim/rmsprop.hpp"
#include "stator/optim/rprop.hpp"
#include "stator/optim/sgd.hpp"
