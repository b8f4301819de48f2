// SPDX-License-Identifier: BSL-1.0
// ResNet-18 on Stator.
#include "stator.hpp"

namespace bench {
namespace {

const Enter entries{
    train<Resnet18, Adam, classes, Floats<8, 3, 32, 32>, Ints<8>>("train/resnet18/8"),
    infer<Resnet18, Floats<1, 3, 32, 32>>("infer/resnet18/1"),
    infer_prepared<Resnet18, Floats<1, 3, 32, 32>>("infer/resnet18/1"),
};

} // namespace
} // namespace bench
