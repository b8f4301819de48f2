// SPDX-License-Identifier: BSL-1.0
// Parameters and buffers without their static types: one uniform view, what the ranges over a model give.
#pragma once

#include "stator/core/compiler.hpp"
#include "stator/module/table.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

namespace stator::inline v0_2 {

/// A parameter or buffer without its static type.
class TensorRef {
public:
  TensorRef() = default;
  TensorRef(const LeafEntry& entry, std::byte* data, std::byte* grad, GradState* state = nullptr)
      : entry_(&entry), data_(data), grad_(grad), state_(state), dtype_(entry.dtype) {}
  /// For an element type that is known without looking at the entry.
  TensorRef(const LeafEntry* entry, DType dtype, std::byte* data, std::byte* grad, GradState* state)
      : entry_(entry), data_(data), grad_(grad), state_(state), dtype_(dtype) {}

  /// Its extents.
  Sizes shape() const { return {entry_->extents}; }
  Index size(std::size_t d) const { return entry_->extents[d]; }
  /// Number of dimensions.
  std::size_t dim() const { return entry_->extents.rank; }
  /// Number of elements.
  Index numel() const { return entry_->numel; }
  /// Element type.
  DType dtype() const { return dtype_; }
  /// Bytes of all elements.
  std::size_t bytes() const { return static_cast<std::size_t>(numel()) * item_size(dtype()); }
  /// Bytes of its gradient, if it has one.
  std::size_t gradient_bytes() const { return detail::gradient_place(bytes(), dtype()); }
  /// Whether backward() adds to its gradient.
  bool requires_grad() const { return grad_ != nullptr && (state_ == nullptr || !state_->disabled); }
  /// As Parameter::requires_grad_. Throws GraphError for a buffer and for what the type of the model freezes.
  void requires_grad_(bool requires_grad = true) const { expect_state().disabled = !requires_grad; }
  /// As Parameter::has_grad: PyTorch's `p.grad is not None`.
  bool has_grad() const {
    return state_ != nullptr &&
           (state_->present ||
            (!state_->stale &&
             !std::all_of(grad_, grad_ + gradient_bytes(), [](std::byte b) { return b == std::byte{0}; })));
  }
  /// As Parameter::set_has_grad: after writing a gradient by hand.
  void set_has_grad(bool present = true) const {
    GradState& state = expect_state();
    state.settle(grad_, gradient_bytes());
    if (!present) std::fill_n(grad_, gradient_bytes(), std::byte{0});
    state.present = present;
  }

  /// The first element, as bytes.
  std::byte* raw() const { return data_; }
  /// The first element of the gradient, as bytes; null where there is none.
  std::byte* raw_grad() const {
    if (state_ != nullptr) state_->show(grad_, gradient_bytes());
    return grad_;
  }
  /// The same for the library: the elements may be stale, see GradState.
  std::byte* grad_memory() const { return grad_; }
  /// Whether the gradient is there; null for what has none.
  GradState* grad_state() const { return state_; }
  /// The elements. Throws ValueError when T is not their type.
  template<class T>
  std::span<T> values() const {
    return {cast<T>(data_, dtype()), static_cast<std::size_t>(numel())};
  }
  /// The gradient's elements, floats where those of the parameter have 16 bits. Throws GraphError when there
  /// is none.
  template<class T>
  std::span<T> grad() const {
    if (grad_ == nullptr) [[unlikely]]
      refuse_gradient(*entry_);
    return {cast<T>(raw_grad(), arithmetic_dtype(dtype())), static_cast<std::size_t>(numel())};
  }

private:
  GradState& expect_state() const {
    if (state_ == nullptr) [[unlikely]]
      refuse_gradient(*entry_);
    return *state_;
  }
  template<class T>
  T* cast(std::byte* p, DType type) const {
    if (dtype_of<T> != type) [[unlikely]]
      refuse_type(*entry_, type, dtype_of<T>);
    return reinterpret_cast<T*>(p);
  }
  [[noreturn]] STATOR_COLD static void refuse_type(const LeafEntry& entry, DType held, DType asked) {
    raise(ValueError(std::string(entry.name) + " holds " + std::string(to_string(held)) + ", not " +
                     std::string(to_string(asked))));
  }
  [[noreturn]] STATOR_COLD static void refuse_gradient(const LeafEntry& entry) {
    raise(GraphError(std::string(entry.name) + " has no gradient"));
  }
  const LeafEntry* entry_ = nullptr;
  std::byte* data_ = nullptr;
  std::byte* grad_ = nullptr;
  GradState* state_ = nullptr;
  DType dtype_{}; // again, so that elements are reached without the entry
};

/// Where a model keeps its arenas.
struct Arenas {
  std::byte* parameters = nullptr; ///< null when there are none, or the model has been moved from
  std::byte* buffers = nullptr;    ///< likewise
  std::byte* gradients = nullptr;  ///< of the trainable parameters, at their offsets
  GradState* states = nullptr;     ///< of the gradients, by LeafEntry::slot

  explicit operator bool() const { return parameters != nullptr || buffers != nullptr; }
  /// The tensor of a row of the tables.
  TensorRef at(const LeafEntry& e) const {
    if (!e.is_parameter()) return {e, buffers + e.offset, nullptr};
    return parameter(LeafRow(e), e.dtype);
  }
  /// The same of a parameter.
  TensorRef parameter(const LeafRow& row, DType dtype) const {
    const bool has_grad = gradients != nullptr && row.trainable;
    return {row.entry, dtype, parameters + row.offset,
            has_grad ? gradients + detail::gradient_place(row.offset, dtype) : nullptr,
            has_grad ? states + row.slot : nullptr};
  }
};

namespace detail {
/// Throws ValueError when memory for a model is too small or not aligned.
inline void expect_memory(const char* model, std::span<const std::byte> memory, std::size_t bytes,
                          const char* what) {
  if (memory.size() < bytes)
    raise(ValueError(std::string(model) + ": the memory for " + what + " has " +
                     std::to_string(memory.size()) + " bytes, needs " + std::to_string(bytes)));
  if (reinterpret_cast<std::uintptr_t>(memory.data()) % alignment != 0 && bytes > 0)
    raise(ValueError(std::string(model) + ": the memory for " + what + " is not aligned to 64 bytes"));
}
} // namespace detail

/// Memory for a model that its user owns: blocks of `Model<Net>::parameter_bytes`, the same again for
/// gradients, and `buffer_bytes`, each 64-byte aligned.
struct ModelMemory {
  std::span<std::byte> parameters; ///< `Model<Net>::parameter_bytes`
  std::span<std::byte> gradients;  ///< `Model<Net>::gradient_bytes`
  std::span<std::byte> buffers;    ///< `Model<Net>::buffer_bytes`
  /// `Model<Net>::parameter_table.size()` of them; without, the model allocates these few bytes itself.
  std::span<GradState> grad_states = {};
};

/// Says that memory holds the elements of a model already: `Model<Net> model{stator::adopt, memory};`.
struct adopt_t {
  explicit adopt_t() = default;
};
/// The one value of `adopt_t`.
inline constexpr adopt_t adopt{};

/// An element of `named_parameters()`.
struct NamedTensor {
  std::string_view name; ///< its full path
  TensorRef tensor;      ///< its elements
};

/// An element of `named_modules()`.
struct NamedModule {
  std::string_view name; ///< its path
  std::string_view type; ///< its class
};

} // namespace stator::inline v0_2
