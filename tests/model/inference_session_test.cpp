// SPDX-License-Identifier: BSL-1.0
// Prepared inference: outputs of the model bit by bit, or to rounding where something was folded.
#include "allocations.hpp"
#include "compare.hpp"
#include "stator/model/read_only_model.hpp"
#include "stator/stator.hpp"

#include <cmath>
#include <optional>
#include <thread>
#include <vector>

using namespace stator;
using namespace stator::test;

namespace {

constexpr InferenceOptions unfolded{.fold = false};

/// Numbers without a pattern, positive where they are variances.
template<class M>
void fill(M& model) {
  float k = 0;
  for_each_parameter(model, [&](auto, auto& p) {
    for (auto& x : p) x = static_cast<std::remove_reference_t<decltype(x)>>(0.4F * std::sin(k += 0.7F));
  });
  for (auto [name, buffer] : model.named_buffers()) {
    if (buffer.dtype() == DType::int64) continue;
    const bool is_variance = name.ends_with("var");
    const auto write = [&](auto* x) {
      for (Index i = 0; i < buffer.numel(); ++i)
        x[i] = static_cast<std::remove_reference_t<decltype(*x)>>(is_variance ? 1.5F + std::sin(k += 0.3F)
                                                                              : std::sin(k += 0.3F));
    };
    if (buffer.dtype() == DType::float64)
      write(reinterpret_cast<double*>(buffer.raw()));
    else
      write(reinterpret_cast<float*>(buffer.raw()));
  }
}
template<class X>
X input(Index batch = 3) {
  X x = [&] {
    if constexpr (X::shape_type::is_dynamic)
      return X(batch);
    else
      return X();
  }();
  int i = 0;
  for (auto& e : x) {
    ++i;
    if constexpr (std::is_floating_point_v<typename X::scalar>)
      e = static_cast<typename X::scalar>(std::cos(0.37 * i));
    else
      e = static_cast<typename X::scalar>(i % 7);
  }
  return x;
}

template<class Net, class X>
void is_equal(Index batch = 3) {
  Model<Net> model;
  fill(model);
  const X x = input<X>(batch);
  const auto expected = model.eval()(x).value();
  CHECK(doubles(optimize_for_inference<unfolded, X>(model.eval())(x).value()) == doubles(expected));
}
/// Nothing is folded: the outputs are equal with folding too.
template<class Net, class X>
void has_nothing_to_fold(Index batch = 3) {
  Model<Net> model;
  fill(model);
  const X x = input<X>(batch);
  CHECK(doubles(optimize_for_inference<X>(model.eval())(x).value()) == doubles(model.eval()(x).value()));
}
/// Whether a network's outputs are means of so much that other rounding inside need not show in them.
template<class Net>
inline constexpr bool averages = false;
template<class Net, class X, InferenceOptions Options = InferenceOptions{}>
void is_close(double bound = 1e-5) {
  Model<Net> model;
  fill(model);
  const X x = input<X>();
  const auto expected = doubles(model.eval()(x).value());
  const auto found = doubles(optimize_for_inference<Options, X>(model.eval())(x).value());
  CHECK(worst(found, expected, {.relative_to = largest(expected, 1)}).error < bound);
  if constexpr (!averages<Net>) CHECK(found != expected); // something was folded
}
/// F(2x2, 3x3) is what may make a difference: where models compute by it, too, there is none.
template<class Net, class X, InferenceOptions Options>
void is_winograd() {
  if constexpr (kernel::winograd_by_default) {
    Model<Net> model;
    fill(model);
    const X x = input<X>();
    CHECK(doubles(optimize_for_inference<Options, X>(model.eval())(x).value()) ==
          doubles(model.eval()(x).value()));
  } else {
    is_close<Net, X, Options>();
  }
}

struct Mlp {
  nn::Linear<24, 32> fc1;
  nn::Linear<32, 10> fc2;
  constexpr auto forward(auto x) const { return x | fc1 | nn::relu | nn::dropout<0.5> | fc2; }
};
struct DoubleMlp {
  nn::Linear<24, 40, nn::LinearOptions{}, double> fc1;
  nn::BatchNorm1d<40, nn::BatchNormOptions{}, double> bn;
  nn::Dropout<0.3> dropout;
  constexpr auto forward(auto x) const { return x | fc1 | bn | nn::tanh | dropout; }
};
struct Cnn {
  nn::Conv2d<1, 8, 3> conv1;
  nn::Conv2d<8, 16, 3, {.stride = 2, .padding = 1, .bias = false}> conv2;
  nn::Linear<16 * 2 * 2, 10> fc;
  constexpr auto forward(auto x) const {
    return x | conv1 | nn::relu | conv2 | nn::tanh | nn::max_pool2d<2> | flatten<1> | fc;
  }
};
/// So many weights for so few pixels that the kernel reads them in another order.
struct SmallPlane {
  nn::Conv2d<64, 128, 3, {.padding = 1}> conv;
  constexpr auto forward(auto x) const { return x | conv; }
};

template<class Conv, class Norm>
struct Normed {
  Conv conv;
  Norm bn;
  constexpr auto forward(auto x) const { return nn::relu(x | conv | bn); }
};
using LinearNormed = Normed<nn::Linear<24, 16>, nn::BatchNorm1d<16>>;
using LinearWithoutBias = Normed<nn::Linear<24, 16, {.bias = false}>, nn::BatchNorm1d<16>>;
using Conv1dNormed = Normed<nn::Conv1d<3, 8, 3>, nn::BatchNorm1d<8>>;
using Conv2dNormed = Normed<nn::Conv2d<3, 8, 3, {.bias = false}>, nn::BatchNorm2d<8>>;
using Grouped = Normed<nn::Conv2d<6, 12, 3, {.groups = 3}>, nn::BatchNorm2d<12>>;
using Depthwise = Normed<nn::Conv2d<6, 6, 3, {.padding = 1, .groups = 6, .bias = false}>,
                         nn::BatchNorm2d<6, nn::BatchNormOptions{.affine = false}>>;

using Upsampled = Normed<nn::ConvTranspose2d<6, 4, 3, {.stride = 2, .padding = 1, .output_padding = 1}>,
                         nn::BatchNorm2d<4>>;
using UpsampledInGroups =
    Normed<nn::ConvTranspose2d<6, 4, 3, {.stride = 2, .groups = 2, .bias = false}>, nn::BatchNorm2d<4>>;

/// BatchNorm takes the second dimension, not the features of the layer: nothing to fold.
struct NormOfRows {
  nn::Linear<8, 8> fc;
  nn::BatchNorm1d<8> bn;
  constexpr auto forward(auto x) const { return x | fc | bn; }
};
/// The convolution has a second user.
struct UsedTwice {
  nn::Conv2d<3, 8, 3> conv;
  nn::BatchNorm2d<8> bn;
  constexpr auto forward(auto x) const {
    const auto y = x | conv;
    return (y | bn) + y;
  }
};

template<Index In, Index Out, Index Stride>
struct Block {
  nn::Conv2d<In, Out, 3, {.stride = Stride, .padding = 1, .bias = false}> conv1;
  nn::BatchNorm2d<Out> bn1;
  nn::Conv2d<Out, Out, 3, {.padding = 1, .bias = false}> conv2;
  nn::BatchNorm2d<Out> bn2;
  nn::Sequential<nn::Conv2d<In, Out, 1, {.stride = Stride, .bias = false}>, nn::BatchNorm2d<Out>> downsample;
  constexpr auto forward(auto x) const {
    return nn::relu((x | conv1 | bn1 | nn::relu | conv2 | bn2) + (x | downsample));
  }
};
struct Resnet {
  nn::Conv2d<3, 8, 3, {.padding = 1, .bias = false}> conv1;
  nn::BatchNorm2d<8> bn1;
  Block<8, 8, 1> layer1;
  Block<8, 16, 2> layer2;
  nn::Linear<16, 10> fc;
  constexpr auto forward(auto x) const {
    return nn::relu(x | conv1 | bn1) | layer1 | layer2 | mean_dims<2, 3> | fc;
  }
};

template<>
inline constexpr bool averages<Resnet> = true;

/// So many channels that F(2x2, 3x3) is faster.
using Wide = Normed<nn::Conv2d<16, 24, 3, {.padding = 1}>, nn::BatchNorm2d<24>>;
struct WideWithoutNorm {
  nn::Conv2d<16, 32, 3, {.padding = 1}> conv;
  constexpr auto forward(auto x) const { return x | conv | nn::relu; }
};

/// A residual and a maximum that the convolution before them takes.
struct WideBlock {
  nn::Conv2d<16, 16, 3, {.padding = 1, .bias = false}> conv1, conv2;
  nn::BatchNorm2d<16> bn1, bn2;
  constexpr auto forward(auto x) const {
    const auto y = nn::relu((x | conv1 | bn1) + x);
    return y | conv2 | bn2 | nn::relu | nn::max_pool2d<2>;
  }
};
/// Values that are needed as they are as well.
struct WideSeen {
  nn::Conv2d<16, 16, 3, {.padding = 1}> conv1, conv2;
  constexpr auto forward(auto x) const {
    const auto y = x | conv1, z = nn::relu(y + y), v = nn::relu(z | conv2);
    return (v | nn::max_pool2d<2>)+(v | nn::avg_pool2d<2>)+(y | nn::max_pool2d<2>);
  }
};

/// One layer of a GPT: tied weights, learned positions, attention that is masked.
struct Gpt {
  static constexpr Index words = 11, length = 20, width = 16, heads = 2;
  nn::Embedding<words, width> wte;
  nn::Embedding<length, width> wpe;
  nn::LayerNorm<width> ln;
  nn::Linear<width, 3 * width> attn;
  nn::Linear<width, width> proj;
  nn::Linear<width, words, {.bias = false}> lm_head;
  using ties = stator::ties<tie<"lm_head.weight", "wte.weight">>;
  constexpr auto forward(auto ids) const {
    const auto heads_of = [](auto part) {
      return permute<0, 2, 1, 3>(view<-1, length, heads, width / heads>(part));
    };
    const auto x = (ids | wte) + wpe.weight;
    const auto [q, k, v] = split<2, width, width, width>(x | ln | attn);
    const auto y = nn::scaled_dot_product_attention<true>(heads_of(q), heads_of(k), heads_of(v));
    return nn::gelu(x + (view<-1, length, width>(permute<0, 2, 1, 3>(y)) | proj)) | lm_head;
  }
};

/// What follows from parameters alone, and a field of the network.
struct Composed {
  Parameter<float, 4, 6> a, b;
  Parameter<float, 6> scale;
  float rate = 0.5F;
  constexpr auto forward(auto x) const {
    return matmul(x, transpose<0, 1>(exp(a) * scale + b)) * rate + mean_dims<1>(a * 2 + b);
  }
};

struct TwoInputs {
  nn::Linear<24, 6> a;
  nn::Linear<5, 6> b;
  constexpr auto forward(auto x, auto y) const { return nn::sigmoid((x | a) + (y | b)); }
};

/// Whether so many calls in one workspace give what is expected.
template<class Session, class X, class Y>
bool repeats(const Session& session, const X& x, const Y& expected, int times) {
  typename Session::Workspace workspace;
  Y out;
  bool same = true;
  for (int i = 0; i < times; ++i) {
    session(x).value_into(out, workspace);
    same = same && doubles(out) == doubles(expected);
  }
  return same;
}

} // namespace

