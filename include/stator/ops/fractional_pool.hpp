// SPDX-License-Identifier: BSL-1.0
// Fractional maximum pooling: windows of one size at random places, so that extents may shrink by any ratio.
#pragma once

#include "stator/core/random.hpp"
#include "stator/ops/pool_indices.hpp"

namespace stator::inline v0_2 {

/// D ratios; made from one number or from D: `Ratios<2>(0.5)`, `Ratios<2>(0.5, 0.7)`.
template<std::size_t D>
struct Ratios {
  std::array<double, D> value{}; ///< the numbers, one for each dimension

  constexpr Ratios() = default;
  constexpr Ratios(double all) {
    for (double& v : value) v = all;
  }
  template<class... R>
    requires(sizeof...(R) == D && D > 1)
  constexpr Ratios(R... r) : value{static_cast<double>(r)...} {}
  constexpr bool operator==(const Ratios&) const = default;
};

/// The windows of a fractional pooling; one of `output` and `ratio` says how many.
template<std::size_t D>
struct FractionalPoolOptions {
  Dims<D> kernel{1};  ///< extents of a window
  Dims<D> output{0};  ///< extents of the result; 0: the ratio of those of the input, rounded down
  Ratios<D> ratio{0}; ///< between 0 and 1
  constexpr bool operator==(const FractionalPoolOptions&) const = default;
};

namespace ops {

/// Numbers from [0, 1) for each plane of x and each of its last D dimensions: [N, C, D], one N where x has
/// none.
template<std::size_t D>
struct PoolSamples {
  static constexpr bool is_constant = true;
  static constexpr bool is_unique = true;
  static constexpr std::string_view name = "PoolSamples";
  static constexpr Extents shape(const Extents& x) {
    Extents e;
    e.push_back(x.rank == D + 2 ? x[0] : 1);
    e.push_back(x.rank > D ? x[x.rank - D - 1] : 1);
    e.push_back(static_cast<Index>(D));
    return e;
  }
  template<class Out, class X>
  static void run(typename Out::scalar* out, const typename X::scalar*, Index batch, std::byte*) {
    uniform_(std::span<typename Out::scalar>(
        out, static_cast<std::size_t>(detail::elements(Out::extents, batch))));
  }
};

/// Of each window the place of its largest element in the plane of x; the second operand are the samples.
template<std::size_t D, FractionalPoolOptions<D> O>
struct FractionalPoolIndices {
  static constexpr bool is_constant = true;
  static constexpr std::string_view name = "FractionalMaxPoolIndices";
  static constexpr std::string_view called = D == 2 ? "fractional_max_pool2d" : "fractional_max_pool3d";
  static constexpr std::string_view backward_name =
      D == 2 ? "FractionalMaxPool2DBackward0" : "FractionalMaxPool3DBackward0"; // of the values
  template<class X, class S>
  using scalar = std::int64_t;

  static constexpr kernel::FractionalPoolGeometry<D> geometry(const Extents& x) {
    kernel::FractionalPoolGeometry<D> g{};
    for (std::size_t d = 0; d < D; ++d) {
      g.input[d] = x[x.rank - D + d];
      g.kernel[d] = O.kernel[d];
      g.result[d] = O.output[d] != 0 ? O.output[d]
                                     : static_cast<Index>(static_cast<double>(g.input[d]) * O.ratio.value[d]);
    }
    return g;
  }
  static constexpr Extents shape(const Extents& x, const Extents&) {
    const auto g = geometry(x);
    Extents e = x;
    for (std::size_t d = 0; d < D; ++d) e[x.rank - D + d] = std::max<Index>(g.result[d], 1);
    return e;
  }
  static constexpr Text type_requirement(DType x, DType samples) {
    if (!is_floating_point(x))
      return text(called, ": the input is ", to_string(x), ", expected floating-point numbers");
    if (x == samples) return {};
    return text(called, ": the random samples are ", to_string(samples), ", the input ", to_string(x));
  }
  static constexpr Text requirement(const Extents& x, const Extents& samples) {
    if (x.rank != D + 2 && x.rank != D + 1)
      return text(called, ": input ", x, " has ", x.rank, " dimensions, expected ", D + 1, " or ", D + 2);
    if (!(samples == PoolSamples<D>::shape(x)))
      return text(called, ": random samples ", samples, " for input ", x, ", expected ",
                  PoolSamples<D>::shape(x));
    const auto g = geometry(x);
    for (std::size_t d = 0; d < D; ++d)
      if (g.kernel[d] < 1 || g.result[d] < 1 || g.result[d] + g.kernel[d] - 1 > g.input[d])
        return text(called, ": input ", x, " has no ", g.result[d], " windows of ", g.kernel[d],
                    " elements in dimension ", d);
    return {};
  }
  template<class Out, class X, class S>
  static void run(std::int64_t* at, const typename X::scalar* x, const typename S::scalar* samples,
                  Index batch, std::byte*) {
    const Index count = detail::elements(S::extents, batch);
    for (Index i = 0; i < count; ++i)
      if (!(samples[i] >= 0 && samples[i] <= 1))
        raise(ValueError(std::string(called) + ": random sample " + std::to_string(i) + " is " +
                         std::to_string(samples[i]) + ", expected a number from [0, 1]"));
    kernel::fractional_max_pool<typename X::scalar, geometry(X::extents)>::indices(
        x, samples, at, detail::planes<X, D>(batch));
  }
};

} // namespace ops
} // namespace stator::inline v0_2
