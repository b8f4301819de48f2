// SPDX-License-Identifier: BSL-1.0
// One layer of an LSTM whose hidden state is projected to fewer features (Sak et al. 2014, proj_size), over a
// whole sequence as one operation.
#pragma once

#include "stator/kernel/projected_lstm.hpp"
#include "stator/ops/recurrent.hpp"

namespace stator::inline v0_2 {

namespace ops {

/// x: the gates' part that comes from the input, [N, L, 4 H], or [L, N, 4 H] with TimeMajor; w [4 H, P]; h
/// [N, P] and c [N, H]: the first state; r [P, H]: the projection; bias [4 H] (optional), added to the
/// product with the hidden state. With Cells the last cell has a gradient. As Recurrence otherwise.
template<Index H, Index P, bool TimeMajor, bool Reverse, bool Cells>
struct ProjectedLstm : LayerTypes {
  /// The same without a projection.
  using Plain = Recurrence<Cell::lstm, TimeMajor, Reverse, Cells>;
  static constexpr std::string_view name = "Lstm";
  static constexpr std::size_t time = Plain::time;
  /// Of the products with the hidden states and of the projections.
  static constexpr Index multiply_adds(const Extents&, const Extents& x, const auto&...) {
    return x.numel() / (4 * H) * P * 5 * H;
  }

  static constexpr Extents row_of(const Extents& x, Index features, Index more = 0) {
    Extents e(x[0], x[1], features);
    e[time] += more;
    return e;
  }
  static constexpr Extents shape(const Extents& x, const auto&...) { return row_of(x, P + 6 * H); }
  /// Rows of H elements, in which the hidden states' gradient lies first, then that of the last cell.
  static constexpr Extents gradient_shape(const Extents& y) { return Cells ? row_of(y, H, 1) : row_of(y, P); }
  static constexpr Text requirement(const Extents& x, const Extents&, const Extents& h, const Extents& c,
                                    const auto&...) {
    if (x.rank != 3) return text("recurrence: gates ", x, " have ", x.rank, " dimensions, expected 3");
    const Index n = x[1 - time];
    if (h == Extents(n, P) && c == Extents(n, H)) return {};
    return text("initial states ", h, " and ", c, ", expected ", Extents(n, P), " and ", Extents(n, H),
                " for a sequence ", x);
  }

  /// Of x or the result, both [N, L, ...].
  template<class X>
  using Kernel = kernel::projected_lstm<typename X::scalar, H, P, X::extents[time], X::extents[1 - time],
                                        TimeMajor, Reverse>;
  template<class Out, class X, class... More>
  static constexpr Bytes scratch() {
    return Kernel<X>::forward_scratch;
  }
  template<class Out, class X, class W, class H0, class C0, class R, class... B>
  static void run(typename Out::scalar* y, const typename X::scalar* x, const typename W::scalar* w,
                  const typename H0::scalar* h, const typename C0::scalar* c, const typename R::scalar* r,
                  const typename B::scalar*... bias, Index batch, std::byte* space) {
    const typename X::scalar* const optional[] = {bias..., nullptr};
    Kernel<X>::forward(x, w, r, optional[0], h, c, y, Plain::template samples<X>(batch), space);
  }

