// SPDX-License-Identifier: BSL-1.0
// RNN, LSTM and GRU over a sequence: what depends on the input alone is given, one matrix product and one
// pass over the gates are left for each step. A row is one step of one sample, rows lie [batch, steps] or
// [steps, batch].
#pragma once

#include "stator/core/parallel.hpp"
#include "stator/kernel/gemm.hpp"
#include "stator/kernel/math.hpp"

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
/// The scratch space of a product and before it two aligned blocks with `each` bytes for a sample.
template<Index Batch>
constexpr Bytes with_blocks(const Bytes& product, Index each) {
  const auto bytes = static_cast<std::size_t>(each);
  if (Batch == dynamic) return {product.fixed + 2 * alignment, product.per_sample + bytes};
  return {product.fixed + 2 * alignment + bytes * static_cast<std::size_t>(Batch), 0};
}
} // namespace detail

/// H: features of the state; Batch: samples, or dynamic; TimeMajor: rows are [steps, batch]; Reverse: the
/// last step comes first.
template<class T, Cell C, Index H, Index Steps, Index Batch, bool TimeMajor, bool Reverse>
struct recurrence {
  static constexpr Index G = gates(C), K = kept(C), S = slopes(C); ///< parts of a row, see `gates`
  /// The hidden state times the weight.
  using forward_product = gemm<T, Batch, G * H, H, false, true>;
  /// The gradients of the gates times the weight.
  using backward_product = gemm<T, Batch, H, G * H, false, false>;

  /// Bytes of temporaries for a sample.
  static constexpr Index each = (1 + G) * H * static_cast<Index>(sizeof(T));
  /// Temporary memory of `forward`.
  static constexpr Bytes forward_scratch = detail::with_blocks<Batch>(forward_product::scratch, each);
  /// Temporary memory of `backward`.
  static constexpr Bytes backward_scratch = detail::with_blocks<Batch>(backward_product::scratch, each);

  /// x: rows of gates, input and bias already in them; w [G H, H]; bias [G H] or null, of the product with
  /// the hidden state; h, c [batch, H]: the first state; y: rows of what is kept.
  [[gnu::noinline]] static void forward(const T* x, const T* w, const T* bias, const T* h, const T* c, T* y,
                                        Index batch, std::byte* scratch) {
    T* hidden = part(scratch, batch * H);
    T* sums = part(scratch, batch * G * H);
    std::copy_n(h, batch * H, hidden);
    for (Index s = 0; s < Steps; ++s) {
      forward_product::run(hidden, w, bias, sums, false, batch, G * H, H, scratch);
      each_sample(batch, [&](Index n) {
        T* out = y + row(n, step(s), batch) * K * H;
        const T* before = s > 0 ? y + (row(n, step(s - 1), batch) * K + 1) * H : c + n * H;
        for_each_vector<T>(H, [&]<class V>(Index i) {
          forward_cell<V>(x + row(n, step(s), batch) * G * H + i, sums + n * G * H + i, hidden + n * H + i,
                          before + i, out + i);
        });
      });
    }
  }

