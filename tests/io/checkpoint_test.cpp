// SPDX-License-Identifier: BSL-1.0
#include "catch.hpp"
#include "files.hpp"

#include "stator/core/distributions.hpp"
#include "stator/io/checkpoint.hpp"
#include "stator/nn/linear.hpp"
#include "stator/nn/rnn.hpp"
#include "stator/ops/ops.hpp"
#include "stator/optim/optim.hpp"
#include "stator/run/values.hpp"

namespace nn = stator::nn;
using namespace stator;
using stator::test::contains;
using stator::test::thrown;

namespace checkpoint_test {

struct Mlp {
  nn::Linear<4, 8> fc1;
  nn::Linear<8, 3> fc2;
  Buffer<std::int64_t> batches;
  constexpr auto forward(auto x) const { return x | fc1 | nn::relu | fc2; }
};

using Net = Model<Mlp>;

/// A part that says itself what it keeps: the best loss and how long ago it was.
struct EarlyStopping {
  double best = 1e9;
  int waited = 0;
  void for_each_number(auto&& f) {
    f("best", best);
    f("waited", waited);
  }
};

/// A training: a network, an optimiser with two groups, a generator of its own, losses.
template<template<class> class Optimizer>
struct Training {
  using Options = typename Optimizer<Net>::Options;

  explicit Training(const Options& first, const Options& biases) : optimizer(model, first) {
    optimizer.add_param_group("*.bias", biases);
  }

  void step() {
    Tensor<float, 16, 4> x;
    Tensor<std::int64_t, 16> y;
    for (float& v : x.values()) v = static_cast<float>(shuffle.random() % 1000) / 500.0F - 1;
    for (std::int64_t& label : y.values())
      label = static_cast<std::int64_t>(default_generator().random() % 3);
    auto loss = nn::cross_entropy(model(x), y);
    optimizer.zero_grad();
    loss.backward();
    optimizer.step();
    optimizer.options().lr *= 0.9; // as a scheduler
    losses.push_back(loss.item());
    model->batches.values()[0] += 1;
    stopping.best = std::min(stopping.best, static_cast<double>(losses.back()));
    ++stopping.waited;
    ++steps;
  }

  Checkpoint checkpoint() {
    Checkpoint c;
    c.add("model", model).add("optimizer", optimizer).add("shuffle", shuffle).add("losses", losses);
    c.add("steps", steps).add("stopping", stopping);
    return c;
  }

  Net model;
  Optimizer<Net> optimizer;
  Generator shuffle{5};
  std::vector<float> losses;
  EarlyStopping stopping;
  int steps = 0;
};

} // namespace checkpoint_test

namespace {

using checkpoint_test::Net;
using checkpoint_test::Training;

bool same_bits(std::span<const float> a, std::span<const float> b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size_bytes()) == 0;
}

/// 10 steps at once, and 5, a file, fresh objects, 5 more.
template<template<class> class Optimizer>
void resumes(const typename Optimizer<Net>::Options& options,
             const typename Optimizer<Net>::Options& biases) {
  const test::TemporaryDirectory scratch;
  manual_seed(1);
  Training<Optimizer> whole(options, biases);
  for (int i = 0; i < 10; ++i) whole.step();
  const auto state = get_rng_state();
  {
    manual_seed(1);
    Training<Optimizer> half(options, biases);
    for (int i = 0; i < 5; ++i) half.step();
    half.checkpoint().save(scratch / "x.safetensors", {{"note", "half way"}});
    CHECK_FALSE(same_bits(half.model.parameter_arena(), whole.model.parameter_arena()));
  }
  manual_seed(2);
  Training<Optimizer> rest({}, {}); // even the options come from the file
  rest.shuffle.manual_seed(77);
  CHECK(rest.checkpoint().load(scratch / "x.safetensors").at("note") == "half way");
  CHECK(rest.steps == 5);
  for (int i = 0; i < 5; ++i) rest.step();
  CHECK(same_bits(rest.model.parameter_arena(), whole.model.parameter_arena()));
  CHECK(same_bits(rest.losses, whole.losses));
  CHECK(rest.model->batches.values()[0] == 10);
  CHECK(rest.stopping.best == whole.stopping.best);
  CHECK(rest.stopping.waited == 10);
  CHECK(get_rng_state() == state);
  CHECK(rest.shuffle.get_state() == whole.shuffle.get_state());
}

} // namespace

