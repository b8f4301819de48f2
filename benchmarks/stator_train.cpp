// SPDX-License-Identifier: BSL-1.0
// The MLPs, LeNet, the CNN and the recurrent network on Stator.
#include "stator.hpp"

namespace bench {
namespace {

using Small = Mlp<784, 128, 10>;
using Large = Mlp<784, 1024, 1024, 10>;

const Enter entries{
    train<Mlp<4, 8, 2>, Sgd, mean_squares, Floats<1, 4>, Floats<1, 2>>("train/mlp_4_8_2/1"),
    train<Mlp<4, 8, 2>, Sgd, mean_squares, Floats<32, 4>, Floats<32, 2>>("train/mlp_4_8_2/32"),
    train<Small, Adam, classes, Floats<64, 784>, Ints<64>>("train/mlp_784_128_10/64"),
    train<Large, Adam, classes, Floats<128, 784>, Ints<128>>("train/mlp_784_1024_1024_10/128"),
    train<Lenet, Adam, classes, Floats<64, 1, 28, 28>, Ints<64>>("train/lenet/64"),
    train<Cnn, Adam, classes, Floats<64, 1, 28, 28>, Ints<64>>("train/cnn/64"),
    train<Lstm, Adam, mean_squares, Floats<32, 50, 16>, Floats<32, 50, 64>>("train/lstm_16_64/32"),
    infer<Small, Floats<1, 784>>("infer/mlp_784_128_10/1"),
    infer_prepared<Small, Floats<1, 784>>("infer/mlp_784_128_10/1"),
    infer<Large, Floats<1, 784>>("infer/mlp_784_1024_1024_10/1"),
    infer_prepared<Large, Floats<1, 784>>("infer/mlp_784_1024_1024_10/1"),
    infer<Lenet, Floats<1, 1, 28, 28>>("infer/lenet/1"),
    infer_prepared<Lenet, Floats<1, 1, 28, 28>>("infer/lenet/1"),
    infer<Cnn, Floats<1, 1, 28, 28>>("infer/cnn/1"),
    infer_prepared<Cnn, Floats<1, 1, 28, 28>>("infer/cnn/1"),
    infer<Audio, Floats<1, 1, Audio::samples>>("infer/audio/1"),
    infer_prepared<Audio, Floats<1, 1, Audio::samples>>("infer/audio/1"),
};

} // namespace
} // namespace bench
