// SPDX-License-Identifier: BSL-1.0
// Parameters without a gradient: PyTorch leaves alone what no backward() has reached, reference/unused.py.
#include "stator/io/checkpoint.hpp"
#include "stator/optim/averaged_model.hpp"
#include "stator/optim/optim.hpp"
#include "stator/stator.hpp"

#include "catch.hpp"
#include "files.hpp"
#include "reference/reference.hpp"

#include <cmath>
#include <limits>

namespace unused_test {

using namespace stator;

/// Four parameters without a network.
struct Vectors {
  using scalar = double;
  struct Entry {
    std::string_view name;
    std::size_t offset;
    Index numel;
  };
  static constexpr std::array<Entry, 4> parameter_table{Entry{"always", 0, 5}, Entry{"often", 64, 5},
                                                        Entry{"late", 128, 5}, Entry{"never", 192, 5}};
  std::vector<double> parameters = std::vector<double>(32), gradients = std::vector<double>(32);
  std::array<bool, 4> has{};

  std::span<double> parameter_arena() { return parameters; }
  std::span<double> gradient_arena() { return gradients; }
  bool has_grad(std::size_t i) const { return has[i]; }
  void zero_grad() {}
  std::span<double> parameter(std::size_t i) { return std::span(parameters).subspan(8 * i, 5); }
};

struct Net {
  nn::Linear<3, 4> fc;
  nn::Linear<4, 4> head1;
  nn::Linear<4, 2> head2;
  nn::Linear<2, 2> unused;
  nn::Linear<4, 4> tied;
  using ties = stator::ties<tie<"tied.weight", "head1.weight">>;
  constexpr auto forward(auto x) const { return x | fc | nn::tanh | head1; }
};

/// The mean square of what one of the heads makes of the trunk.
auto loss_of(const Model<Net>& model, const auto& head, const auto& x) {
  const auto y = nn::call(head, nn::tanh(nn::call(model->fc, x)));
  return mean(y * y);
}

constexpr std::array schedule{"11111111", "11001101", "00011111", "00000000"};
constexpr std::array losses{"a", "b", "ab", "ABc", "t", "", "-b", "-av", "+a", "-AA", "BTc", "+b"};

} // namespace unused_test

namespace {

using namespace stator;
using test::reference;
using unused_test::loss_of;
using unused_test::Net;
using unused_test::Vectors;

const Tensor<float, 4, 3> x{1, 2, 3, -1, 0, 1, 0.5, 0.25, -2, 1, 1, -1};

template<class T>
void check_near(std::span<const T> found, std::span<const T> expected, T margin) {
  REQUIRE(found.size() == expected.size());
  for (std::size_t i = 0; i < found.size(); ++i)
    if (!(std::abs(found[i] - expected[i]) <= margin)) {
      INFO("element " << i);
      CHECK(found[i] == expected[i]);
    }
}

/// Eight steps as in the script.
void check_schedule(const std::string& name, auto make) {
  INFO(name);
  Vectors model;
  for (std::size_t n = 0; n < 4; ++n)
    for (std::size_t i = 0; i < 5; ++i)
      model.parameter(n)[i] = -1 + 0.5 * static_cast<double>(i) + 0.1 * static_cast<double>(n);
  auto optimizer = make(model);
  const auto& arrays = reference("unused");
  for (std::size_t step = 0; step < 8; ++step) {
    for (std::size_t n = 0; n < 4; ++n) {
      model.has[n] = unused_test::schedule[n][step] == '1';
      for (std::size_t i = 0; i < 5; ++i)
        model.gradients[8 * n + i] =
            model.has[n] ? std::sin(static_cast<double>(1 + 7 * step + i + 3 * n)) : 0;
    }
    optimizer.step();
    for (std::size_t n = 0; n < 4; ++n) {
      INFO("after step " << step << " of " << Vectors::parameter_table[n].name);
      check_near<double>(
          model.parameter(n),
          arrays[name + "." + std::string(Vectors::parameter_table[n].name)].template as<double>().subspan(
              5 * step, 5),
          1e-13);
    }
  }
  std::vector<std::int64_t> entries;
  for (std::size_t n = 0; n < 4; ++n)
    if (optimizer.has_state(n)) entries.push_back(static_cast<std::int64_t>(n));
  CHECK(std::ranges::equal(entries, arrays[name + ".names"].template as<std::int64_t>()));
  CHECK(optimizer.steps(0) == 8);
  CHECK(optimizer.steps(1) == 5);
  CHECK(optimizer.steps(3) == 0);
  optimizer.for_each_state([&](std::string_view parameter, std::string_view state,
                               std::span<double> elements) {
    INFO(state << " of " << parameter);
    check_near<double>(
        elements,
        arrays[name + ".state." + std::string(state) + "." + std::string(parameter)].template as<double>(),
        1e-13);
  });
}

/// What one of `losses` says, up to the step of the optimiser.
void run_losses(Model<Net>& model, std::string_view text, double& norm) {
  norm = 0;
  for (const char c : text) switch (c) {
    case '-':
      model.requires_grad_<"fc">(false);
      break;
    case '+':
      model.requires_grad_("fc", true);
      break;
    case 'c':
      norm = optim::clip_grad_norm_(model, 0.5);
      break;
    case 'v':
      optim::clip_grad_value_(model, 0.05);
      break;
    case 'a':
      if (text == "ab")
        (loss_of(model, model->head1, x) + loss_of(model, model->head2, x)).backward();
      else
        loss_of(model, model->head1, x).backward();
      break;
    case 'b':
      if (text != "ab") loss_of(model, model->head2, x).backward();
      break;
    case 'A':
      loss_of(model, model->head1, x).backward();
      break;
    case 'B':
      loss_of(model, model->head2, x).backward();
      break;
    default:
      loss_of(model, model->tied, x).backward();
    }
}

void check_network(const std::string& name, bool set_to_none, auto make) {
  const std::string prefix = "net." + name + (set_to_none ? ".none." : ".zero.");
  INFO(prefix);
  manual_seed(0);
  Model<Net> model;
  auto optimizer = make(model);
  const auto& arrays = reference("unused");
  const auto has_grad = arrays[prefix + "has_grad"].template as<std::int64_t>();
  const std::size_t count = Model<Net>::parameter_table.size();
  for (std::size_t step = 0; step < unused_test::losses.size(); ++step) {
    INFO("step " << step << ": " << unused_test::losses[step]);
    if (set_to_none)
      optimizer.zero_grad();
    else
      optimizer.zero_grad({.set_to_none = false});
    double norm = 0;
    run_losses(model, unused_test::losses[step], norm);
    CHECK(norm == Approx(arrays[prefix + "norm"].template as<double>()[step]).epsilon(1e-5));
    for (std::size_t i = 0; i < count; ++i) CHECK(model.has_grad(i) == (has_grad[count * step + i] != 0));
    optimizer.step();
    for (const auto& [path, tensor] : model.named_parameters()) {
      INFO(path);
      const auto n = static_cast<std::size_t>(tensor.numel());
      check_near<float>(tensor.template values<float>(),
                        arrays[prefix + std::string(path)].template as<float>().subspan(n * step, n), 2e-6f);
    }
  }
}

} // namespace

