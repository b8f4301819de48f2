// SPDX-License-Identifier: BSL-1.0
// Training networks whose parameters are stored in 16 bits: gradients, optimisers, master weights, files.
#include "stator/stator.hpp"

#include "catch.hpp"
#include "files.hpp"

#include "stator/io/checkpoint.hpp"
#include "stator/model/read_only_model.hpp"

using namespace stator;
using stator::test::contains;

namespace {

template<class T>
struct Net {
  nn::Linear<4, 10, {}, T> fc1;
  nn::Linear<10, 3, {}, T> fc2;
  constexpr auto forward(auto x) const { return x | fc1 | nn::tanh | fc2; }
};
using Brain = Net<bfloat16>;

// Half the bytes of float in the arena of parameters, each tensor at a multiple of 64; gradients are floats.
static_assert(Model<Brain>::parameter_bytes == 128 + 64 + 64 + 64);
static_assert(Model<Brain>::gradient_bytes == 2 * Model<Brain>::parameter_bytes);
static_assert(sizeof(Model<Brain>::scalar) * static_cast<std::size_t>(Model<Brain>::parameter_count) == 166);
static_assert(std::is_same_v<Model<Brain>::gradient_scalar, float>);
static_assert(Model<nn::Linear<128, 64, {}, float16>>::parameter_bytes * 2 ==
              Model<nn::Linear<128, 64>>::parameter_bytes);

const Tensor<float, 5, 4> inputs = [] {
  Tensor<float, 5, 4> x;
  for (std::size_t i = 0; i < 20; ++i) x.values()[i] = static_cast<float>(i % 7) / 4 - 0.6F;
  return x;
}();
const Tensor<std::int64_t, 5> labels{0, 2, 1, 1, 0};

void backward(const auto& model) { nn::cross_entropy(model(inputs), labels).backward(); }

/// Every parameter as floats.
template<class M>
std::vector<float> floats(const M& model) {
  const auto values = model.parameter_arena();
  return {values.begin(), values.end()};
}
template<class T>
std::vector<float> rounded(std::vector<float> values) {
  for (float& v : values) v = T(v);
  return values;
}
/// The places of a model's elements in another's arena differ with their size: by name.
template<class From, class To>
void copy_parameters(const From& from, To& to) {
  to.load_state_dict(from.state_dict(), {.allow_lossy = true});
}

/// `steps` steps of an optimiser on a network of 16 bits, and the same simulated with one of float whose
/// parameters are rounded after each step: equal bit by bit.
template<class T, class Make>
void check_steps(const Make& make) {
  manual_seed(3);
  Model<Net<T>> half;
  Model<Net<float>> wide;
  copy_parameters(half, wide);
  auto optimizer = make(half);
  auto simulated = make(wide);
  for (int step = 0; step < 50; ++step) {
    for (const auto& m : {0, 1}) {
      if (m == 0) {
        optimizer.zero_grad();
        backward(half);
        optimizer.step();
      } else {
        simulated.zero_grad();
        backward(wide);
        simulated.step();
        for (const auto& [name, p] : wide.named_parameters())
          for (float& v : p.template values<float>()) v = T(v);
      }
    }
  }
  Model<Net<float>> found;
  copy_parameters(half, found);
  CHECK(floats(found) == floats(wide));
  CHECK(floats(half) == rounded<T>(floats(half)));
}

} // namespace

TEST_CASE("gradients of parameters of 16 bits are those of a network of float with the rounded weights") {
  manual_seed(1);
  Model<Brain> half;
  Model<Net<float>> wide;
  copy_parameters(half, wide);
  CHECK(std::ranges::equal(half(inputs).value().values(), wide(inputs).value().values()));
  for (int accumulated = 0; accumulated < 2; ++accumulated) {
    backward(half);
    backward(wide);
    for (const auto& [name, p] : half.named_parameters()) {
      INFO(name);
      CHECK(std::ranges::equal(p.grad<float>(), wide.get_parameter(name).template grad<float>()));
      CHECK(p.has_grad());
      CHECK(p.dtype() == DType::bfloat16);
    }
  }
  CHECK(std::ranges::equal(half->fc1.weight.grad().values(), wide->fc1.weight.grad().values()));
  CHECK(test::thrown<ValueError>([&] { (void)half.get_parameter("fc1.bias").grad<bfloat16>(); }) ==
        "stator: fc1.bias holds float32, not bfloat16");
  half.zero_grad();
  CHECK_FALSE(half->fc1.weight.has_grad());
}