TEST_CASE("training resumed from a checkpoint continues bit for bit: SGD") {
  resumes<optim::SGD>({.lr = 0.1, .momentum = 0.9, .nesterov = true}, {.lr = 0.2, .momentum = 0.5});
}
TEST_CASE("training resumed from a checkpoint continues bit for bit: Adam") {
  resumes<optim::Adam>({.lr = 0.01, .amsgrad = true}, {.lr = 0.02, .betas = {0.5, 0.6}});
}
TEST_CASE("training resumed from a checkpoint continues bit for bit: AdamW") {
  resumes<optim::AdamW>({.lr = 0.01, .weight_decay = 0.1}, {.lr = 0.02});
}
TEST_CASE("training resumed from a checkpoint continues bit for bit: NAdam") {
  resumes<optim::NAdam>({.lr = 0.01}, {.lr = 0.02, .momentum_decay = 0.01});
}
TEST_CASE("training resumed from a checkpoint continues bit for bit: Rprop") {
  resumes<optim::Rprop>({.lr = 0.02}, {});
}
TEST_CASE("training resumed from a checkpoint continues bit for bit: RMSprop") {
  resumes<optim::RMSprop>({.lr = 0.01, .momentum = 0.9, .centered = true}, {});
}
TEST_CASE("training resumed from a checkpoint continues bit for bit: Adagrad") {
  resumes<optim::Adagrad>({.lr = 0.01, .lr_decay = 0.1, .initial_accumulator_value = 0.5}, {});
}

TEST_CASE("training resumed from a checkpoint continues bit for bit: ASGD") {
  resumes<optim::ASGD>({.lr = 0.1, .lambd = 0.1, .t0 = 3}, {});
}
TEST_CASE("training resumed from a checkpoint continues bit for bit: Lion") {
  resumes<optim::Lion>({.lr = 0.01, .weight_decay = 0.1}, {.lr = 0.02});
}
TEST_CASE("training resumed from a checkpoint continues bit for bit: Adafactor") {
  resumes<optim::Adafactor>({.lr = 0.1, .weight_decay = 0.1}, {.lr = 0.2});
}
TEST_CASE("training resumed from a checkpoint continues bit for bit: LBFGS") {
  const test::TemporaryDirectory scratch;
  const auto fit = [](Net& model, optim::LBFGS<Net>& optimizer, int steps) {
    for (int step = 0; step < steps; ++step)
      optimizer.step([&] { // the sum of (p - 1)^4
        double loss = 0;
        for (const TensorRef p : model.parameters())
          for (std::size_t i = 0; i < p.grad<float>().size(); ++i) {
            const float away = p.values<float>()[i] - 1;
            loss += static_cast<double>(away * away * away * away);
            p.grad<float>()[i] = 4 * away * away * away;
          }
        return loss;
      });
  };
  const optim::LBFGSOptions options{.max_iter = 2, .history_size = 3, .line_search_fn = "strong_wolfe"};
  Net whole, half, rest;
  manual_seed(4), whole.reset_parameters();
  manual_seed(4), half.reset_parameters();
  optim::LBFGS of_whole{whole, options}, of_half{half, options},
      of_rest{rest, {.line_search_fn = "strong_wolfe"}};
  fit(whole, of_whole, 8);
  fit(half, of_half, 4);
  Checkpoint().add("model", half).add("optimizer", of_half).save(scratch / "x.safetensors");
  Checkpoint().add("model", rest).add("optimizer", of_rest).load(scratch / "x.safetensors");
  fit(rest, of_rest, 4);
  CHECK(same_bits(rest.parameter_arena(), whole.parameter_arena()));
  CHECK(of_rest.func_evals() == of_whole.func_evals());
}

