// SPDX-License-Identifier: BSL-1.0
// Every fuzz target by name. tests/fuzz/fuzz.cpp tries bytes that libFuzzer invents,
// tests/io/fuzz_corpus_test.cpp those that are kept.
#pragma once

#include "fuzz/arrays_fuzz.hpp"
#include "fuzz/parts_fuzz.hpp"
#include "fuzz/safetensors_fuzz.hpp"

namespace stator::test {

struct FuzzTarget {
  std::string_view name;
  void (*run)(std::span<const std::byte> bytes);
};
inline constexpr FuzzTarget fuzz_targets[] = {
    {"safetensors", try_safetensors},
    {"npy", try_npy},
    {"npz", try_npz},
    {"gzip", try_gzip},
    {"idx", try_idx},
    {"optimizer", try_optimizer},
    {"scheduler", try_scheduler},
    {"extra_state", try_extra_state},
    {"parts", try_parts},
};

} // namespace stator::test