TEST_CASE("the gradient of a bfloat16 layer agrees with finite differences of its widened weights") {
  manual_seed(2);
  Model<Brain> half;
  Model<Net<double>> wide;
  half.load_state_dict(half.state_dict());
  wide.load_state_dict(half.state_dict());
  backward(half);
  Tensor<double, 5, 4> x;
  std::ranges::copy(inputs.values(), x.begin());
  const auto loss = [&] { return nn::cross_entropy(wide.eval()(x), labels).item(); };
  for (std::size_t i = 0; i < 40; i += 7) {
    double& w = wide->fc1.weight.values()[i];
    const double before = w;
    w = before + 1e-5;
    const double above = loss();
    w = before - 1e-5;
    const double below = loss();
    w = before;
    CHECK(static_cast<double>(half->fc1.weight.grad().values()[i]) ==
          Approx((above - below) / 2e-5).epsilon(1e-4).margin(1e-6));
  }
}

TEST_CASE("fifty steps of each optimiser are those of float, rounded after each step") {
  check_steps<bfloat16>([](auto& m) { return optim::SGD{m, {.lr = 0.5}}; });
  check_steps<bfloat16>([](auto& m) { return optim::SGD{m, {.lr = 0.1, .momentum = 0.9}}; });
  check_steps<bfloat16>([](auto& m) { return optim::Adam{m, {.lr = 0.02}}; });
  check_steps<float16>([](auto& m) { return optim::AdamW{m, {.lr = 0.02}}; });
  check_steps<float16>([](auto& m) { return optim::Adafactor{m, {.lr = 0.02}}; });
}

TEST_CASE("with master weights the steps are those of float, of which parameters are the rounded values") {
  manual_seed(4);
  Model<Brain> half;
  Model<Net<float>> wide;
  copy_parameters(half, wide);
  optim::Adam optimizer{half, {.lr = 1e-5}};
  optim::Adam plain{wide, {.lr = 1e-5}};
  optimizer.use_master_weights();
  const std::vector<float> before = floats(half);
  for (int step = 0; step < 100; ++step) {
    optimizer.zero_grad();
    backward(half);
    plain.zero_grad();
    // Gradients of the rounded weights.
    Model<Net<float>> now;
    copy_parameters(half, now);
    backward(now);
    std::ranges::copy(now.gradient_arena(), wide.gradient_arena().begin());
    optimizer.step();
    plain.step();
  }
  for (std::size_t i = 0; i < Model<Brain>::parameter_table.size(); ++i) {
    const auto& [name, p] =
        *std::ranges::next(wide.named_parameters().begin(), static_cast<std::ptrdiff_t>(i));
    INFO(name);
    const auto master = optimizer.master_weights(i);
    CHECK(std::ranges::equal(
        master, wide.get_parameter(Model<Brain>::parameter_table[i].name).template values<float>()));
    const auto values = half.get_parameter(Model<Brain>::parameter_table[i].name).template values<bfloat16>();
    CHECK(std::ranges::equal(values, master, [](bfloat16 a, float b) { return a.bits == bfloat16(b).bits; }));
  }
  CHECK(floats(half) != before); // what 100 steps of 1e-5 add up to shows

  // Without, each step is less than a bfloat16 near 1 can show, and is lost.
  nn::init::ones_(half->fc1.weight);
  optim::Adam lost{half, {.lr = 1e-5}};
  for (int step = 0; step < 20; ++step) {
    lost.zero_grad();
    backward(half);
    lost.step();
  }
  CHECK(std::ranges::all_of(half->fc1.weight.values(), [](bfloat16 w) { return w == 1.0F; }));
}

