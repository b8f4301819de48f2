// SPDX-License-Identifier: BSL-1.0
// Rows for pictures, on Stator: an MLP of equal layers over its width, and networks over the size of a batch.
#include "stator.hpp"

namespace bench {
namespace {

template<Index W>
void enter_width() {
  const std::string width = std::to_string(W);
  Enter{
      train<Mlp<W, W, W>, Sgd, mean_squares, Floats<32, W>, Floats<32, W>>("width/train/" + width),
      infer<Mlp<W, W, W>, Floats<1, W>>("width/infer/" + width),
      infer_prepared<Mlp<W, W, W>, Floats<1, W>>("width/infer/" + width),
  };
}

/// The batch is known at run time, as a service would have it.
template<class Net, Index... E>
void enter_batches(const std::string& net) {
  using X = Floats<stator::dynamic, E...>;
  for (const Index batch : {1, 2, 4, 8, 16, 32, 64, 128, 256}) {
    const std::string row = "batch/" + net + "/" + std::to_string(batch);
    const Work work = forward_work<Net, X>(static_cast<double>(batch));
    Enter{{row, "stator", [batch] { return repeat<Infer<Net, X>>(batch); }, work},
          {row, "stator, prepared", [batch] { return repeat<InferPrepared<Net, X>>(batch); }, work}};
  }
}

const bool entered = [] {
  [&]<Index... W>(std::integer_sequence<Index, W...>) {
    (enter_width<W>(), ...);
  }(std::integer_sequence<Index, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096>());
  enter_batches<Mlp<784, 128, 10>, 784>("mlp_784_128_10");
  enter_batches<Lenet, 1, 28, 28>("lenet");
  return true;
}();

} // namespace
} // namespace bench
