// SPDX-License-Identifier: BSL-1.0
// Hooks against PyTorch's: the order of the calls, what each sees, and what becomes of the step.
#include "allocations.hpp"
#include "catch.hpp"
#include "reference/reference.hpp"

#include "stator/hooks/hooked_model.hpp"
#include "stator/model/parameters_to_vector.hpp"
#include "stator/nn/nn.hpp"
#include "stator/ops/ops.hpp"
#include "stator/run/evaluation.hpp"

#include <cmath>

namespace nn = stator::nn;
using stator::dynamic;
using stator::Tensor;

namespace {

struct Encoder {
  nn::Linear<4, 5> fc1;
  nn::Tanh act;
  constexpr auto forward(auto x) const { return x | fc1 | stator::tap<"hidden"> | act; }
};

struct Pair {
  stator::Parameter<float, 5> scale;
  constexpr auto forward(auto a, auto b) const { return std::tuple(a * scale, a * b); }
};

struct Net {
  Encoder encoder;
  Pair pair;
  nn::Linear<5, 3> head;
  constexpr auto forward(auto x) const {
    const auto h = x | encoder;
    const auto [p, q] = nn::call(pair, h, nn::sigmoid(h));
    return p + q | head;
  }
};

const stator::io::Npz& data() { return stator::test::reference("hooks"); }

std::vector<float> floats(const std::string& key) {
  INFO(key);
  REQUIRE(data().contains(key));
  const auto values = data()[key].as<float>();
  return {values.begin(), values.end()};
}

void close(const std::string& key, std::span<const float> found) {
  const std::vector<float> expected = floats(key);
  INFO(key);
  stator::test::check_close(found, expected, 1e-5);
}

/// Compares what hooks see, in the order in which they are called.
struct Witness {
  std::string events{};
  int count = 0;
  void see(const std::string& event) { events += (count++ == 0 ? "" : " ") + event; }
  void check(const std::string& name, const auto& value) const {
    const std::string event = events.substr(events.rfind(' ') + 1);
    close(std::to_string(count - 1) + "." + event + "." + name, value.values());
  }
};

template<stator::Index Batch>
void step_like_pytorch() {
  stator::Model<Net> model;
  for (auto [name, parameter] : model.named_parameters()) {
    const auto from = floats(std::string(name));
    std::copy(from.begin(), from.end(), parameter.template values<float>().begin());
  }
  auto x = [] {
    if constexpr (Batch == dynamic)
      return Tensor<float, dynamic, 4>(6);
    else
      return Tensor<float, Batch, 4>();
  }();
  auto t = [] {
    if constexpr (Batch == dynamic)
      return Tensor<std::int64_t, dynamic>(6);
    else
      return Tensor<std::int64_t, Batch>();
  }();
  const auto from = floats("x");
  std::copy(from.begin(), from.end(), x.begin());
  const auto labels = data()["t"].template as<std::int64_t>();
  std::copy(labels.begin(), labels.end(), t.begin());

  Witness w;
  // clang-format off
  const auto watched = model.with(
      stator::forward_pre_hook<"head">([&](const auto&, auto in) { w.see("head.pre"); w.check("input", in); }),
      stator::forward_pre_hook<"head">(stator::traced([](const auto&, auto in) { return in * 0.5f; })),
      stator::forward_pre_hook<"head">([&](const auto&, auto in) { w.see("head.pre.after"); w.check("input", in); }),
      stator::forward_hook<"encoder">([&](const auto&, auto in, auto out) { w.see("encoder"); w.check("input", in); w.check("output", out); }),
      stator::forward_hook<"encoder">(stator::traced([](const auto&, auto, auto out) { return out * 2.f; })),
      stator::forward_hook<"encoder">(stator::traced([](const auto&, auto, auto out) { return out + 1.f; })),
      stator::forward_hook<"encoder.fc1">([&](const nn::Linear<4, 5>& fc1, auto in, auto out) {
        CHECK(fc1.weight.data() == model.get<"encoder.fc1.weight">().data());
        w.see("fc1"); w.check("input", in); w.check("output", out);
      }),
      stator::forward_hook<"pair">([&](const auto&, auto in, auto out) {
        w.see("pair");
        w.check("in0", std::get<0>(in)); w.check("in1", std::get<1>(in));
        w.check("out0", std::get<0>(out)); w.check("out1", std::get<1>(out));
      }),
      stator::forward_hook<"encoder.hidden">([&](auto value) { w.see("hidden"); w.check("value", value); }),
      stator::tensor_hook<"encoder.hidden">([&](auto grad) { w.see("hidden.grad"); w.check("grad", grad); }),
      stator::tensor_hook<"encoder.hidden">([](auto grad) {
        Tensor<float, Batch, 5> three(grad);
        for (float& v : three) v *= 3;
        return three;
      }),
      stator::tensor_hook<"encoder.hidden">([&](auto grad) { w.see("hidden.grad.after"); w.check("grad", grad); }),
      stator::full_backward_hook<"encoder.fc1">([&](const auto&, stator::NoGradient, auto grad) { w.see("fc1.backward"); w.check("grad_output", grad); }),
      stator::full_backward_hook<"pair">([&](const auto&, auto in, auto out) {
        w.see("pair.backward");
        w.check("in0", std::get<0>(in)); w.check("in1", std::get<1>(in));
        w.check("out0", std::get<0>(out)); w.check("out1", std::get<1>(out));
      }),
      stator::full_backward_hook<"pair">(stator::traced([](const auto&, auto in, auto) { return std::tuple(std::get<0>(in) * 0.5f, stator::no_gradient); })),
      stator::full_backward_hook<"head">([&](const auto&, auto in, auto out) {
        w.see("head.backward"); w.check("grad_input", in); w.check("grad_output", out);
        return in + 0.25f;
      }),
      stator::full_backward_hook<"head">([&](const auto&, auto in, auto out) { w.see("head.backward.after"); w.check("grad_input", in); w.check("grad_output", out); }));
  // clang-format on

  const auto loss = nn::cross_entropy(watched(x), t);
  loss.backward();
  const auto bytes = data()["events"].template as<std::uint8_t>();
  CHECK(w.events == std::string(bytes.begin(), bytes.end()));
  CHECK(std::abs(loss.item() - floats("loss")[0]) <= 1e-5f * floats("loss")[0]);
  for (auto [name, parameter] : model.named_parameters())
    close("grad." + std::string(name), parameter.template grad<float>());
}

} // namespace

