// SPDX-License-Identifier: BSL-1.0
// error: stator: Net: a module can have at most 200 fields: group them in structs
#include "stator/model/model.hpp"

using P = stator::Parameter<float, 2>;
// clang-format off
#define TEN(p) P p##0, p##1, p##2, p##3, p##4, p##5, p##6, p##7, p##8, p##9;
#define HUNDRED(p) TEN(p##0) TEN(p##1) TEN(p##2) TEN(p##3) TEN(p##4) TEN(p##5) TEN(p##6) TEN(p##7) TEN(p##8) TEN(p##9)
// clang-format on

struct Net {
  HUNDRED(a)
  HUNDRED(b)
#ifndef STATOR_CONTROL
  P one_more;
#endif
};

constexpr auto count = stator::Model<Net>::parameter_count;
