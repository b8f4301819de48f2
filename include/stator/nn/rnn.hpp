// SPDX-License-Identifier: BSL-1.0
// RNN, LSTM, GRU, and their cells RNNCell, LSTMCell, GRUCell.
#pragma once

#include "stator/module/structure.hpp"
#include "stator/nn/extra_repr.hpp"
#include "stator/nn/init.hpp"
#include "stator/ops/dropout.hpp"
#include "stator/ops/projected_lstm.hpp"
#include "stator/trace/call.hpp"

#include <array>
#include <cmath>
#include <string>
#include <tuple>

namespace stator::nn {

/// Options of RNN, LSTM and GRU, PyTorch's.
struct RNNOptions {
  Index num_layers = 1; ///< each takes the outputs of the one before
  bool bias = true;     ///< two bias vectors for each layer and direction
  bool batch_first =
      false; ///< inputs and outputs are [N, L, ...], not [L, N, ...]; states stay [layers, N, Hidden]
  double dropout = 0;         ///< of the outputs of all layers but the last, in training
  bool bidirectional = false; ///< a second pass from the end, outputs concatenated
  bool relu = false;          ///< nonlinearity="relu", RNN and RNNCell only
  Index proj_size = 0; ///< features that an LSTM's hidden states are projected to, fewer than Hidden; 0: none
};

namespace detail {

/// Which parameter it is: "weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0",
/// with a projection "weight_hr_l0", "weight_ih_l0_reverse", ...
struct RecurrentPlace {
  Index layer, part; ///< part: weight_ih, weight_hh, bias_ih, bias_hh, weight_hr
  bool reverse;
  constexpr RecurrentPlace(std::size_t i, const RNNOptions& o)
      : layer(static_cast<Index>(i) / (parts(o) * directions(o))), part(static_cast<Index>(i) % parts(o)),
        reverse(static_cast<Index>(i) / parts(o) % directions(o) == 1) {
    if (!o.bias && part == 2) part = 4;
  }
  static constexpr Index parts(const RNNOptions& o) { return (o.bias ? 4 : 2) + (o.proj_size > 0 ? 1 : 0); }
  static constexpr Index directions(const RNNOptions& o) { return o.bidirectional ? 2 : 1; }
  static constexpr std::size_t count(const RNNOptions& o) {
    return static_cast<std::size_t>(o.num_layers * directions(o) * parts(o));
  }
  constexpr Text name() const {
    constexpr std::string_view words[] = {"weight_ih", "weight_hh", "bias_ih", "bias_hh", "weight_hr"};
    return text(words[part], "_l", layer, reverse ? "_reverse" : "");
  }
};
template<std::size_t I, RNNOptions O>
inline constexpr auto recurrent_name =
    [] { return fixed_string<RecurrentPlace(I, O).name().size()>(RecurrentPlace(I, O).name().view()); }();

template<class T, Index In, Index Hidden, Index Gates, RNNOptions O, std::size_t I>
struct recurrent_parameter {
  static constexpr RecurrentPlace place{I, O};
  static constexpr Index out = O.proj_size > 0 ? O.proj_size : Hidden; ///< features of a hidden state
  static constexpr Index in = place.part == 1 ? out : place.layer == 0 ? In : out * place.directions(O);
  using type = std::conditional_t<
      place.part == 4, Parameter<T, out, Hidden>,
      std::conditional_t<(place.part < 2), Parameter<T, Gates * Hidden, in>, Parameter<T, Gates * Hidden>>>;
};
template<class T, Index In, Index Hidden, Index Gates, RNNOptions O, class Indices>
struct recurrent_parameters;
template<class T, Index In, Index Hidden, Index Gates, RNNOptions O, std::size_t... I>
struct recurrent_parameters<T, In, Hidden, Gates, O, std::index_sequence<I...>> {
  static constexpr std::array<std::string_view, sizeof...(I)> names{recurrent_name<I, O>.view()...};
  using type = std::tuple<typename recurrent_parameter<T, In, Hidden, Gates, O, I>::type...>;
};

/// Zeros as the first state of N samples.
template<Index N, Index Hidden, class X>
constexpr auto zero_state(const X& x) {
  return operation<ops::Expand<Extents(N, Hidden)>>{}(
      ops::detail::number<typename X::scalar, X::order>(x.builder, 0));
}

} // namespace detail

/// x [L, N, In], or [N, L, In] with batch_first; then (optional) the first states [layers * directions, N,
/// Hidden], for an LSTM those of the cells as well. Returns the hidden states of the last layer [L, N,
/// directions * Hidden]; `states(x, ...)` returns them and the states of all layers after the last step, in
/// a tuple. With proj_size hidden states have so many features, cells still Hidden. A batch that is known at
/// run time needs batch_first and starts with zeros. Parameters start uniform in +-1/sqrt(Hidden). Sources:
/// Hochreiter and Schmidhuber 1997 (LSTM), Cho et al. 2014 (GRU), Sak et al. 2014 (proj_size). torch.nn.RNN,
/// LSTM, GRU.
template<kernel::Cell Cell, Index In, Index Hidden, RNNOptions Options, class T>
struct Recurrent {
  static_assert(Options.num_layers > 0, "stator: num_layers must be positive");
  static_assert(!Options.relu || kernel::gates(Cell) == 1, "stator: only an RNN has the option relu");
  static_assert(Options.proj_size == 0 || Cell == kernel::Cell::lstm,
                "stator: only an LSTM has the option proj_size");
  static_assert(Options.proj_size >= 0 && Options.proj_size < Hidden,
                "stator: proj_size must be less than the hidden size; 0: no projection");
  /// 1 or 2, and the dimension of the steps.
  static constexpr std::size_t directions = Options.bidirectional ? 2 : 1, time = Options.batch_first ? 1 : 0;
  static constexpr std::size_t layers = static_cast<std::size_t>(Options.num_layers); ///< stacked
  static constexpr std::size_t parts = Cell == kernel::Cell::lstm ? 2 : 1;            ///< of a state
  static constexpr bool projected = Options.proj_size > 0;                            ///< the hidden states
  static constexpr Index out = projected ? Options.proj_size : Hidden; ///< features of a hidden state
  static constexpr bool is_container = true;
  /// Types and names of the parameters: "weight_ih_l0", ...
  using Parameters =
      detail::recurrent_parameters<T, In, Hidden, kernel::gates(Cell), Options,
                                   std::make_index_sequence<detail::RecurrentPlace::count(Options)>>;
  static constexpr auto element_names = Parameters::names;
  typename Parameters::type elements{};

