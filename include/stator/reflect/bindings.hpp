// SPDX-License-Identifier: BSL-1.0
// References to the fields of structs with 101 to 200 fields: Boost.PFR 1.81 stops at 100. A structured
// binding needs its number of names written out, so the names come from macros, which end with this file.
#pragma once

#include "stator/core/requirements.hpp"

#include <cstddef>
#include <utility>

namespace stator::reflect::detail {

/// A flat tuple of references: std::tuple of 200 takes g++ seconds.
template<std::size_t I, class T>
struct reference {
  T& value;
};
template<class Indices, class... T>
struct references;
template<std::size_t... I, class... T>
struct references<std::index_sequence<I...>, T...> : reference<I, T>... {};

template<class... T>
constexpr auto refer(T&... field) {
  return references<std::index_sequence_for<T...>, T...>{{field}...};
}
template<std::size_t I, class T>
constexpr T& pick(const reference<I, T>& field) {
  return field.value;
}

// clang-format off
#define STATOR_TEN(p) p##0, p##1, p##2, p##3, p##4, p##5, p##6, p##7, p##8, p##9
#define STATOR_HUNDRED STATOR_TEN(a0), STATOR_TEN(a1), STATOR_TEN(a2), STATOR_TEN(a3), STATOR_TEN(a4), \
                       STATOR_TEN(a5), STATOR_TEN(a6), STATOR_TEN(a7), STATOR_TEN(a8), STATOR_TEN(a9)
// After the hundred: whole tens, then single ones.
#define STATOR_TENS0
#define STATOR_TENS1 STATOR_TENS0, STATOR_TEN(b0)
#define STATOR_TENS2 STATOR_TENS1, STATOR_TEN(b1)
#define STATOR_TENS3 STATOR_TENS2, STATOR_TEN(b2)
#define STATOR_TENS4 STATOR_TENS3, STATOR_TEN(b3)
#define STATOR_TENS5 STATOR_TENS4, STATOR_TEN(b4)
#define STATOR_TENS6 STATOR_TENS5, STATOR_TEN(b5)
#define STATOR_TENS7 STATOR_TENS6, STATOR_TEN(b6)
#define STATOR_TENS8 STATOR_TENS7, STATOR_TEN(b7)
#define STATOR_TENS9 STATOR_TENS8, STATOR_TEN(b8)
#define STATOR_BIND(count, tens, ones)                          \
  if constexpr (Count == count) {                               \
    auto& [STATOR_HUNDRED STATOR_TENS##tens ones] = object;     \
    return refer(STATOR_HUNDRED STATOR_TENS##tens ones);     \
  } else
#define STATOR_COMMA ,
#define STATOR_BIND_TEN(t)                                                                                            \
  STATOR_BIND(1##t##1, t, STATOR_COMMA c0)                                                                            \
  STATOR_BIND(1##t##2, t, STATOR_COMMA c0 STATOR_COMMA c1)                                                            \
  STATOR_BIND(1##t##3, t, STATOR_COMMA c0 STATOR_COMMA c1 STATOR_COMMA c2)                                            \
  STATOR_BIND(1##t##4, t, STATOR_COMMA c0 STATOR_COMMA c1 STATOR_COMMA c2 STATOR_COMMA c3)                            \
  STATOR_BIND(1##t##5, t, STATOR_COMMA c0 STATOR_COMMA c1 STATOR_COMMA c2 STATOR_COMMA c3 STATOR_COMMA c4)            \
  STATOR_BIND(1##t##6, t, STATOR_COMMA c0 STATOR_COMMA c1 STATOR_COMMA c2 STATOR_COMMA c3 STATOR_COMMA c4             \
                          STATOR_COMMA c5)                                                                            \
  STATOR_BIND(1##t##7, t, STATOR_COMMA c0 STATOR_COMMA c1 STATOR_COMMA c2 STATOR_COMMA c3 STATOR_COMMA c4             \
                          STATOR_COMMA c5 STATOR_COMMA c6)                                                            \
  STATOR_BIND(1##t##8, t, STATOR_COMMA c0 STATOR_COMMA c1 STATOR_COMMA c2 STATOR_COMMA c3 STATOR_COMMA c4             \
                          STATOR_COMMA c5 STATOR_COMMA c6 STATOR_COMMA c7)                                            \
  STATOR_BIND(1##t##9, t, STATOR_COMMA c0 STATOR_COMMA c1 STATOR_COMMA c2 STATOR_COMMA c3 STATOR_COMMA c4             \
                          STATOR_COMMA c5 STATOR_COMMA c6 STATOR_COMMA c7 STATOR_COMMA c8)
// clang-format on

/// References to the `Count` fields of `object`.
template<std::size_t Count, class T>
constexpr auto bind_fields(T& object) {
  STATOR_BIND_TEN(0)
  STATOR_BIND(110, 1, )
  STATOR_BIND_TEN(1)
  STATOR_BIND(120, 2, )
  STATOR_BIND_TEN(2)
  STATOR_BIND(130, 3, )
  STATOR_BIND_TEN(3)
  STATOR_BIND(140, 4, )
  STATOR_BIND_TEN(4)
  STATOR_BIND(150, 5, )
  STATOR_BIND_TEN(5)
  STATOR_BIND(160, 6, )
  STATOR_BIND_TEN(6)
  STATOR_BIND(170, 7, )
  STATOR_BIND_TEN(7)
  STATOR_BIND(180, 8, )
  STATOR_BIND_TEN(8)
  STATOR_BIND(190, 9, )
  STATOR_BIND_TEN(9)
  STATOR_BIND(200, 9, STATOR_COMMA STATOR_TEN(c)) {
    static_assert(Count > 100 && Count <= 200, "stator: bind_fields is for 101 to 200 fields");
  }
}

#undef STATOR_TEN
#undef STATOR_HUNDRED
#undef STATOR_TENS0
#undef STATOR_TENS1
#undef STATOR_TENS2
#undef STATOR_TENS3
#undef STATOR_TENS4
#undef STATOR_TENS5
#undef STATOR_TENS6
#undef STATOR_TENS7
#undef STATOR_TENS8
#undef STATOR_TENS9
#undef STATOR_BIND
#undef STATOR_COMMA
#undef STATOR_BIND_TEN

} // namespace stator::reflect::detail
