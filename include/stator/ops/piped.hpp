// SPDX-License-Identifier: BSL-1.0
// `x | stator::exp`, `x | argmax<1>`: names of functions after `|`. Objects, as nn::relu, need nothing of
// this.
#pragma once

#include "stator/trace/operation.hpp"

namespace stator::inline v0_2 {

namespace ops {

/// What `|` is given in place of a function of one operand.
template<class Op>
struct Piped {};

} // namespace ops

/// Applies the operation whose function it is given, by a name with template arguments: a name with one
/// function for a given Piped, `R<Dim>(R<Dim>)`, among its overloads. For a name without them the compiler
/// cannot find Op: such a name has an operator of its own.
template<Operand X, class Op>
constexpr auto operator|(X&& x, ops::Piped<Op> (*)(ops::Piped<Op>)) {
  return operation<Op>{}(std::forward<X>(x));
}

/// `x | stator::exp`: an overloaded name can stand there when one of its functions has the type that `|`
/// takes. For names in namespace stator.
#define STATOR_PIPE(name, Op)                                                                                \
  constexpr ops::Piped<ops::Op> name(ops::Piped<ops::Op> piped) { return piped; }                            \
  template<Operand X>                                                                                        \
  constexpr auto operator|(X&& x, ops::Piped<ops::Op> (*)(ops::Piped<ops::Op>)) {                            \
    return operation<ops::Op>{}(std::forward<X>(x));                                                         \
  }

} // namespace stator::inline v0_2
