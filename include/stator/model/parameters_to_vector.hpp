// SPDX-License-Identifier: BSL-1.0
// All parameters as one vector, torch.nn.utils.parameters_to_vector; the arena without its padding, in the
// order of `named_parameters()`. Where the padding does not matter, `model.parameter_arena()` is that without
// a copy.
#pragma once

#include "stator/model/model.hpp"

#include <vector>

namespace stator::nn {

/// Shared parameters once, frozen ones included.
template<class Net, class... Options>
auto parameters_to_vector(const Model<Net, Options...>& model) {
  using T = typename Model<Net, Options...>::scalar;
  std::vector<T> all;
  all.reserve(static_cast<std::size_t>(Model<Net, Options...>::parameter_count));
  for (const TensorRef p : model.parameters()) {
    const auto values = p.template values<T>();
    all.insert(all.end(), values.begin(), values.end());
  }
  return all;
}

/// Throws ValueError when the vector has another number of elements than the parameters.
template<class Net, class... Options>
void vector_to_parameters(std::span<const typename Model<Net, Options...>::scalar> vector,
                          const Model<Net, Options...>& model) {
  using M = Model<Net, Options...>;
  if (vector.size() != static_cast<std::size_t>(M::parameter_count))
    raise(ValueError("vector_to_parameters: the vector has " + std::to_string(vector.size()) +
                     " elements, expected " + std::to_string(M::parameter_count)));
  std::size_t at = 0;
  for (const TensorRef p : model.parameters()) {
    const auto values = p.template values<typename M::scalar>();
    std::copy_n(vector.begin() + static_cast<std::ptrdiff_t>(at), values.size(), values.begin());
    at += values.size();
  }
}

} // namespace stator::nn