  constexpr auto forward(auto x, auto... first) const {
    if constexpr (fits(decltype(x)::extents)) {
      return std::get<0>(layer<0, false>(x, first...));
    } else {
      refuse(x);
      return x;
    }
  }
  constexpr auto operator()(auto&&... x) const { return call(*this, std::forward<decltype(x)>(x)...); }

  /// The output and the last states: `auto [y, h] = gru.states(x)`, `auto [y, h, c] = lstm.states(x, h0,
  /// c0)`.
  constexpr auto states(auto x, auto... first) const {
    if constexpr (fits(decltype(x)::extents)) {
      static_assert(!decltype(x)::extents.is_dynamic(),
                    "stator: the last states need a batch that is static");
      const auto all = layer<0, true>(x, first...);
      return std::tuple_cat(std::tuple(std::get<0>(all)), joined<0>(std::get<1>(all)));
    } else {
      refuse(x);
      if constexpr (parts == 2)
        return std::tuple(x, x, x);
      else
        return std::tuple(x, x);
    }
  }

  void reset_parameters() {
    const double bound = 1 / std::sqrt(static_cast<double>(Hidden));
    std::apply([&](auto&... p) { (init::uniform_(p, -bound, bound), ...); }, elements);
  }
  static constexpr std::string_view class_name() {
    return Cell == kernel::Cell::lstm ? "LSTM" : Cell == kernel::Cell::gru ? "GRU" : "RNN";
  }
  static std::string extra_repr() {
    std::string text = std::to_string(In) + ", " + std::to_string(Hidden);
    if (projected) text += ", proj_size=" + std::to_string(out);
    if (layers != 1) text += ", num_layers=" + std::to_string(layers);
    if (!Options.bias) text += ", bias=False";
    if (Options.batch_first) text += ", batch_first=True";
    if (Options.dropout != 0) text += ", dropout=" + python_number(Options.dropout);
    if (Options.bidirectional) text += ", bidirectional=True";
    return text;
  }

private:
  static constexpr bool fits(const Extents& x) {
    return x.rank == 3 && x[2] == In && (Options.batch_first || !x.is_dynamic());
  }
  static constexpr void refuse(const auto& x) {
    constexpr Extents found = std::remove_cvref_t<decltype(x)>::extents;
    x.builder->fail(text("input ", found, ", expected ", Options.batch_first ? "[N, L, " : "[L, N, ", In, "]",
                         found.is_dynamic() && !Options.batch_first
                             ? ": a batch that is known at run time needs batch_first"
                             : ""));
  }

