// SPDX-License-Identifier: BSL-1.0
// One layer of an RNN, LSTM or GRU over a whole sequence as one operation: the steps are a loop, not nodes.
#pragma once

#include "stator/kernel/recurrent.hpp"
#include "stator/ops/activation.hpp"
#include "stator/ops/element_types.hpp"
#include "stator/ops/matmul.hpp"
#include "stator/ops/slicing.hpp"
#include "stator/ops/smooth_activation.hpp"
#include "stator/ops/view.hpp"
#include "stator/ops/vjp_of_nodes.hpp"

namespace stator::ops {

using kernel::Cell;

/// x: the gates' part that comes from the input, [N, L, gates H], or [L, N, gates H] with TimeMajor; w [gates
/// H, H]; h [N, H], for an LSTM then c [N, H]: the first state; bias [gates H] (optional), added to the
/// product with the hidden state. Returns what `States` and `LastCell` read, see kernel::recurrence. With
/// Reverse the sequence runs from its end; with Cells an LSTM's last cell has a gradient. Where its gradient
/// is differentiated again, that is computed from the steps as operations of their own.
template<Cell C, bool TimeMajor, bool Reverse, bool Cells>
struct Recurrence : LayerTypes {
  static constexpr std::string_view name = C == Cell::lstm ? "Lstm" : C == Cell::gru ? "Gru" : "Rnn";
  static constexpr std::size_t time = TimeMajor ? 0 : 1;
  static constexpr std::size_t parts = C == Cell::lstm ? 2 : 1; ///< of the state
  /// Of the product with the hidden state; that with the input is an operation of its own.
  static constexpr Index multiply_adds(const Extents&, const Extents& x, const Extents& w, const auto&...) {
    return x.numel() * w[1];
  }

