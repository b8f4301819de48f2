// SPDX-License-Identifier: BSL-1.0
// The library's layers and operations use nothing that you could not use: each is a struct in one file.
#include <stator/stator.hpp>

#include <cmath>
#include <iostream>

namespace nn = stator::nn;
using stator::Extents;
using stator::Index;

// An elementwise operation: `apply` on numbers and vectors alike, so it is fused with its neighbours.
// The vector-Jacobian product is written in operations: g is the gradient of the result y.
struct SquaredRelu {
  static constexpr std::string_view name = "SquaredRelu";
  static constexpr Extents shape(const Extents& x) { return x; }
  template<class V>
  static V apply(const V& x) {
    const V positive = select(x > V(0), x, V(0));
    return positive * positive;
  }
  static constexpr auto vjp(auto g, auto /*y*/, auto x) { return stator::gradients(g * nn::relu(x) * 2); }
};
inline constexpr stator::operation<SquaredRelu> squared_relu;

// Any other operation: `run` on memory, with the extents of the result and the operands as types.
struct ReverseColumns {
  static constexpr std::string_view name = "ReverseColumns";
  static constexpr Extents shape(const Extents& x) { return x; }
  static constexpr stator::Text requirement(const Extents& x) { // why an operand does not fit
    if (x.rank == 2) return {};
    return stator::text("reverse_columns: needs a matrix, has ", x);
  }
  template<class Out, class X>
  static void run(typename Out::scalar* out, const typename X::scalar* x, Index batch, std::byte*) {
    constexpr Index columns = X::extents[1];
    const Index rows = X::extents.is_dynamic() ? batch : X::extents[0];
    for (Index i = 0; i < rows; ++i)
      for (Index j = 0; j < columns; ++j) out[i * columns + j] = x[i * columns + columns - 1 - j];
  }
  static constexpr auto vjp(auto g, auto /*y*/, auto /*x*/) {
    return stator::gradients(stator::operation<ReverseColumns>{}(g));
  }
};
inline constexpr stator::operation<ReverseColumns> reverse_columns;

// A layer: parameters, `forward`, and, where zeros will not do, `reset_parameters`.
template<Index Features, class T>
struct Scale {
  stator::Parameter<T, Features> gain;

  constexpr auto forward(auto x) const { return x * gain; }
  void reset_parameters() { nn::init::ones_(gain); }
};

struct Net {
  nn::Linear<3, 4, nn::LinearOptions{}, double> fc;
  Scale<4, double> scale;
  constexpr auto forward(auto x) const { return x | fc | squared_relu | scale | reverse_columns; }
};

int main() {
  stator::manual_seed(1);
  stator::Model<Net> model;
  std::cout << model << '\n';
  // prints:   (scale): Scale()

  stator::Variable<double, 2, 3> x{0.5, -1, 2, 1, 0.25, -0.5};
  const auto loss = [&] { return sum(model(x) * model(x)); };
  std::cout << loss().grad_fn() << ' ' << model(x).grad_fn() << '\n';
  // prints: SumBackward0 ReverseColumnsBackward0
  loss().backward();

  // Each gradient against a difference quotient.
  double worst = 0;
  const auto check = [&](auto values, auto gradients) {
    for (std::size_t i = 0; i < values.size(); ++i) {
      const double step = 1e-5, before = values[i];
      values[i] = before + step;
      const double above = loss().item();
      values[i] = before - step;
      const double below = loss().item();
      values[i] = before;
      worst = std::max(worst, std::abs(gradients[i] - (above - below) / (2 * step)));
    }
  };
  check(x.values(), x.grad().values());
  for (auto [name, parameter] : model.named_parameters())
    check(parameter.values<double>(), parameter.grad<double>());
  std::cout << (worst < 1e-7 ? "gradients agree\n" : "gradients differ\n");
  // prints: gradients agree
}