  /// The hidden states of the last layer, and with Last the tuple of the last states of layers from L on.
  template<std::size_t L, bool Last>
  constexpr auto layer(auto x, auto... first) const {
    const auto forth = direction<L, false, Last>(x, first...);
    const auto both = [&] {
      if constexpr (directions == 1) {
        return forth;
      } else {
        const auto back = direction<L, true, Last>(x, first...);
        return std::tuple(cat<2>(std::get<0>(forth), std::get<0>(back)),
                          std::tuple_cat(std::get<1>(forth), std::get<1>(back)));
      }
    }();
    if constexpr (L + 1 == layers) {
      return both;
    } else {
      const auto rest = layer<L + 1, Last>(dropout<Options.dropout>(std::get<0>(both)), first...);
      return std::tuple(std::get<0>(rest), std::tuple_cat(std::get<1>(both), std::get<1>(rest)));
    }
  }

  /// One layer in one direction: the hidden states, and with Last in a tuple the tuple of the state after the
  /// last step.
  template<std::size_t L, bool Reverse, bool Last>
  constexpr auto direction(auto x, auto... first) const {
    constexpr std::size_t number = L * directions + (Reverse ? 1 : 0), bias = Options.bias ? 2 : 0,
                          at = number * static_cast<std::size_t>(detail::RecurrentPlace::parts(Options));
    using Op =
        std::conditional_t<projected, ops::ProjectedLstm<Hidden, out, !Options.batch_first, Reverse, Last>,
                           ops::Recurrence<Cell, !Options.batch_first, Reverse, Last && parts == 2>>;
    constexpr operation<Op> recurrence;
    const auto state = [&](const auto& all) { return stator::select<0, static_cast<Index>(number)>(all); };
    const auto zeros = [&]<Index Features>(std::integral_constant<Index, Features>) {
      return detail::zero_state<decltype(x)::extents[1 - time], Features>(x);
    };
    constexpr std::integral_constant<Index, out> of_hidden;
    constexpr std::integral_constant<Index, Hidden> of_cell;
    const auto& p = elements;
    const auto run = [&](const auto&... states) { // and the projection
      if constexpr (Options.bias)
        return recurrence(linear(x, std::get<at>(p), std::get<at + 2>(p)), std::get<at + 1>(p), states...,
                          std::get<at + 3>(p));
      else
        return recurrence(linear(x, std::get<at>(p)), std::get<at + 1>(p), states...);
    };
    static_assert(sizeof...(first) == 0 || sizeof...(first) == parts,
                  "stator: a GRU or RNN takes one tensor of first states, an LSTM two");
    const auto rows = [&] {
      if constexpr (projected && sizeof...(first) > 0)
        return run(state(first)..., std::get<at + 2 + bias>(p));
      else if constexpr (projected)
        return run(zeros(of_hidden), zeros(of_cell), std::get<at + 2 + bias>(p));
      else if constexpr (sizeof...(first) > 0)
        return run(state(first)...);
      else if constexpr (parts == 2)
        return run(zeros(of_hidden), zeros(of_cell));
      else
        return run(zeros(of_hidden));
    }();
    const auto hidden = Op::states(rows);
    if constexpr (Last) {
      constexpr Index end = Reverse ? 0 : decltype(hidden)::extents[time] - 1;
      const auto last = stator::select<static_cast<Index>(time), end>(hidden);
      if constexpr (parts == 2)
        return std::tuple(hidden,
                          std::make_tuple(std::tuple(last, operation<typename Op::LastCell>{}(rows))));
      else
        return std::tuple(hidden, std::make_tuple(std::tuple(last))); // std::tuple would copy the inner one
    } else {
      return std::tuple(hidden, std::tuple());
    }
  }
  /// Part P and those after it of the states of all layers, [layers * directions, N, Hidden] each.
  template<std::size_t P>
  static constexpr auto joined(const auto& all) {
    const auto one = std::apply([](const auto&... s) { return stack<0>(std::get<P>(s)...); }, all);
    if constexpr (P + 1 == parts)
      return std::tuple(one);
    else
      return std::tuple_cat(std::tuple(one), joined<P + 1>(all));
  }
};

/// torch.nn.RNN with tanh, or with relu: `nn::RNN<3, 4, nn::RNNOptions{.num_layers = 2}>`.
template<Index In, Index Hidden, RNNOptions Options = RNNOptions{}, class T = float>
using RNN = Recurrent<Options.relu ? kernel::Cell::relu : kernel::Cell::tanh, In, Hidden, Options, T>;
/// torch.nn.LSTM: `nn::LSTM<3, 4, nn::RNNOptions{.bidirectional = true}>`, see Recurrent.
template<Index In, Index Hidden, RNNOptions Options = RNNOptions{}, class T = float>
using LSTM = Recurrent<kernel::Cell::lstm, In, Hidden, Options, T>;
/// torch.nn.GRU, see Recurrent.
template<Index In, Index Hidden, RNNOptions Options = RNNOptions{}, class T = float>
using GRU = Recurrent<kernel::Cell::gru, In, Hidden, Options, T>;

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