TEST_CASE("a session gives the outputs of its model bit by bit where nothing is folded") {
  has_nothing_to_fold<Mlp, Tensor<float, 3, 24>>();
  has_nothing_to_fold<Mlp, Tensor<float, 50, 24>>();
  has_nothing_to_fold<Cnn, Tensor<float, 2, 1, 12, 12>>();
  has_nothing_to_fold<SmallPlane, Tensor<float, 2, 64, 4, 8>>();
  has_nothing_to_fold<Gpt, Tensor<std::int64_t, 3, Gpt::length>>();
  has_nothing_to_fold<UpsampledInGroups, Tensor<float, dynamic, 6, 5, 5>>();
  has_nothing_to_fold<NormOfRows, Tensor<float, 4, 8, 8>>();
  has_nothing_to_fold<UsedTwice, Tensor<float, 1, 3, 9, 9>>();
}

TEST_CASE("a session without folding gives the outputs of its model bit by bit") {
  is_equal<LinearNormed, Tensor<float, 40, 24>>();
  is_equal<Conv1dNormed, Tensor<float, 2, 3, 17>>();
  is_equal<Grouped, Tensor<float, 2, 6, 9, 9>>();
  is_equal<Upsampled, Tensor<float, dynamic, 6, 5, 5>>();
  is_equal<Resnet, Tensor<float, 1, 3, 16, 16>>();
  is_equal<DoubleMlp, Tensor<double, 40, 24>>();
}

