// SPDX-License-Identifier: BSL-1.0
// A value while a network is being traced: a node and, in the type, what the compiler knows of it.
#pragma once

#include "stator/core/accuracy.hpp"
#include "stator/core/compile_error.hpp"
#include "stator/graph/builder.hpp"

#include <type_traits>

namespace stator::inline v0_2 {

/// Element type and shape as one type: how operations see their operands.
template<class T, class S>
struct Typed {
  using scalar = T;
  using shape = S;
  static constexpr Extents extents = S::extents; ///< the shape as a value
  /// The same for graphs, without a type of its own.
  static constexpr graph::ValueType value{dtype_of<T>, S::extents};
};

namespace detail {
/// What a symbol was asked for that only a tensor has, and what to write instead.
template<class S, fixed_string What, fixed_string Instead>
struct symbol_misuse {
  static constexpr Text message() {
    return text("stator: ", What.view(),
                " inside forward, which runs while the program is compiled: ", "there are no values yet; ",
                Instead.view());
  }
};
} // namespace detail

/// Orders of what is recorded for a prepared program, see graph/prepare.hpp: it is not to be differentiated,
/// and operations say what can be done before it runs. All take packed weights, after which they are of order
/// 0; what has taken a scale may round in another way than the network says, as what is to be fast may.
inline constexpr int takes_packed = -1, takes_scale = -2, was_scaled = -3, takes_scale_and_rounds = -4,
                     was_scaled_coarsely = -5, takes_scale_and_is_coarse = -6;
/// How they may round.
constexpr Accuracy accuracy_of(int order) {
  return order <= was_scaled_coarsely ? Accuracy::coarse
         : order <= was_scaled        ? Accuracy::other
                                      : Accuracy::same;
}

/// The order of what has taken a scale, or 0 where none is taken.
constexpr int after_scale(int order) {
  return order == takes_scale || order == takes_scale_and_rounds ? was_scaled
         : order == takes_scale_and_is_coarse                    ? was_scaled_coarsely
                                                                 : 0;
}

/// What `forward` receives. `Order`: how many times it can be differentiated, or one of these.
template<class T, class S, int Order>
struct Symbol {
  using scalar = T;
  using shape = S;
  /// Element type and shape.
  using typed = Typed<T, S>;
  static constexpr int order = Order;            ///< how many times it can be differentiated
  static constexpr Extents extents = S::extents; ///< its shape

  graph::Builder* builder = nullptr; ///< the graph that is recorded
  int node = -1;                     ///< its number there

  /// Extent of a dimension, negative ones counted from the end; `dynamic` for a batch known at run time.
  static constexpr Index size(Index dim) {
    return extents[static_cast<std::size_t>(dim < 0 ? dim + static_cast<Index>(S::rank) : dim)];
  }
  /// Number of dimensions, torch.Tensor.dim.
  static constexpr std::size_t dim() { return S::rank; }
  /// Whether the network is traced for training: `if (x.training())`.
  constexpr bool training() const { return builder->modules.training; }

  // What only a tensor has does not compile, and says why.
  constexpr explicit operator bool() const {
    return misused<"a condition on a tensor", "choose with stator::where(condition, a, b)">();
  }
  /// Does not compile: `forward` has no numbers.
  constexpr T item() const {
    return static_cast<T>(misused<"item()", "compute with operations, call item() on model(x)">());
  }
  /// Does not compile: `forward` has no numbers.
  constexpr Symbol value() const {
    misused<"value()", "a symbol is used as it is, call value() on model(x)">();
    return *this;
  }
  /// Does not compile: `forward` computes no gradients.
  constexpr void backward() const {
    misused<"backward()", "call it on the loss that is computed from model(x)">();
  }
  /// Does not compile: `forward` has no memory.
  constexpr T* data() const {
    misused<"data()", "compute with operations, read the elements of model(x).value()">();
    return nullptr;
  }

private:
  template<fixed_string What, fixed_string Instead>
  static consteval bool misused() {
    static_assert(check<detail::symbol_misuse<Symbol, What, Instead>>());
    return false;
  }
};

namespace detail {
template<class T>
inline constexpr bool is_symbol = false;
template<class T, class S, int Order>
inline constexpr bool is_symbol<Symbol<T, S, Order>> = true;
} // namespace detail

/// A Symbol, whatever its type and shape.
template<class T>
concept AnySymbol = detail::is_symbol<std::remove_cvref_t<T>>;

} // namespace stator::inline v0_2
