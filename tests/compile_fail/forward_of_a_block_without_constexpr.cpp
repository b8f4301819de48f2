// SPDX-License-Identifier: BSL-1.0
// The module that cannot be evaluated is named, with its path, however many calls are around it.
// error: stator: Block, at blocks.1.inner: the compiler cannot evaluate forward
#include "stator/stator.hpp"

namespace nn = stator::nn;

struct Fine {
  nn::Linear<4, 4> fc;
  constexpr auto forward(auto x) const { return x | fc; }
};
struct Block {
  nn::Linear<4, 4> fc;
#ifdef STATOR_CONTROL
  constexpr auto forward(auto x) const {
#else
  auto forward(auto x) const {
    volatile int calls = 0;
    (void)calls;
#endif
      return x | fc;
}
}
;
template<class Inner>
struct Outer {
  Inner inner;
  constexpr auto forward(auto x) const { return x | inner; }
};
struct Net {
  Fine first;
  std::tuple<Outer<Fine>, Outer<Block>> blocks;
  Fine last;
  constexpr auto forward(auto x) const {
    return x | first | std::get<0>(blocks) | std::get<1>(blocks) | last;
  }
};

void use(stator::Model<Net>& model, stator::Tensor<float, 3, 4>& x) {
  auto y = model(x);
  (void)y;
}