TEST_CASE("a checkpoint has PyTorch's keys") {
  const test::TemporaryDirectory scratch;
  Training<optim::Adam> training({.lr = 0.01}, {.lr = 0.02});
  training.step();
  training.checkpoint().save(scratch / "x.safetensors");
  const io::SafetensorsFile file(scratch / "x.safetensors");
  CHECK(file["model.fc1.weight"].shape == std::vector<Index>{8, 4});
  CHECK(file["optimizer.state.fc1.weight.exp_avg"].shape == std::vector<Index>{8, 4});
  CHECK(file["optimizer.state.fc2.bias.exp_avg_sq"].shape == std::vector<Index>{3});
  CHECK_FALSE(file.contains("optimizer.state.fc2.bias.max_exp_avg_sq"));
  CHECK(file["optimizer.state.fc2.bias.step"].type == StorageType::F32);
  CHECK(file.values<double>("optimizer.param_groups.0.betas") == std::vector<double>{0.9, 0.999});
  CHECK(file.values<double>("optimizer.param_groups.1.lr") == std::vector<double>{0.02});
  CHECK(file.values<std::int64_t>("optimizer.param_groups.1.params") == std::vector<std::int64_t>{1, 3});
  CHECK(file["rng"].shape == std::vector<Index>{5056}); // torch.get_rng_state()
  // The model alone can be taken from it.
  Net model;
  load(model, scratch / "x.safetensors", {.rename = {{"model.*", "*"}, {"*", ""}}});
  CHECK(same_bits(model.parameter_arena(), training.model.parameter_arena()));
}

TEST_CASE("a checkpoint that does not fit changes nothing") {
  const test::TemporaryDirectory scratch;
  Training<optim::Adam> training({}, {});
  training.step();
  training.checkpoint().save(scratch / "x.safetensors");
  Training<optim::Adam> other({}, {});
  const Net before = other.model;
  const auto state = get_rng_state();
  const auto refuses = [&](const Checkpoint& checkpoint, const std::string& why) {
    CHECK_THAT(thrown<Error>([&] { checkpoint.load(scratch / "x.safetensors"); }), contains(why));
    CHECK(same_bits(other.model.parameter_arena(), before.parameter_arena()));
    CHECK(get_rng_state() == state);
  };
  Checkpoint model_only;
  model_only.add("model", other.model);
  refuses(model_only, "no part of this checkpoint is named like 'optimizer.state.fc1.weight.exp_avg'");

  int missing = 0;
  refuses(other.checkpoint().add("missing", missing), "has no tensor 'missing'");

  optim::SGD sgd(other.model, {.momentum = 0.9});
  Checkpoint one_group;
  one_group.add("model", other.model).add("optimizer", sgd);
  refuses(one_group, "different number of parameter groups");
  sgd.add_param_group("fc1.*", {.momentum = 0.9});
  refuses(one_group, "parameter group that doesn't match the optimizer's group 0");

  std::uint8_t steps = 0;
  Checkpoint wrong_kind;
  wrong_kind.add("model", other.model).add("steps", steps).add("optimizer.state.fc1.weight.exp_avg", missing);
  refuses(wrong_kind, "expected I64");

  const io::SafetensorsFile file(scratch / "x.safetensors");
  std::vector<StateTensor> broken = file.state();
  const std::vector<std::byte> bytes(5056);
  for (StateTensor& t : broken)
    if (t.name == "rng") t.data = bytes.data();
  io::save_safetensors(scratch / "x.safetensors", broken);
  refuses(other.checkpoint(), "not a state of a Mersenne twister");
}