  /// Elements of a result from `Before` of each sample on, as a tensor of shape E.
  template<Extents E, Index Before>
  struct Piece {
    static constexpr std::string_view name = "Slice";
    static constexpr Extents shape(const Extents&) { return E; }
    template<class Out, class Y>
    static void run(typename Out::scalar* out, const typename Y::scalar* y, Index batch, std::byte*) {
      const Index n = Plain::template samples<Y>(batch);
      std::copy_n(y + n * Before,
                  n * (E.product(0, E.rank) / (E.is_dynamic() ? 1 : E[E.rank == 3 ? 1 - time : 0])), out);
    }
  };
  /// The hidden states [N, L, P] or [L, N, P].
  struct States {
    static constexpr std::string_view name = "Slice";
    static constexpr std::string_view backward_name = "SliceBackward0";
    static constexpr bool is_view = true, takes_other_gradient = true;
    static constexpr Extents shape(const Extents& y) { return row_of(y, P); }
    template<class G, class Y, class X>
    static constexpr auto vjp(G g, Y, X) {
      if constexpr (Cells)
        return gradients(operation<Gradient<false, X::extents[time]>>{}(g));
      else
        return gradients(g);
    }
  };
  /// The hidden states of a result in a forward.
  static constexpr auto states(auto y) { return operation<States>{}(y); }
  /// The cell after the last step, [N, H].
  struct LastCell {
    static constexpr std::string_view name = "Slice";
    static constexpr std::string_view backward_name = "SliceBackward0";
    static constexpr bool takes_other_gradient = true;
    static constexpr Extents shape(const Extents& y) { return Extents(y[1 - time], H); }
    template<class Out, class Y>
    static void run(typename Out::scalar* c, const typename Y::scalar* y, Index batch, std::byte*) {
      const Index all = Plain::template samples<Y>(batch);
      for (Index n = 0; n < all; ++n) std::copy_n(Kernel<Y>::last_cell(y, n, all), H, c + n * H);
    }
    template<class G, class Y, class X>
    static constexpr auto vjp(G g, Y, X) {
      return gradients(operation<Gradient<true, X::extents[time]>>{}(g));
    }
  };
  /// The gradient of the result, of Steps steps, from that of the states or, with OfCell, of the last cell.
  template<bool OfCell, Index Steps>
  struct Gradient {
    static constexpr std::string_view name = "SliceBackward";
    static constexpr Extents shape(const Extents& g) {
      const Index n = g[OfCell ? 0 : 1 - time];
      return TimeMajor ? Extents(Steps + 1, n, H) : Extents(n, Steps + 1, H);
    }
    template<class Out, class G>
    static void run(typename Out::scalar* out, const typename G::scalar* g, Index batch, std::byte*) {
      const Index n = Plain::template samples<Out>(batch), before = n * Steps * P;
      std::fill_n(out, n * (Steps + 1) * H, typename Out::scalar{});
      std::copy_n(g, OfCell ? n * H : before, out + (OfCell ? before : 0));
    }
    template<class GG, class Y, class G>
    static constexpr auto vjp(GG gg, Y, G) {
      return gradients(part<OfCell>(gg));
    }
  };
  /// What Gradient was made of, from the gradient of the result, as what can be differentiated again.
  template<bool OfCell, Index Steps>
  struct Part {
    static constexpr std::string_view name = "Slice";
    static constexpr Extents shape(const Extents& g) {
      return OfCell ? Extents(g[1 - time], H) : row_of(g, P, -1);
    }
    template<class Out, class G>
    static void run(typename Out::scalar* out, const typename G::scalar* g, Index batch, std::byte*) {
      const Index n = Plain::template samples<G>(batch), before = n * Steps * P;
      std::copy_n(g + (OfCell ? before : 0), OfCell ? n * H : before, out);
    }
    template<class GG, class Y, class G>
    static constexpr auto vjp(GG gg, Y, G) {
      return gradients(operation<Gradient<OfCell, Steps>>{}(gg));
    }
  };
  template<bool OfCell, class G>
  static constexpr auto part(const G& g) {
    return operation<Part<OfCell, G::extents[time] - 1>>{}(g);
  }

  /// What kernel::projected_lstm says that the backward gives; g: the gradient of the result y.
  struct Backward {
    static constexpr std::string_view name = "RecurrenceBackward";
    static constexpr Index multiply_adds(const Extents&, const Extents&, const Extents& y, const auto&...) {
      return y.numel() / (P + 6 * H) * P * 5 * H;
    }
    static constexpr Extents shape(const Extents&, const Extents& y, const auto&...) {
      return row_of(y, P + 4 * H, 1);
    }
    template<class Out, class G, class Y, class W, class R, class C0>
    static constexpr Bytes scratch() {
      return Kernel<Y>::backward_scratch;
    }
    template<class Out, class G, class Y, class W, class R, class C0>
    static void run(typename Out::scalar* d, const typename G::scalar* g, const typename Y::scalar* y,
                    const typename W::scalar* w, const typename R::scalar* r, const typename C0::scalar* c,
                    Index batch, std::byte* space) {
      const Index n = Plain::template samples<Y>(batch);
      Kernel<Y>::backward(g, Cells ? g + n * Y::extents[time] * P : nullptr, y, w, r, c, d, n, space);
    }
  };

