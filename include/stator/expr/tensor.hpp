// SPDX-License-Identifier: BSL-1.0
// Tensors that own their elements.
#pragma once

#include "stator/core/bytes.hpp"
#include "stator/core/compiler.hpp"
#include "stator/core/lifetime.hpp"
#include "stator/core/view.hpp"

#include <initializer_list>
#include <memory>
#include <new>

namespace stator::inline v0_2 {

namespace detail {
struct aligned_delete {
  void operator()(void* p) const {
    end_life(p);
    ::operator delete(p, std::align_val_t{alignment});
  }
};
[[noreturn]] STATOR_COLD inline void refuse_memory(Extents shape, Index leading, std::size_t bytes) {
  if (shape.is_dynamic()) shape[0] = leading;
  raise(MemoryError("a tensor of shape " + to_string(shape) + " needs " + std::to_string(bytes) +
                    " bytes, which cannot be allocated"));
}
template<class T>
using aligned_array = std::unique_ptr<T[], aligned_delete>;

/// Zeroed elements of a tensor of shape S with this batch, at a 64-byte boundary. Throws ShapeError for a
/// batch that cannot be, MemoryError for one that there is no memory for.
template<class T, class S>
aligned_array<T> make_aligned(Index leading) {
  const std::size_t bytes = checked_bytes<T, S>(leading);
  void* const block = ::operator new(align_up(bytes + 1), std::align_val_t{alignment}, std::nothrow);
  if (block == nullptr) [[unlikely]]
    refuse_memory(S::extents, leading, bytes);
  T* const p = static_cast<T*>(block);
  std::uninitialized_fill_n(p, bytes / sizeof(T), T{});
  begin_life(p, bytes + 1);
  return aligned_array<T>(p);
}
} // namespace detail

/// Elements of type T with the extents E; the leading one may be `dynamic`. Copies are deep.
/// `Tensor<float, 2, 3> x{1, 2, 3, 4, 5, 6}; x(1, 2) == 6`
template<class T, Index... E>
class Tensor : public detail::tensor_access<Tensor<T, E...>, T, E...> {
  using S = Shape<E...>;

public:
  /// A temporary of this class is moved into an expression that is made of it.
  static constexpr bool owns_elements = true;

  /// Zeros.
  Tensor()
    requires(!S::is_dynamic)
      : Tensor(S::rank > 0 ? S::extents[0] : 0, 0) {}
  /// Zeros, with a batch known at run time. Throws ShapeError when it is negative or too large.
  explicit Tensor(Index leading)
    requires(S::is_dynamic)
      : Tensor(leading, 0) {}
  /// The elements in row-major order; throws ShapeError when their number does not fit.
  Tensor(std::initializer_list<T> elements) : Tensor(leading_for(static_cast<Index>(elements.size())), 0) {
    std::copy(elements.begin(), elements.end(), data());
  }
  explicit Tensor(const TensorView<const T, E...>& view) : Tensor(view.leading(), 0) {
    std::copy_n(view.elements(), this->numel(), data());
  }
  explicit Tensor(const TensorView<T, E...>& view) : Tensor(TensorView<const T, E...>(view)) {}

  Tensor(const Tensor& other) : Tensor(other.leading_, 0) {
    std::copy_n(other.elements(), this->numel(), data());
  }
  /// Elements are copied into the memory that is there when as many have place: what refers to it stays
  /// valid.
  Tensor& operator=(const Tensor& other) {
    if (this == &other) return *this;
    if (data_ != nullptr && leading_ == other.leading_)
      std::copy_n(other.elements(), this->numel(), data());
    else
      *this = Tensor(other);
    return *this;
  }
  Tensor(Tensor&&) noexcept = default;
  Tensor& operator=(Tensor&&) noexcept = default;

  /// The first element.
  T* data() { return data_.get(); }
  const T* data() const { return data_.get(); }
  /// The leading extent.
  Index leading() const { return leading_; }

  /// The elements as a view, valid as long as the tensor lives.
  TensorView<T, E...> view() { return TensorView<T, E...>(data(), leading_); }
  TensorView<const T, E...> view() const { return TensorView<const T, E...>(data(), leading_); }
  /// Sets every element to the value, torch.Tensor.fill_.
  void fill_(T value) { std::fill_n(begin(), this->numel(), value); }
  T* begin() { return const_cast<T*>(this->elements()); }
  T* end() { return begin() + this->numel(); }
  /// All elements in row-major order.
  std::span<T> values() { return {begin(), static_cast<std::size_t>(this->numel())}; }
  using detail::tensor_access<Tensor, T, E...>::begin;
  using detail::tensor_access<Tensor, T, E...>::end;
  using detail::tensor_access<Tensor, T, E...>::values;
  template<class... I>
  T& operator()(I... index) {
    return const_cast<T&>(static_cast<const detail::tensor_access<Tensor, T, E...>&>(*this)(index...));
  }
  template<class... I>
  const T& operator()(I... index) const {
    return static_cast<const detail::tensor_access<Tensor, T, E...>&>(*this)(index...);
  }

private:
  Tensor(Index leading, int) : data_(detail::make_aligned<T, S>(leading)), leading_(leading) {}
  static Index leading_for(Index count) {
    const Index leading = S::is_dynamic ? count / std::max<Index>(S::numel, 1)
                          : S::rank > 0 ? S::extents[0]
                                        : 0;
    if (count != (S::is_dynamic ? leading * S::numel : S::numel))
      raise(ShapeError("a tensor of shape " + to_string(S::extents) + " cannot hold " +
                       std::to_string(count) + " elements"));
    return leading;
  }

  detail::aligned_array<T> data_;
  Index leading_ = 0;
};

namespace detail {
/// The tensor of an element type and a shape.
template<class T, class S>
struct tensor_of;
template<class T, Index... E>
struct tensor_of<T, Shape<E...>> {
  using type = Tensor<T, E...>;
};
} // namespace detail

} // namespace stator::inline v0_2