TEST_CASE("a session that folds BatchNorm gives the outputs of its model to rounding") {
  is_close<LinearNormed, Tensor<float, 40, 24>>();
  is_close<LinearWithoutBias, Tensor<float, 2, 24>>();
  is_close<Conv1dNormed, Tensor<float, 2, 3, 17>>();
  is_close<Conv2dNormed, Tensor<float, 2, 3, 11, 11>>();
  is_close<Grouped, Tensor<float, 2, 6, 9, 9>>();
  is_close<Upsampled, Tensor<float, dynamic, 6, 5, 5>>();
  is_close<Depthwise, Tensor<float, 2, 6, 9, 9>>();
  is_close<Resnet, Tensor<float, 1, 3, 16, 16>>();
  using Call = expr::ModuleCall<Resnet, Mode<false>, expr::Input<float, Shape<1, 3, 16, 16>, false>>;
  static_assert(run::Program<Call, false>::count("Addcmul") > 0);
  static_assert(run::PreparedProgram<Call, run::Preparation{}>::P::count("Addcmul") == 0);
  is_close<DoubleMlp, Tensor<double, 40, 24>>(1e-13);
}

TEST_CASE("a session computes convolutions by F(2x2, 3x3) where models do, where it folds BatchNorm, and "
          "where it may") {
  is_close<Wide, Tensor<float, 2, 16, 16, 16>>();
  is_winograd<WideWithoutNorm, Tensor<float, 2, 16, 16, 16>, InferenceOptions{.winograd = true}>();
  is_winograd<Wide, Tensor<float, dynamic, 16, 16, 16>, InferenceOptions{.fold = false, .winograd = true}>();
  is_close<WideBlock, Tensor<float, 2, 16, 16, 16>>();
  is_close<WideBlock, Tensor<float, dynamic, 16, 16, 16>>();
  is_winograd<WideSeen, Tensor<float, 2, 16, 16, 16>, InferenceOptions{.winograd = true}>();
  using Prepared = run::PreparedProgram<
      expr::ModuleCall<WideBlock, Mode<false>, expr::Input<float, Shape<2, 16, 16, 16>, false>>,
      run::Preparation{}>::P;
  static_assert(Prepared::count("Convolution") == 2);
  static_assert(Prepared::units.size() - Prepared::forward_units == 2); // nothing is left beside them
  is_equal<Wide, Tensor<float, 2, 16, 16, 16>>();
  has_nothing_to_fold<WideWithoutNorm, Tensor<float, 2, 16, 16, 16>>();
}