  static constexpr Extents shape(const Extents& x, const Extents& w, const auto&...) {
    return Extents(x[0], x[1], kernel::kept(C) * w[1]);
  }
  /// That of the hidden states, with Cells one row more for each sample: of the last cell.
  static constexpr Extents gradient_shape(const Extents& y) {
    Extents e(y[0], y[1], y[2] / kernel::kept(C));
    if (Cells) ++e[time];
    return e;
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

  /// Of x or the result, both [N, L, ...], and H features.
  template<class X, Index H>
  using Kernel = kernel::recurrence<typename X::scalar, C, H, X::extents[time], X::extents[1 - time],
                                    TimeMajor, Reverse>;
  template<class X>
  static Index samples(Index batch) {
    return X::extents[1 - time] == dynamic ? batch : X::extents[1 - time];
  }
  template<class Out, class X, class W, class... More>
  static constexpr Bytes scratch() {
    return Kernel<X, W::extents[1]>::forward_scratch;
  }
  template<class Out, class X, class W, class... More>
  static void run(typename Out::scalar* y, const typename X::scalar* x, const typename W::scalar* w,
                  const typename More::scalar*... more, Index batch, std::byte* space) {
    const typename X::scalar* const rest[] = {more..., nullptr};
    Kernel<X, W::extents[1]>::forward(x, w, rest[parts], rest[0], rest[parts - 1], y, samples<X>(batch),
                                      space);
  }

  /// The hidden states [N, L, H] or [L, N, H].
  struct States {
    static constexpr std::string_view name = "Slice";
    static constexpr std::string_view backward_name = "SliceBackward0";
    static constexpr bool is_view = true, takes_other_gradient = true;
    static constexpr Extents shape(const Extents& y) { return Extents(y[0], y[1], y[2] / kernel::kept(C)); }
    template<class G, class Y, class X>
    static constexpr auto vjp(G g, Y, X) {
      if constexpr (Cells)
        return gradients(operation<Gradient<false>>{}(g));
      else
        return gradients(g);
    }
  };
  /// The hidden states of a result in a forward: it itself where it has nothing else.
  template<class Y>
  static constexpr auto states(Y y) {
    if constexpr (kernel::kept(C) == 1)
      return y;
    else
      return operation<States>{}(y);
  }
  /// An LSTM's cell after the last step, [N, H].
  struct LastCell {
    static constexpr std::string_view name = "Slice";
    static constexpr std::string_view backward_name = "SliceBackward0";
    static constexpr bool takes_other_gradient = true;
    static constexpr Extents shape(const Extents& y) { return Extents(y[1 - time], y[2] / kernel::kept(C)); }
    template<class Out, class Y>
    static void run(typename Out::scalar* c, const typename Y::scalar* y, Index batch, std::byte*) {
      constexpr Index H = Out::extents[1];
      using K = Kernel<Y, H>;
      for (Index n = 0; n < samples<Y>(batch); ++n)
        std::copy_n(K::last_cell(y, samples<Y>(batch)) + n * K::cell_stride, H, c + n * H);
    }
    template<class G, class Y, class X>
    static constexpr auto vjp(G g, Y, X) {
      return gradients(operation<Gradient<true, X::extents[time]>>{}(g));
    }
  };
  /// The gradient of the result from that of the states or, with OfCell, of the last cell after Steps.
  template<bool OfCell, Index Steps = 0>
  struct Gradient {
    static constexpr std::string_view name = "SliceBackward";
    static constexpr Extents shape(const Extents& g) {
      Extents e = OfCell ? TimeMajor ? Extents(Steps, g[0], g[1]) : Extents(g[0], Steps, g[1]) : g;
      ++e[time];
      return e;
    }
    template<class Out, class G>
    static void run(typename Out::scalar* out, const typename G::scalar* g, Index batch, std::byte*) {
      constexpr Index H = Out::extents[2], steps = Out::extents[time] - 1;
      const Index n = samples<Out>(batch), copied = n * H * (OfCell ? 1 : steps);
      if (OfCell) out = std::fill_n(out, n * steps * H, typename Out::scalar{});
      out = std::copy_n(g, copied, out);
      if (!OfCell) std::fill_n(out, n * H, typename Out::scalar{});
    }
    template<class GG, class Y, class G>
    static constexpr auto vjp(GG gg, Y, G) {
      return gradients(operation<Part<OfCell>>{}(gg));
    }
  };
  /// What Gradient was made of, from the gradient of the result: that of the states or of the last cell.
  template<bool OfCell>
  struct Part {
    static constexpr std::string_view name = "Slice";
    static constexpr Extents shape(const Extents& g) {
      if (OfCell) return Extents(g[1 - time], g[2]);
      Extents e = g;
      --e[time];
      return e;
    }
    template<class Out, class G>
    static void run(typename Out::scalar* out, const typename G::scalar* g, Index batch, std::byte*) {
      const Index n = samples<G>(batch) * G::extents[2], before = n * (G::extents[time] - 1);
      std::copy_n(g + (OfCell ? before : 0), OfCell ? n : before, out);
    }
    template<class GG, class Y, class G>
    static constexpr auto vjp(GG gg, Y, G) {
      return gradients(operation<Gradient<OfCell, OfCell ? G::extents[time] - 1 : 0>>{}(gg));
    }
  };

  /// The gradients of the gates, and in a row after the last step those of the first state, see
  /// kernel::recurrence; g: of the result y.
  struct Backward {
    static constexpr std::string_view name = "RecurrenceBackward";
    static constexpr Index multiply_adds(const Extents&, const Extents&, const Extents& y, const Extents& w,
                                         const auto&...) {
      return y.numel() / y.back() * w.numel();
    }
    static constexpr Extents shape(const Extents&, const Extents& y, const Extents& w, const auto&...) {
      Extents e(y[0], y[1], kernel::slopes(C) * w[1]);
      ++e[time];
      return e;
    }
    template<class Out, class G, class Y, class W, class... State>
    static constexpr Bytes scratch() {
      return Kernel<Y, W::extents[1]>::backward_scratch;
    }
    template<class Out, class G, class Y, class W, class... State>
    static void run(typename Out::scalar* d, const typename G::scalar* g, const typename Y::scalar* y,
                    const typename W::scalar* w, const typename State::scalar*... state, Index batch,
                    std::byte* space) {
      constexpr Index H = W::extents[1];
      const typename G::scalar* const first[] = {state...};
      const Index n = samples<Y>(batch);
      Kernel<Y, H>::backward(g, Cells ? g + n * Y::extents[time] * H : nullptr, y, w, first[0],
                             first[parts - 1], d, n, space);
    }
  };
  /// The gradient of a part of the first state, [N, H].
  template<std::size_t Part, Index Steps>
  struct First {
    static constexpr std::string_view name = "Slice";
    static constexpr Extents shape(const Extents& d) {
      return Extents(d[1 - time], d[2] / kernel::slopes(C));
    }
    template<class Out, class D>
    static void run(typename Out::scalar* out, const typename D::scalar* d, Index batch, std::byte*) {
      constexpr Index H = Out::extents[1];
      const Index n = samples<D>(batch);
      const auto* from = d + n * Steps * D::extents[2] + static_cast<Index>(Part) * H;
      for (Index i = 0; i < n; ++i) std::copy_n(from + i * static_cast<Index>(parts) * H, H, out + i * H);
    }
  };
  /// The hidden states before each step, from those after it and h, the first.
  struct Before {
    static constexpr std::string_view name = "Cat";
    static constexpr Extents shape(const Extents& states, const Extents&) { return states; }
    template<class Out, class Y, class H>
    static void run(typename Out::scalar* out, const typename Y::scalar* y, const typename H::scalar* h,
                    Index batch, std::byte*) {
      // Blocks of steps: of a sample, or all.
      const Index n = samples<Y>(batch), steps = Y::extents[time];
      const Index blocks = TimeMajor ? 1 : n, row = (TimeMajor ? n : 1) * Y::extents[2];
      for (Index b = 0; b < blocks; ++b, y += steps * row) {
        if (!Reverse) out = std::copy_n(h + b * row, row, out);
        out = std::copy_n(y + (Reverse ? row : 0), (steps - 1) * row, out);
        if (Reverse) out = std::copy_n(h + b * row, row, out);
      }
    }
  };

  /// The hidden states of all steps, and the cell after the last one (of an LSTM), from operations of their
  /// own.
  template<class X, class W, class H, class... More>
  static constexpr auto steps_of(X x, W w, H h, More... more) {
    constexpr Index hidden = W::extents[1], steps = X::extents[time];
    constexpr operation<Sigmoid> sigmoid;
    constexpr operation<Tanh> tanh;
    const auto sums = [&](auto state) {
      if constexpr (sizeof...(More) == parts)
        return operation<Linear>{}(state, w, std::get<parts - 1>(std::tuple(more...)));
      else
        return operation<Linear>{}(state, w);
    };
    auto c = [&] {
      if constexpr (parts == 2)
        return std::get<0>(std::tuple(more...));
      else
        return h;
    }();
    const auto step = [&]<Index S>(std::integral_constant<Index, S>) {
      const auto in = operation<Select<static_cast<Index>(time), S>>{}(x);
      const auto sum = sums(h);
      const auto gate = [&]<Index I>(std::integral_constant<Index, I>, auto of) {
        return operation<Narrow<1, I * hidden, hidden>>{}(of);
      };
      constexpr std::integral_constant<Index, 0> first;
      constexpr std::integral_constant<Index, 1> second;
      constexpr std::integral_constant<Index, 2> third;
      constexpr std::integral_constant<Index, 3> fourth;
      if constexpr (C == Cell::gru) {
        const auto r = sigmoid(add(gate(first, in), gate(first, sum)));
        const auto z = sigmoid(add(gate(second, in), gate(second, sum)));
        const auto n = tanh(add(gate(third, in), mul(r, gate(third, sum))));
        h = add(n, mul(z, sub(h, n)));
      } else if constexpr (C == Cell::lstm) {
        const auto all = add(in, sum);
        c = add(mul(sigmoid(gate(second, all)), c), mul(sigmoid(gate(first, all)), tanh(gate(third, all))));
        h = mul(sigmoid(gate(fourth, all)), tanh(c));
      } else if constexpr (C == Cell::relu) {
        h = operation<Relu>{}(add(in, sum));
      } else {
        h = tanh(add(in, sum));
      }
      constexpr Extents row =
          TimeMajor ? Extents(Index{1}, H::extents[0], hidden) : Extents(H::extents[0], Index{1}, hidden);
      return reshape_to<row>(h);
    };
    const auto rows = [&]<std::size_t... S>(std::index_sequence<S...>) {
      // Braces: in this order.
      return std::tuple{step(std::integral_constant<Index, Reverse ? steps - 1 - static_cast<Index>(S)
                                                                   : static_cast<Index>(S)>{})...};
    }(std::make_index_sequence<static_cast<std::size_t>(steps)>{});
    return std::pair(joined<0, static_cast<std::size_t>(steps)>(rows), c);
  }
  /// Count rows from First on in the order of time.
  template<std::size_t First, std::size_t Count>
  static constexpr auto joined(const auto& rows) {
    constexpr std::size_t all = std::tuple_size_v<std::remove_cvref_t<decltype(rows)>>;
    if constexpr (Count == 1) {
      return std::get<Reverse ? all - 1 - First : First>(rows);
    } else {
      return operation<Cat<static_cast<Index>(time)>>{}(joined<First, Count / 2>(rows),
                                                        joined<First + Count / 2, Count - Count / 2>(rows));
    }
  }

  /// The vjp as what can be differentiated again.
  template<class G, class... A>
  static constexpr auto vjp_again(G g, A... operand) {
    const auto [states, cell] = steps_of(once_more(operand)...);
    graph::Builder& b = *g.builder;
    if constexpr (Cells) {
      const int results[] = {states.node, cell.node};
      const int seeds[] = {operation<Part<false>>{}(g).node, operation<Part<true>>{}(g).node};
      return vjp_of_nodes(b, results, seeds, operand...);
    } else {
      const int results[] = {states.node}, seeds[] = {g.node};
      return vjp_of_nodes(b, results, seeds, operand...);
    }
  }

  template<class G, class Y, class X, class W, class H, class... More>
  static constexpr auto vjp(G g, Y y, X x, W w, H h, More... more) {
    if constexpr (G::order > 0)
      return vjp_again(g, x, w, h, more...);
    else
      return vjp_once(g, y, x, w, h, more...);
  }
  template<class G, class Y, class X, class W, class H, class... More>
  static constexpr auto vjp_once(G g, Y y, X, W w, H h, More... more) {
    constexpr Index hidden = W::extents[1], steps = X::extents[time];
    const auto d = [&] {
      if constexpr (parts == 2)
        return operation<Backward>{}(g, y, w, h, std::get<0>(std::tuple(more...)));
      else
        return operation<Backward>{}(g, y, w, h);
    }();
    constexpr Extents all(X::extents[0], X::extents[1], kernel::slopes(C) * hidden);
    const auto rows = operation<Beginning<all>>{}(d);
    const auto sums = [&] { // the gradient of the product with the hidden states
      if constexpr (C == Cell::gru)
        return operation<Cat<2>>{}(operation<Narrow<2, 0, 2 * hidden>>{}(rows),
                                   operation<Narrow<2, 3 * hidden, hidden>>{}(rows));
      else
        return rows;
    }();
    const auto dx = [&] {
      if constexpr (C == Cell::gru)
        return operation<Narrow<2, 0, 3 * hidden>>{}(rows);
      else
        return rows;
    }();
    constexpr Extents each(X::extents[0], X::extents[1], hidden);
    const auto before = operation<Before>{}(operation<Beginning<each>>{}(y), h);
    const auto dw = operation<Linear::LinearWeight>{}(sums, before);
    return [&]<std::size_t... I>(std::index_sequence<I...>) {
      return gradients(dx, dw, operation<First<0, steps>>{}(d), [&] {
        if constexpr (I + 1 < parts)
          return operation<First<1, steps>>{}(d);
        else
          return sum_to<typename More::typed>(sums);
      }()...);
    }(std::index_sequence_for<More...>{});
  }
};

} // namespace stator::ops