  /// The hidden states of all steps and the cell after the last one, from operations of their own.
  template<class X, class W, class H0, class C0, class R, class... B>
  static constexpr auto steps_of(X x, W w, H0 h, C0 c, R r, B... bias) {
    constexpr auto steps = static_cast<std::size_t>(X::extents[time]);
    constexpr operation<Sigmoid> sigmoid;
    constexpr operation<Tanh> tanh;
    const auto step = [&]<std::size_t S>(std::integral_constant<std::size_t, S>) {
      constexpr auto at = static_cast<Index>(Reverse ? steps - 1 - S : S);
      const auto all =
          add(operation<Select<static_cast<Index>(time), at>>{}(x), operation<Linear>{}(h, w, bias...));
      const auto i = sigmoid(operation<Narrow<1, 0, H>>{}(all)),
                 f = sigmoid(operation<Narrow<1, H, H>>{}(all));
      const auto g = tanh(operation<Narrow<1, 2 * H, H>>{}(all));
      c = add(mul(f, c), mul(i, g));
      h = operation<Linear>{}(mul(sigmoid(operation<Narrow<1, 3 * H, H>>{}(all)), tanh(c)), r);
      return reshape_to<TimeMajor ? Extents(Index{1}, H0::extents[0], P)
                                  : Extents(H0::extents[0], Index{1}, P)>(h);
    };
    const auto rows = [&]<std::size_t... S>(std::index_sequence<S...>) {
      return std::tuple{step(std::integral_constant<std::size_t, S>{})...}; // braces: in this order
    }(std::make_index_sequence<steps>{});
    return std::pair(Plain::template joined<0, steps>(rows), c);
  }

  template<class G, class Y, class... A>
  static constexpr auto vjp(G g, Y y, A... operand) {
    if constexpr (G::order > 0) {
      const auto [states, cell] = steps_of(once_more(operand)...);
      if constexpr (Cells) {
        const int results[] = {states.node, cell.node};
        const int seeds[] = {part<false>(g).node, part<true>(g).node};
        return vjp_of_nodes(*g.builder, results, seeds, operand...);
      } else {
        const int results[] = {states.node}, seeds[] = {g.node};
        return vjp_of_nodes(*g.builder, results, seeds, operand...);
      }
    } else {
      return vjp_once(g, y, operand...);
    }
  }
  template<class G, class Y, class X, class W, class H0, class C0, class R, class... B>
  static constexpr auto vjp_once(G g, Y y, X, W w, H0 h, C0 c, R r, B...) {
    constexpr Extents e = X::extents;
    constexpr Index steps = e[time], slopes = P + 4 * H;
    const auto d = operation<Backward>{}(g, y, w, r, c);
    const auto rows = operation<Beginning<row_of(e, 4 * H)>>{}(d);
    const auto before = operation<typename Plain::Before>{}(operation<Beginning<row_of(e, P)>>{}(y), h);
    const auto of_hidden = operation<Piece<row_of(e, P), steps * 4 * H>>{}(d);
    const auto outputs = operation<Piece<row_of(e, H), steps * P>>{}(y);
    return gradients(rows, operation<Linear::LinearWeight>{}(rows, before),
                     operation<Piece<H0::extents, steps * slopes>>{}(d),
                     operation<Piece<C0::extents, steps * slopes + P>>{}(d),
                     operation<Linear::LinearWeight>{}(of_hidden, outputs),
                     sum_to<typename B::typed>(rows)...);
  }
};

} // namespace ops

} // namespace stator::inline v0_2