TEST_CASE("a session computes convolutions by F(4x4, 3x3) where it is allowed to") {
  constexpr InferenceOptions large{.winograd = Winograd::f4x4},
      unfolded_large{.fold = false, .winograd = Winograd::f4x4};
  static_assert(InferenceOptions{.winograd = true}.winograd == Winograd::f2x2);
  is_close<Wide, Tensor<float, 2, 16, 16, 16>, large>(2e-5);
  is_close<WideWithoutNorm, Tensor<float, 2, 16, 16, 16>, unfolded_large>(2e-5);
  is_close<WideBlock, Tensor<float, dynamic, 16, 16, 16>, large>(2e-5);
}

TEST_CASE("a session takes a batch that is known at run time") {
  has_nothing_to_fold<Mlp, Tensor<float, dynamic, 24>>(1);
  has_nothing_to_fold<Mlp, Tensor<float, dynamic, 24>>(70);
  has_nothing_to_fold<Cnn, Tensor<float, dynamic, 1, 12, 12>>(3);
  is_close<Resnet, Tensor<float, dynamic, 3, 16, 16>>();
  Model<Mlp> model;
  const auto session = optimize_for_inference<Tensor<float, dynamic, 24>>(model.eval());
  CHECK(session(input<Tensor<float, dynamic, 24>>(0)).value().shape() == Sizes{Extents(0, 10)});
}

TEST_CASE("what follows from parameters alone is computed once") {
  Model<Composed> model;
  fill(model);
  const auto x = input<Tensor<float, 5, 6>>();
  using Session = decltype(optimize_for_inference<Tensor<float, 5, 6>>(model.eval()));
  CHECK(doubles(Session(model.module())(x).value()) == doubles(model.eval()(x).value()));
}

