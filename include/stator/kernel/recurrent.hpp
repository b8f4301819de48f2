// SPDX-License-Identifier: BSL-1.0
// RNN, LSTM and GRU over a sequence: what depends on the input alone is given, one matrix product and one
// pass over the gates are left for each step. A row is one step of one sample, rows lie [batch, steps] or
// [steps, batch].
#pragma once

#include "stator/core/compiler.hpp"
#include "stator/core/parallel.hpp"
#include "stator/kernel/gemm.hpp"
#include "stator/kernel/math.hpp"
#include "stator/kernel/transpose.hpp"

#include <algorithm>

namespace stator::kernel {

/// The kinds of recurrent cells; tanh and relu are an RNN with that nonlinearity.
enum class Cell { tanh, relu, lstm, gru };

/// Parts of a row, each of H elements: gates (rows of the weight), what the forward keeps (the hidden state
/// first, then an LSTM's cell), and what the backward gives (the gradients of the gates; a GRU's new gate
/// counts twice: for its input and for its product with the hidden state).
constexpr Index gates(Cell c) { return c == Cell::lstm ? 4 : c == Cell::gru ? 3 : 1; }
/// What the forward keeps for the backward, see `gates`.
constexpr Index kept(Cell c) { return c == Cell::lstm ? 6 : c == Cell::gru ? 5 : 1; }
/// What the backward gives, see `gates`.
constexpr Index slopes(Cell c) { return gates(c) == 1 ? 1 : 4; }

namespace detail {
/// The scratch space of a product and before it aligned blocks: `fixed` bytes, and `each` for a sample.
template<Index Batch>
constexpr Bytes with_blocks(const Bytes& product, Index fixed, Index each) {
  const auto bytes = static_cast<std::size_t>(each);
  const std::size_t before = align_up(static_cast<std::size_t>(fixed)) + 3 * alignment;
  if (Batch == dynamic) return {product.fixed + before, product.per_sample + bytes};
  return {product.fixed + before + bytes * static_cast<std::size_t>(Batch), 0};
}

/// 1 / (1 + exp(-x)), but never 0: where that is below the normal numbers it stays the smallest of them.
template<class V>
STATOR_ALWAYS_INLINE inline V gate(const V& x) {
  using T = typename V::value_type;
  constexpr double limit = sizeof(T) == 4 ? 87 : 708;
  const auto e = exp_parts(at_least(at_most(-x, limit), -limit));
  const V power = e.power(e.n);
  return V(T{1}) / (mul_add(power, e.rest, power) + T{1});
}
} // namespace detail

/// H: features of the state; Batch: samples, or dynamic; TimeMajor: rows are [steps, batch]; Reverse: the
/// last step comes first.
///
/// What the forward keeps begins with the hidden states as rows; what else the backward needs of a step lies
/// behind them in the order of computation, so that each pass goes through memory once. The gradients that
/// the backward gives begin with the rows of the gates; behind them lie those of the first state.
template<class T, Cell C, Index H, Index Steps, Index Batch, bool TimeMajor, bool Reverse>
struct recurrence {
  static constexpr Index G = gates(C), K = kept(C), S = slopes(C); ///< parts of a row, see `gates`
  static constexpr Index states = C == Cell::lstm ? 2 : 1;         ///< tensors of a state
  /// The weight is transposed once, so that no product has to.
  static constexpr bool turned = vectorizable<T> && Steps >= 4;
  /// The hidden state times the weight.
  using forward_product = gemm<T, Batch, G * H, H, false, !turned>;
  /// The gradients of the gates times the weight.
  using backward_product = gemm<T, Batch, H, G * H, false, false>;

  static constexpr Index size = static_cast<Index>(sizeof(T)); ///< of an element
  /// Temporary memory of `forward`.
  static constexpr Bytes forward_scratch =
      detail::with_blocks<Batch>(forward_product::scratch, turned ? G* H* H* size : 0, (1 + G) * H * size);
  /// Temporary memory of `backward`.
  static constexpr Bytes backward_scratch =
      detail::with_blocks<Batch>(backward_product::scratch, 0, (states + G) * H * size);