TEST_CASE("hooks see and do what PyTorch's do, in its order") { step_like_pytorch<6>(); }
TEST_CASE("the same with a batch that is known when the program runs") { step_like_pytorch<dynamic>(); }

namespace {
struct Twice {
  nn::Linear<3, 3> fc;
  nn::Tanh act;
  constexpr auto forward(auto x) const { return x | fc | act | fc | act; }
};
struct Tied {
  nn::Linear<3, 3> first, second;
  using ties = stator::ties<stator::tie<"second", "first">>;
  constexpr auto forward(auto x) const { return x | first | second; }
};
} // namespace

TEST_CASE("a hook is called for each call of its module, under any of its names") {
  Tensor<float, 2, 3> x{1, 2, 3, 4, 5, 6};
  int calls = 0, all = 0;
  const auto count = [&](const auto&, auto, auto) { ++calls; };
  stator::Model<Twice> twice;
  twice
      .with(stator::forward_hook<"fc">(count),
            stator::forward_hook<"*">([&](const auto&, auto, auto) { ++all; }))(x)
      .value();
  CHECK(calls == 2);
  CHECK(all == 5); // the network, fc and act twice
  calls = 0;
  stator::Model<Tied> tied;
  tied.with(stator::forward_hook<"second">(count))(x).value();
  CHECK(calls == 2);
}

TEST_CASE("a model in evaluation has hooks as well, and the model itself stays without") {
  Tensor<float, 2, 3> x{1, 2, 3, 4, 5, 6};
  stator::Model<Twice> model;
  int calls = 0;
  const auto hooked =
      model.eval()
          .with(stator::forward_hook<"">([&](const auto&, auto in, auto) {
            ++calls;
            CHECK(in.data() == x.data());
          }))
          .with(stator::forward_hook<"">(stator::traced([](const auto&, auto, auto y) { return -y; })));
  const auto y = hooked(x).value(), plain = model.eval()(x).value();
  CHECK(calls == 1);
  for (std::size_t i = 0; i < 6; ++i) CHECK(y.values()[i] == -plain.values()[i]);
}

