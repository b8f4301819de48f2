// SPDX-License-Identifier: BSL-1.0
// error: stator: only an LSTM has the option proj_size
#include "stator/nn/rnn.hpp"

constexpr stator::nn::RNNOptions options{.proj_size = 2};
#ifdef STATOR_CONTROL
stator::nn::LSTM<3, 4, options> layer;
#else
stator::nn::GRU<3, 4, options> layer;
#endif
