// SPDX-License-Identifier: BSL-1.0
// Inference without a heap, for a Cortex-M and for this machine: prints the bits of each output, "mlp
// 0x3e8b...". STATOR_BARE: there is no operating system, and no C library that prints.
#include "embedded.hpp"

#include <stator/model/embedded_session.hpp>

#include "cnn_weights.hpp"
#include "mlp_weights.hpp"

#include <bit>
#include <cstdint>
#ifdef STATOR_BARE
#include "cortex_m.hpp"
#else
#include <cstdio>
static void print(const char* text) { std::fputs(text, stdout); }
#endif

namespace {

using Mlp = stator::EmbeddedSession<EmbeddedMlp, mlp_weights, stator::Tensor<float, 1, 16>>;
using Cnn = stator::EmbeddedSession<EmbeddedCnn, cnn_weights, stator::Tensor<float, 1, 1, 8, 8>>;
static_assert(Mlp::workspace_bytes + Cnn::workspace_bytes < 8 * 1024);

Mlp::Workspace mlp_memory;
Cnn::Workspace cnn_memory;

void print_number(const char* name, float value) {
  print(name);
  char digits[] = " 0x00000000\n";
  auto bits = std::bit_cast<std::uint32_t>(value);
  for (int at = 10; at > 2; --at, bits >>= 4) digits[at] = "0123456789abcdef"[bits & 15];
  print(digits);
}

} // namespace

#ifdef STATOR_BARE
int stator_main() {
#else
int main() {
#endif
  float row[16], image[64], classes[4], scores[5];
  for (int call = 0; call < 3; ++call) {
    for (int i = 0; i < 16; ++i) row[i] = static_cast<float>((i + 1 + call) * 37 % 101) / 50 - 1;
    for (int i = 0; i < 64; ++i) image[i] = static_cast<float>((i + 1 + call) * 53 % 101) / 50 - 1;
    Mlp::run(mlp_memory, classes, row);
    Cnn::run(cnn_memory, scores, image);
    for (const float p : classes) print_number("mlp", p);
    for (const float s : scores) print_number("cnn", s);
  }
  return 0;
}