TEST_CASE("a session takes several inputs, and is made of a read-only model too") {
  using X = Tensor<float, dynamic, 24>;
  using Y = Tensor<float, dynamic, 5>;
  Model<TwoInputs> model;
  fill(model);
  const auto x = input<X>(4);
  const auto y = input<Y>(4);
  const auto expected = doubles(model.eval()(x, y).value());
  const auto session = optimize_for_inference<X, Y>(model.eval());
  CHECK(doubles(session(x, y).value()) == expected);
  CHECK_THROWS_AS(session(x, input<Y>(3)).value(), ShapeError);
  const auto* const memory = reinterpret_cast<const std::byte*>(model.get<"a.weight">().data());
  const ReadOnlyModel<TwoInputs> fixed({{memory, model.parameter_bytes}, {}});
  CHECK(doubles(optimize_for_inference<X, Y>(fixed.eval())(x, y).value()) == expected);
}

TEST_CASE("a session knows its bytes while the program is compiled") {
  using Session = InferenceSession<Resnet, InferenceOptions{}, Tensor<float, 1, 3, 16, 16>>;
  static_assert(Session::workspace_bytes > 3 * 8 * 16 * 16 * sizeof(float));
  static_assert(Session::workspace_bytes < 64 * 1024);
  static_assert(Session::workspace.per_sample == 0);
  static_assert(Session::prepared_bytes > 4 * 8 * 8 * 9 * sizeof(float));
  using Dynamic = InferenceSession<Mlp, InferenceOptions{}, Tensor<float, dynamic, 24>>;
  static_assert(Dynamic::workspace.per_sample >= 32 * sizeof(float));
  CHECK(Session::workspace.total(1) == Session::workspace_bytes);
}

TEST_CASE("a session allocates nothing after it was made") {
  if (!allocations_are_counted()) return;
  Model<Resnet> model;
  fill(model);
  using X = Tensor<float, 1, 3, 16, 16>;
  const auto x = input<X>();
  auto session = optimize_for_inference<X>(model.eval());
  typename decltype(session)::Output y;
  typename decltype(session)::Workspace workspace;
  const std::size_t before = allocations();
  session(x).value_into(y);
  session(x).value_into(y, workspace);
  session.update(model.eval());
  session(x).value_into(y);
  CHECK(allocations() == before);
}

TEST_CASE("a session keeps the weights that it was made of until it is told of new ones") {
  using X = Tensor<float, 2, 3, 11, 11>;
  const auto x = input<X>();
  std::optional<Model<Conv2dNormed>> model(std::in_place);
  fill(*model);
  auto session = optimize_for_inference<unfolded, X>(model->eval());
  const auto first = doubles(model->eval()(x).value());
  optim::SGD optimizer{*model, {.lr = 0.1}};
  sum((*model)(x)).backward(); // running statistics change, and then the weights
  optimizer.step();
  CHECK(doubles(session(x).value()) == first);
  session.update(model->eval());
  const auto second = doubles(model->eval()(x).value());
  CHECK(second != first);
  CHECK(doubles(session(x).value()) == second);
  auto moved = std::move(session);
  model.reset();
  CHECK(doubles(moved(x).value()) == second);
}

TEST_CASE("threads use one session at the same time") {
  using X = Tensor<float, 1, 3, 16, 16>;
  Model<Resnet> model;
  fill(model);
  const auto x = input<X>();
  const auto session = optimize_for_inference<X>(model.eval());
  const auto expected = session(x).value();
  std::vector<char> same(4);
  std::vector<std::thread> threads;
  for (char& s : same) threads.emplace_back([&] { s = repeats(session, x, expected, 20); });
  for (std::thread& t : threads) t.join();
  CHECK(same == std::vector<char>(4, 1));
}

TEST_CASE("a session writes to views and refuses outputs and workspaces that do not fit") {
  Model<Mlp> model;
  fill(model);
  using X = Tensor<float, dynamic, 24>;
  const auto session = optimize_for_inference<X>(model.eval());
  const X x = input<X>(70);
  const auto expected = model.eval()(x).value();
  std::vector<float> memory(700);
  session(x).value_into(TensorView<float, dynamic, 10>(memory.data(), 70));
  CHECK(doubles(memory) == doubles(expected));
  Tensor<float, dynamic, 10> small(69);
  CHECK_THROWS_AS(session(x).value_into(small), ShapeError);
  typename decltype(session)::Workspace workspace(1);
  Tensor<float, dynamic, 10> out(70);
  CHECK_THROWS_AS(session(x).value_into(out, workspace), ValueError);
}