  /// x: rows of gates, input and bias already in them; w [G H, H]; bias [G H] or null, of the product with
  /// the hidden state; h, c [batch, H]: the first state; y: what is kept, K H for a row.
  STATOR_NOINLINE static void forward(const T* x, const T* w, const T* bias, const T* h, const T* c, T* y,
                                      Index batch, std::byte* scratch) {
    T* hidden = part(scratch, batch * H);
    T* sums = part(scratch, batch * G * H);
    if constexpr (turned) {
      T* const transposed = part(scratch, G * H * H);
      transpose(w, H, G * H, H, transposed, G * H);
      w = transposed;
    }
    for (Index s = 0; s < Steps; ++s) {
      const T* const before = s > 0 ? hidden : h;
      forward_product::run(before, w, bias, sums, false, batch, G * H, H, scratch);
      each_sample(batch, [&](Index n) {
        const Index at = row(n, step(s), batch);
        T* const rest = rest_of(y, s, n, batch);
        const T* const cell = s > 0 ? rest_of(y, s - 1, n, batch) : c + n * H;
        const T* const in = x + at * G * H;
        T* const sum = sums + n * G * H;
        for_each_vector<T, H>([&]<class V>(Index i) {
          forward_cell<V>(in + i, sum + i, before + n * H + i, hidden + n * H + i, cell + i, y + at * H + i,
                          rest + i);
        });
      });
    }
  }

  /// g: the gradient of the hidden states, rows; gc [batch, H]: that of an LSTM's last cell, or null; d: rows
  /// of gradients of the gates, then for each sample those of h and c.
  STATOR_NOINLINE static void backward(const T* g, const T* gc, const T* y, const T* w, const T* h,
                                       const T* c, T* d, Index batch, std::byte* scratch) {
    T* const sums = part(scratch, batch * G * H);
    T* const carried = part(scratch, batch * H); // to the hidden state of the step before
    T* const later = C == Cell::lstm ? part(scratch, batch * H) : nullptr; // to its cell
    std::fill_n(carried, batch * H, T{});
    if (C == Cell::lstm && gc)
      std::copy_n(gc, batch * H, later);
    else if (C == Cell::lstm)
      std::fill_n(later, batch * H, T{});
    for (Index s = Steps; s-- > 0;) {
      each_sample(batch, [&](Index n) {
        const Index at = row(n, step(s), batch);
        const T* const rest = rest_of(y, s, n, batch);
        const T* const hidden = C != Cell::gru ? nullptr
                                : s > 0        ? y + row(n, step(s - 1), batch) * H
                                               : h + n * H;
        const T* const cell = C != Cell::lstm ? nullptr : s > 0 ? rest_of(y, s - 1, n, batch) : c + n * H;
        for_each_vector<T, H>([&]<class V>(Index i) {
          backward_cell<V>(g + at * H + i, y + at * H + i, rest + i, hidden ? hidden + i : nullptr,
                           cell ? cell + i : nullptr, carried + n * H + i,
                           later ? later + n * H + i : nullptr, sums + n * G * H + i, d + at * S * H + i);
        });
      });
      backward_product::run(sums, w, nullptr, carried, C == Cell::gru, batch, H, G * H, scratch);
    }
    T* const first = d + batch * Steps * S * H;
    for (Index n = 0; n < batch; ++n) {
      std::copy_n(carried + n * H, H, first + n * states * H);
      if (C == Cell::lstm) std::copy_n(later + n * H, H, first + (n * states + 1) * H);
    }
  }

