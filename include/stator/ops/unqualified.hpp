// SPDX-License-Identifier: BSL-1.0
// `matmul(a, b)` without `stator::`: operations are objects, which argument-dependent lookup does not see, so
// the ones that are written most have a function in a namespace that it looks into.
#pragma once

#include "stator/ops/bmm.hpp"
#include "stator/ops/detach.hpp"
#include "stator/ops/to.hpp"
#include "stator/ops/unary.hpp"

namespace stator::unqualified {

// A temporary is moved into the expression. For all else `const auto&`: a function of the user with the same
// name, which takes a tensor by reference, is then the better match.
/// Whether an argument may be moved from.
template<class... X>
concept AnyTemporary = (!std::is_lvalue_reference_v<X> || ...);

// clang-format off
/// See stator::mm.
constexpr auto mm(const auto& a, const auto& b) { return stator::mm(a, b); }
/// See stator::matmul.
constexpr auto matmul(const auto& a, const auto& b) { return stator::matmul(a, b); }
/// See stator::no_grad.
constexpr auto no_grad(const auto& x) { return stator::no_grad(x); }
/// See stator::sum.
constexpr auto sum(const auto& x) { return stator::sum(x); }
/// See stator::mean.
constexpr auto mean(const auto& x) { return stator::mean(x); }
/// See stator::to.
template<class T, class X> constexpr auto to(X&& x) { return stator::to<T>(std::forward<X>(x)); }
template<class A, class B> requires AnyTemporary<A, B> constexpr auto mm(A&& a, B&& b) { return stator::mm(std::forward<A>(a), std::forward<B>(b)); }
template<class A, class B> requires AnyTemporary<A, B> constexpr auto matmul(A&& a, B&& b) { return stator::matmul(std::forward<A>(a), std::forward<B>(b)); }
template<class X> requires AnyTemporary<X> constexpr auto no_grad(X&& x) { return stator::no_grad(std::forward<X>(x)); }
template<class X> requires AnyTemporary<X> constexpr auto sum(X&& x) { return stator::sum(std::forward<X>(x)); }
template<class X> requires AnyTemporary<X> constexpr auto mean(X&& x) { return stator::mean(std::forward<X>(x)); }
// clang-format on

} // namespace stator::unqualified
