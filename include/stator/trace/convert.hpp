// SPDX-License-Identifier: BSL-1.0
// Conversions between element types: those that type promotion inserts, and what to<T>(x) is made of.
#pragma once

#include "stator/kernel/half.hpp"
#include "stator/trace/operation.hpp"

#include <limits>

namespace stator::ops {

namespace detail {
template<class To, class From>
To convert_element(From x) {
  if constexpr (std::is_same_v<To, bool>)
    return x != From{0};
  else if constexpr (std::is_integral_v<To> && std::is_floating_point_v<From>) {
    // Beyond the range the conversion of C++ is undefined.
    constexpr From low = static_cast<From>(std::numeric_limits<To>::min());
    constexpr From high =
        2 * static_cast<From>(To{1} << (std::numeric_limits<To>::digits - 1)); // one too large
    if (x != x) return To{0};
    return x < low     ? std::numeric_limits<To>::min()
           : x >= high ? std::numeric_limits<To>::max()
                       : static_cast<To>(x);
  } else
    return static_cast<To>(x);
}
} // namespace detail

/// Each element as a To: bool is "not 0", integers are truncated towards 0.
template<class To>
struct Convert {
  static constexpr std::string_view name = "ToCopy", backward_name = "ToCopyBackward0";
  template<class From>
  using scalar = To;
  static constexpr Extents shape(const Extents& x) { return x; }
  template<class Out, class X>
  static void run(To* out, const typename X::scalar* x, Index batch, std::byte*) {
    const Index n = X::extents.numel() * (X::extents.is_dynamic() ? batch : 1);
    if constexpr (kernel::Half<typename X::scalar> && std::is_same_v<To, float>)
      kernel::widen(out, x, n);
    else if constexpr (kernel::Half<To> && std::is_same_v<typename X::scalar, float>)
      kernel::narrow(out, x, n);
    else
      for (Index i = 0; i < n; ++i) out[i] = detail::convert_element<To>(x[i]);
  }
  template<class G, class Y, class X>
    requires(is_floating_point(dtype_of<typename X::scalar>))
  static constexpr auto vjp(G g, Y, X) {
    return gradients(cast_to<arithmetic_of<typename X::scalar>>(g));
  }
};

/// The bool tensor of a mask of zeros and ones, which comparisons compute in the type of what they compare.
struct MaskToBool : Convert<bool> {
  static constexpr std::string_view name = "Compare";
};

/// A symbol with elements of type To. Numbers are converted here and now; a mask that is used in the type
/// that it was computed in is taken as it is, so `where(gt(x, 0), x, y)` stays one region.
template<class To, class S>
constexpr auto cast_to(const S& s) {
  using From = typename S::scalar;
  if constexpr (std::is_same_v<From, To>) {
    return s;
  } else {
    using Result = Symbol<To, typename S::shape, S::order>;
    graph::Builder& b = *s.builder;
    if constexpr (S::extents.rank == 0)
      if (b.signature(s.node).kind == graph::Kind::constant) {
        const double value = b.nodes[static_cast<std::size_t>(s.node)].number;
        const double converted = std::is_same_v<To, bool> ? value != 0
                                 : std::is_integral_v<To>
                                     ? static_cast<double>(static_cast<std::int64_t>(value))
                                     : value;
        return Result{&b, detail::number<To, S::order>(&b, converted).node};
      }
    if constexpr (std::is_same_v<From, bool>) {
      using Mask = signature<MaskToBool, 0, typename S::typed, Typed<To, typename S::shape>>;
      if (b.signature(s.node).identity == &Mask::value) return Result{&b, b.operand(s.node, 0)};
    }
    using Out = Typed<To, typename S::shape>;
    return Result{&b, b.add(&signature<Convert<To>, S::order, Out, typename S::typed>::value, s.node)};
  }
}

} // namespace stator::ops
