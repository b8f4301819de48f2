// SPDX-License-Identifier: BSL-1.0
// Programs with several results: the root is one, the others are written to memory that the caller gives as
// leaves.
#pragma once

#include "stator/core/error.hpp"
#include "stator/trace/results.hpp"

#include <algorithm>
#include <string>
#include <string_view>
#include <type_traits>

namespace stator::inline v0_2 {

namespace ops {

/// Writes x to a leaf, as a part of the loop that computes x where that is one.
struct PutResult {
  static constexpr std::string_view name = "Result";
  static constexpr bool is_store = true;
  static constexpr bool is_unique = true;
  template<class V>
  static V apply(const V& x) {
    return x;
  }
};
/// The same for element types that have no such loops.
struct CopyResult {
  static constexpr std::string_view name = "Result";
  static constexpr bool is_unique = true;
  template<class Out, class X>
  static void run(typename Out::scalar* out, const typename X::scalar* x, Index batch, std::byte*) {
    std::copy_n(x, X::extents.numel() * (X::extents.is_dynamic() ? batch : 1), out);
  }
};

} // namespace ops

namespace detail {

/// Records that a value is written to leaf number `leaf`.
template<AnySymbol S>
constexpr void put_result(const S& value, int leaf) {
  using T = typename S::typed;
  using Put =
      std::conditional_t<std::is_floating_point_v<typename S::scalar>, ops::PutResult, ops::CopyResult>;
  graph::Builder& b = *value.builder;
  const int node = b.add(&ops::signature<Put, 0, T, T>::value, value.node);
  b.nodes[static_cast<std::size_t>(node)].leaf = leaf;
  b.effects.push_back(node);
}

/// Records results: all but the first are written to the leaves from `first` on. Returns the first.
template<class Results>
constexpr auto put_results(const Results& results, int first) {
  typename result_type<0, Results>::type root{};
  each_result(results, [&]<std::size_t I>(std::integral_constant<std::size_t, I>, const auto& value) {
    if constexpr (I == 0)
      root = value;
    else
      put_result(value, first + static_cast<int>(I) - 1);
  });
  return root;
}

/// The memory of a tensor or view, to be written to.
constexpr void* result_memory(const auto& tensor) {
  return const_cast<void*>(static_cast<const void*>(tensor.data()));
}
/// Looks whether a tensor or view has the type of symbol S, and its shape for this batch; throws ShapeError
/// for `called` where it has another shape.
template<class S, class To>
void check_result(const To& to, std::string_view called, [[maybe_unused]] Index batch) {
  using Shape = typename S::shape;
  static_assert(std::is_same_v<std::remove_const_t<typename To::scalar>, typename S::scalar>,
                "stator: value_into: another element type");
  if constexpr (Shape::is_dynamic || !std::is_same_v<typename To::shape_type, Shape>) {
    Extents need = Shape::extents;
    if (Shape::is_dynamic) need[0] = batch;
    if (!(to.shape().extents == need))
      raise(ShapeError(std::string(called) + ": the output has shape " + to_string(need) + ", the tensor " +
                       to_string(to.shape().extents)));
  }
}
/// The tensor that holds a value of the type of symbol S.
template<class S>
auto result_tensor([[maybe_unused]] Index batch) {
  using Value = typename tensor_of<typename S::scalar, typename S::shape>::type;
  if constexpr (S::shape::is_dynamic)
    return Value(batch);
  else
    return Value();
}
/// Tensors in the place of the symbols that a forward returns.
template<class Results>
auto result_tensors(Index batch) {
  return mapped_results(Results{}, [batch]<class S>(auto, const S&) { return result_tensor<S>(batch); });
}

} // namespace detail
} // namespace stator::inline v0_2
