// SPDX-License-Identifier: BSL-1.0
// Inference on a machine without a heap, files, threads or exceptions: a microcontroller.
//
//   #include "mlp_weights.hpp"                          // stator::save_header wrote it on another machine
//   using Session = stator::EmbeddedSession<Mlp, mlp_weights, stator::Tensor<float, 1, 16>>;
//   static Session::Workspace memory;                   // Session::workspace_bytes, known to the compiler
//   static float input[16], output[4];
//   Session::run(memory, output, input);
//
// Where forward returns several values, each has its memory: Session::run(memory, {action, value}, input).
//
// Weights stay where the linker puts constants, in flash. Nothing is allocated, nothing can fail while it
// runs: what does not fit does not compile.
#pragma once

#include "stator/expr/expression.hpp"
#include "stator/model/memory_image.hpp"
#include "stator/module/mode.hpp"
#include "stator/run/execute.hpp"
#include "stator/trace/put_result.hpp"
#include "stator/trace/trace.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>
#include <span>
#include <type_traits>
#include <utility>

namespace stator::inline v0_2 {

namespace expr {
/// All results of a call E, a ModuleCall: the result is the first; the memory of each of the others is a
/// leaf, and these come before those of the call.
template<class E>
struct EveryResult {};
} // namespace expr

template<class E>
struct tracer<expr::EveryResult<E>> {
  using Results = symbol_of<E>; ///< what forward returns
  static constexpr int others = static_cast<int>(detail::result_count<Results>()) - 1; ///< but the first
  static constexpr int leaf_count = tracer<E>::leaf_count + others;
  static constexpr bool trains = tracer<E>::trains;
  template<int Order>
  static constexpr auto symbol(graph::Builder& b) {
    const int first = b.add_leaves(others, false);
    return detail::put_results(tracer<E>::template symbol<Order>(b), first);
  }
};

namespace run::detail {
template<class E>
struct own_passes<expr::EveryResult<E>> : own_passes<E> {};
} // namespace run::detail

namespace detail {
/// f(std::integral_constant of its number, part) for each part that stands in the place of a symbol of
/// Results, from left to right: of what `mapped_results` gives, whatever its parts are.
template<class Results, std::size_t First = 0, class Parts>
constexpr void each_result_as(const Parts& parts, const auto& f) {
  if constexpr (result_kind<Results>() == ResultKind::one)
    f(std::integral_constant<std::size_t, First>{}, parts);
  else
    [&]<std::size_t... I>(std::index_sequence<I...>) {
      (each_result_as<result_part<Results, I>, First + result_count<Results, I>()>(get_result_part<I>(parts),
                                                                                   f),
       ...);
    }(std::make_index_sequence<result_parts<Results>()>{});
}
/// For `mapped_results`: the memory of a symbol's elements.
struct output_span {
  template<class S>
  auto operator()(auto, const S&) const
      -> std::span<typename S::scalar, static_cast<std::size_t>(S::shape::numel)>;
};
} // namespace detail

/// `Net` in evaluation mode with the constants of a header, called with inputs of the types X, tensors whose
/// extents are all static. There is no object of it.
template<class Net, std::derived_from<Embedded> Weights, class... X>
class EmbeddedSession {
  using Call =
      expr::ModuleCall<Net, Mode<false>, expr::Input<typename X::scalar, typename X::shape_type, false>...>;
  static_assert(check<detail::embedded_error<table<Net>, Weights>>());
  static_assert(check<trace_error<Call>>());
  static_assert(detail::plain_field_count<Net> == 0,
                "stator: EmbeddedSession: a field of the network is read in forward that is no tensor: its "
                "value would be one of run time");
  static_assert(!(X::shape_type::is_dynamic || ...),
                "stator: EmbeddedSession: the extents of the inputs must be static");
  using P = run::Program<expr::EveryResult<Call>, false>;
  using Results = symbol_of<Call>;
  using First = typename detail::result_type<0, Results>::type;
  static constexpr std::size_t result_count = detail::result_count<Results>();

public:
  /// The network.
  using module_type = Net;
  /// The tensor that a model in evaluation mode would return, or the tuple, array or struct of tensors.
  using Output = decltype(detail::result_tensors<Results>(0));
  /// Where a call writes: memory for the elements of the tensor, row-major, or of each tensor in its place.
  using Outputs = decltype(detail::mapped_results(std::declval<const Results&>(), detail::output_span{}));
  /// Bytes of the workspace.
  static constexpr std::size_t workspace_bytes = P::workspace.fixed;
  /// Elements of each result, in their order.
  static constexpr std::array<std::size_t, result_count> output_sizes =
      []<std::size_t... I>(std::index_sequence<I...>) {
        return std::array{static_cast<std::size_t>(detail::result_type<I, Results>::type::shape::numel)...};
      }(std::make_index_sequence<result_count>{});
  /// Elements of the output, of the first of several.
  static constexpr std::size_t output_size = output_sizes[0];

  /// Memory that a call works in. One at a time; nothing is kept there between calls.
  struct Workspace {
    /// Contents without meaning.
    alignas(alignment) std::byte bytes[std::max<std::size_t>(workspace_bytes, 1)];
  };

  /// The network's outputs, row-major, for these inputs, row-major. Inputs and outputs do not overlap.
  static void run(Workspace& memory, const Outputs& outputs,
                  std::span<const typename X::scalar, static_cast<std::size_t>(X::shape_type::numel)>... x) {
    expr::LeafMemory leaves[result_count + sizeof...(X) + table<Net>::leaves.size()];
    void* first = nullptr;
    detail::each_result_as<Results>(
        outputs, [&]<std::size_t I>(std::integral_constant<std::size_t, I>, const auto& output) {
          if constexpr (I == 0)
            first = output.data();
          else
            leaves[I - 1] = {output.data(), nullptr, nullptr};
        });
    expr::LeafMemory* next = leaves + result_count - 1;
    // Leaves know no const; a network in evaluation mode writes to none of them, see below.
    ((*next++ = {const_cast<typename X::scalar*>(x.data()), nullptr, nullptr}), ...);
    const std::byte* const parameters = detail::embedded_parameters<Weights>().data();
    const std::byte* const buffers = detail::embedded_buffers<Weights>().data();
    for (const Place& place : places)
      *next++ = {const_cast<std::byte*>((place.is_parameter ? parameters : buffers) + place.offset), nullptr,
                 nullptr};
    const run::Frame f{memory.bytes, leaves, first, dynamic, nullptr};
    run::execute<P, 0, P::units.size()>(f);
    if constexpr (P::place(P::root).area != graph::Area::result)
      std::memcpy(first, run::detail::address<P, P::place(P::root)>(f),
                  output_size * sizeof(typename First::scalar));
  }

private:
  static_assert(
      [] {
        graph::Builder b;
        tracer<Call>::template symbol<0>(b);
        return b.effects.empty();
      }(),
      "stator: EmbeddedSession: forward assigns to a buffer in evaluation mode");

  /// Where a tensor lies. The tables say much more, with texts, which need not be in the program.
  struct Place {
    std::size_t offset;
    bool is_parameter;
  };
  static constexpr auto places = [] {
    std::array<Place, table<Net>::leaves.size()> all{};
    for (std::size_t i = 0; i < all.size(); ++i)
      all[i] = {table<Net>::leaves[i].offset, table<Net>::leaves[i].is_parameter()};
    return all;
  }();
};

} // namespace stator::inline v0_2
