// SPDX-License-Identifier: BSL-1.0
// The leaves of a network: parameters and buffers. Trivially destructible handles: the shape is the type, the
// elements lie in the arena of a `Model` (or wherever `bind` points them).
#pragma once

#include "stator/core/dtype.hpp"
#include "stator/core/grad_state.hpp"
#include "stator/core/view.hpp"

namespace stator::inline v0_2 {

/// What a field of a network is: torch.nn.Parameter, or a buffer that state_dict() contains or leaves out.
enum class LeafKind : std::uint8_t { parameter, buffer, non_persistent_buffer };

/// A trainable tensor of a module, torch.nn.Parameter. `nn::Linear<784, 128>` holds a
/// `Parameter<float, 128, 784>` named `weight`. Elements of type float16 or bfloat16 are stored in 2 bytes;
/// they are computed with as floats, and their gradient is one of floats.
template<class T, Index... E>
class Parameter : public detail::tensor_access<Parameter<T, E...>, T, E...> {
public:
  static_assert(!Shape<E...>::is_dynamic, "stator: a parameter has static extents");
  static constexpr LeafKind leaf_kind = LeafKind::parameter; ///< what marks this type as a parameter
  /// The shape, as a type.
  using shape_tag = Shape<E...>;
  /// Element type of the gradient: T, or float for T of 16 bits.
  using gradient_scalar = arithmetic_of<T>;

  constexpr Parameter() = default;
  /// Points the handle at its elements, its gradient and whether that is there. Model does this.
  constexpr void bind(T* data, gradient_scalar* grad, GradState* state = nullptr) {
    data_ = data, grad_ = grad, state_ = state;
  }

  /// The elements, null before a Model binds the handle.
  constexpr T* data() const { return data_; }
  /// The leading extent, 1 for a scalar.
  constexpr Index leading() const { return Shape<1, E...>::extents[sizeof...(E) > 0 ? 1 : 0]; }
  /// The elements as a view, [E...].
  constexpr TensorView<T, E...> view() const { return TensorView<T, E...>(data_); }
  /// Where gradients add up, or null.
  constexpr gradient_scalar* grad_data() const {
    if (state_ != nullptr) state_->show(grad_, bytes);
    return grad_;
  }
  /// The same for the library: the elements may be stale, see GradState.
  constexpr gradient_scalar* grad_memory() const { return grad_; }
  /// Whether the gradient is there; null where there is no gradient.
  constexpr GradState* grad_state() const { return state_; }
  /// The gradient, same shape; zeros when there is none yet. Throws GraphError where the parameter has no
  /// gradient storage.
  constexpr TensorView<gradient_scalar, E...> grad() const {
    if (grad_ == nullptr)
      raise(GraphError("this parameter has no gradient: it is frozen or belongs to no Model"));
    return TensorView<gradient_scalar, E...>(grad_data());
  }

  /// PyTorch's `p.grad is not None`: a backward() has added to it since the last zero_grad(), or somebody
  /// wrote it.
  constexpr bool has_grad() const {
    return state_ != nullptr &&
           (state_->present ||
            (!state_->stale && std::ranges::any_of(TensorView<gradient_scalar, E...>(grad_).values(),
                                                   [](auto g) { return g != 0; })));
  }
  /// Says that the gradient is there, or that it is None, after its elements have been written by hand.
  /// Needed only where they are all 0: a gradient that is not 0 counts as there. `false` sets them to 0.
  /// Throws GraphError where the parameter has no gradient storage.
  constexpr void set_has_grad(bool present = true) const {
    GradState& state = expect_state();
    state.settle(grad_, bytes);
    if (!present) TensorView<gradient_scalar, E...>(grad_).fill_(0);
    state.present = present;
  }
  /// Whether backward() adds to the gradient.
  constexpr bool requires_grad() const {
    return grad_ != nullptr && (state_ == nullptr || !state_->disabled);
  }
  /// From here on backward() does not add to the gradient, or does so again. Throws GraphError where the
  /// parameter has no gradient storage: it is frozen by the type of its model.
  constexpr void requires_grad_(bool requires_grad = true) const { expect_state().disabled = !requires_grad; }

private:
  static constexpr std::size_t bytes =
      static_cast<std::size_t>(shape_tag::extents.numel()) * sizeof(gradient_scalar);
  constexpr GradState& expect_state() const {
    if (state_ == nullptr)
      raise(GraphError("this parameter has no gradient: it is frozen or belongs to no Model"));
    return *state_;
  }
  T* data_ = nullptr;
  gradient_scalar* grad_ = nullptr;
  GradState* state_ = nullptr;
};

/// What Buffer and NonPersistentBuffer are.
template<class T, LeafKind Kind, Index... E>
class basic_buffer : public detail::tensor_access<basic_buffer<T, Kind, E...>, T, E...> {
public:
  static_assert(!Shape<E...>::is_dynamic, "stator: a buffer has static extents");
  static constexpr LeafKind leaf_kind = Kind; ///< what marks this type as a buffer
  /// The shape, as a type.
  using shape_tag = Shape<E...>;

  constexpr basic_buffer() = default;
  /// Points the handle at its elements. Model does this.
  constexpr void bind(T* data, arithmetic_of<T>* = nullptr, GradState* = nullptr) { data_ = data; }

  /// The elements, null before a Model binds the handle.
  constexpr T* data() const { return data_; }
  /// Null: a buffer has no gradient.
  constexpr arithmetic_of<T>* grad_data() const { return nullptr; }
  /// Null: a buffer has no gradient.
  constexpr arithmetic_of<T>* grad_memory() const { return nullptr; }
  /// Null: a buffer has no gradient.
  constexpr GradState* grad_state() const { return nullptr; }
  /// The leading extent, 1 for a scalar.
  constexpr Index leading() const { return Shape<1, E...>::extents[sizeof...(E) > 0 ? 1 : 0]; }
  /// The elements as a view, [E...].
  constexpr TensorView<T, E...> view() const { return TensorView<T, E...>(data_); }

private:
  T* data_ = nullptr;
};

/// A tensor that is state but not trained: running statistics. Part of `state_dict`.
template<class T, Index... E>
using Buffer = basic_buffer<T, LeafKind::buffer, E...>;

/// `register_buffer(name, tensor, persistent=False)`: not part of `state_dict`.
template<class T, Index... E>
using NonPersistentBuffer = basic_buffer<T, LeafKind::non_persistent_buffer, E...>;

/// A field that is not there: `register_parameter(name, None)`. A Linear without bias holds one.
struct Absent {
  static constexpr bool absent_leaf = true; ///< what marks this type as no field at all
};

/// A module that is not there: `register_module(name, None)`. Printed as "(name): None", and nothing else.
struct AbsentModule {
  static constexpr bool absent_leaf = true; ///< what marks this type as no field at all
};

/// Parameters and buffers.
template<class T>
concept Leaf = requires { std::remove_cvref_t<T>::leaf_kind; };

} // namespace stator::inline v0_2
