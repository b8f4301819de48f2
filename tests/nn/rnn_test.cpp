// SPDX-License-Identifier: BSL-1.0
#include "stator/nn/rnn.hpp"

#include "nn/layer_law.hpp"

using namespace stator;
using nn::RNNOptions;
using test::check_layer;
using test::Fixed;
using test::In;

namespace {

constexpr RNNOptions everything{.num_layers = 2, .batch_first = true, .bidirectional = true};

/// Everything that PyTorch returns, as one vector.
template<class Net>
struct Flat : Net {
  constexpr auto forward(auto... x) const {
    return std::apply([](const auto&... y) { return cat<0>(flatten<>(y)...); }, Net::states(x...));
  }
};

template<template<Index, Index, RNNOptions, class> class Net>
void check_options(const std::string& name) {
  check_layer<Net<3, 4, RNNOptions{}, float>>(name + ".default", In<5, 2, 3>{});
  check_layer<Net<3, 4, RNNOptions{.num_layers = 2, .batch_first = true}, float>>(name + ".layers",
                                                                                  In<2, 4, 3>{});
  check_layer<Net<3, 2, RNNOptions{.bidirectional = true}, float>>(name + ".bidirectional", In<3, 2, 3>{});
  check_layer<Net<3, 2, RNNOptions{.bias = false}, float>>(name + ".no_bias", In<2, 1, 3>{});
}

} // namespace

TEST_CASE("RNN, LSTM and GRU agree with PyTorch") {
  check_options<nn::RNN>("RNN");
  check_options<nn::LSTM>("LSTM");
  check_options<nn::GRU>("GRU");
  check_layer<nn::RNN<3, 4, RNNOptions{.batch_first = true, .relu = true}>>("RNN.relu", In<2, 3, 3>{});
}

TEST_CASE("an LSTM with proj_size agrees with PyTorch") {
  check_layer<nn::LSTM<3, 4, RNNOptions{.proj_size = 2}>>("LSTM.projected", In<5, 2, 3>{});
  check_layer<nn::LSTM<3, 9, RNNOptions{.bias = false, .batch_first = true, .proj_size = 5}>>(
      "LSTM.projected_no_bias", In<2, 4, 3>{});
  constexpr RNNOptions all{.num_layers = 2, .batch_first = true, .bidirectional = true, .proj_size = 2};
  check_layer<Flat<nn::LSTM<3, 3, all>>>("LSTM.projected_all", In<2, 3, 3>{}, In<4, 2, 2>{"h"},
                                         In<4, 2, 3>{"c"});
}

TEST_CASE("an LSTM with proj_size gives the same with a batch that is known at run time") {
  using Net = nn::LSTM<3, 9, RNNOptions{.bias = false, .batch_first = true, .proj_size = 5}>;
  Model<Net> model;
  Model<Net> other = model;
  Variable<float, 2, 4, 3> x;
  Variable<float, dynamic, 4, 3> y(2);
  for (Index i = 0; i < x.numel(); ++i) x.data()[i] = y.data()[i] = static_cast<float>(i % 7 - 3);
  sum(square(model(x))).backward();
  sum(square(other(y))).backward();
  test::check_close(x.grad().values(), y.grad().values(), 1e-6);
  test::check_close(model.gradient_arena(), other.gradient_arena(), 1e-5);
}

TEST_CASE("all layers, both directions and the states agree with PyTorch") {
  check_layer<Flat<nn::RNN<3, 2, everything>>>("RNN.all", In<2, 3, 3>{}, In<4, 2, 2>{"h"});
  check_layer<Flat<nn::GRU<3, 2, everything>>>("GRU.all", In<2, 3, 3>{}, In<4, 2, 2>{"h"});
  check_layer<Flat<nn::LSTM<3, 2, everything>>>("LSTM.all", In<2, 3, 3>{}, In<4, 2, 2>{"h"},
                                                In<4, 2, 2>{"c"});
}

TEST_CASE("sequences of different lengths give what PyTorch's packed sequences give") {
  const Fixed<std::int64_t, 3> n{"n"};
  check_layer<Flat<nn::GRU<3, 2, everything>>>("GRU.padded", In<3, 4, 3>{}, n, In<4, 3, 2>{"h"});
  check_layer<Flat<nn::LSTM<3, 2, everything>>>("LSTM.padded", In<3, 4, 3>{}, n, In<4, 3, 2>{"h"},
                                                In<4, 3, 2>{"c"});
  check_layer<Flat<nn::RNN<3, 2, RNNOptions{.num_layers = 2, .relu = true}>>>("RNN.padded", In<4, 3, 3>{}, n);
  check_layer<Flat<nn::LSTM<3, 4, RNNOptions{.proj_size = 2}>>>("LSTM.padded_projected", In<4, 3, 3>{}, n);
}

namespace {

constexpr RNNOptions both_ways{.batch_first = true, .bidirectional = true};

struct Tagger {
  nn::LSTM<3, 2, both_ways> lstm;
  constexpr auto forward(auto x, auto n) const {
    using namespace nn::utils::rnn;
    return std::get<0>(pad_packed_sequence<true, -1.0>(lstm(pack_padded_sequence<true>(x, n))));
  }
  constexpr auto operator()(auto&&... x) const { return nn::call(*this, std::forward<decltype(x)>(x)...); }
};

} // namespace

