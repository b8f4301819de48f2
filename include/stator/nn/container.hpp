// SPDX-License-Identifier: BSL-1.0
// Sequential: modules called one after the other.
#pragma once

#include "stator/module/containers.hpp"
#include "stator/trace/call.hpp"

#include <tuple>

namespace stator::nn {

/// `nn::Sequential<nn::Linear<784, 128>, nn::ReLU, nn::Linear<128, 10>> net;` Its parts are called "0", "1",
/// ...
template<class... M>
struct Sequential : detail::ElementList<M...> {
  static constexpr std::string_view class_name() { return "Sequential"; }

  constexpr auto forward(auto x) const { return run<0, sizeof...(M)>(x); }
  constexpr auto operator()(auto&& x) const { return call(*this, std::forward<decltype(x)>(x)); }

  /// Calls the parts [First, Last) only, as PyTorch's `net[First:Last](x)`.
  template<std::size_t First, std::size_t Last = sizeof...(M)>
  constexpr auto run(auto x) const {
    static_assert(First <= Last && Last <= sizeof...(M), "stator: Sequential: a range that is not in it");
    if constexpr (First == Last)
      return x;
    else
      return run<First + 1, Last>(call(std::get<First>(this->elements), x));
  }
};

} // namespace stator::nn