TEST_CASE("parameters that have stepped together keep their count when one goes on by itself") {
  Vectors model;
  std::ranges::fill(model.gradients, 1.0);
  model.has = {true, true, true, true};
  optim::Adam<Vectors> adam(model, {.lr = 0.1});
  for (int i = 0; i < 3; ++i) adam.step();
  CHECK(adam.steps() == 3);
  for (std::size_t p = 0; p < 4; ++p) CHECK(adam.steps(p) == 3);
  adam.set_steps(1, 7);
  CHECK(adam.steps() == 7);
  CHECK(adam.steps(0) == 3);
  model.has[2] = false;
  const std::vector<double> before = model.parameters;
  adam.step();
  CHECK(adam.steps(0) == 4);
  CHECK(adam.steps(1) == 8);
  CHECK(adam.steps(2) == 3);
  CHECK(model.parameter(2)[0] == before[16]);
  CHECK(model.parameter(3)[0] < before[24]);

  // What is put into another group takes its options at once.
  Vectors other;
  std::ranges::fill(other.gradients, 1.0);
  other.has = {true, true, true, true};
  optim::SGD<Vectors> sgd(other, {.lr = 1});
  sgd.step();
  sgd.add_param_group("late", {.lr = 0.5});
  sgd.step();
  CHECK(other.parameter(0)[0] == -2);
  CHECK(other.parameter(2)[0] == -1.5);
  sgd.set_steps(5);
  CHECK(sgd.steps(3) == 5);
}

