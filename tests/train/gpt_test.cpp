// SPDX-License-Identifier: BSL-1.0
#include "module/networks.hpp"
#include "train/checkpoint.hpp"

using namespace stator;

TEST_CASE(
    "a GPT with tied embeddings from a file of an independent writer gives PyTorch's outputs and gradients") {
  const auto model = test::load_checkpoint<Model<corpus::Gpt, eval_mode<"*drop">>>("gpt");
  manual_seed(1);
  Tensor<float, 8, 3, 32, 32> images; // the script draws them before
  Tensor<std::int64_t, 8> labels;
  Tensor<std::int64_t, 3, 16> words;
  Tensor<std::int64_t, 48> next;
  uniform_(images.values());
  random_(labels.values(), 0, 10);
  random_(words.values(), 0, 100);
  random_(next.values(), 0, 100);
  test::check_output("gpt", model, words);
  test::check_gradients("gpt", model, nn::cross_entropy(flatten<0, 1>(model(words)), next));
}

// Hidden: `train_test "[interchange]"`.
TEST_CASE("a GPT for PyTorch", "[.interchange]") {
  manual_seed(8);
  Tensor<std::int64_t, 3, 16> words;
  random_(words.values(), 0, 100);
  test::write_for_pytorch<Model<corpus::Gpt, eval_mode<"*drop">>>("gpt", words);
}