TEST_CASE("a padded sequence is computed as if it were alone, whatever its padding holds") {
  Model<Tagger> model;
  Variable<float, dynamic, 4, 3> x(3);
  Tensor<std::int64_t, dynamic> n(3);
  for (Index i = 0; i < x.numel(); ++i) x.data()[i] = static_cast<float>(i % 7 - 3) / 4;
  const Index lengths[] = {4, 2, 4};
  std::copy_n(lengths, 3, n.data());
  for (Index i = 12 + 6; i < 24; ++i) x.data()[i] = std::numeric_limits<float>::quiet_NaN();
  const auto y = model(x, n).value();
  for (Index i = 16 + 8; i < 32; ++i) CHECK(y.data()[i] == -1);
  sum(square(model(x, n))).backward();
  for (Index i = 12 + 6; i < 24; ++i) CHECK(x.grad().data()[i] == 0);
  for (const float g : model.gradient_arena()) CHECK(std::isfinite(g));

  Model<nn::LSTM<3, 2, both_ways>> alone;
  alone.load_state_dict(model.state_dict(), {.rename = {{"lstm.*", "*"}}});
  Tensor<float, 1, 2, 3> second;
  std::copy_n(x.data() + 12, 6, second.data());
  test::check_close(std::span<const float>(y.data() + 16, 8), alone(second).value().values(), 1e-6);
}

TEST_CASE("a length that no sequence can have is refused by name and number") {
  Model<nn::GRU<3, 2, RNNOptions{.batch_first = true}>> model;
  Tensor<float, 2, 4, 3> x;
  Tensor<std::int64_t, 2> n{4, 5};
  CHECK_THROWS_WITH(model(x, n).value(),
                    Catch::Matchers::Contains("the length of sample 1 is 5, expected 1 to 4"));
  n.data()[1] = 0;
  CHECK_THROWS_WITH(model(x, n).value(),
                    Catch::Matchers::Contains("the length of sample 1 is 0, expected 1 to 4"));
}

TEST_CASE("padding_mask says which steps lie behind the end") {
  const Tensor<std::int64_t, 2> n{1, 3};
  const auto mask = nn::utils::rnn::padding_mask<3>(n).value();
  const bool expected[] = {false, true, true, false, false, false};
  CHECK(std::equal(mask.values().begin(), mask.values().end(), expected));
}

namespace {
struct States {
  nn::LSTM<3, 2, everything> lstm;
  constexpr auto forward(auto a, auto first, auto cells) const {
    const auto [y, last, cell] = lstm.states(a, first, cells);
    return cat<1>(flatten<1>(y), flatten<1>(last), flatten<1>(cell));
  }
  constexpr auto operator()(auto&&... a) const { return nn::call(*this, std::forward<decltype(a)>(a)...); }
};
} // namespace

TEST_CASE("states of a batch that is known at run time begin with the samples") {
  using Net = Flat<nn::LSTM<3, 2, everything>>;
  Model<Net> model;
  Variable<float, 2, 3, 3> x;
  Variable<float, 4, 2, 2> h, c;
  test::load("LSTM.all.x", x.values()), test::load("LSTM.all.h", h.values()),
      test::load("LSTM.all.c", c.values());
  const auto expected = model(x, h, c).value();

  Model<States> dynamic_model;
  dynamic_model.load_state_dict(model.state_dict(), {.rename = {{"*", "lstm.*"}}});
  Variable<float, dynamic, 3, 3> dx(2);
  Variable<float, dynamic, 4, 2> dh(2), dc(2);
  std::copy_n(x.data(), x.numel(), dx.data());
  for (Index n = 0; n < 2; ++n)
    for (Index l = 0; l < 4; ++l)
      for (Index i = 0; i < 2; ++i) {
        dh.data()[(n * 4 + l) * 2 + i] = h.data()[(l * 2 + n) * 2 + i];
        dc.data()[(n * 4 + l) * 2 + i] = c.data()[(l * 2 + n) * 2 + i];
      }
  const auto found = dynamic_model(dx, dh, dc).value();
  REQUIRE(found.numel() == expected.numel());
  // Of each sample: 12 outputs, 8 hidden states, 8 cells.
  for (Index n = 0; n < 2; ++n) {
    for (Index i = 0; i < 12; ++i)
      CHECK(found.data()[n * 28 + i] == Approx(expected.data()[n * 12 + i]).margin(1e-6));
    for (Index l = 0; l < 4; ++l)
      for (Index i = 0; i < 2; ++i) {
        CHECK(found.data()[n * 28 + 12 + l * 2 + i] ==
              Approx(expected.data()[24 + (l * 2 + n) * 2 + i]).margin(1e-6));
        CHECK(found.data()[n * 28 + 20 + l * 2 + i] ==
              Approx(expected.data()[40 + (l * 2 + n) * 2 + i]).margin(1e-6));
      }
  }
}