TEST_CASE("the state of one class of optimizer does not go into another") {
  const test::TemporaryDirectory scratch;
  Training<optim::Adam> training({.lr = 0.01}, {});
  training.step();
  training.checkpoint().save(scratch / "x.safetensors");
  const auto refused = [&](const Checkpoint& checkpoint) {
    return thrown<ValueError>([&] { checkpoint.load(scratch / "x.safetensors"); });
  };
  Training<optim::AdamW> decoupled({.lr = 0.5}, {});
  CHECK_THAT(refused(decoupled.checkpoint()),
             contains("'optimizer' is the state of Adam, the optimizer here is AdamW"));
  CHECK(decoupled.optimizer.options().lr == 0.5);
  Training<optim::SGD> sgd({.momentum = 0.9}, {});
  CHECK_THAT(refused(sgd.checkpoint()),
             contains("'optimizer' is the state of Adam, the optimizer here is SGD"));

  // Files that do not say it, as before and from PyTorch, are taken.
  const io::SafetensorsFile file(scratch / "x.safetensors");
  std::vector<StateTensor> older = file.state();
  CHECK(std::erase_if(older, [](const StateTensor& t) { return t.name == "optimizer.class"; }) == 1);
  io::save_safetensors(scratch / "y.safetensors", older);
  Training<optim::Adam> again({}, {});
  again.checkpoint().load(scratch / "y.safetensors");
  CHECK(again.optimizer.options().lr == training.optimizer.options().lr);
  CHECK(again.optimizer.steps() == 1);
}

TEST_CASE("a scheduler's state that it could not go on from is refused, and nothing is changed") {
  const test::TemporaryDirectory scratch;
  Net model;
  optim::SGD<Net> sgd(model, {.lr = 0.1});
  optim::StepLR step(sgd, {.step_size = 2});
  optim::ReduceLROnPlateau plateau(sgd, {});
  const auto refuses = [&](auto& scheduler, const std::string& key, std::int64_t value) {
    io::CheckpointWriter writer;
    store_part(writer, "s", scheduler);
    std::vector<StateTensor> tensors(writer.tensors().begin(), writer.tensors().end());
    for (StateTensor& t : tensors)
      if (t.name == "s." + key) t.data = reinterpret_cast<const std::byte*>(&value);
    io::save_safetensors(scratch / "x.safetensors", tensors);
    const io::SafetensorsFile file(scratch / "x.safetensors");
    io::CheckpointReader reader(file);
    CHECK_THAT(
        thrown<ValueError>([&] { read_part(reader, "s", scheduler); }),
        contains("lr_scheduler: " + key + " is " + std::to_string(value) + ", not a number of epochs"));
    CHECK(scheduler.last_epoch() == 0);
  };
  for (const std::int64_t value : {std::numeric_limits<std::int64_t>::max(), std::int64_t{-1}}) {
    refuses(step, "last_epoch", value);
    refuses(plateau, "last_epoch", value);
    refuses(plateau, "num_bad_epochs", value);
  }
}

namespace checkpoint_test {
/// What a recurrent network goes on from.
template<class H, class C>
struct Memory {
  H h;
  C c;
};
struct Cell {
  nn::LSTMCell<3, 4> cell;
  constexpr auto forward(auto x, auto h, auto c) const {
    const auto [h1, c1] = cell.states(x, h, c);
    return Memory{h1, c1};
  }
};
} // namespace checkpoint_test