TEST_CASE("every optimizer leaves alone what has no gradient, as PyTorch does") {
  check_schedule("SGD.decay", [](auto& m) { return optim::SGD{m, {.lr = 0.1, .weight_decay = 0.5}}; });
  check_schedule("SGD.momentum", [](auto& m) {
    return optim::SGD{m, {.lr = 0.1, .momentum = 0.9, .dampening = 0.3, .weight_decay = 0.1}};
  });
  check_schedule("Adam.decay",
                 [](auto& m) { return optim::Adam{m, {.lr = 0.1, .weight_decay = 0.5, .amsgrad = true}}; });
  check_schedule("AdamW.decay", [](auto& m) { return optim::AdamW{m, {.lr = 0.1, .weight_decay = 0.5}}; });
  check_schedule("RMSprop.all", [](auto& m) {
    return optim::RMSprop{m, {.lr = 0.01, .weight_decay = 0.1, .momentum = 0.9, .centered = true}};
  });
  check_schedule("Adagrad.decay", [](auto& m) {
    return optim::Adagrad{
        m, {.lr = 0.1, .lr_decay = 0.1, .weight_decay = 0.1, .initial_accumulator_value = 0.5}};
  });
  check_schedule("Adadelta.decay",
                 [](auto& m) { return optim::Adadelta{m, {.lr = 0.5, .weight_decay = 0.1}}; });
  check_schedule("Adamax.decay", [](auto& m) { return optim::Adamax{m, {.lr = 0.02, .weight_decay = 0.1}}; });
  check_schedule("NAdam.decay", [](auto& m) {
    return optim::NAdam{m, {.lr = 0.02, .weight_decay = 0.1, .momentum_decay = 0.1}};
  });
  check_schedule("RAdam.decay", [](auto& m) {
    return optim::RAdam{m, {.lr = 0.02, .betas = {0.8, 0.5}, .weight_decay = 0.1}};
  });
  check_schedule("Rprop.default", [](auto& m) { return optim::Rprop{m, {.lr = 0.1}}; });
}

TEST_CASE("losses of parts of a network, ties, clipping and requires_grad_ train as in PyTorch") {
  for (const bool set_to_none : {true, false}) {
    check_network("SGD", set_to_none,
                  [](auto& m) { return optim::SGD{m, {.lr = 0.1, .momentum = 0.9, .weight_decay = 0.1}}; });
    check_network("AdamW", set_to_none,
                  [](auto& m) { return optim::AdamW{m, {.lr = 0.1, .weight_decay = 0.5}}; });
  }
}

TEST_CASE("gradients that are written by hand count, and so does a zero that is said to be there") {
  manual_seed(0);
  Model<Net> model;
  optim::SGD optimizer{model, {.lr = 0.1, .weight_decay = 0.5}};
  const float weight = model->unused.weight(0, 0), bias = model->unused.bias(0), head = model->head2.bias(0);
  CHECK_FALSE(model->unused.weight.has_grad());
  model->unused.weight.grad().fill_(1); // through a handle, a range, the arena
  CHECK(model->unused.weight.has_grad());
  CHECK(model.get_parameter("unused.weight").has_grad());
  model->unused.bias.set_has_grad();
  optimizer.step();
  CHECK(model->unused.weight(0, 0) == Approx(weight * 0.95f - 0.1f));
  CHECK(model->unused.bias(0) == Approx(bias * 0.95f));
  CHECK(model->head2.bias(0) == head);
  model->unused.weight.set_has_grad(false);
  CHECK(model->unused.weight.grad()(1, 1) == 0);
  // What is there stays there, as zeros.
  model.get_parameter("head2.bias").grad<float>()[1] = 2;
  model.zero_grad({.set_to_none = false});
  CHECK_FALSE(model->unused.weight.has_grad());
  CHECK(model->unused.bias.has_grad());
  CHECK(model->head2.bias.has_grad());
  CHECK(model->head2.bias.grad()(1) == 0);
  optimizer.zero_grad();
  CHECK_FALSE(model->head2.bias.has_grad());
  model.get_parameter("head2.bias").set_has_grad();
  CHECK(model->head2.bias.has_grad());
}

TEST_CASE("clipping by a norm that is not a number leaves alone what has no gradient") {
  manual_seed(0);
  Model<Net> model;
  loss_of(model, model->head2, x).backward();
  model->head2.bias.grad()(0) = std::numeric_limits<float>::quiet_NaN();
  CHECK(std::isnan(optim::clip_grad_norm_(model, 1)));
  CHECK(std::isnan(model->fc.weight.grad()(0, 0)));
  CHECK_FALSE(model->unused.weight.has_grad());
  CHECK(model->head1.weight.grad()(0, 0) == 0);
}