TEST_CASE("a parameter that is written between steps goes on from there, master weights or not") {
  Model<Brain> model;
  optim::SGD optimizer{model, {.lr = 0}};
  optimizer.use_master_weights();
  backward(model);
  optimizer.step();
  nn::init::constant_(model->fc2.weight, 0.5);
  optimizer.step();
  CHECK(std::ranges::all_of(model->fc2.weight.values(), [](bfloat16 w) { return w == 0.5F; }));
  CHECK(std::ranges::all_of(optimizer.master_weights(2), [](float w) { return w == 0.5F; }));
}

TEST_CASE("training in 16 bits that is resumed goes on bit for bit") {
  const test::TemporaryDirectory directory;
  const std::string path = directory / "run.safetensors";
  const auto train = [](auto& model, auto& optimizer, int steps) {
    for (int i = 0; i < steps; ++i) {
      optimizer.zero_grad();
      backward(model);
      optimizer.step();
    }
  };
  for (const bool master : {false, true}) {
    manual_seed(5);
    Model<Brain> model;
    optim::AdamW optimizer{model, {.lr = 1e-3}};
    if (master) optimizer.use_master_weights();
    train(model, optimizer, 5);
    Checkpoint().add("model", model).add("optimizer", optimizer).save(path);
    train(model, optimizer, 5);

    Model<Brain> other;
    optim::AdamW resumed{other, {.lr = 1e-3}};
    Checkpoint().add("model", other).add("optimizer", resumed).load(path);
    CHECK(resumed.has_master_weights() == master);
    train(other, resumed, 5);
    CHECK(floats(other) == floats(model));
    CHECK(std::ranges::equal(resumed.master_weights(), optimizer.master_weights()));
  }
}

TEST_CASE("files keep 16-bit parameters as they are") {
  const test::TemporaryDirectory directory;
  manual_seed(6);
  Model<Brain> brain;
  Model<Net<float16>> half;
  const auto bytes_equal = [](const auto& a, const auto& b) {
    return std::ranges::equal(std::as_bytes(a.parameter_arena()), std::as_bytes(b.parameter_arena()));
  };
  save(brain, directory / "brain.safetensors");
  save(half, directory / "half.safetensors");
  save(half, directory / "half.npz");
  Model<Brain> brain_again;
  Model<Net<float16>> half_again, half_npz;
  load(brain_again, directory / "brain.safetensors");
  load(half_again, directory / "half.safetensors");
  load(half_npz, directory / "half.npz");
  CHECK(bytes_equal(brain, brain_again));
  CHECK(bytes_equal(half, half_again));
  CHECK(bytes_equal(half, half_npz));

  // Into float without loss; from float only when asked, as everywhere.
  Model<Net<float>> wide;
  load(wide, directory / "brain.safetensors");
  CHECK(wide->fc1.weight(0, 0) == brain->fc1.weight(0, 0));
  save(wide, directory / "wide.npz");
  CHECK_THAT(
      test::thrown<StateDictError>([&] { load(brain, directory / "wide.npz"); }),
      contains("dtype mismatch for fc1.weight: copying a param with dtype F32 from checkpoint, the dtype in "
               "current model is BF16, allow_lossy is needed to convert."));
  load(brain_again, directory / "wide.npz", {.allow_lossy = true});
  CHECK(bytes_equal(brain, brain_again));
  CHECK(test::thrown<ValueError>([&] { save(brain, directory / "brain.npz"); }) ==
        "stator: save: .npz files do not hold BF16, NumPy has no bfloat16: {.dtype = StorageType::F32} "
        "stores its "
        "values as floats");
}

TEST_CASE("a network of 16 bits is prepared for inference, with the outputs of the model") {
  manual_seed(7);
  Model<Brain> model;
  const auto session = optimize_for_inference<Tensor<float, 5, 4>>(model.eval());
  CHECK(std::ranges::equal(session(inputs).value().values(), model.eval()(inputs).value().values()));
  CHECK(std::ranges::equal(
      ReadOnlyModel<Brain>{{std::as_bytes(model.parameter_arena())}}(inputs).value().values(),
      model.eval()(inputs).value().values()));
  Model<Brain> copy = model;
  CHECK(std::ranges::equal(copy(inputs).value().values(), model(inputs).value().values()));
  constexpr auto table = summary<Brain>(Shape<5, 4>{});
  static_assert(table.total().bytes == 2 * 83 && table["fc1"].bytes == 100);
}

