// SPDX-License-Identifier: BSL-1.0
// One layer of an RNN, LSTM or GRU over a whole sequence as one operation: the steps are a loop, not nodes.
#pragma once

#include "stator/kernel/recurrent.hpp"
#include "stator/ops/element_types.hpp"
#include "stator/ops/matmul.hpp"
#include "stator/ops/slicing.hpp"

namespace stator::ops {

using kernel::Cell;

/// x: the gates' part that comes from the input, [N, L, gates H], or [L, N, gates H] with TimeMajor; w [gates
/// H, H]; h [N, H], for an LSTM then c [N, H]: the first state; bias [gates H] (optional), added to the
/// product with the hidden state. Returns rows of what the backward needs, the hidden state first, then an
/// LSTM's cell. With Reverse the sequence runs from its end. It can be differentiated once.
template<Cell C, bool TimeMajor, bool Reverse>
struct Recurrence : LayerTypes {
  static constexpr std::string_view name = C == Cell::lstm ? "Lstm" : C == Cell::gru ? "Gru" : "Rnn";
  static constexpr Index time = TimeMajor ? 0 : 1;
  static constexpr std::size_t parts = C == Cell::lstm ? 2 : 1; ///< of the state
  /// Of the product with the hidden state; that with the input is an operation of its own.
  static constexpr Index multiply_adds(const Extents&, const Extents& x, const Extents& w, const auto&...) {
    return x.numel() * w[1];
  }

  static constexpr Extents shape(const Extents& x, const Extents& w, const auto&...) {
    return Extents(x[0], x[1], kernel::kept(C) * w[1]);
  }
  static constexpr Text requirement(const Extents& x, const Extents& w, const auto&... more) {
    const Index n = x.rank == 3 ? x[TimeMajor ? 1 : 0] : 0;
    const std::array<Extents, sizeof...(more)> rest{more...};
    if (x.rank != 3) return text("recurrence: gates ", x, " have ", x.rank, " dimensions, expected 3");
    for (std::size_t i = 0; i < parts; ++i)
      if (rest[i] != Extents(n, w[1]))
        return text("initial state ", rest[i], ", expected ", Extents(n, w[1]), " for a sequence ", x);
    return {};
  }

  template<class X, class W>
  using Kernel = kernel::recurrence<typename X::scalar, C, W::extents[1], X::extents[time],
                                    X::extents[1 - time], TimeMajor, Reverse>;
  template<class X>
  static Index samples(Index batch) {
    return X::extents[1 - time] == dynamic ? batch : X::extents[1 - time];
  }
  template<class Out, class X, class W, class... More>
  static constexpr Bytes scratch() {
    return Kernel<X, W>::forward_scratch;
  }
  template<class Out, class X, class W, class... More>
  static void run(typename Out::scalar* y, const typename X::scalar* x, const typename W::scalar* w,
                  const typename More::scalar*... more, Index batch, std::byte* space) {
    const typename X::scalar* const rest[] = {more..., nullptr};
    Kernel<X, W>::forward(x, w, rest[parts], rest[0], rest[parts - 1], y, samples<X>(batch), space);
  }

  /// The gradients of the gates, and in a row after the last step those of the first state; g: of the result
  /// y.
  struct Backward {
    static constexpr std::string_view name = "RecurrenceBackward";
    static constexpr Index multiply_adds(const Extents&, const Extents& g, const Extents&, const Extents& w,
                                         const auto&...) {
      return g.numel() / g.back() * w.numel();
    }
    static constexpr Extents shape(const Extents& g, const Extents&, const Extents& w, const auto&...) {
      Extents e(g[0], g[1], kernel::slopes(C) * w[1]);
      ++e[static_cast<std::size_t>(time)];
      return e;
    }
    template<class Out, class G, class Y, class W, class... State>
    static constexpr Bytes scratch() {
      return Kernel<Y, W>::backward_scratch;
    }
    template<class Out, class G, class Y, class W, class... State>
    static void run(typename Out::scalar* d, const typename G::scalar* g, const typename Y::scalar* y,
                    const typename W::scalar* w, const typename State::scalar*... state, Index batch,
                    std::byte* space) {
      const typename G::scalar* const states[] = {state...};
      Kernel<Y, W>::backward(g, y, w, states[0], states[parts - 1], d, samples<Y>(batch), space);
    }
  };

  template<class G, class Y, class X, class W, class H, class... More>
  static constexpr auto vjp(G g, Y y, X, W w, H h, More... more) {
    constexpr Index hidden = W::extents[1], steps = X::extents[time];
    const auto d = [&] {
      if constexpr (parts == 2)
        return operation<Backward>{}(g, y, w, h, std::get<0>(std::tuple(more...)));
      else
        return operation<Backward>{}(g, y, w, h);
    }();
    const auto rows = cut<time, 0, steps>(d);
    const auto sums = [&] { // the gradient of the product with the hidden states
      if constexpr (C == Cell::gru)
        return operation<Cat<2>>{}(cut<2, 0, 2 * hidden>(rows), cut<2, 3 * hidden, hidden>(rows));
      else
        return rows;
    }();
    const auto states = cut<time, steps, 1>(d);
    const auto dw = operation<Linear::LinearWeight>{}(sums, before<steps, hidden>(y, h));
    return [&]<std::size_t... I>(std::index_sequence<I...>) {
      return gradients(cut<2, 0, X::extents[2]>(rows), dw,
                       reshape_to<H::extents>(cut<2, 0, hidden>(states)), // h
                       [&] {
                         if constexpr (I + 1 < parts)
                           return reshape_to<H::extents>(cut<2, hidden, hidden>(states));
                         else
                           return sum_to<typename More::typed>(sums);
                       }()...);
    }(std::index_sequence_for<More...>{});
  }

private:
  /// Elements From to From + Count of a dimension.
  template<Index Dim, Index From, Index Count, class V>
  static constexpr auto cut(V v) {
    if constexpr (V::extents[Dim] == Count)
      return v;
    else
      return operation<Narrow<Dim, From, Count>>{}(v);
  }
  /// The hidden states before each step.
  template<Index Steps, Index Hidden, class Y, class H>
  static constexpr auto before(Y y, H h) {
    constexpr Extents one = TimeMajor ? Extents(1, H::extents[0], Hidden) : Extents(H::extents[0], 1, Hidden);
    const auto first = reshape_to<one>(h);
    if constexpr (Steps == 1) {
      return first;
    } else {
      const auto others = cut<time, (Reverse ? 1 : 0), Steps - 1>(cut<2, 0, Hidden>(y));
      if constexpr (Reverse)
        return operation<Cat<time>>{}(others, first);
      else
        return operation<Cat<time>>{}(first, others);
    }
  }
};

} // namespace stator::ops
