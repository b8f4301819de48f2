// SPDX-License-Identifier: BSL-1.0
// An LSTM whose hidden state is a linear map of what its cell gives out, with fewer features. What is not
// said here is as in kernel/recurrent.hpp.
#pragma once

#include "stator/kernel/recurrent.hpp"

namespace stator::kernel {

namespace detail {
/// Memory for either of two.
constexpr Bytes larger(const Bytes& a, const Bytes& b) {
  return {std::max(a.fixed, b.fixed), std::max(a.per_sample, b.per_sample)};
}
} // namespace detail

/// H: features of the cell; P: of the hidden state.
///
/// What the forward keeps begins with the hidden states as rows of P; the outputs of the cells follow, as
/// rows of H, then in the order of computation the cells and gates. The gradients that the backward gives
/// begin with the rows of the gates; behind them lie those of the hidden states, the rows of which count what
/// later steps give as well, and of the first state: h of all samples, then c.
template<class T, Index H, Index P, Index Steps, Index Batch, bool TimeMajor, bool Reverse>
struct projected_lstm {
  /// Each step but for the projection.
  using cells = recurrence<T, Cell::lstm, H, Steps, Batch, TimeMajor, Reverse>;
  static constexpr Index kept =
      P + H * kernel::kept(Cell::lstm);      ///< elements of a row that the forward keeps
  static constexpr Index slopes = P + 4 * H; ///< elements of a row that the backward gives; one row more
  using gates_product = gemm<T, Batch, 4 * H, P, false, true>;    ///< the hidden state times the weight
  using projection = gemm<T, Batch, P, H, false, true>;           ///< the hidden state from the cell's output
  using output_product = gemm<T, Batch, H, P, false, false>;      ///< the gradient of the cell's output
  using carried_product = gemm<T, Batch, P, 4 * H, false, false>; ///< that of the hidden state before

  /// Temporary memory of `forward`.
  static constexpr Bytes forward_scratch = detail::with_blocks<Batch>(
      detail::larger(gates_product::scratch, projection::scratch), static_cast<Index>(3 * alignment),
      (P + 5 * H) * static_cast<Index>(sizeof(T)));
  /// Temporary memory of `backward`.
  static constexpr Bytes backward_scratch = detail::with_blocks<Batch>(
      detail::larger(output_product::scratch, carried_product::scratch), static_cast<Index>(3 * alignment),
      (P + 7 * H) * static_cast<Index>(sizeof(T)));

  /// x: rows of gates, input and bias already in them; w [4 H, P]; r [P, H]: the projection; bias [4 H] or
  /// null, of the product with the hidden state; h [batch, P], c [batch, H]: the first state; y: what is
  /// kept.
  STATOR_NOINLINE static void forward(const T* x, const T* w, const T* r, const T* bias, const T* h,
                                      const T* c, T* y, Index batch, std::byte* scratch) {
    T* const hidden = cells::part(scratch, batch * P);
    T* const output = cells::part(scratch, batch * H);
    T* const sums = cells::part(scratch, batch * 4 * H);
    std::copy_n(h, batch * P, hidden);
    for (Index s = 0; s < Steps; ++s) {
      gates_product::run(hidden, w, bias, sums, false, batch, 4 * H, P, scratch);
      cells::each_sample(batch, [&](Index n) {
        const Index at = cells::row(n, cells::step(s), batch);
        T* const rest = rest_of(y, s, n, batch);
        const T* const cell = s > 0 ? rest_of(y, s - 1, n, batch) : c + n * H;
        for_each_vector<T, H>([&]<class V>(Index i) {
          cells::template forward_cell<V>(x + at * 4 * H + i, sums + n * 4 * H + i, nullptr,
                                          output + n * H + i, cell + i, outputs_of(y, batch) + at * H + i,
                                          rest + i);
        });
      });
      projection::run(output, r, nullptr, hidden, false, batch, P, H, scratch);
      for (Index n = 0; n < batch; ++n)
        std::copy_n(hidden + n * P, P, y + cells::row(n, cells::step(s), batch) * P);
    }
  }

  /// g: the gradient of the hidden states, rows; gc [batch, H]: that of the last cell, or null; d: what the
  /// backward gives.
  STATOR_NOINLINE static void backward(const T* g, const T* gc, const T* y, const T* w, const T* r,
                                       const T* c, T* d, Index batch, std::byte* scratch) {
    T* const carried = cells::part(scratch, batch * P); // to the hidden state of the step before
    T* const sums = cells::part(scratch, batch * 4 * H);
    T* const later = cells::part(scratch, batch * H); // to its cell
    T* const output = cells::part(scratch, batch * H);
    T* const none = cells::part(scratch, batch * H);
    T* const of_hidden = d + batch * Steps * 4 * H;
    std::fill_n(carried, batch * P, T{});
    std::fill_n(none, batch * H, T{});
    if (gc)
      std::copy_n(gc, batch * H, later);
    else
      std::fill_n(later, batch * H, T{});
    for (Index s = Steps; s-- > 0;) {
      for (Index n = 0; n < batch; ++n) {
        const Index at = cells::row(n, cells::step(s), batch) * P;
        for (Index i = 0; i < P; ++i) carried[n * P + i] += g[at + i];
        std::copy_n(carried + n * P, P, of_hidden + at);
      }
      output_product::run(carried, r, nullptr, output, false, batch, H, P, scratch);
      cells::each_sample(batch, [&](Index n) {
        const Index at = cells::row(n, cells::step(s), batch);
        const T* const rest = rest_of(y, s, n, batch);
        const T* const cell = s > 0 ? rest_of(y, s - 1, n, batch) : c + n * H;
        for_each_vector<T, H>([&]<class V>(Index i) {
          cells::template backward_cell<V>(output + n * H + i, outputs_of(y, batch) + at * H + i, rest + i,
                                           nullptr, cell + i, none + n * H + i, later + n * H + i,
                                           sums + n * 4 * H + i, d + at * 4 * H + i);
        });
      });
      carried_product::run(sums, w, nullptr, carried, false, batch, P, 4 * H, scratch);
    }
    std::copy_n(later, batch * H, std::copy_n(carried, batch * P, of_hidden + batch * Steps * P));
  }

  /// The cell of sample n after the last step, [H], from what is kept.
  static const T* last_cell(const T* y, Index n, Index batch) { return rest_of(y, Steps - 1, n, batch); }

private:
  /// The outputs of the cells.
  template<class Y>
  static Y* outputs_of(Y* y, Index batch) {
    return y + batch * Steps * P;
  }
  /// Cell and gates of sample n in the s-th step.
  template<class Y>
  static Y* rest_of(Y* y, Index s, Index n, Index batch) {
    return y + batch * Steps * (P + H) + (s * batch + n) * cells::cell_stride;
  }
};

} // namespace stator::kernel
