// SPDX-License-Identifier: BSL-1.0
// Tensors in memory as a source: the samples are their rows.
//
//   stator::data::StackDataset dataset{x, y};  // Tensor<float, dynamic, 3>, Tensor<float, dynamic, 1>
#pragma once

#include "stator/data/source.hpp"

namespace stator::data {

namespace detail {
/// Row `i` of a tensor.
template<class T, Index First, Index... E>
TensorView<const T, E...> row(const Tensor<T, First, E...>& tensor, Index i) {
  return TensorView<const T, E...>(tensor.data() + i * Shape<E...>::numel);
}
} // namespace detail

/// Any number of tensors with one leading extent, the number of samples: inputs and targets of any type and
/// shape. Sample i is a tuple of views of their rows i. torch.utils.data.StackDataset,
/// torch.utils.data.TensorDataset.
template<class... Tensors>
class StackDataset {
  static_assert(sizeof...(Tensors) > 0, "stator: a StackDataset has at least one tensor");

public:
  /// Takes the tensors. Throws ShapeError when their leading extents differ.
  explicit StackDataset(Tensors... tensors) : tensors_(std::move(tensors)...) {
    std::size_t k = 0;
    const auto check = [&](const auto& tensor) {
      if (tensor.size(0) != size())
        raise(ShapeError("StackDataset: tensor " + std::to_string(k) + " has " +
                         std::to_string(tensor.size(0)) + " samples, tensor 0 has " +
                         std::to_string(size())));
      ++k;
    };
    std::apply([&](const auto&... tensor) { (check(tensor), ...); }, tensors_);
  }

  /// Number of samples.
  Index size() const { return std::get<0>(tensors_).size(0); }
  /// The rows `i` of all tensors, as views. Throws ValueError when there is no sample `i`.
  auto get(Index i) const {
    if (i < 0 || i >= size())
      raise(ValueError("sample " + std::to_string(i) + " of a dataset of " + std::to_string(size())));
    return std::apply([i](const auto&... tensor) { return std::tuple(detail::row(tensor, i)...); }, tensors_);
  }
  /// The tensors.
  const std::tuple<Tensors...>& tensors() const { return tensors_; }

private:
  std::tuple<Tensors...> tensors_;
};

} // namespace stator::data
