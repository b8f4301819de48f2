// SPDX-License-Identifier: BSL-1.0
// error: stator: fashion_mnist<...>: the shape of a sample has 784 elements, as in <784> or <1, 28, 28>
#include "stator/data/fashion_mnist.hpp"

#ifdef STATOR_CONTROL
auto train = stator::data::fashion_mnist<28, 28>(stator::data::Split::train);
#else
auto train = stator::data::fashion_mnist<1, 28, 27>(stator::data::Split::train);
#endif
