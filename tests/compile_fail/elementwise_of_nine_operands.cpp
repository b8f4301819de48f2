// SPDX-License-Identifier: BSL-1.0
// error: stator: total: an elementwise operation has at most 8 operands, this one has 9
#include "stator/stator.hpp"

struct Total {
  static constexpr std::string_view name = "Total";
  static constexpr stator::Extents shape(const stator::Extents& x, const auto&...) { return x; }
  template<class V, class... Rest>
  static V apply(const V& first, const Rest&... rest) {
    return (first + ... + rest);
  }
};
inline constexpr stator::operation<Total> total;

void use(stator::Tensor<float, 3>& x) {
#ifdef STATOR_CONTROL
  auto y = total(x, x, x, x, x, x, x, x);
#else
  auto y = total(x, x, x, x, x, x, x, x, x);
#endif
  (void)y.value();
}