TEST_CASE("copies of a model know which gradients are there, memory of the user holds it") {
  Model<Net> model;
  loss_of(model, model->head2, x).backward();
  model.requires_grad_<"head*">(false);
  const Model<Net> copy = model;
  CHECK(copy->head2.weight.has_grad());
  CHECK_FALSE(copy->head1.weight.has_grad());
  CHECK_FALSE(copy->head1.weight.requires_grad());
  CHECK(copy->head1.weight.grad_state() != model->head1.weight.grad_state());
  CHECK(copy->tied.weight.grad_state() == copy->head1.weight.grad_state());
  const Model<Net> moved = std::move(model);
  CHECK(moved->fc.weight.has_grad());
  CHECK_FALSE(moved->head2.weight.requires_grad());

  struct alignas(64) Line {
    std::byte bytes[64];
  };
  using M = Model<Net>;
  std::vector<Line> parameters(M::parameter_bytes / 64), gradients(M::gradient_bytes / 64);
  std::array<GradState, M::parameter_table.size()> states;
  states.fill({true, true});
  const auto bytes = [](auto& lines) { return std::as_writable_bytes(std::span(lines)); };
  M with_states(ModelMemory{bytes(parameters), bytes(gradients), {}, states});
  CHECK(with_states->fc.weight.grad_state() == states.data());
  CHECK(with_states->fc.weight.requires_grad());
  CHECK_FALSE(states[0].present);
  loss_of(with_states, with_states->head2, x).backward();
  CHECK(states[0].present);
  M without_states(ModelMemory{bytes(parameters), bytes(gradients), {}});
  loss_of(without_states, without_states->head2, x).backward();
  CHECK(without_states->head2.weight.has_grad());
  CHECK_FALSE(without_states->unused.weight.has_grad());
  with_states = without_states; // keeps its memory
  CHECK(with_states->fc.weight.grad_state() == states.data());
}

TEST_CASE("requires_grad_ at run time says what it cannot do") {
  Model<Net> model;
  CHECK(test::thrown<KeyError>([&] { model.requires_grad_("heat1", false); }) ==
        "stator: Net has no parameter 'heat1', did you mean head1 or head2?");
  model.requires_grad_(false);
  CHECK_FALSE(model.get_parameter("fc.bias").requires_grad());
  CHECK(test::thrown<GraphError>([&] { loss_of(model, model->head1, x).backward(); }) ==
        "stator: backward(): nothing in this expression requires a gradient: requires_grad_(false) holds for "
        "all of its "
        "parameters");
  model.requires_grad_("*.bias", true);
  loss_of(model, model->head1, x).backward();
  CHECK(model->fc.bias.has_grad());
  CHECK_FALSE(model->fc.weight.has_grad());
  Model<Net, freeze<"fc">> frozen;
  frozen.requires_grad_<"fc">(false);
  CHECK(test::thrown<ValueError>([&] { frozen.requires_grad_<"fc">(); }) ==
        "stator: requires_grad_: the type of this model freezes 'fc'");
  CHECK_THROWS_AS(frozen->fc.weight.requires_grad_(false), GraphError);
  CHECK_FALSE(frozen->fc.weight.has_grad());
}

TEST_CASE("an average follows parameters that have no gradient, as PyTorch's does") {
  manual_seed(0);
  Model<Net> model;
  optim::AveragedModel ema{model, {.decay = 0.5}};
  ema.update_parameters(model);
  const float before = model->unused.bias(0);
  model->unused.bias(0) = before + 1;
  ema.update_parameters(model);
  CHECK(ema.module()->unused.bias(0) == Approx(before + 0.5f));
}

TEMPLATE_TEST_CASE("training with unused parameters resumes bit for bit", "", optim::NAdam<Model<Net>>,
                   optim::Adagrad<Model<Net>>, optim::SGD<Model<Net>>) {
  const test::TemporaryDirectory scratch;
  const auto options = [] {
    typename TestType::Options o{};
    o.weight_decay = 0.1;
    if constexpr (requires { o.momentum; }) o.momentum = 0.9;
    return o;
  }();
  const auto train = [](Model<Net>& model, TestType& optimizer, std::size_t from, std::size_t to) {
    for (std::size_t step = from; step < to; ++step) {
      optimizer.zero_grad();
      double norm = 0;
      run_losses(model, std::array{"a", "a", "ab", "b", "a"}[step], norm);
      optimizer.step();
    }
  };
  const auto part = [](Model<Net>& model, TestType& optimizer) {
    Checkpoint checkpoint;
    checkpoint.add("model", model).add("optimizer", optimizer);
    return checkpoint;
  };
  manual_seed(0);
  Model<Net> whole, half = whole;
  TestType all{whole, options}, first{half, options};
  train(whole, all, 0, 5);
  train(half, first, 0, 2);
  part(half, first).save(scratch / "x.safetensors");
  const io::SafetensorsFile file(scratch / "x.safetensors");
  CHECK(file.contains("optimizer.state.head1.bias.step"));
  // PyTorch's Adagrad alone makes its state when it is constructed.
  const bool always = requires { requires std::same_as<TestType, optim::Adagrad<Model<Net>>>; };
  CHECK(file.contains("optimizer.state.head2.bias.step") == always);
  CHECK(file.contains("optimizer.state.unused.weight.step") == always);

  Model<Net> rest;
  TestType second{rest, options};
  train(rest, second, 2, 4); // head2 as well: what the file does not have is forgotten
  part(rest, second).load(scratch / "x.safetensors");
  CHECK(second.steps(4) == 0);
  train(rest, second, 2, 5);
  CHECK(std::ranges::equal(whole.parameter_arena(), rest.parameter_arena()));
  CHECK(second.steps() == all.steps());
}
