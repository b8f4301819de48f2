// SPDX-License-Identifier: BSL-1.0
// Every layer: one line a file.
#pragma once

#include "stator/nn/activation.hpp"
#include "stator/nn/attention.hpp"
#include "stator/nn/container.hpp"
#include "stator/nn/conv.hpp"
#include "stator/nn/dropout.hpp"
#include "stator/nn/embedding.hpp"
#include "stator/nn/extra_repr.hpp"
#include "stator/nn/flatten.hpp"
#include "stator/nn/functional.hpp"
#include "stator/nn/init.hpp"
#include "stator/nn/linear.hpp"
#include "stator/nn/loss.hpp"
#include "stator/nn/norm.hpp"
#include "stator/nn/padding.hpp"
#include "stator/nn/pair_loss.hpp"
#include "stator/nn/pooling.hpp"
#include "stator/nn/rnn.hpp"
#include "stator/nn/row_norm.hpp"
#include "stator/nn/transformer.hpp"
#include "stator/nn/upsample.hpp"
