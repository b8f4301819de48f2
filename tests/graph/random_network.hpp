// SPDX-License-Identifier: BSL-1.0
// Networks of random structure, written once for symbols and for the tape.
#pragma once

#include "compare.hpp"
#include "graph/tape.hpp"
#include "stator/stator.hpp"

#include <array>
#include <cstdint>

namespace stator::test {

inline constexpr Index features = 10, samples = 7;

/// x / (1 + x^2): an operation that keeps random networks bounded.
struct Squash {
  static constexpr std::string_view name = "Squash";
  static constexpr Extents shape(const Extents& x) { return x; }
  template<class V>
  static V apply(const V& x) {
    return x / (V(1) + x * x);
  }
  struct Backward {
    static constexpr std::string_view name = "SquashBackward";
    static constexpr Extents shape(const Extents& g, const Extents&) { return g; }
    template<class V>
    static V apply(const V& g, const V& x) {
      const V d = V(1) + x * x;
      return g * (V(1) - x * x) / (d * d);
    }
  };
  static constexpr auto vjp(auto g, auto, auto x) { return gradients(operation<Backward>{}(g, x)); }
};
inline constexpr operation<Squash> squash;

/// What a random network consists of, for symbols; the leaves are symbols or parameters.
template<class Weight, class Bias, class Scale>
struct Symbolic {
  const Weight& weight; ///< [features, features]
  const Bias& bias;     ///< [features]
  const Scale& scale;   ///< [2, features / 2]

  static constexpr auto add(auto a, auto b) { return a + b; }
  static constexpr auto sub(auto a, auto b) { return a - b; }
  static constexpr auto mul(auto a, auto b) { return a * b; }
  static constexpr auto affine(auto a) { return a * 0.75 - 0.125; }
  static constexpr auto relu(auto a) { return nn::relu(a); }
  static constexpr auto squash(auto a) { return test::squash(a); }
  static constexpr auto softmax(auto a) { return nn::softmax<1>(a); }
  static constexpr auto minus_row_sum(auto a, auto b) { return a - sum_keepdim<1>(b) * 0.1; }
  static constexpr auto times_column_mean(auto a, auto b) { return a * mean_keepdim<0>(b); }
  static constexpr auto plus_mean(auto a, auto b) { return a + stator::mean(b); }
  constexpr auto linear(auto a) const { return nn::linear(a, weight, bias); }
  constexpr auto linear_without_bias(auto a) const { return nn::linear(a, weight); }
  constexpr auto matmul(auto a) const { return stator::matmul(a, weight); }
  constexpr auto plus_bias(auto a) const { return a + bias; }
  /// The same elements in two halves, and back.
  constexpr auto scaled_halves(auto a) const {
    constexpr Index rows = decltype(a)::size(0);
    return flatten<1>(view<rows, 2, features / 2>(a) * scale);
  }
  static constexpr auto view_and_back(auto a) {
    constexpr Index rows = decltype(a)::size(0);
    return flatten<1>(view<rows, features / 2, 2>(a));
  }
};

/// The same on the tape.
struct Straight {
  Tape& tape;
  Taped weight, bias, scale;

  Taped add(Taped a, Taped b) const { return tape.add(a, b); }
  Taped sub(Taped a, Taped b) const { return tape.sub(a, b); }
  Taped mul(Taped a, Taped b) const { return tape.mul(a, b); }
  Taped affine(Taped a) const { return tape.add(tape.mul(a, tape.number(0.75)), tape.number(-0.125)); }
  Taped relu(Taped a) const { return tape.relu(a); }
  Taped squash(Taped a) const {
    return tape.map(
        a, [](double x) { return x / (1 + x * x); },
        [](double x) { return (1 - x * x) / ((1 + x * x) * (1 + x * x)); });
  }
  Taped softmax(Taped a) const { return tape.softmax(a); }
  Taped minus_row_sum(Taped a, Taped b) const {
    return tape.sub(a, tape.mul(tape.sum_to(b, b->rows, 1), tape.number(0.1)));
  }
  Taped times_column_mean(Taped a, Taped b) const {
    return tape.mul(a,
                    tape.mul(tape.sum_to(b, 1, b->columns), tape.number(1.0 / static_cast<double>(b->rows))));
  }
  Taped plus_mean(Taped a, Taped b) const {
    return tape.add(a,
                    tape.mul(tape.sum_to(b, 1, 1), tape.number(1.0 / static_cast<double>(b->value.size()))));
  }
  Taped linear(Taped a) const { return plus_bias(linear_without_bias(a)); }
  Taped linear_without_bias(Taped a) const { return tape.matmul(a, weight, true); }
  Taped matmul(Taped a) const { return tape.matmul(a, weight, false); }
  Taped plus_bias(Taped a) const { return tape.add(a, bias); }
  Taped scaled_halves(Taped a) const { return tape.mul(a, scale); }
  Taped view_and_back(Taped a) const { return a; }
};

/// How a network is drawn. `kernels`: of 16 operations, how many are kernels. `reach`: how far back operands
/// lie.
struct Recipe {
  unsigned seed = 0;
  int steps = 40;
  unsigned kernels = 6;
  unsigned reach = 8;
  bool root_inside = false; ///< the result is a value that others use, and what comes after it is dead
};

template<class A, class V>
constexpr V build(const A& op, V x, const Recipe& recipe) {
  std::array<V, 256> values{};
  values[0] = x;
  std::uint64_t state = recipe.seed * 0x9e3779b97f4a7c15u + 12345;
  const auto draw = [&](unsigned below) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return static_cast<unsigned>(state >> 33) % below;
  };
  for (int i = 0; i < recipe.steps; ++i) {
    const auto pick = [&] {
      const int back = static_cast<int>(draw(recipe.reach));
      return values[static_cast<std::size_t>(back > i ? 0 : i - back)];
    };
    const V a = pick(), b = pick();
    V y = a;
    if (draw(16) < recipe.kernels) {
      switch (draw(7)) {
      case 0:
        y = op.softmax(a);
        break;
      case 1:
        y = op.minus_row_sum(a, b);
        break;
      case 2:
        y = op.times_column_mean(a, b);
        break;
      case 3:
        y = op.plus_mean(a, b);
        break;
      case 4:
        y = op.linear(a);
        break;
      case 5:
        y = op.linear_without_bias(a);
        break;
      case 6:
        y = op.matmul(a);
        break;
      }
    } else {
      switch (draw(9)) {
      case 0:
        y = op.add(a, b);
        break;
      case 1:
        y = op.sub(a, b);
        break;
      case 2:
        y = op.mul(a, b);
        break;
      case 3:
        y = op.affine(a);
        break;
      case 4:
        y = op.relu(a);
        break;
      case 5:
        y = op.squash(a);
        break;
      case 6:
        y = op.plus_bias(a);
        break;
      case 7:
        y = op.scaled_halves(a);
        break;
      case 8:
        y = op.view_and_back(a);
        break;
      }
    }
    values[static_cast<std::size_t>(i + 1)] = i % 3 == 2 ? op.squash(y) : y;
  }
  return values[static_cast<std::size_t>(recipe.root_inside ? recipe.steps / 2 : recipe.steps)];
}

inline bool agree(std::span<const double> found, std::span<const double> expected) {
  if (found.size() != expected.size()) return false;
  const Worst w = worst(doubles(found), doubles(expected));
  const bool close = w.error <= 1e-11 * largest(expected, 1);
  if (!close) UNSCOPED_INFO(w);
  return close;
}

} // namespace stator::test
