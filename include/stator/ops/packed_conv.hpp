// SPDX-License-Identifier: BSL-1.0
// Convolutions of prepared programs: weights that a kernel has packed, and what it does to its result before
// it writes it.
#pragma once

#include "stator/kernel/conv_finish.hpp"
#include "stator/kernel/conv_planes.hpp"
#include "stator/ops/element_types.hpp"
#include "stator/trace/operation.hpp"

namespace stator::ops {

namespace detail {

template<class X>
constexpr Index batch_of(Index batch) {
  return X::extents.is_dynamic() ? batch : X::extents[0];
}

/// A kernel's scratch counts its batch, which is a constant of the program when the extent is static.
template<class X>
constexpr Bytes scratch_for(const Bytes& b) {
  return X::extents.is_dynamic() ? b : Bytes{b.total(X::extents[0]), 0};
}

} // namespace detail

/// Weights and a bias as `Kernel`, a prepared pass of `kernel::conv`, reads them.
template<class T, class Kernel>
struct PackConvolution {
  static constexpr std::string_view name = "PackConvolution";
  static constexpr Extents shape(const auto&...) {
    return Extents(static_cast<Index>(Kernel::prepared_bytes / sizeof(T)));
  }
  template<class Out, class Weight, class Bias>
  static void run(T* packed, const T* w, const T* bias, Index, std::byte*) {
    Kernel::prepare(w, bias, reinterpret_cast<std::byte*>(packed));
  }
  template<class Out, class Weight>
  static void run(T* packed, const T* w, Index, std::byte*) {
    Kernel::prepare(w, nullptr, reinterpret_cast<std::byte*>(packed));
  }
};

/// The operation `Of`, a convolution or a transposed one, with weights W, and a bias, that `PackConvolution`
/// has packed, and how it is finished.
template<class T, class Kernel, class Of, Extents W, graph::Finished... How>
struct PackedConvolution {
  static constexpr std::string_view name = "Convolution";
  static constexpr Index multiply_adds(const Extents&, const Extents& x, const auto&...) {
    return Of::multiply_adds(Of::shape(x, W), x, W);
  }
  static constexpr bool halves = ((How == graph::Finished::relu_halve_max) || ...);
  static constexpr Extents shape(const Extents& x, const auto&...) {
    Extents y = Of::shape(x, W);
    if (halves) y[y.rank - 2] /= 2, y[y.rank - 1] /= 2;
    return y;
  }
  template<class Out, class X, class... Rest>
  static constexpr Bytes scratch() {
    return detail::scratch_for<X>(
        kernel::detail::conv_prepared_scratch<Kernel>(detail::batch_of<X>(dynamic)));
  }
  template<class Out, class X, class Packed>
  static void run(T* y, const T* x, const T* packed, Index batch, std::byte* scratch) {
    if constexpr (sizeof...(How) > 0)
      Kernel::run_finished(x, reinterpret_cast<const std::byte*>(packed), y, detail::batch_of<X>(batch),
                           scratch, {nullptr, true, halves});
    else
      Kernel::run_prepared(x, reinterpret_cast<const std::byte*>(packed), y, detail::batch_of<X>(batch),
                           scratch);
  }
  template<class Out, class X, class Packed, class Summand>
  static void run(T* y, const T* x, const T* packed, const T* summand, Index batch, std::byte* scratch) {
    Kernel::run_finished(x, reinterpret_cast<const std::byte*>(packed), y, detail::batch_of<X>(batch),
                         scratch, {summand, true, false});
  }

  static constexpr bool can_finish = sizeof...(How) == 0 && requires { &Kernel::run_finished; };
  template<class Summand, class X, class Packed>
  static constexpr int finished(graph::Finished how, Summand summand, X x, Packed packed) {
    using graph::Finished;
    switch (how) {
    case Finished::relu:
      return with<Finished::relu>(x, packed);
    case Finished::sum_relu:
      return with<Finished::sum_relu>(x, packed, summand);
    case Finished::relu_halve_max:
      if constexpr (Kernel::can_halve) return with<Finished::relu_halve_max>(x, packed);
    }
    return -1;
  }

private:
  template<graph::Finished Next>
  static constexpr int with(auto... x) {
    return operation<PackedConvolution<T, Kernel, Of, W, Next>>{}(x...).node;
  }
};

} // namespace stator::ops
