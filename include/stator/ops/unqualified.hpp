// SPDX-License-Identifier: BSL-1.0
// `matmul(a, b)` without `stator::`: operations are objects, which argument-dependent lookup does not see, so the
// ones that are written most have a function in a namespace that it looks into.
#pragma once

#include "stator/ops/bmm.hpp"
#include "stator/ops/unary.hpp"

namespace stator::unqualified {

// clang-format off
constexpr auto mm(const auto& a, const auto& b) { return stator::mm(a, b); }
constexpr auto matmul(const auto& a, const auto& b) { return stator::matmul(a, b); }
constexpr auto no_grad(const auto& x) { return stator::no_grad(x); }
constexpr auto sum(const auto& x) { return stator::sum(x); }
constexpr auto mean(const auto& x) { return stator::mean(x); }
// clang-format on

} // namespace stator::unqualified
