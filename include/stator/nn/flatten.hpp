// SPDX-License-Identifier: BSL-1.0
// Identity, Flatten, Unflatten.
#pragma once

#include "stator/nn/extra_repr.hpp"
#include "stator/ops/view.hpp"
#include "stator/trace/call.hpp"

namespace stator::nn {

/// x itself.
struct Identity {
  constexpr auto forward(auto x) const { return x; }
  constexpr auto operator()(auto&& x) const { return call(*this, std::forward<decltype(x)>(x)); }
};

/// Merges the dimensions Start to End, both included; all but the batch by default.
template<Index Start = 1, Index End = -1>
struct Flatten {
  constexpr auto forward(auto x) const { return flatten<Start, End>(x); }
  constexpr auto operator()(auto&& x) const { return call(*this, std::forward<decltype(x)>(x)); }
  static std::string extra_repr() {
    return "start_dim=" + std::to_string(Start) + ", end_dim=" + std::to_string(End);
  }
};

/// Dimension Dim as dimensions of the extents E.
template<Index Dim, Index... E>
struct Unflatten {
  constexpr auto forward(auto x) const {
    constexpr Extents to = shape(decltype(x)::extents);
    return ops::reshape_to<to>(x);
  }
  constexpr auto operator()(auto&& x) const { return call(*this, std::forward<decltype(x)>(x)); }
  static std::string extra_repr() {
    return "dim=" + std::to_string(Dim) + ", unflattened_size=" + python_tuple(Extents(E...));
  }

private:
  static constexpr Extents shape(const Extents& x) {
    Extents e;
    for (std::size_t d = 0; d < x.rank; ++d)
      if (d != ops::wrap(Dim, x.rank))
        e.push_back(x[d]);
      else
        (e.push_back(E), ...);
    return e;
  }
};

} // namespace stator::nn
