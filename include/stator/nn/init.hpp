// SPDX-License-Identifier: BSL-1.0
// torch.nn.init: the first values of parameters. After `stator::manual_seed(s)` they are the values that
// PyTorch gives after `torch.manual_seed(s)`, bit for bit (orthogonal_: to rounding).
#pragma once

#include "stator/core/distributions.hpp"
#include "stator/core/float16.hpp"
#include "stator/core/shape.hpp"

#include <algorithm>
#include <cmath>
#include <concepts>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace stator::nn::init {

/// What can be initialised: contiguous elements with static extents, such as `Parameter<float, 128, 784>`.
template<class P>
concept Fillable = requires(P& p) {
  typename std::remove_reference_t<P>::scalar;
  requires !std::remove_reference_t<P>::shape_type::is_dynamic;
  { p.data() } -> std::convertible_to<typename std::remove_reference_t<P>::scalar*>;
};

namespace detail {
template<class P>
inline constexpr Extents extents = std::remove_reference_t<P>::shape_type::extents;

template<class P>
using scalar = typename std::remove_reference_t<P>::scalar;

template<class P>
std::span<scalar<P>> elements(P& tensor) {
  return {tensor.data(), static_cast<std::size_t>(extents<P>.numel())};
}

/// Calls f(elements). Those of 16 bits are drawn as floats and then rounded, as in PyTorch for a model that
/// is made and then converted, `Net().bfloat16()`.
template<class P, class F>
void draw(P& tensor, const F& f) {
  const auto to = elements(tensor);
  if constexpr (is_half(dtype_of<scalar<P>>)) {
    using T = arithmetic_of<scalar<P>>;
    std::vector<T> drawn(to.begin(), to.end());
    f(std::span<T>(drawn));
    std::transform(drawn.begin(), drawn.end(), to.begin(), [](T x) { return scalar<P>(x); });
  } else {
    f(to);
  }
}
} // namespace detail

/// The factor that keeps the variance through a layer with this activation: 1 for "linear", "conv1d", ...,
/// "sigmoid"; 5/3 for "tanh"; sqrt(2) for "relu"; sqrt(2 / (1 + param^2)) for "leaky_relu" (param: the slope,
/// 0.01); 3/4 for "selu". Throws ValueError for another name.
inline double calculate_gain(std::string_view nonlinearity, std::optional<double> param = {}) {
  for (const std::string_view linear : {"linear", "conv1d", "conv2d", "conv3d", "conv_transpose1d",
                                        "conv_transpose2d", "conv_transpose3d", "sigmoid"})
    if (nonlinearity == linear) return 1.0;
  if (nonlinearity == "tanh") return 5.0 / 3;
  if (nonlinearity == "relu") return std::sqrt(2.0);
  if (nonlinearity == "leaky_relu") return std::sqrt(2.0 / (1 + std::pow(param.value_or(0.01), 2)));
  if (nonlinearity == "selu") return 3.0 / 4;
  raise(ValueError("Unsupported nonlinearity " + std::string(nonlinearity)));
}

/// Inputs and outputs of one unit: [out, in, k...] gives {in * k, out * k}.
/// Throws ValueError for fewer than 2 dimensions.
constexpr std::pair<Index, Index> _calculate_fan_in_and_fan_out(const Extents& e) {
  if (e.rank < 2)
    raise(ValueError("Fan in and fan out can not be computed for tensor with fewer than 2 dimensions"));
  const Index receptive_field = e.product(2, e.rank);
  return {e[1] * receptive_field, e[0] * receptive_field};
}

template<Fillable P>
constexpr std::pair<Index, Index> _calculate_fan_in_and_fan_out(const P&) {
  static_assert(detail::extents<P>.rank >= 2,
                "stator: fan in and fan out can not be computed for a tensor with fewer than 2 dimensions");
  return _calculate_fan_in_and_fan_out(detail::extents<P>);
}

/// Uniform in [a, b).
template<Fillable P>
void uniform_(P&& tensor, double a = 0, double b = 1, Generator& generator = default_generator()) {
  detail::draw(tensor, [&](auto values) { stator::uniform_(values, a, b, generator); });
}

/// Normal with mean `mu` and standard deviation `std`.
template<Fillable P>
void normal_(P&& tensor, double mu = 0, double std = 1, Generator& generator = default_generator()) {
  detail::draw(tensor, [&](auto values) { stator::normal_(values, mu, std, generator); });
}

/// Normal, truncated to [a, b].
template<Fillable P>
void trunc_normal_(P&& tensor, double mu = 0, double std = 1, double a = -2, double b = 2,
                   Generator& generator = default_generator()) {
  detail::draw(tensor, [&](auto values) { stator::trunc_normal_(values, mu, std, a, b, generator); });
}

