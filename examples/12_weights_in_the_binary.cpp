// SPDX-License-Identifier: BSL-1.0
// Weights that are part of the program: no file to ship, to find or to parse, and no copy. They stay in
// read-only memory, and training them does not compile.
//   12_weights_in_the_binary train DIRECTORY     trains anew and writes the two files that are compiled in
#include "12_weights_in_the_binary/xor_weights.hpp"

#include <stator/io/save_header.hpp>
#include <stator/io/save_image.hpp>
#include <stator/model/read_only_model.hpp>
#include <stator/stator.hpp>

#include <cmath>
#include <iostream>

namespace nn = stator::nn;

struct Xor {
  nn::Linear<2, 8> fc1;
  nn::Linear<8, 1> fc2;
  constexpr auto forward(auto x) const { return x | fc1 | nn::tanh | fc2; }
};

const stator::Tensor<float, 4, 2> inputs{0, 0, 0, 1, 1, 0, 1, 1};

void train(const std::string& directory) {
  stator::manual_seed(0);
  stator::Model<Xor> model;
  stator::optim::Adam optimizer{model, {.lr = 0.05}};
  const stator::Tensor<float, 4, 1> targets{0, 1, 1, 0};
  for (int step = 0; step < 500; ++step) {
    optimizer.zero_grad();
    nn::mse_loss(model(inputs), targets).backward();
    optimizer.step();
  }
  save_header(model, directory + "/xor_weights.hpp"); // C++: the compiler reads it
  save_image(model, directory + "/xor.img");          // the memory as it is, for any number of weights
}

// A large file costs the compiler nothing: it is not read as text. clang 19 has #embed, which is C++26, in
// every language; elsewhere the assembler puts the file where it belongs.
#if defined(__has_embed)
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wc23-extensions"
#pragma clang diagnostic ignored "-Wc++11-narrowing" // clang 19 takes the last byte for a signed one
#pragma clang diagnostic ignored "-Wsign-conversion"
alignas(64) constexpr unsigned char xor_image[] = {
#embed "12_weights_in_the_binary/xor.img"
};
#pragma clang diagnostic pop
const std::span<const std::byte> xor_bytes = std::as_bytes(std::span(xor_image));
#else
asm(R"(.section .rodata
.balign 64
xor_image: .incbin ")" STATOR_EXAMPLES R"(/12_weights_in_the_binary/xor.img"
xor_image_end:
.previous)");
extern const std::byte xor_image[] asm("xor_image");
extern const std::byte xor_image_end[] asm("xor_image_end");
const std::span<const std::byte> xor_bytes(xor_image, xor_image_end);
#endif

template<class M>
void print(const char* name, const M& model) {
  std::cout << name << ':';
  const stator::Tensor<float, 4, 1> outputs = model(inputs).value();
  for (const float y : outputs.values()) std::cout << ' ' << std::abs(std::round(y));
  std::cout << '\n';
}

int main(int argc, char** argv) {
  if (argc == 3) return train(argv[2]), 0;

  const stator::ReadOnlyModel<Xor> from_header{xor_weights{}}; // those of another network do not compile
  print("header", from_header);
  // prints: header: 0 1 1 0
  const stator::ReadOnlyModel<Xor> from_image{xor_bytes}; // ... throw, with the reason
  print("image", from_image);
  // prints: image: 0 1 1 0
  std::cout << (from_header.get<"fc1.weight">().data() == xor_weights::parameters.t0) << '\n';
  // prints: 1

  // To go on training, a model takes a copy.
  stator::Model<Xor> model;
  model.load_state_dict(from_header.state_dict());
  print("model", model.eval());
  // prints: model: 0 1 1 0
}