TEST_CASE("a traced hook may use the parameters of its module") {
  Tensor<float, 2, 3> x{1, 2, 3, 4, 5, 6};
  stator::Model<Twice> model;
  const auto hooked = model.with(
      stator::forward_hook<"fc">(stator::traced([](const auto& fc, auto, auto y) { return y - fc.bias; })));
  sum(hooked(x)).backward();
  for (const float g : model.get<"fc.bias">().grad().values()) CHECK(g == 0);
}

TEST_CASE("expressions have hooks on their gradients, and keep them") {
  stator::Variable<double, 2, 2> a{1, 2, 3, 4};
  Tensor<double, 2, 2> kept;
  std::vector<double> seen;
  const auto c = stator::retain_grad(stator::register_hook(a * a,
                                                           [&](auto g) {
                                                             seen.assign(g.begin(), g.end());
                                                             return g * 2.0;
                                                           }),
                                     kept);
  sum(c * 5.0).backward();
  CHECK(seen == std::vector<double>{5, 5, 5, 5});
  CHECK(std::vector<double>(kept.begin(), kept.end()) == seen);
  for (std::size_t i = 0; i < 4; ++i) CHECK(a.grad().values()[i] == 20 * a.values()[i]);
}

TEST_CASE("retain_grad follows a batch that changes") {
  stator::Model<Twice> model;
  Tensor<float, dynamic, 3> kept(0);
  const auto hooked = model.with(stator::retain_grad<"fc">(kept));
  for (const stator::Index batch : {4, 2}) {
    Tensor<float, dynamic, 3> x(batch);
    x.fill_(1);
    sum(hooked(x)).backward();
    CHECK(kept.size(0) == batch);
  }
}

TEST_CASE("a step with hooks allocates nothing after the first") {
  if (!stator::test::allocations_are_counted()) return;
  Tensor<float, 2, 3> x{1, 2, 3, 4, 5, 6};
  Tensor<float, 2, 3> kept;
  stator::Model<Twice> model;
  float total = 0;
  const auto step = [&] {
    const auto hooked =
        model.with(stator::forward_hook<"fc">([&](const auto&, auto, auto y) { total += y(0, 0); }),
                   stator::retain_grad<"act">(kept));
    sum(hooked(x)).backward();
  };
  step();
  const std::size_t before = stator::test::allocations();
  step();
  CHECK(stator::test::allocations() == before);
}

TEST_CASE("a hook that returns a gradient of another batch is an error") {
  stator::Variable<float, dynamic, 2> a(3);
  const auto wrong = stator::register_hook(a, [](auto) { return Tensor<float, dynamic, 2>(1); });
  CHECK_THROWS_AS(sum(wrong).backward(), stator::ShapeError);
}

TEST_CASE("gradients with respect to parameters, modules, taps and inputs of a network with hooks") {
  stator::Model<Encoder> model;
  stator::Variable<float, 2, 4> x{1, 2, 3, 4, -1, 2, -3, 1};
  int calls = 0;
  const auto watched = model.with(stator::forward_hook<"fc1">([&](auto&&...) { ++calls; }));
  const auto doubled =
      model.with(stator::forward_hook<"">(stator::traced([](const auto&, auto, auto y) { return y * 2; })));
  const auto gradients = [&x](const auto& called, float scale) {
    const auto loss = stator::sum(called(x));
    std::vector<float> all;
    const auto add = [&](const auto& gradient) {
      const auto value = gradient.value();
      for (const float v : value.values()) all.push_back(v * scale);
    };
    add(stator::grad<"fc1.weight">(loss));
    const auto [fc1, hidden] = stator::grad<"fc1", "hidden">(loss);
    add(fc1), add(hidden);
    return all;
  };
  const auto expected = gradients(model, 1);
  REQUIRE(expected.size() == 40);
  stator::test::check_close(std::span<const float>(gradients(watched, 1)), expected, 1e-7);
  CHECK(calls > 0);
  stator::test::check_close(std::span<const float>(gradients(doubled, 0.5F)), expected, 1e-6);
}
