// SPDX-License-Identifier: BSL-1.0
// libFuzzer's entry; the environment variable STATOR_FUZZ_TARGET names the target. tests/fuzz/run builds and
// runs it.
#include "fuzz/targets.hpp"

static const stator::test::FuzzTarget& target() {
  const char* const wanted = std::getenv("STATOR_FUZZ_TARGET");
  for (const auto& t : stator::test::fuzz_targets)
    if (wanted != nullptr && t.name == wanted) return t;
  std::cerr << "STATOR_FUZZ_TARGET names no target; there are:";
  for (const auto& t : stator::test::fuzz_targets) std::cerr << ' ' << t.name;
  std::cerr << '\n';
  std::exit(2);
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const auto run = target().run;
  run(std::as_bytes(std::span(data, size)));
  return 0;
}
