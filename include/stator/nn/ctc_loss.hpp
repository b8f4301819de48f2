// SPDX-License-Identifier: BSL-1.0
// CTCLoss.
#pragma once

#include "stator/nn/pair_loss.hpp"
#include "stator/ops/ctc_loss.hpp"

namespace stator::nn {

/// torch.nn.CTCLoss of log-probabilities [T, N, C], targets [N, S] and the numbers of steps and labels [N],
/// see nn::ctc_loss: `nn::CTCLoss<nn::CTCLossOptions{.blank = 26}> loss;`
template<CTCLossOptions Options = CTCLossOptions{}>
using CTCLoss = detail::LossOf<"CTCLoss", operation<ops::CtcLoss<Options>>>;

} // namespace stator::nn
