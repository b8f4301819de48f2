// SPDX-License-Identifier: BSL-1.0
// The GPT on Stator.
#include "stator.hpp"

namespace bench {
namespace {

const Enter entries{
    train<Gpt, Adam, words, Ints<8, Gpt::length>, Ints<8 * Gpt::length>>("train/gpt/8"),
    infer<Gpt, Ints<1, Gpt::length>>("infer/gpt/1"),
    infer_prepared<Gpt, Ints<1, Gpt::length>>("infer/gpt/1"),
};

} // namespace
} // namespace bench
