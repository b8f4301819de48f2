// SPDX-License-Identifier: BSL-1.0
// Pooling that says where the maxima are, what puts them back, and fractional pooling, against PyTorch.
#include "nn/layer_law.hpp"

#include "stator/nn/fractional_pooling.hpp"
#include "stator/nn/pooling.hpp"
#include "stator/nn/unpooling.hpp"

using namespace stator;
using test::check_function;
using test::contains;
using test::Fixed;
using test::In;
using test::thrown;

namespace {
/// Values, their gradient and the indices of a layer that returns a tuple.
template<class Layer, Index... E>
void check_pooling(const std::string& name, In<E...> x) {
  test::check_called<Layer>(
      {name},
      [&](const auto& model, const auto& input) {
        const auto [values, indices] = model(input);
        const auto at = indices.value();
        test::compare<std::int64_t>(name + ".y1", at.values());
        return values;
      },
      x);
}

template<std::size_t D>
void check_dimensions(auto x) {
  using S = nn::PoolSettings<D>;
  const std::string d = std::to_string(D) + "d.", max = "MaxPool" + d, adaptive = "AdaptiveMaxPool" + d;
  constexpr S padded{.stride = 2, .padding = 1, .return_indices = true};
  check_pooling<nn::MaxPoolNd<D, 2, S{.return_indices = true}>>(max + "indices", x);
  check_pooling<nn::MaxPoolNd<D, 3, padded>>(max + "indices_padding", x);
  check_pooling<nn::MaxPoolNd<D, 3, padded>>(max + "indices_nan", x);
  check_pooling<nn::MaxPoolNd<D, 2, S{.stride = 1, .dilation = 2, .return_indices = true}>>(
      max + "indices_dilation", x);
  constexpr S ceil{.stride = 2, .ceil_mode = true, .return_indices = true};
  check_pooling<nn::MaxPoolNd<D, 3, ceil>>(max + "indices_ceil_mode", x);
  constexpr nn::AdaptiveMaxPoolSettings both{.return_indices = true};
  check_pooling<nn::AdaptiveMaxPoolNd<D, 3, both>>(adaptive + "indices", x);
  check_pooling<nn::AdaptiveMaxPoolNd<D, 1, both>>(adaptive + "indices_one", x);
  check_pooling<nn::AdaptiveMaxPoolNd<D, 2, both>>(adaptive + "indices_nan", x);
}
} // namespace

TEST_CASE("max_pool says where the maxima are, as PyTorch does") {
  check_dimensions<1>(In<2, 2, 9>{});
  check_dimensions<2>(In<2, 2, 7, 6>{});
  check_dimensions<3>(In<1, 2, 5, 4, 6>{});
}

namespace {
template<std::size_t D, auto Kernel, nn::UnpoolSettings<D> Settings = nn::UnpoolSettings<D>{}, Index... E>
void check_unpool(const std::string& name, In<E...> x) {
  test::check_layer<nn::MaxUnpoolNd<D, Kernel, Settings>>("MaxUnpool" + std::to_string(D) + "d." + name, x,
                                                          Fixed<std::int64_t, E...>{"indices"});
}
} // namespace

TEST_CASE("MaxUnpool agrees with PyTorch") {
  constexpr auto padded = []<std::size_t D>(std::integral_constant<std::size_t, D>) {
    return nn::UnpoolSettings<D>{.stride = 2, .padding = 1};
  };
  check_unpool<1, 2>("default", In<2, 2, 4>{});
  check_unpool<1, 3, padded(std::integral_constant<std::size_t, 1>{})>("stride_padding", In<2, 2, 5>{});
  check_unpool<1, 3, nn::UnpoolSettings<1>{.stride = 1}>("overlapping", In<2, 2, 7>{});
  check_unpool<2, 2>("default", In<2, 2, 3, 3>{});
  check_unpool<2, 3, padded(std::integral_constant<std::size_t, 2>{})>("stride_padding", In<2, 2, 4, 3>{});
  check_unpool<2, 3, nn::UnpoolSettings<2>{.stride = 1}>("overlapping", In<2, 2, 5, 4>{});
  check_unpool<3, 2>("default", In<1, 2, 2, 2, 3>{});
  check_unpool<3, 3, padded(std::integral_constant<std::size_t, 3>{})>("stride_padding", In<1, 2, 3, 2, 3>{});
  check_unpool<3, 3, nn::UnpoolSettings<3>{.stride = 1}>("overlapping", In<1, 2, 3, 2, 4>{});
  using test::check_function;
  check_function("max_unpool1d.output_size", nn::max_unpool1d<2, nn::UnpoolSettings<1>{.output_size = 9}>,
                 In<2, 2, 4>{}, Fixed<std::int64_t, 2, 2, 4>{"indices"});
  check_function("max_unpool2d.output_size",
                 nn::max_unpool2d<2, nn::UnpoolSettings<2>{.output_size = {7, 6}}>, In<2, 2, 3, 3>{},
                 Fixed<std::int64_t, 2, 2, 3, 3>{"indices"});
  check_function("max_unpool3d.output_size",
                 nn::max_unpool3d<2, nn::UnpoolSettings<3>{.output_size = {5, 4, 6}}>, In<1, 2, 2, 2, 3>{},
                 Fixed<std::int64_t, 1, 2, 2, 2, 3>{"indices"});
}

namespace {
/// Pools, and puts the maxima back, without knowing the batch.
struct Autoencoder {
  nn::MaxPool2d<2, nn::PoolSettings<2>{.return_indices = true}> pool;
  nn::MaxUnpool2d<2> unpool;
  constexpr auto forward(auto x) const {
    const auto [y, at] = nn::call(pool, x);
    return nn::call(unpool, y, at);
  }
};
} // namespace

