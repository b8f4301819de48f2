// SPDX-License-Identifier: BSL-1.0
// One step of a recurrent layer: RNNCell, LSTMCell, GRUCell.
#pragma once

#include "stator/module/structure.hpp"
#include "stator/nn/extra_repr.hpp"
#include "stator/nn/init.hpp"
#include "stator/ops/recurrent.hpp"
#include "stator/trace/call.hpp"

#include <cmath>
#include <string>
#include <tuple>

namespace stator::nn {

namespace detail {

/// Zeros as the first state of N samples.
template<Index N, Index Hidden, class X>
constexpr auto zero_state(const X& x) {
  return operation<ops::Expand<Extents(N, Hidden)>>{}(
      ops::detail::number<typename X::scalar, X::order>(x.builder, 0));
}

} // namespace detail

/// Options of RNNCell, LSTMCell and GRUCell, PyTorch's.
struct RNNCellOptions {
  bool bias = true;  ///< two of them
  bool relu = false; ///< nonlinearity="relu", RNNCell only
};

/// One step: x [N, In], then (optional) the state h [N, Hidden], for an LSTM c as well. Returns the new h; an
/// LSTM's `states(x, h, c)` returns the new h and c in a tuple. torch.nn.RNNCell, LSTMCell, GRUCell.
template<kernel::Cell Cell, Index In, Index Hidden, RNNCellOptions Options, class T>
struct RecurrentCell {
  /// Rows of the weights, and tensors of a state.
  static constexpr Index gates = kernel::gates(Cell) * Hidden, parts = Cell == kernel::Cell::lstm ? 2 : 1;
  Parameter<T, gates, In> weight_ih;     ///< of the input
  Parameter<T, gates, Hidden> weight_hh; ///< of the hidden state
  /// Beside the input's weight.
  std::conditional_t<Options.bias, Parameter<T, gates>, Absent> bias_ih;
  /// Beside the hidden state's weight.
  std::conditional_t<Options.bias, Parameter<T, gates>, Absent> bias_hh;

  constexpr auto forward(auto x, auto... state) const {
    constexpr Index n = decltype(x)::extents[0];
    return ops::reshape_to<Extents(n, Hidden)>(Recurrence<false>::states(step<false>(x, state...)));
  }
  constexpr auto operator()(auto&&... x) const { return call(*this, std::forward<decltype(x)>(x)...); }
  /// The new states of an LSTMCell: `auto [h1, c1] = cell.states(x, h, c)`.
  constexpr auto states(auto x, auto... state) const {
    static_assert(parts == 2, "stator: only an LSTMCell has two states");
    constexpr Index n = decltype(x)::extents[0];
    const auto y = step<true>(x, state...);
    return std::tuple(ops::reshape_to<Extents(n, Hidden)>(Recurrence<true>::states(y)),
                      operation<typename Recurrence<true>::LastCell>{}(y));
  }

  void reset_parameters() {
    const double bound = 1 / std::sqrt(static_cast<double>(Hidden));
    init::uniform_(weight_ih, -bound, bound);
    init::uniform_(weight_hh, -bound, bound);
    if constexpr (Options.bias) {
      init::uniform_(bias_ih, -bound, bound);
      init::uniform_(bias_hh, -bound, bound);
    }
  }
  static constexpr std::string_view class_name() {
    return Cell == kernel::Cell::lstm ? "LSTMCell" : Cell == kernel::Cell::gru ? "GRUCell" : "RNNCell";
  }
  static std::string extra_repr() {
    return std::to_string(In) + ", " + std::to_string(Hidden) + (Options.bias ? "" : ", bias=False") +
           (Options.relu ? ", nonlinearity=relu" : "");
  }

private:
  template<bool Cells>
  using Recurrence = ops::Recurrence<Cell, false, false, Cells>;
  template<bool Cells>
  constexpr auto step(auto x, auto... state) const {
    constexpr Index n = decltype(x)::extents[0];
    const auto row = [](auto v) { return ops::reshape_to<Extents(n, 1, gates)>(v); };
    constexpr operation<Recurrence<Cells>> recurrence;
    if constexpr (sizeof...(state) < parts)
      return step<Cells>(x, state..., detail::zero_state<n, Hidden>(x));
    else if constexpr (Options.bias)
      return recurrence(row(linear(x, weight_ih, bias_ih)), weight_hh, state..., bias_hh);
    else
      return recurrence(row(linear(x, weight_ih)), weight_hh, state...);
  }
};

/// torch.nn.RNNCell with tanh, or with relu, see RecurrentCell.
template<Index In, Index Hidden, RNNCellOptions Options = RNNCellOptions{}, class T = float>
using RNNCell = RecurrentCell<Options.relu ? kernel::Cell::relu : kernel::Cell::tanh, In, Hidden, Options, T>;
/// torch.nn.LSTMCell, see RecurrentCell.
template<Index In, Index Hidden, RNNCellOptions Options = RNNCellOptions{}, class T = float>
using LSTMCell = RecurrentCell<kernel::Cell::lstm, In, Hidden, Options, T>;
/// torch.nn.GRUCell, see RecurrentCell.
template<Index In, Index Hidden, RNNCellOptions Options = RNNCellOptions{}, class T = float>
using GRUCell = RecurrentCell<kernel::Cell::gru, In, Hidden, Options, T>;

} // namespace stator::nn
