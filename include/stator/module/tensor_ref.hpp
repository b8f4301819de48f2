// SPDX-License-Identifier: BSL-1.0
// Parameters and buffers without their static types: one uniform view, what the ranges over a model give.
#pragma once

#include "stator/module/table.hpp"

#include <cstddef>
#include <span>

namespace stator {

/// A parameter or buffer without its static type.
class TensorRef {
public:
  TensorRef() = default;
  TensorRef(const LeafEntry& entry, std::byte* data, std::byte* grad)
      : entry_(&entry), data_(data), grad_(grad) {}

  Sizes shape() const { return {entry_->extents}; }
  Index size(std::size_t d) const { return entry_->extents[d]; }
  std::size_t dim() const { return entry_->extents.rank; }
  Index numel() const { return entry_->numel; }
  DType dtype() const { return entry_->dtype; }
  std::size_t bytes() const { return static_cast<std::size_t>(numel()) * item_size(dtype()); }
  bool requires_grad() const { return grad_ != nullptr; }

  std::byte* raw() const { return data_; }
  std::byte* raw_grad() const { return grad_; }
  /// The elements. Throws ValueError when T is not their type.
  template<class T>
  std::span<T> values() const {
    return {cast<T>(data_), static_cast<std::size_t>(numel())};
  }
  /// The gradient's elements. Throws GraphError when there is none.
  template<class T>
  std::span<T> grad() const {
    if (grad_ == nullptr) throw GraphError(std::string(entry_->name) + " has no gradient");
    return {cast<T>(grad_), static_cast<std::size_t>(numel())};
  }

private:
  template<class T>
  T* cast(std::byte* p) const {
    if (dtype_of<T> != dtype())
      throw ValueError(std::string(entry_->name) + " holds " + std::string(to_string(dtype())) + ", not " +
                       std::string(to_string(dtype_of<T>)));
    return reinterpret_cast<T*>(p);
  }
  const LeafEntry* entry_ = nullptr;
  std::byte* data_ = nullptr;
  std::byte* grad_ = nullptr;
};

/// Where a model keeps its arenas.
struct Arenas {
  std::byte* parameters = nullptr;
  std::byte* buffers = nullptr;
  std::byte* gradients = nullptr;

  explicit operator bool() const { return parameters != nullptr || buffers != nullptr; }
  TensorRef at(const LeafEntry& e) const {
    if (!e.is_parameter()) return {e, buffers + e.offset, nullptr};
    return {e, parameters + e.offset, gradients == nullptr || e.frozen ? nullptr : gradients + e.offset};
  }
};

/// Memory for a model that its user owns: blocks of `Model<Net>::parameter_bytes`, the same again for
/// gradients, and `buffer_bytes`, each 64-byte aligned.
struct ModelMemory {
  std::span<std::byte> parameters;
  std::span<std::byte> gradients;
  std::span<std::byte> buffers;
};

/// An element of `named_parameters()`.
struct NamedTensor {
  std::string_view name;
  TensorRef tensor;
};

/// An element of `named_modules()`.
struct NamedModule {
  std::string_view name; ///< its path
  std::string_view type; ///< its class
};

} // namespace stator
