// SPDX-License-Identifier: BSL-1.0
// libFuzzer's entry. tests/fuzz/run builds and runs it.
#include "safetensors_fuzz.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  stator::test::try_safetensors(std::as_bytes(std::span(data, size)));
  return 0;
}