TEST_CASE("MaxUnpool puts back what MaxPool has taken, in a batch of any size and without one") {
  Model<Autoencoder> model;
  const Tensor<float, dynamic, 1, 2, 4> x{1, 2, 0, 3, 4, 0, 0, 0, 9, 2, 0, -3, 4, 0, -1, 0};
  const auto y = model(x).value();
  CHECK(std::ranges::equal(y.values(), std::array{0.f, 0.f, 0.f, 3.f, 4.f, 0.f, 0.f, 0.f, //
                                                  9.f, 0.f, 0.f, 0.f, 0.f, 0.f, 0.f, 0.f}));
  const Tensor<float, 1, 2, 4> one{1, 2, 0, 3, 4, 0, 0, 0};
  const auto [values, at] = nn::max_pool2d_with_indices<2>(one);
  CHECK(std::ranges::equal(at.value().values(), std::array<std::int64_t, 2>{4, 3}));
  CHECK(std::ranges::equal(nn::max_unpool2d<2>(values, at).value().values(), std::span(y.values()).first(8)));
}

TEST_CASE("MaxUnpool refuses indices that are not in the result") {
  const Tensor<float, 1, 1, 2> x{1, 2};
  const Tensor<std::int64_t, 1, 1, 2> at{0, 4}, negative{-1, 0};
  CHECK_THAT(thrown<ValueError>([&] { return nn::max_unpool1d<2>(x, at).value(); }),
             contains("max_unpool1d: index 4 at position 1 is out of range, the dimension has 4 elements"));
  CHECK_THAT(thrown<ValueError>([&] { return nn::max_unpool1d<2>(x, negative).value(); }),
             contains("index -1"));
}

namespace {
template<std::size_t D, Index... E>
void check_fractional(const std::string& name, const auto& pool, In<E...> x) {
  const std::string full = "fractional_max_pool" + std::to_string(D) + "d." + name;
  check_function(
      full,
      [&](const auto& input, const auto& samples) {
        const auto [values, indices] = pool(input, samples);
        const auto at = indices.value();
        test::compare<std::int64_t>(full + ".y1", at.values());
        return values;
      },
      x, Fixed<float, 2, 2, D>{"samples"});
}

/// Draws as PyTorch does, three times one after the other, the last time in double.
template<class Layer, Index... E>
void check_drawn(const std::string& name) {
  Model<Layer> model;
  test::compare_text(name, repr(*model));
  Tensor<float, E...> x;
  test::load(name + ".x", x.values());
  Tensor<double, E...> fine;
  std::ranges::copy(x.values(), fine.begin());
  manual_seed(8);
  const auto check = [&](const std::string& draw, const auto& input) {
    const auto [values, indices] = model.eval()(input);
    // One run of both: each run draws.
    const auto start = default_generator();
    const auto y = values.value();
    default_generator() = start;
    const auto at = indices.value();
    test::compare<std::int64_t>(name + ".at" + draw, at.values());
    using T = typename std::remove_cvref_t<decltype(y)>::scalar;
    const auto expected = test::layers()[name + ".y" + draw].template as<float>();
    test::check_close(y.values(), expected, sizeof(T) == 4 ? 0 : 1e-6);
  };
  check("0", x);
  check("1", x);
  check("2", fine);
}
} // namespace

TEST_CASE("fractional pooling agrees with PyTorch, and draws its numbers") {
  using S2 = nn::FractionalPoolSettings<2>;
  using S3 = nn::FractionalPoolSettings<3>;
  const In<2, 2, 9, 8> image;
  const In<2, 2, 6, 7, 8> body;
  check_fractional<2>("size", nn::fractional_max_pool2d_with_indices<2, S2{.output_size = 5}>, image);
  check_fractional<2>(
      "ratio", nn::fractional_max_pool2d_with_indices<Dims<2>{3, 2}, S2{.output_ratio = {0.5, 0.6}}>, image);
  check_fractional<2>("one", nn::fractional_max_pool2d_with_indices<3, S2{.output_size = {1, 4}}>, image);
  check_fractional<2>("nan", nn::fractional_max_pool2d_with_indices<2, S2{.output_size = 4}>, image);
  check_fractional<3>("size", nn::fractional_max_pool3d_with_indices<2, S3{.output_size = 4}>, body);
  check_fractional<3>(
      "ratio", nn::fractional_max_pool3d_with_indices<Dims<3>{3, 2, 2}, S3{.output_ratio = {0.5, 0.6, 0.7}}>,
      body);
  check_fractional<3>("one", nn::fractional_max_pool3d_with_indices<3, S3{.output_size = {1, 4, 3}}>, body);
  check_fractional<3>("nan", nn::fractional_max_pool3d_with_indices<2, S3{.output_size = 4}>, body);
  check_drawn<nn::FractionalMaxPool2d<2, S2{.output_ratio = 0.7, .return_indices = true}>, 2, 2, 9, 8>(
      "FractionalMaxPool2d.drawn");
  check_drawn<nn::FractionalMaxPool3d<2, S3{.output_ratio = 0.7, .return_indices = true}>, 2, 2, 6, 7, 8>(
      "FractionalMaxPool3d.drawn");
}

TEST_CASE("random samples that are no ratios are refused") {
  const Tensor<float, 1, 1, 4, 4> x{};
  const Tensor<float, 1, 1, 2> wrong{0.5f, 1.5f};
  CHECK_THAT(thrown<ValueError>([&] {
               return nn::fractional_max_pool2d<2, nn::FractionalPoolSettings<2>{.output_size = 2}>(x, wrong)
                   .value();
             }),
             contains("fractional_max_pool2d: random sample 1 is 1.5"));
}