TEST_CASE("a checkpoint keeps what a forward has returned, each tensor under its name") {
  const test::TemporaryDirectory scratch;
  const Model<checkpoint_test::Cell> model;
  const Tensor<float, 2, 3> x{1, 2, 3, 4, 5, 6};
  using H = Tensor<float, 2, 4>;
  checkpoint_test::Memory<H, H> state;
  std::tuple<Tensor<float, dynamic, 2>, std::array<Tensor<std::int64_t>, 1>> others{
      Tensor<float, dynamic, 2>{1, 2, 3, 4}, {}};
  const auto step = [&] { return values(model.eval()(x, state.h, state.c)); };
  const auto checkpoint = [&] {
    Checkpoint c;
    c.add("state", state).add("others", others);
    return c;
  };
  const auto first = step();
  state.h = first.h;
  state.c = first.c;
  std::get<1>(others)[0].fill_(7);
  checkpoint().save(scratch / "x.safetensors");
  CHECK(io::SafetensorsFile(scratch / "x.safetensors")["state.c"].shape == std::vector<Index>{2, 4});
  CHECK(io::SafetensorsFile(scratch / "x.safetensors").contains("others.1.0"));
  const auto second = step();

  state.h.fill_(0);
  state.c.fill_(0);
  const float* const memory = state.h.data();
  others = {Tensor<float, dynamic, 2>(5), {}};
  checkpoint().load(scratch / "x.safetensors");
  CHECK(state.h.data() == memory);
  CHECK(std::get<0>(others).leading() == 2);
  CHECK(std::get<0>(others)(1, 1) == 4);
  CHECK(std::get<1>(others)[0].item() == 7);
  CHECK(std::ranges::equal(step().c.values(), second.c.values()));

  // What does not fit changes nothing.
  std::tuple<Tensor<float, dynamic, 3>, std::array<Tensor<std::int64_t>, 1>> wrong{
      Tensor<float, dynamic, 3>(1), {}};
  state.h.fill_(3);
  Checkpoint other;
  other.add("state", state).add("others", wrong);
  CHECK_THAT(thrown<ShapeError>([&] { other.load(scratch / "x.safetensors"); }),
             contains("'others.0' has shape torch.Size([2, 2]), expected torch.Size([2, 3])"));
  CHECK(state.h(0, 0) == 3);
}

TEST_CASE("names of parts may not collide") {
  int a = 0;
  Checkpoint checkpoint;
  checkpoint.add("model", a);
  CHECK_THROWS_AS(checkpoint.add("model", a), ValueError);
  CHECK_THROWS_AS(checkpoint.add("model.ema", a), ValueError);
  CHECK_THROWS_AS(checkpoint.add("rng", a), ValueError);
  CHECK_NOTHROW(checkpoint.add("model_ema", a));
}

// Hidden: `io_test "[interchange]"` writes the files that tests/reference/safetensors_check.py reads with
// PyTorch.
TEST_CASE("files for PyTorch", "[.interchange]") {
  const std::filesystem::path directory = "interchange";
  std::filesystem::create_directory(directory);
  manual_seed(3);
  Training<optim::Adam> training({.lr = 0.01, .amsgrad = true}, {.lr = 0.02, .betas = {0.5, 0.6}});
  for (int i = 0; i < 5; ++i) training.step();
  training.checkpoint().save(directory / "checkpoint.safetensors", {{"note", "fünf Schritte"}});

  const auto shaped = [](const auto& tensor) {
    const Sizes shape = tensor.shape();
    return io::NpyArray::from<float>(tensor.values(), {shape.begin(), shape.end()});
  };
  Tensor<float, 5, 4> x;
  uniform_<float>(x.values()); // torch.rand(5, 4) after torch.set_rng_state
  const Tensor<float, 5, 3> y = training.model.eval()(x).value();
  io::save_npz(directory / "outputs.npz", {{"x", shaped(x)}, {"y", shaped(y)}});

  save(training.model, directory / "before.safetensors");
  save(training.model, directory / "before_bf16.safetensors", {.dtype = StorageType::BF16});
  save(training.model, directory / "before.npz");
  for (const TensorRef p : training.model.parameters())
    for (std::size_t i = 0; i < p.grad<float>().size(); ++i)
      p.grad<float>()[i] = 0.01F * (static_cast<float>(i % 7) - 3);
  training.optimizer.step();
  save(training.model, directory / "after.safetensors");
}
