// SPDX-License-Identifier: BSL-1.0
#include "stator/expr/tensor.hpp"

int main() { return stator::Tensor<float, 2, 3>{1, 2, 3, 4, 5, 6}(1, 2) == 6 ? 0 : 1; }