/// torch.nn.init.constant_: sets every element to the value.
template<Fillable P>
void constant_(P&& tensor, double value) {
  for (auto& element : detail::elements(tensor)) element = static_cast<detail::scalar<P>>(value);
}

/// torch.nn.init.ones_.
template<Fillable P>
void ones_(P&& tensor) {
  constant_(tensor, 1);
}

/// torch.nn.init.zeros_.
template<Fillable P>
void zeros_(P&& tensor) {
  constant_(tensor, 0);
}

/// The identity matrix.
template<Fillable P>
void eye_(P&& tensor) {
  constexpr Extents e = detail::extents<P>;
  static_assert(e.rank == 2, "stator: eye_: only tensors with 2 dimensions are supported");
  zeros_(tensor);
  for (Index i = 0; i < std::min(e[0], e[1]); ++i) tensor.data()[i * e[1] + i] = detail::scalar<P>(1);
}

/// A convolution [out, in, k...] that copies input channel i to output channel i of each of the groups.
/// Throws ValueError when the groups do not divide `out`.
template<Fillable P>
void dirac_(P&& tensor, Index groups = 1) {
  constexpr Extents e = detail::extents<P>;
  static_assert(e.rank >= 3 && e.rank <= 5,
                "stator: dirac_: only tensors with 3, 4, or 5 dimensions are supported");
  if (groups < 1 || e[0] % groups != 0) raise(ValueError("dirac_: dim 0 must be divisible by groups"));
  Index centre = 0;
  for (std::size_t d = 2; d < e.rank; ++d) centre = centre * e[d] + e[d] / 2;
  const Index kernel = e.product(2, e.rank);
  const Index outputs = e[0] / groups;
  zeros_(tensor);
  for (Index g = 0; g < groups; ++g)
    for (Index i = 0; i < std::min(outputs, e[1]); ++i)
      tensor.data()[((g * outputs + i) * e[1] + i) * kernel + centre] = detail::scalar<P>(1);
}

/// Uniform in [-a, a), a = gain * sqrt(6 / (fan_in + fan_out)).
/// Source: Glorot and Bengio 2010, eq. 16.
template<Fillable P>
void xavier_uniform_(P&& tensor, double gain = 1, Generator& generator = default_generator()) {
  const auto [fan_in, fan_out] = _calculate_fan_in_and_fan_out(tensor);
  const double std = gain * std::sqrt(2.0 / static_cast<double>(fan_in + fan_out));
  const double a = std::sqrt(3.0) * std;
  uniform_(tensor, -a, a, generator);
}

/// Normal with deviation gain * sqrt(2 / (fan_in + fan_out)).
/// Source: Glorot and Bengio 2010, eq. 12.
template<Fillable P>
void xavier_normal_(P&& tensor, double gain = 1, Generator& generator = default_generator()) {
  const auto [fan_in, fan_out] = _calculate_fan_in_and_fan_out(tensor);
  normal_(tensor, 0, gain * std::sqrt(2.0 / static_cast<double>(fan_in + fan_out)), generator);
}

/// `a`: slope of the leaky rectifier after the layer; `mode`: "fan_in" keeps the variance of the forward
/// pass, "fan_out" that of the backward pass; `nonlinearity`: see calculate_gain.
struct KaimingOptions {
  double a = 0;                                 ///< negative slope
  std::string_view mode = "fan_in";             ///< or "fan_out"
  std::string_view nonlinearity = "leaky_relu"; ///< a name that calculate_gain knows
};

namespace detail {
template<class P>
double kaiming_std(const P& tensor, const KaimingOptions& options) {
  const auto [fan_in, fan_out] = _calculate_fan_in_and_fan_out(tensor);
  if (options.mode != "fan_in" && options.mode != "fan_out")
    raise(ValueError("Mode " + std::string(options.mode) +
                     " not supported, please use one of ['fan_in', 'fan_out']"));
  const Index fan = options.mode == "fan_in" ? fan_in : fan_out;
  return calculate_gain(options.nonlinearity, options.a) / std::sqrt(static_cast<double>(fan));
}
} // namespace detail

/// Uniform in [-bound, bound), bound = gain * sqrt(3 / fan): `kaiming_uniform_(weight, {.a =
/// std::sqrt(5.0)})`. Throws ValueError for an unknown mode or nonlinearity. Source: He et al. 2015, eq. 10.
template<Fillable P>
void kaiming_uniform_(P&& tensor, const KaimingOptions& options = {},
                      Generator& generator = default_generator()) {
  const double bound = std::sqrt(3.0) * detail::kaiming_std(tensor, options);
  uniform_(tensor, -bound, bound, generator);
}

