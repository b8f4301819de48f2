// SPDX-License-Identifier: BSL-1.0
// A small dataset whose values say where they come from: sample i is {10 i, 10 i + 1}, its label i.
#pragma once

#include "stator/data/dataset.hpp"

using Numbers = stator::data::TensorDataset<float, 2>;

inline Numbers numbers(stator::Index size) {
  stator::data::AlignedVector<float> values;
  std::vector<std::int64_t> labels;
  for (stator::Index i = 0; i < size; ++i) {
    values.push_back(static_cast<float>(10 * i));
    values.push_back(static_cast<float>(10 * i + 1));
    labels.push_back(i);
  }
  return {std::move(values), std::move(labels)};
}
