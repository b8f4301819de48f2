// SPDX-License-Identifier: BSL-1.0
// The fuzz target's seeds, and whatever it has found, without libFuzzer.
#include "catch.hpp"
#include "files.hpp"
#include "fuzz/safetensors_fuzz.hpp"

using namespace stator;

TEST_CASE("the fuzz target holds on its seeds and their mutations") {
  const std::filesystem::path tests = std::filesystem::path(STATOR_TEST_REFERENCE).parent_path();
  std::size_t count = 0;
  for (const auto& directory : {tests / "fuzz/corpus", tests / "reference/data/safetensors",
                                tests / "reference/data/safetensors/bad"})
    for (const auto& entry : std::filesystem::directory_iterator(directory)) {
      if (!entry.is_regular_file()) continue;
      std::string bytes = test::read_bytes(entry.path());
      test::try_safetensors(std::as_bytes(std::span(bytes)));
      // One byte at a time is another: often still a file, or nearly one.
      for (std::size_t i = 0; i < bytes.size() && i < 1000; i += 1 + bytes.size() / 200) {
        const char before = bytes[i];
        for (const char c : {'\0', '0', '"', '\x80', static_cast<char>(before + 1)}) {
          bytes[i] = c;
          test::try_safetensors(std::as_bytes(std::span(bytes)));
        }
        bytes[i] = before;
      }
      ++count;
    }
  CHECK(count > 80);
}
