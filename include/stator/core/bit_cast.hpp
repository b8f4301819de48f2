// SPDX-License-Identifier: BSL-1.0
// The bits of one type as another. Not std::bit_cast: the standard library of some compilers that have the
// language for it lacks the function (libc++ before 14, Emscripten's among them).
#pragma once

#include "stator/core/requirements.hpp"

namespace stator::inline v0_2 {

/// The value of type To with the bits of `from`: both trivially copyable, of one size.
template<class To, class From>
constexpr To bit_cast(const From& from) {
  static_assert(sizeof(To) == sizeof(From), "stator: bit_cast: the two types differ in size");
  return __builtin_bit_cast(To, from);
}

} // namespace stator::inline v0_2
