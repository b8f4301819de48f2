// SPDX-License-Identifier: BSL-1.0
// Inference on a machine without a heap, files, threads or exceptions: a microcontroller.
//
//   #include "mlp_weights.hpp"                          // stator::save_header wrote it on another machine
//   using Session = stator::EmbeddedSession<Mlp, mlp_weights, stator::Tensor<float, 1, 16>>;
//   static Session::Workspace memory;                   // Session::workspace_bytes, known to the compiler
//   static float input[16], output[4];
//   Session::run(memory, output, input);
//
// Weights stay where the linker puts constants, in flash. Nothing is allocated, nothing can fail while it
// runs: what does not fit does not compile.
#pragma once

#include "stator/expr/expression.hpp"
#include "stator/model/memory_image.hpp"
#include "stator/module/mode.hpp"
#include "stator/run/execute.hpp"
#include "stator/trace/trace.hpp"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <span>

namespace stator::inline v0_2 {

/// `Net` in evaluation mode with the constants of a header, called with inputs of the types X, tensors whose
/// extents are all static. There is no object of it.
template<class Net, std::derived_from<Embedded> Weights, class... X>
class EmbeddedSession {
  using Call =
      expr::ModuleCall<Net, Mode<false>, expr::Input<typename X::scalar, typename X::shape_type, false>...>;
  static_assert(check<detail::embedded_error<table<Net>, Weights>>());
  static_assert(check<trace_error<Call>>());
  static_assert(detail::has_one_result<Call>,
                "stator: EmbeddedSession: forward must return one tensor, not a tuple");
  static_assert(detail::plain_field_count<Net> == 0,
                "stator: EmbeddedSession: a field of the network is read in forward that is no tensor: its "
                "value would be one of run time");
  static_assert(!(X::shape_type::is_dynamic || ...),
                "stator: EmbeddedSession: the extents of the inputs must be static");
  using P = run::Program<Call, false>;
  using Result = symbol_of<Call>;

public:
  /// The network.
  using module_type = Net;
  /// The tensor that a model in evaluation mode would return.
  using Output = typename detail::tensor_of<typename Result::scalar, typename Result::shape>::type;
  /// Bytes of the workspace, and elements of the output.
  static constexpr std::size_t workspace_bytes = P::workspace.fixed;
  /// Elements of the output.
  static constexpr std::size_t output_size = static_cast<std::size_t>(Result::shape::numel);

  /// Memory that a call works in. One at a time; nothing is kept there between calls.
  struct Workspace {
    /// Contents without meaning.
    alignas(alignment) std::byte bytes[std::max<std::size_t>(workspace_bytes, 1)];
  };

  /// The network's output, row-major, for these inputs, row-major. Input and output do not overlap.
  static void run(Workspace& memory, std::span<typename Result::scalar, output_size> output,
                  std::span<const typename X::scalar, static_cast<std::size_t>(X::shape_type::numel)>... x) {
    expr::LeafMemory leaves[sizeof...(X) + table<Net>::leaves.size() + 1];
    expr::LeafMemory* next = leaves;
    // Leaves know no const; a network in evaluation mode writes to none of them, see below.
    ((*next++ = {const_cast<typename X::scalar*>(x.data()), nullptr, nullptr}), ...);
    const std::byte* const parameters = detail::embedded_parameters<Weights>().data();
    const std::byte* const buffers = detail::embedded_buffers<Weights>().data();
    for (const Place& place : places)
      *next++ = {const_cast<std::byte*>((place.is_parameter ? parameters : buffers) + place.offset), nullptr,
                 nullptr};
    const run::Frame f{memory.bytes, leaves, output.data(), dynamic, nullptr};
    run::execute<P, 0, P::units.size()>(f);
    if constexpr (P::place(P::root).area != graph::Area::result)
      std::memcpy(output.data(), run::detail::address<P, P::place(P::root)>(f), output.size_bytes());
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
