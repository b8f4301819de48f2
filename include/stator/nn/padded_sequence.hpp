// SPDX-License-Identifier: BSL-1.0
// Sequences of different lengths in one tensor, as recurrent layers take them: torch.nn.utils.rnn.
#pragma once

#include "stator/kernel/recurrent.hpp"
#include "stator/ops/padded_sequence.hpp"
#include "stator/ops/permute.hpp"
#include "stator/ops/slicing.hpp"

#include <tuple>

namespace stator::inline v0_2 {

namespace nn::detail {

/// Stands for lengths where all sequences have one.
struct WholeSequences {};

/// What a recurrent layer does differently where sequences have lengths of their own.
template<bool TimeMajor, class Lengths>
struct Padded {
  static constexpr bool is_padded = true; ///< whether there is a difference
  Lengths lengths;                        ///< integers [N]

  /// x with zeros behind the end of each sequence.
  constexpr auto zero_padding(auto x) const {
    return operation<ops::FillPadding<TimeMajor, ops::PaddingFill{}>>{}(x, lengths);
  }
  /// x, or the steps of each sequence in reverse.
  template<bool Reversed>
  constexpr auto reverse(auto x) const {
    if constexpr (Reversed)
      return operation<ops::ReversePadded<TimeMajor>>{}(x, lengths);
    else
      return x;
  }
  /// The gates' part that comes from the input, such that an LSTM's cell keeps its value behind the end of a
  /// sequence, where the last one is of interest: nothing comes in, nothing is forgotten.
  template<kernel::Cell Cell, bool OfInterest>
  constexpr auto hold(auto gates) const {
    if constexpr (Cell == kernel::Cell::lstm && OfInterest) {
      constexpr ops::PaddingFill closed{decltype(gates)::extents[2] / 2, -1e9, 1e9};
      return operation<ops::FillPadding<TimeMajor, closed>>{}(gates, lengths);
    } else {
      return gates;
    }
  }
  /// The last step of each sequence.
  template<bool>
  constexpr auto last(auto hidden) const {
    return operation<ops::LastOfPadded<TimeMajor>>{}(hidden, lengths);
  }
};
template<bool TimeMajor>
struct Padded<TimeMajor, WholeSequences> {
  static constexpr bool is_padded = false;
  constexpr auto zero_padding(auto x) const { return x; }
  template<bool>
  constexpr auto reverse(auto x) const {
    return x;
  }
  template<kernel::Cell, bool>
  constexpr auto hold(auto gates) const {
    return gates;
  }
  /// With Backwards that is the first one.
  template<bool Backwards>
  constexpr auto last(auto hidden) const {
    constexpr Index time = TimeMajor ? 0 : 1;
    return select<time, Backwards ? 0 : decltype(hidden)::extents[static_cast<std::size_t>(time)] - 1>(
        hidden);
  }
};

} // namespace nn::detail

namespace nn::utils::rnn {

/// Sequences of different lengths: data [L, N, F], [N, L, F] with BatchFirst, padded to the longest that
/// there may be, and their lengths [N]. torch.nn.utils.rnn.PackedSequence, which lays out the steps without
/// padding: here shapes are constants, and the layers skip what is behind the end.
template<class X, class Lengths, bool BatchFirst = false>
struct PackedSequence {
  X data;          ///< padded
  Lengths lengths; ///< int64 or int32, 1 to L
  /// Other data of the same lengths.
  template<class Y>
  constexpr PackedSequence<Y, Lengths, BatchFirst> with(Y y) const {
    return {y, lengths};
  }
};

} // namespace nn::utils::rnn

namespace nn::detail {
template<class X>
inline constexpr bool is_packed = false;
template<class X, class Lengths, bool BatchFirst>
inline constexpr bool is_packed<utils::rnn::PackedSequence<X, Lengths, BatchFirst>> = true;
} // namespace nn::detail

namespace nn::utils::rnn {

/// For recurrent layers inside of a forward: `lstm(pack_padded_sequence<true>(x, lengths))`. x [L, N, F], [N,
/// L, F] with BatchFirst; lengths [N], integers from 1 to L in any order (PyTorch's enforce_sorted=False): a
/// program that meets another throws ValueError. torch.nn.utils.rnn.pack_padded_sequence.
template<bool BatchFirst = false, AnySymbol X, AnySymbol Lengths>
constexpr PackedSequence<X, Lengths, BatchFirst> pack_padded_sequence(X x, Lengths lengths) {
  return {x, lengths};
}

/// The padded tensor, with BatchFirst [N, L, F], otherwise [L, N, F], `Value` behind the end of each
/// sequence, and the lengths, in a tuple. L is that of what was packed, where PyTorch shortens it to the
/// longest sequence unless it is told the total_length. torch.nn.utils.rnn.pad_packed_sequence.
template<bool BatchFirst = false, double Value = 0, class X, class Lengths, bool Packed>
constexpr auto pad_packed_sequence(const PackedSequence<X, Lengths, Packed>& packed) {
  const auto padded =
      operation<ops::FillPadding<!Packed, ops::PaddingFill{-1, Value, Value}>>{}(packed.data, packed.lengths);
  if constexpr (BatchFirst == Packed)
    return std::tuple(padded, packed.lengths);
  else
    return std::tuple(transpose<0, 1>(padded), packed.lengths);
}

/// Whether a step is padding, bool [N, L], from lengths [N], integers from 1 to L: the key_padding_mask of
/// attention, a condition of where(...). Outside and inside of a forward.
template<Index L>
inline constexpr operation<ops::PaddingMask<L>> padding_mask;

} // namespace nn::utils::rnn

} // namespace stator::inline v0_2