TEST_CASE("parameters and tensors of 16 bits are operands outside of networks") {
  Model<Brain> model;
  nn::init::constant_(model->fc2.bias, 1.5);
  const auto y = sum(square(model->fc2.bias * 2));
  CHECK(y.item() == 27);
  y.backward();
  CHECK(model->fc2.bias.grad()(1) == 12);
  const auto g = grad(sum(square(model->fc2.bias)), model->fc2.bias).value();
  static_assert(std::is_same_v<std::remove_cvref_t<decltype(g)>, Tensor<float, 3>>);
  CHECK(g(2) == 3);

  const Tensor<float, 3> x{1.0009765F, -3, 0.1F};
  const auto small = to<bfloat16>(x).value();
  static_assert(std::is_same_v<std::remove_cvref_t<decltype(small)>, Tensor<bfloat16, 3>>);
  CHECK(small(0) == 1);
  CHECK(small(2).bits == bfloat16(0.1F).bits);
  CHECK((small + 1).value()(1) == -2);
  CHECK(exp(to<float16>(x)).value()(0) == std::exp(1.0009766F));
  Variable<float, 3> v{1.2F, 2, 3};
  sum(square(to<bfloat16>(v))).backward();
  CHECK(v.grad()(0) == 2 * static_cast<float>(bfloat16(1.2F)));
  Variable<bfloat16, 2> w{bfloat16(2), bfloat16(3)};
  sum(w * w * w).backward();
  CHECK(w.grad()(1) == 27);
}

TEST_CASE("clipping and schedulers see gradients of float") {
  Model<Brain> model;
  backward(model);
  optim::clip_grad_norm_(model, 0.01);
  double squares = 0;
  for (const float g : model.gradient_arena()) squares += static_cast<double>(g) * static_cast<double>(g);
  CHECK(std::sqrt(squares) == Approx(0.01).epsilon(1e-4));
}

namespace {

/// Shared weights in 16 bits, one part frozen, large enough that zero_grad() leaves gradients to backward().
struct Tied {
  nn::Embedding<96, 64, {}, bfloat16> wte;
  nn::Linear<64, 64, {}, bfloat16> fc;
  nn::Linear<64, 96, nn::LinearOptions{.bias = false}, bfloat16> head;
  using ties = stator::ties<tie<"head.weight", "wte.weight">>;
  constexpr auto forward(auto x) const { return x | wte | fc | nn::tanh | head; }
};
struct TiedWide {
  nn::Embedding<96, 64> wte;
  nn::Linear<64, 64> fc;
  nn::Linear<64, 96, nn::LinearOptions{.bias = false}> head;
  using ties = stator::ties<tie<"head.weight", "wte.weight">>;
  constexpr auto forward(auto x) const { return x | wte | fc | nn::tanh | head; }
};

} // namespace

TEST_CASE("shared, frozen and large parameters of 16 bits get the gradients of float") {
  manual_seed(8);
  Model<Tied, freeze<"fc.bias">> half;
  Model<TiedWide, freeze<"fc.bias">> wide;
  static_assert(decltype(half)::gradient_bytes == (96 * 64 + 64 * 64) * sizeof(float));
  static_assert(decltype(half)::parameter_bytes == (96 * 64 + 64 * 64 + 64) * sizeof(bfloat16));
  wide.load_state_dict(half.state_dict());
  const Tensor<std::int64_t, 6> words{3, 95, 0, 3, 17, 42}, next{1, 2, 3, 4, 5, 6};
  for (int step = 0; step < 3; ++step) {
    half.zero_grad();
    wide.zero_grad();
    nn::cross_entropy(half(words), next).backward();
    nn::cross_entropy(wide(words), next).backward();
  }
  for (const char* name : {"wte.weight", "fc.weight"}) {
    INFO(name);
    CHECK(std::ranges::equal(half.get_parameter(name).grad<float>(), wide.get_parameter(name).grad<float>()));
  }
  CHECK_FALSE(half.get_parameter("fc.bias").requires_grad());
  const auto [g, h] = values(grad<"wte.weight", "fc.weight">(nn::cross_entropy(half(words), next)));
  CHECK(std::ranges::equal(g.values(), wide->wte.weight.grad().values()));
  CHECK(std::ranges::equal(h.values(), wide->fc.weight.grad().values()));
  CHECK(half.state_dict()["head.weight"].type == StorageType::BF16);
}

