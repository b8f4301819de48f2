// SPDX-License-Identifier: BSL-1.0
// Leaves of expressions that want a gradient, outside any network.
#pragma once

#include "stator/core/dtype.hpp"
#include "stator/expr/tensor.hpp"

#include <string_view>

namespace stator::inline v0_2 {

/// A tensor with `requires_grad=True`: expressions over it are differentiated with respect to it, and
/// `backward()` adds to `grad()`, whose elements are floats where T has 16 bits. Copies are deep, of the
/// gradient as well.
template<class T, Index... E>
class Variable : public Tensor<T, E...> {
  using G = arithmetic_of<T>;

public:
  Variable() = default;
  Variable(std::initializer_list<T> elements) : Tensor<T, E...>(elements), grad_(make_grad()) {}
  explicit Variable(Tensor<T, E...> tensor) : Tensor<T, E...>(std::move(tensor)), grad_(make_grad()) {}
  explicit Variable(Index leading)
    requires(Shape<E...>::is_dynamic)
      : Tensor<T, E...>(leading), grad_(leading) {}

  /// The gradient, same shape; zeros before the first backward().
  TensorView<G, E...> grad() { return grad_.view(); }
  TensorView<const G, E...> grad() const { return grad_.view(); }
  /// The elements of the gradient.
  G* grad_data() const { return const_cast<G*>(grad_.data()); }
  /// Sets the gradient to zero.
  void zero_grad() { grad_.fill_(G{}); }

  /// True: a Variable is what gradients are asked for.
  static constexpr bool requires_grad() { return true; }
  /// True: no operation made it.
  static constexpr bool is_leaf() { return true; }
  /// A leaf comes from no operation: empty.
  static constexpr std::string_view grad_fn() { return {}; }

private:
  Tensor<G, E...> make_grad() const {
    if constexpr (Shape<E...>::is_dynamic)
      return Tensor<G, E...>(this->leading());
    else
      return Tensor<G, E...>();
  }
  Tensor<G, E...> grad_ = make_grad();
};

} // namespace stator::inline v0_2