/// Normal with deviation gain / sqrt(fan). Throws ValueError for an unknown mode or nonlinearity.
/// Source: He et al. 2015, eq. 10.
template<Fillable P>
void kaiming_normal_(P&& tensor, const KaimingOptions& options = {},
                     Generator& generator = default_generator()) {
  normal_(tensor, 0, detail::kaiming_std(tensor, options), generator);
}

/// What torch.nn's Linear, Conv and ConvTranspose do when they are made: the weight from kaiming_uniform_
/// with a = sqrt(5), the bias (if there is one) uniform in [-1 / sqrt(fan_in), 1 / sqrt(fan_in)).
template<Fillable W, class B>
void reset_weight_and_bias_(W&& weight, B&& bias, Generator& generator = default_generator()) {
  kaiming_uniform_(weight, {.a = std::sqrt(5.0)}, generator);
  if constexpr (Fillable<B>) {
    const double bound = 1 / std::sqrt(static_cast<double>(_calculate_fan_in_and_fan_out(weight).first));
    uniform_(bias, -bound, bound, generator);
  }
}

/// Of each column, the part `sparsity` (rounded up) is zero, the rest normal with deviation `std`.
/// Source: Martens 2010, "Deep learning via Hessian-free optimization".
template<Fillable P>
void sparse_(P&& tensor, double sparsity, double std = 0.01, Generator& generator = default_generator()) {
  constexpr Extents e = detail::extents<P>;
  static_assert(e.rank == 2, "stator: sparse_: only tensors with 2 dimensions are supported");
  normal_(tensor, 0, std, generator);
  const auto zeros = static_cast<std::size_t>(std::ceil(sparsity * static_cast<double>(e[0])));
  std::vector<Index> rows(static_cast<std::size_t>(e[0]));
  for (Index column = 0; column < e[1]; ++column) {
    randperm_(std::span(rows), generator);
    for (std::size_t i = 0; i < std::min(zeros, rows.size()); ++i)
      tensor.data()[rows[i] * e[1] + column] = detail::scalar<P>(0);
  }
}

/// gain times a matrix whose rows (or columns, whichever are fewer) are orthonormal; [out, in, k...] counts
/// as [out, in * k]. Source: Saxe et al. 2013. PyTorch takes Q of a QR decomposition and turns the signs so
/// that R's diagonal is positive. That Q is unique, it is what Gram and Schmidt's method gives: done twice
/// here, in double, which is orthogonal to the last bits.
template<Fillable P>
void orthogonal_(P&& tensor, double gain = 1, Generator& generator = default_generator()) {
  constexpr Extents e = detail::extents<P>;
  static_assert(e.rank >= 2, "stator: orthogonal_: only tensors with 2 or more dimensions are supported");
  constexpr auto rows = static_cast<std::size_t>(e[0]);
  constexpr std::size_t columns = static_cast<std::size_t>(e.numel()) / rows;
  constexpr bool wide = rows < columns;
  constexpr std::size_t count = wide ? rows : columns, length = wide ? columns : rows;
  detail::draw(tensor, [&]<class T>(std::span<T> matrix) {
    const auto element = [&](std::size_t vector, std::size_t i) -> T& {
      return wide ? matrix[vector * columns + i] : matrix[i * columns + vector];
    };

    stator::normal_(matrix, 0, 1, generator);
    std::vector<double> basis(count * length);
    for (std::size_t v = 0; v < count; ++v) {
      double* q = basis.data() + v * length;
      for (std::size_t i = 0; i < length; ++i) q[i] = static_cast<double>(element(v, i));
      for (int pass = 0; pass < 2; ++pass)
        for (std::size_t w = 0; w < v; ++w) {
          const double* p = basis.data() + w * length;
          double dot = 0;
          for (std::size_t i = 0; i < length; ++i) dot += p[i] * q[i];
          for (std::size_t i = 0; i < length; ++i) q[i] -= dot * p[i];
        }
      double norm2 = 0;
      for (std::size_t i = 0; i < length; ++i) norm2 += q[i] * q[i];
      for (std::size_t i = 0; i < length; ++i) q[i] /= std::sqrt(norm2);
    }
    for (std::size_t v = 0; v < count; ++v)
      for (std::size_t i = 0; i < length; ++i) element(v, i) = static_cast<T>(gain * basis[v * length + i]);
  });
}

} // namespace stator::nn::init