  /// g: the gradient of y, of which only the states count; d: rows of gradients, with one row more for each
  /// sample, which holds the gradients of h and c.
  [[gnu::noinline]] static void backward(const T* g, const T* y, const T* w, const T* h, const T* c, T* d,
                                         Index batch, std::byte* scratch) {
    T* sums = part(scratch, batch * G * H);
    const auto last = [&](Index n) { return d + row(n, Steps, batch, Steps + 1) * S * H; };
    T* const carried = part(scratch, batch * H); // to the hidden state of the step before
    std::fill_n(carried, batch * H, T{});
    for (Index n = 0; n < batch; ++n) std::fill_n(last(n), S * H, T{});
    for (Index s = Steps; s-- > 0;) {
      each_sample(batch, [&](Index n) {
        const Index at = row(n, step(s), batch);
        const T* before = s > 0 ? y + row(n, step(s - 1), batch) * K * H : nullptr;
        const T* hidden = before ? before : h + n * H;
        const T* cell = C != Cell::lstm ? nullptr : before ? before + H : c + n * H;
        for_each_vector<T>(H, [&]<class V>(Index i) {
          backward_cell<V>(g + at * K * H + i, y + at * K * H + i, hidden + i, cell ? cell + i : nullptr,
                           carried + n * H + i, last(n) + H + i, sums + n * G * H + i,
                           d + row(n, step(s), batch, Steps + 1) * S * H + i);
        });
      });
      backward_product::run(sums, w, nullptr, carried, C == Cell::gru, batch, H, G * H, scratch);
    }
    for (Index n = 0; n < batch; ++n) std::copy_n(carried + n * H, H, last(n));
  }

private:
  static T* part(std::byte*& scratch, Index count) {
    T* result = reinterpret_cast<T*>(scratch);
    scratch += align_up(static_cast<std::size_t>(count) * sizeof(T));
    return result;
  }
  static constexpr Index step(Index s) { return Reverse ? Steps - 1 - s : s; }
  static constexpr Index row(Index n, Index t, Index batch, Index steps = Steps) {
    return TimeMajor ? t * batch + n : n * steps + t;
  }
  static void each_sample(Index batch, auto&& body) {
    parallel_for(batch, std::max<Index>(4096 / H, 1), [&](Index first, Index last, int) {
      for (Index n = first; n < last; ++n) body(n);
    });
  }
  /// All pointers at one lane. x, sums: gates; hidden: the state before, overwritten; cell: an LSTM's before.
  template<class V>
  [[gnu::always_inline]] static void forward_cell(const T* x, const T* sums, T* hidden, const T* cell,
                                                  T* out) {
    const auto get = [](const T* p, Index gate) { return V::load(p + gate * H); };
    const auto put = [&](Index where, const V& v) { v.store(out + where * H); };
    V state;
    if constexpr (C == Cell::lstm) {
      const V i = sigmoid(get(x, 0) + get(sums, 0)), f = sigmoid(get(x, 1) + get(sums, 1)),
              g = tanh(get(x, 2) + get(sums, 2)), o = sigmoid(get(x, 3) + get(sums, 3));
      const V now = f * get(cell, 0) + i * g;
      state = o * tanh(now);
      put(1, now), put(2, i), put(3, f), put(4, g), put(5, o);
    } else if constexpr (C == Cell::gru) {
      const V r = sigmoid(get(x, 0) + get(sums, 0)), z = sigmoid(get(x, 1) + get(sums, 1));
      const V from_hidden = get(sums, 2), fresh = tanh(get(x, 2) + r * from_hidden);
      state = (V(1) - z) * fresh + z * get(hidden, 0);
      put(1, r), put(2, z), put(3, fresh), put(4, from_hidden);
    } else {
      const V sum = get(x, 0) + get(sums, 0);
      if constexpr (C == Cell::tanh)
        state = tanh(sum);
      else
        state = select(sum <= V(0), V(0), sum);
    }
    put(0, state);
    state.store(hidden);
  }

  /// hidden, cell: the states before this step; carried: the gradient of the hidden state that later steps
  /// give, replaced by what goes to the one before besides the product; later: the same for an LSTM's cell.
  template<class V>
  [[gnu::always_inline]] static void backward_cell(const T* g, const T* y, const T* hidden, const T* cell,
                                                   T* carried, T* later, T* sums, T* d) {
    const auto get = [](const T* p, Index where) { return V::load(p + where * H); };
    const auto put = [&](Index gate, const V& v) {
      v.store(d + gate * H);
      if (C != Cell::gru || gate != 2) v.store(sums + (gate > 2 && C == Cell::gru ? 2 : gate) * H);
    };
    const V one(1), dh = get(g, 0) + get(carried, 0);
    if constexpr (C == Cell::lstm) {
      const V i = get(y, 2), f = get(y, 3), fresh = get(y, 4), o = get(y, 5), squashed = tanh(get(y, 1));
      const V dc = get(g, 1) + get(later, 0) + dh * o * (one - squashed * squashed);
      put(0, dc * fresh * i * (one - i));
      put(1, dc * get(cell, 0) * f * (one - f));
      put(2, dc * i * (one - fresh * fresh));
      put(3, dh * squashed * o * (one - o));
      (dc * f).store(later);
    } else if constexpr (C == Cell::gru) {
      const V r = get(y, 1), z = get(y, 2), fresh = get(y, 3);
      const V dn = dh * (one - z) * (one - fresh * fresh);
      put(0, dn * get(y, 4) * r * (one - r));
      put(1, dh * (get(hidden, 0) - fresh) * z * (one - z));
      put(2, dn);
      put(3, dn * r);
      (dh * z).store(carried);
    } else if constexpr (C == Cell::tanh) {
      put(0, dh * (one - get(y, 0) * get(y, 0)));
    } else {
      put(0, select(get(y, 0) > V(0), dh, V(0)));
    }
  }
};

} // namespace stator::kernel
