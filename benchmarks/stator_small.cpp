// SPDX-License-Identifier: BSL-1.0
// The smallest networks on Stator: batch 1, 8, 32.
#include "stator.hpp"

namespace bench {
namespace {

using Tiny = Mlp<4, 8, 2>;

template<Index B>
void enter(const std::string& batch) {
  Enter{
      infer<Tiny, Floats<B, 4>>("small/infer/mlp_4_8_2/" + batch),
      train<Tiny, Sgd, mean_squares, Floats<B, 4>, Floats<B, 2>>("small/train/mlp_4_8_2/" + batch),
      infer<Policy, Floats<B, 16>>("small/infer/policy_16_64_64_4/" + batch),
      infer<GruStep<1, 8>, Floats<B, 1>, Floats<B, 8>>("small/infer/gru_1_8/" + batch),
      infer<LstmStep<1, 16>, Floats<B, 1>, Floats<B, 16>, Floats<B, 16>>("small/infer/lstm_1_16/" + batch),
      infer<LstmStep<1, 40>, Floats<B, 1>, Floats<B, 40>, Floats<B, 40>>("small/infer/lstm_1_40/" + batch),
      infer<Audio, Floats<B, 1, Audio::samples>>("small/infer/audio/" + batch),
  };
}

const bool entered = [] {
  enter<1>("1");
  enter<8>("8");
  enter<32>("32");
  Enter{
      train<Tiny, Adam, mean_squares, Floats<1, 4>, Floats<1, 2>>("small/train/mlp_4_8_2_adam/1"),
      train<Policy, Adam, mean_squares, Floats<1, 16>, Floats<1, 4>>("small/train/policy_16_64_64_4_adam/1"),
  };
  return true;
}();

} // namespace
} // namespace bench
