// SPDX-License-Identifier: BSL-1.0
// Sequential: modules called one after the other.
#pragma once

#include "stator/trace/call.hpp"

#include <tuple>

namespace stator::nn {

/// `nn::Sequential<nn::Linear<784, 128>, nn::ReLU, nn::Linear<128, 10>> net;` Its parts are called "0", "1",
/// ...
template<class... M>
struct Sequential {
  static constexpr bool is_container = true;
  static constexpr std::string_view class_name() { return "Sequential"; }

  std::tuple<M...> elements;

  constexpr auto forward(auto x) const { return run<0, sizeof...(M)>(x); }
  constexpr auto operator()(auto&& x) const { return call(*this, std::forward<decltype(x)>(x)); }

  static constexpr std::size_t size() { return sizeof...(M); }
  /// The part at a position that is a constant.
  template<std::size_t I>
  constexpr auto& get() {
    return std::get<I>(elements);
  }
  template<std::size_t I>
  constexpr const auto& get() const {
    return std::get<I>(elements);
  }
  /// Calls `f(part)` for each, in order.
  constexpr void for_each(auto&& f) const {
    std::apply([&](const auto&... e) { (f(e), ...); }, elements);
  }
  /// Calls the parts [First, Last) only, as PyTorch's `net[First:Last](x)`.
  template<std::size_t First, std::size_t Last = sizeof...(M)>
  constexpr auto run(auto x) const {
    static_assert(First <= Last && Last <= sizeof...(M), "stator: Sequential: a range that is not in it");
    if constexpr (First == Last)
      return x;
    else
      return run<First + 1, Last>(call(std::get<First>(elements), x));
  }
};

} // namespace stator::nn