  /// An LSTM's cell after the last step, [batch, H], from what is kept.
  static const T* last_cell(const T* y, Index batch) { return rest_of(y, Steps - 1, 0, batch); }
  /// The distance of its rows.
  static constexpr Index cell_stride = (K - 1) * H;

private:
  template<class, Index, Index, Index, Index, bool, bool>
  friend struct projected_lstm; // whose cells are the same
  static T* part(std::byte*& scratch, Index count) {
    T* result = reinterpret_cast<T*>(scratch);
    scratch += align_up(static_cast<std::size_t>(count) * sizeof(T));
    return result;
  }
  static constexpr Index step(Index s) { return Reverse ? Steps - 1 - s : s; }
  static constexpr Index row(Index n, Index t, Index batch) {
    return TimeMajor ? t * batch + n : n * Steps + t;
  }
  /// What is kept of sample n in the s-th step besides the hidden state.
  template<class P>
  static P* rest_of(P* y, Index s, Index n, Index batch) {
    return y + (batch * Steps + (s * batch + n) * (K - 1)) * H;
  }
  static void each_sample(Index batch, auto&& body) {
    constexpr Index least = std::max<Index>(4096 / H, 1);
    if constexpr (Batch != dynamic && Batch <= least) {
      for (Index n = 0; n < Batch; ++n) body(n);
    } else {
      parallel_for(batch, least, [&](Index first, Index last, int) {
        for (Index n = first; n < last; ++n) body(n);
      });
    }
  }
  /// All pointers at one lane. x, sums: gates; before, hidden: the state before and after the step; cell: an
  /// LSTM's before; out: where the state is kept; rest: what else is kept.
  template<class V>
  STATOR_ALWAYS_INLINE static void forward_cell(const T* x, const T* sums, const T* before, T* hidden,
                                                const T* cell, T* out, T* rest) {
    const auto get = [](const T* p, Index gate) { return V::load(p + gate * H); };
    const auto sum = [&](Index gate) { return get(x, gate) + get(sums, gate); };
    const auto put = [&](Index where, const V& v) { v.store(rest + where * H); };
    V state;
    if constexpr (C == Cell::lstm) {
      const V i = detail::gate(sum(0)), f = detail::gate(sum(1)), g = tanh(sum(2)), o = detail::gate(sum(3));
      const V now = f * get(cell, 0) + i * g;
      state = o * tanh(now);
      put(0, now), put(1, i), put(2, f), put(3, g), put(4, o);
    } else if constexpr (C == Cell::gru) {
      const V r = detail::gate(sum(0)), z = detail::gate(sum(1));
      const V from_hidden = get(sums, 2), fresh = tanh(get(x, 2) + r * from_hidden);
      state = (V(1) - z) * fresh + z * get(before, 0);
      put(0, r), put(1, z), put(2, fresh), put(3, from_hidden);
    } else if constexpr (C == Cell::tanh) {
      state = tanh(sum(0));
    } else {
      state = relu(sum(0));
    }
    state.store(out);
    state.store(hidden);
  }

  /// state, rest: what was kept; hidden, cell: the states before this step; carried: the gradient of the
  /// hidden state that later steps give, replaced by what goes to the one before besides the product; later:
  /// the same for an LSTM's cell.
  template<class V>
  STATOR_ALWAYS_INLINE static void backward_cell(const T* g, const T* state, const T* rest, const T* hidden,
                                                 const T* cell, T* carried, T* later, T* sums, T* d) {
    const auto get = [](const T* p, Index where) { return V::load(p + where * H); };
    const auto put = [&](Index gate, const V& v) {
      v.store(d + gate * H);
      if (C != Cell::gru || gate != 2) v.store(sums + (gate > 2 && C == Cell::gru ? 2 : gate) * H);
    };
    const V one(1), dh = get(g, 0) + get(carried, 0);
    if constexpr (C == Cell::lstm) {
      const V i = get(rest, 1), f = get(rest, 2), fresh = get(rest, 3), o = get(rest, 4);
      const V squashed = get(state, 0) / o; // tanh of the cell: o is never 0
      const V dc = get(later, 0) + dh * o * (one - squashed * squashed);
      put(0, dc * fresh * i * (one - i));
      put(1, dc * get(cell, 0) * f * (one - f));
      put(2, dc * i * (one - fresh * fresh));
      put(3, dh * get(state, 0) * (one - o));
      (dc * f).store(later);
    } else if constexpr (C == Cell::gru) {
      const V r = get(rest, 0), z = get(rest, 1), fresh = get(rest, 2);
      const V dn = dh * (one - z) * (one - fresh * fresh);
      put(0, dn * get(rest, 3) * r * (one - r));
      put(1, dh * (get(hidden, 0) - fresh) * z * (one - z));
      put(2, dn);
      put(3, dn * r);
      (dh * z).store(carried);
    } else if constexpr (C == Cell::tanh) {
      put(0, dh * (one - get(state, 0) * get(state, 0)));
    } else {
      put(0, select(get(state, 0) > V(0), dh, V(0)));
    }
  }
};

} // namespace stator::kernel