TEST_CASE("inputs of 16 bits are computed with as floats, with any batch") {
  manual_seed(9);
  Model<Brain> model;
  Tensor<bfloat16, dynamic, 4> x(3);
  Tensor<float, dynamic, 4> wide(3);
  for (std::size_t i = 0; i < 12; ++i)
    wide.values()[i] = x.values()[i] = bfloat16(0.3F * static_cast<float>(i) - 1);
  const auto y = model(x).value();
  static_assert(std::is_same_v<std::remove_cvref_t<decltype(y)>, Tensor<float, dynamic, 3>>);
  CHECK(std::ranges::equal(y.values(), model(wide).value().values()));
  const auto session = optimize_for_inference<Tensor<bfloat16, dynamic, 4>>(model.eval());
  CHECK(std::ranges::equal(session(x).value().values(), y.values()));
}

TEST_CASE("second derivatives reach parameters of 16 bits") {
  Variable<float16, 2> x{float16(1.5), float16(-2)};
  sum(square(grad(sum(x * x * x), x))).backward(); // (3 x^2)^2, whose derivative is 36 x^3
  CHECK(x.grad()(0) == 36 * 1.5F * 1.5F * 1.5F);
  CHECK(x.grad()(1) == 36 * -8);
}

TEST_CASE("arrays that several threads convert are converted whole") {
  const Index n = (Index{1} << 19) + 1234;
  std::vector<float> from(static_cast<std::size_t>(n)), to(from.size());
  for (std::size_t i = 0; i < from.size(); ++i) from[i] = static_cast<float>(i % 251) - 100;
  std::vector<bfloat16> half(from.size());
  kernel::narrow(half.data(), from.data(), n);
  kernel::widen(to.data(), half.data(), n);
  CHECK(to == from);
}

namespace {

template<class T, Index In, Index Out, bool Bias>
struct OneRow {
  nn::Linear<In, Out, nn::LinearOptions{.bias = Bias}, T> fc;
  constexpr auto forward(auto x) const { return x | fc; }
};

template<class T, Index In, Index Out, bool Bias>
void check_one_row() {
  CAPTURE(In, Out);
  manual_seed(10);
  Model<OneRow<T, In, Out, Bias>> half;
  Model<OneRow<float, In, Out, Bias>> wide;
  wide.load_state_dict(half.state_dict());
  Variable<float, 1, In> x, again;
  for (std::size_t i = 0; i < static_cast<std::size_t>(In); ++i)
    again.values()[i] = x.values()[i] = std::sin(static_cast<float>(i));
  CHECK(std::ranges::equal(half(x).value().values(), wide(x).value().values()));
  CHECK(half(x).grad_fn() == wide(x).grad_fn());
  sum(square(half(x))).backward();
  sum(square(wide(again))).backward();
  CHECK(std::ranges::equal(x.grad().values(), again.grad().values()));
  CHECK(std::ranges::equal(half->fc.weight.grad().values(), wide->fc.weight.grad().values()));
  if constexpr (Bias) CHECK(std::ranges::equal(half->fc.bias.grad().values(), wide->fc.bias.grad().values()));
  using X = Tensor<float, 1, In>;
  const auto session = optimize_for_inference<X>(half.eval());
  CHECK(std::ranges::equal(session(x).value().values(), wide(x).value().values()));
  // The weight stays in 16 bits, and needs no memory to become floats in.
  constexpr auto weight = static_cast<std::size_t>(In * Out * 2);
  STATIC_REQUIRE(decltype(session)::prepared_bytes < weight + weight / 8 + 128);
  STATIC_REQUIRE(decltype(session)::workspace_bytes <= sizeof(float) * Out + 64);
}

} // namespace

TEST_CASE("one row is multiplied with a weight of 16 bits as it lies, with the bits of float") {
  check_one_row<bfloat16, 128, 64, true>();
  check_one_row<float16, 100, 131, true>();
  check_one_row<bfloat16, 65, 127, false>();
}
