// SPDX-License-Identifier: BSL-1.0
// RNN, LSTM and GRU.
#pragma once

#include "stator/module/structure.hpp"
#include "stator/nn/extra_repr.hpp"
#include "stator/nn/init.hpp"
#include "stator/nn/padded_sequence.hpp"
#include "stator/nn/rnn_cell.hpp"
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

} // namespace detail

/// x [L, N, In], or [N, L, In] with batch_first; then (optional) the first states [layers * directions, N,
/// Hidden], for an LSTM those of the cells as well. Returns the hidden states of the last layer [L, N,
/// directions * Hidden]; `states(x, ...)` returns them and the states of all layers after the last step, in
/// a tuple. Sequences of different lengths are padded to L and their lengths, integers [N], follow x, or x is
/// what nn::utils::rnn::pack_padded_sequence returns: steps behind the end of a sequence are not read, their
/// outputs are 0, and its last states are those at its end. With proj_size hidden states have so many
/// features, cells still Hidden. A batch that is known at run time needs batch_first, and states are [N,
/// layers * directions, Hidden] then. Parameters start uniform in +-1/sqrt(Hidden). Sources: Hochreiter and
/// Schmidhuber 1997 (LSTM), Cho et al. 2014 (GRU), Sak et al. 2014 (proj_size). torch.nn.RNN, LSTM, GRU.
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
      return std::get<0>(all<false>(x, first...));
    } else {
      refuse(x);
      return x;
    }
  }
  /// The output of what is packed is packed as well.
  constexpr auto operator()(auto&& x, auto&&... first) const {
    if constexpr (detail::is_packed<std::remove_cvref_t<decltype(x)>>) {
      check_layout(x);
      return x.with(call(*this, x.data, x.lengths, std::forward<decltype(first)>(first)...));
    } else {
      return call(*this, std::forward<decltype(x)>(x), std::forward<decltype(first)>(first)...);
    }
  }

  /// The output and the last states: `auto [y, h] = gru.states(x)`, `auto [y, h, c] = lstm.states(x, h0,
  /// c0)`.
  constexpr auto states(auto x, auto... first) const {
    if constexpr (detail::is_packed<decltype(x)>) {
      check_layout(x);
      return std::apply([&](auto y, auto... last) { return std::tuple(x.with(y), last...); },
                        states(x.data, x.lengths, first...));
    } else if constexpr (fits(decltype(x)::extents)) {
      const auto both = all<true>(x, first...);
      constexpr Index number = decltype(x)::extents.is_dynamic() ? 1 : 0;
      return std::tuple_cat(std::tuple(std::get<0>(both)), joined<0, number>(std::get<1>(both)));
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
  template<class X, class Lengths, bool BatchFirst>
  static constexpr void check_layout(const utils::rnn::PackedSequence<X, Lengths, BatchFirst>&) {
    static_assert(BatchFirst == Options.batch_first,
                  "stator: pack_padded_sequence and the layer must agree on batch_first");
  }
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

  /// As `layer`, of all layers; lengths may stand before the first states.
  template<bool Last>
  constexpr auto all(auto x, auto... first) const {
    constexpr detail::Padded<!Options.batch_first, detail::WholeSequences> whole;
    return layer<0, Last>(whole, x, first...);
  }
  template<bool Last, AnySymbol Lengths>
    requires std::is_integral_v<typename Lengths::scalar>
  constexpr auto all(auto x, Lengths lengths, auto... first) const {
    const detail::Padded<!Options.batch_first, Lengths> padded{lengths};
    return layer<0, Last>(padded, padded.zero_padding(x), first...);
  }

  /// The hidden states of the last layer, and with Last the tuple of the last states of layers from L on.
  template<std::size_t L, bool Last>
  constexpr auto layer(auto padded, auto x, auto... first) const {
    const auto forth = direction<L, false, Last>(padded, x, first...);
    const auto both = [&] {
      if constexpr (directions == 1) {
        return forth;
      } else {
        const auto back = direction<L, true, Last>(padded, x, first...);
        return std::tuple(cat<2>(std::get<0>(forth), std::get<0>(back)),
                          std::tuple_cat(std::get<1>(forth), std::get<1>(back)));
      }
    }();
    if constexpr (L + 1 == layers) {
      return both;
    } else {
      const auto rest = layer<L + 1, Last>(padded, dropout<Options.dropout>(std::get<0>(both)), first...);
      return std::tuple(std::get<0>(rest), std::tuple_cat(std::get<1>(both), std::get<1>(rest)));
    }
  }

  /// One layer in one direction: the hidden states, and with Last in a tuple the tuple of the state after the
  /// last step.
  template<std::size_t L, bool Reverse, bool Last>
  constexpr auto direction(auto padded, auto input, auto... first) const {
    // A kernel begins with the last step, which of a padded sequence is another one for each sample.
    constexpr bool reversed = Reverse && decltype(padded)::is_padded;
    constexpr bool backwards = Reverse && !decltype(padded)::is_padded;
    const auto x = padded.template reverse<reversed>(input);
    constexpr std::size_t number = L * directions + (Reverse ? 1 : 0), bias = Options.bias ? 2 : 0,
                          at = number * static_cast<std::size_t>(detail::RecurrentPlace::parts(Options));
    using Op =
        std::conditional_t<projected, ops::ProjectedLstm<Hidden, out, !Options.batch_first, backwards, Last>,
                           ops::Recurrence<Cell, !Options.batch_first, backwards, Last && parts == 2>>;
    constexpr operation<Op> recurrence;
    const auto state = [&](const auto& states) {
      constexpr Index numbers = decltype(x)::extents.is_dynamic() ? 1 : 0;
      return stator::select<numbers, static_cast<Index>(number)>(states);
    };
    const auto zeros = [&]<Index Features>(std::integral_constant<Index, Features>) {
      return detail::zero_state<decltype(x)::extents[1 - time], Features>(x);
    };
    constexpr std::integral_constant<Index, out> of_hidden;
    constexpr std::integral_constant<Index, Hidden> of_cell;
    const auto& p = elements;
    const auto run = [&](const auto&... states) { // and the projection
      if constexpr (Options.bias)
        return recurrence(padded.template hold<Cell, Last>(linear(x, std::get<at>(p), std::get<at + 2>(p))),
                          std::get<at + 1>(p), states..., std::get<at + 3>(p));
      else
        return recurrence(padded.template hold<Cell, Last>(linear(x, std::get<at>(p))), std::get<at + 1>(p),
                          states...);
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
    const auto steps = padded.zero_padding(Op::states(rows));
    const auto hidden = padded.template reverse<reversed>(steps);
    if constexpr (Last) {
      const auto last = padded.template last<backwards>(steps);
      if constexpr (parts == 2)
        return std::tuple(hidden,
                          std::make_tuple(std::tuple(last, operation<typename Op::LastCell>{}(rows))));
      else
        return std::tuple(hidden, std::make_tuple(std::tuple(last))); // std::tuple would copy the inner one
    } else {
      return std::tuple(hidden, std::tuple());
    }
  }
  /// Part P and those after it of the states of all layers, [layers * directions, N, Hidden] each; Number is
  /// the dimension of layers and directions.
  template<std::size_t P, Index Number>
  static constexpr auto joined(const auto& states) {
    const auto one = std::apply([](const auto&... s) { return stack<Number>(std::get<P>(s)...); }, states);
    if constexpr (P + 1 == parts)
      return std::tuple(one);
    else
      return std::tuple_cat(std::tuple(one), joined<P + 1, Number>(states));
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

} // namespace stator::nn