TEST_CASE("a network without storage cannot be prepared") {
  using Session = InferenceSession<Mlp, InferenceOptions{}, Tensor<float, 1, 24>>;
  CHECK_THROWS_AS(Session(Mlp{}), UnboundError);
}

namespace {
/// What a tracker returns, by name.
template<class Y, class State, class Label, class Scale>
struct Tracked {
  Y output;
  State state;
  Label label;
  Scale scale;
};
struct Tracker {
  nn::LSTM<4, 6> lstm;
  nn::Conv1d<6, 8, 1> conv;
  nn::BatchNorm1d<8> bn;
  Parameter<float, 8> scale;
  constexpr auto forward(auto x) const {
    const auto [y, h, c] = lstm.states(x);
    const auto features = transpose<1, 2>(transpose<0, 1>(y)) | conv | bn;
    // A result that is a parameter, one of integers, and two of one value.
    return Tracked{nn::relu(features), std::tuple(h, c, h), argmax<1>(features), scale * 1.0f};
  }
};
/// A batch that is known at run time, and a result that is an input.
struct Heads {
  nn::Linear<4, 6> fc;
  nn::BatchNorm1d<6> bn;
  nn::Linear<6, 2> mean, deviation;
  constexpr auto forward(auto x) const {
    const auto h = nn::relu(x | fc | bn);
    return std::tuple(h | mean, std::array{exp(h | deviation), h | deviation}, x, sum(h));
  }
};
} // namespace

TEST_CASE("a session of a network with several results gives all of them in one run") {
  Model<Tracker> model;
  fill(model);
  const auto x = input<Tensor<float, 5, 2, 4>>();
  const auto session = optimize_for_inference<unfolded, Tensor<float, 5, 2, 4>>(model.eval());
  const auto expected = values(model.eval()(x));
  const auto found = session(x).value();
  STATIC_REQUIRE(std::is_same_v<decltype(found), decltype(expected)>);
  CHECK(doubles(found.output) == doubles(expected.output));
  CHECK(doubles(std::get<1>(found.state)) == doubles(std::get<1>(expected.state)));
  CHECK(doubles(std::get<2>(found.state)) == doubles(std::get<0>(expected.state)));
  CHECK(std::ranges::equal(found.label.values(), expected.label.values()));
  CHECK(doubles(found.scale) == doubles(model->scale));
  auto folded = optimize_for_inference<Tensor<float, 5, 2, 4>>(model.eval());
  const auto close = folded(x).value();
  CHECK(worst(doubles(close.output), doubles(expected.output), {.relative_to = 1}).error < 1e-5);
  CHECK(doubles(close.output) != doubles(expected.output)); // folded
}

TEST_CASE("several results take a batch that is known at run time, memory of the caller and a workspace") {
  using X = Tensor<float, dynamic, 4>;
  Model<Heads> model;
  fill(model);
  const auto session = optimize_for_inference<unfolded, X>(model.eval());
  for (const Index batch : {3, 70}) {
    const X x = input<X>(batch);
    const auto expected = values(model.eval()(x));
    const auto [center, deviation, same, total] = session(x).value();
    CHECK(doubles(center) == doubles(std::get<0>(expected)));
    CHECK(doubles(deviation[0]) == doubles(std::get<0>(std::get<1>(expected))));
    CHECK(doubles(deviation[1]) == doubles(std::get<1>(std::get<1>(expected))));
    CHECK(doubles(same) == doubles(x));
    CHECK(total.item() == std::get<3>(expected).item());

    Tensor<float, dynamic, 2> a(batch), b(batch), c(batch);
    Tensor<float, dynamic, 4> d(batch), other(batch + 1);
    Tensor<float> e;
    decltype(session)::Workspace memory(batch);
    const std::size_t before = allocations();
    session(x).value_into(std::tie(a, b, c, d, e), memory);
    CHECK(allocations() == before);
    CHECK(doubles(a) == doubles(center));
    CHECK(doubles(c) == doubles(deviation[1]));
    CHECK(e.item() == total.item());
    CHECK_THAT(thrown<ShapeError>([&] { session(x).value_into(std::tie(a, b, c, other, e)); }),
               contains("the output has shape [" + std::to_string(batch) + ", 4]"));
  }
}
