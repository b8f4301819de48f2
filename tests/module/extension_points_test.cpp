// SPDX-License-Identifier: BSL-1.0
// What a user's struct may say for itself, extra_repr, reset_parameters, extra state, upgrade_state, in every
// container. The layers of the library say it in the same way.
#include "catch.hpp"
#include "files.hpp"

#include "stator/io/checkpoint.hpp"
#include "stator/module/containers.hpp"
#include "stator/nn/nn.hpp"
#include "stator/ops/ops.hpp"
#include "stator/optim/averaged_model.hpp"
#include "stator/run/evaluation.hpp"

#include <sstream>

using namespace stator;
using stator::test::contains;
using stator::test::thrown;

namespace extension_points {

/// A parameter that starts as the number of those before it, and a list beside it.
struct Custom {
  Parameter<float, 2> weight;
  std::vector<float> history;

  constexpr auto forward(auto x) const { return x * weight; }
  void reset_parameters() {
    weight(0) = static_cast<float>(made++);
    history.clear();
  }
  std::string extra_repr() const { return "history of " + std::to_string(history.size()); }
  const std::vector<float>& get_extra_state() const { return history; }
  void set_extra_state(std::vector<float> state) { history = std::move(state); }
  /// Files of earlier programs call the weight "gain".
  static void upgrade_state(StateDict& state, std::string_view prefix) {
    const std::string p(prefix);
    if (state.contains(p + "gain")) state.rename(p + "gain", p + "weight");
    if (!state.contains(p + "_extra_state")) state.insert_or_assign(p + "_extra_state", std::vector<float>());
  }

  static inline int made = 0;
};

struct Everywhere {
  Custom plain, again;
  std::array<Custom, 2> array;
  std::tuple<Custom, nn::ReLU> tuple;
  nn::Sequential<Custom, nn::Sequential<Custom>> sequential;
  nn::ModuleList<Custom> list;
  nn::ModuleDict<nn::entry<"a", Custom>> dict;
  struct Inner {
    Custom deep;
    Parameter<float, 1> own;
    std::int64_t version = 3;
    std::string extra_repr() const { return "version=" + std::to_string(version); }
    void reset_parameters() { deep.weight(1) = own(0) = deep.weight(0); } // the child has been made
    std::int64_t get_extra_state() const { return version; }
    void set_extra_state(std::int64_t state) {
      if (state > 9) throw ValueError("Inner: version " + std::to_string(state) + " is not known");
      version = state;
    }
  } inner;
  using ties = stator::ties<tie<"again", "plain">>;

  template<class F>
  void each(F f) {
    f(plain), f(array[0]), f(array[1]), f(std::get<0>(tuple)), f(sequential.get<0>());
    f(sequential.get<1>().get<0>()), f(list.get<0>()), f(dict.get<"a">()), f(inner.deep);
  }
};

/// Everything that a struct can keep beside its tensors.
struct Kinds {
  struct Text {
    std::string value = "some text";
    Buffer<float> buffer;
    const std::string& get_extra_state() const { return value; }
    void set_extra_state(std::string state) { value = std::move(state); }
  } text;
  struct Matrix {
    Tensor<double, 2, 2> value{1, 2, 3, 4};
    Buffer<float> buffer;
    const Tensor<double, 2, 2>& get_extra_state() const { return value; }
    void set_extra_state(Tensor<double, 2, 2>&& state) { value = std::move(state); }
  } matrix;
  struct Rows {
    Tensor<std::int64_t, dynamic, 2> value{1, 2, 3, 4, 5, 6};
    Buffer<float> buffer;
    const auto& get_extra_state() const { return value; }
    void set_extra_state(const Tensor<std::int64_t, dynamic, 2>& state) { value = state; }
  } rows;
  struct Flag {
    bool value = true;
    Buffer<float> buffer;
    bool get_extra_state() const { return value; }
    void set_extra_state(bool state) { value = state; }
  } flag;
  struct Bytes {
    std::array<std::byte, 3> value{std::byte{1}, std::byte{2}, std::byte{255}};
    Buffer<float> buffer;
    auto get_extra_state() const { return value; }
    void set_extra_state(const std::array<std::byte, 3>& state) { value = state; }
  } bytes;
};

/// nn::Linear as a user would write it.
template<Index In, Index Out>
struct MyLinear {
  Parameter<float, Out, In> weight;
  Parameter<float, Out> bias;
  constexpr auto forward(auto x) const { return linear(x, weight, bias); }
  void reset_parameters() { nn::init::reset_weight_and_bias_(weight, bias); }
  static std::string extra_repr() {
    return "in_features=" + std::to_string(In) + ", out_features=" + std::to_string(Out) + ", bias=True";
  }
  static constexpr std::string_view class_name() { return "Linear"; }
};

} // namespace extension_points

namespace {

using extension_points::Custom;
using extension_points::Everywhere;
using extension_points::Kinds;

std::string text_of(const auto& x) {
  std::ostringstream out;
  out << x;
  return out.str();
}

} // namespace

TEST_CASE(
    "reset_parameters of a user's struct is called in every container, children first, shared ones once") {
  Custom::made = 0;
  Model<Everywhere> model;
  CHECK(Custom::made == 9);
  float next = 0;
  model->each([&](const Custom& c) { CHECK(c.weight(0) == next++); });
  CHECK(model->again.weight(0) == 0);
  CHECK(model->inner.own(0) == 8);
  CHECK(model->inner.deep.weight(1) == 8);
  model.reset_parameters();
  CHECK(model->inner.own(0) == 17);
}

TEST_CASE("extra_repr of a user's struct is printed in every container") {
  Model<Everywhere> model;
  model->array[1].history = {1, 2};
  model->inner.version = 4;
  CHECK(text_of(model) == R"(Everywhere(
  (plain): Custom(history of 0)
  (again): Custom(history of 0)
  (array): ModuleList(
    (0): Custom(history of 0)
    (1): Custom(history of 2)
  )
  (tuple): ModuleList(
    (0): Custom(history of 0)
    (1): ReLU()
  )
  (sequential): Sequential(
    (0): Custom(history of 0)
    (1): Sequential(
      (0): Custom(history of 0)
    )
  )
  (list): ModuleList(
    (0): Custom(history of 0)
  )
  (dict): ModuleDict(
    (a): Custom(history of 0)
  )
  (inner): Inner(
    version=4
    (deep): Custom(history of 0)
  )
))");
}

TEST_CASE("extra state goes through state_dict, files and checkpoints, from every container") {
  const test::TemporaryDirectory scratch;
  Model<Everywhere> model;
  float n = 0;
  model->each([&](Custom& c) { c.history = {++n, -n}; });
  model->inner.version = 7;
  const StateDict state = model.state_dict();
  std::size_t extra = 0;
  for (const StateTensor& t : state) extra += t.name.ends_with("_extra_state") ? 1 : 0;
  CHECK(extra == 11);
  CHECK(state["sequential.1.0._extra_state"].to<std::vector<float>>() == std::vector<float>{6, -6});
  CHECK(state["again._extra_state"].to<std::vector<float>>() == std::vector<float>{1, -1}); // of `plain`
  CHECK(state["inner._extra_state"].to<std::int64_t>() == 7);

  const auto check = [](Model<Everywhere>& other) {
    float k = 0;
    other->each([&](const Custom& c) { CHECK(c.history == std::vector<float>{++k, -k}); });
    CHECK(other->again.history == std::vector<float>{1, -1}); // both objects of the shared module
    CHECK(other->inner.version == 7);
  };
  Model<Everywhere> other;
  other.load_state_dict(state);
  check(other);
  for (const char* name : {"x.safetensors", "x.npz"}) {
    Model<Everywhere> from_file;
    save(model, scratch / name);
    load(from_file, scratch / name);
    check(from_file);
  }
  Checkpoint checkpoint;
  checkpoint.add("model", model).save(scratch / "checkpoint");
  Model<Everywhere> resumed;
  Checkpoint again;
  again.add("model", resumed).load(scratch / "checkpoint");
  check(resumed);
  Model<Everywhere> copy = optim::AveragedModel{resumed}.module();
  check(copy);
  // A shared module's state may be there under one of its names.
  StateDict once = state;
  once.erase("plain._extra_state");
  model->plain.history.clear();
  model.load_state_dict(once);
  check(model);
}

TEST_CASE("extra state is a number, a text, a list or a tensor") {
  const test::TemporaryDirectory scratch;
  const Model<Kinds> model;
  save(model, scratch / "x");
  const StateDict state = load(scratch / "x");
  CHECK(state["text._extra_state"].type == StorageType::U8);
  CHECK(state["matrix._extra_state"].shape == std::vector<Index>{2, 2});
  CHECK(state["flag._extra_state"].type == StorageType::BOOL);
  Model<Kinds> other;
  other->text.value.clear();
  other->matrix.value.fill_(0);
  other->rows.value = Tensor<std::int64_t, dynamic, 2>(1);
  other->flag.value = false;
  other->bytes.value = {};
  load(other, scratch / "x");
  CHECK(other->text.value == "some text");
  CHECK(std::ranges::equal(other->matrix.value.values(), model->matrix.value.values()));
  CHECK(std::ranges::equal(other->rows.value.values(), model->rows.value.values()));
  CHECK(other->flag.value);
  CHECK(other->bytes.value == model->bytes.value);

  StateDict wrong = state;
  wrong.insert_or_assign("matrix._extra_state", std::vector<double>(4));
  wrong.insert_or_assign("bytes._extra_state", std::vector<float>(3));
  wrong.erase("flag._extra_state");
  CHECK(thrown<StateDictError>([&] { other.load_state_dict(wrong); }) ==
        "stator: Error(s) in loading state_dict for Kinds:\n"
        "\tMissing key(s) in state_dict: \"flag._extra_state\". \n"
        "\t'matrix._extra_state' has shape torch.Size([4]), expected torch.Size([2, 2]).\n"
        "\t'bytes._extra_state' holds F32, which does not convert to U8 without loss.");
}

TEST_CASE("when set_extra_state throws, nothing has been loaded") {
  const test::TemporaryDirectory scratch;
  Model<Everywhere> model;
  Model<Kinds> kinds;
  model->each([](Custom& c) { c.history = {1}; });
  kinds->text.value = "new";
  model->inner.version = 10;
  model->inner.own(0) = 5;
  Checkpoint checkpoint;
  checkpoint.add("kinds", kinds).add("model", model).save(scratch / "x");

  model->each([](Custom& c) { c.history = {2}; });
  kinds->text.value = "old";
  model->inner.version = 1;
  model->inner.own(0) = 6;
  const auto unchanged = [&] {
    model->each([](const Custom& c) { CHECK(c.history == std::vector<float>{2}); });
    CHECK(kinds->text.value == "old");
    CHECK(model->inner.version == 1);
    CHECK(model->inner.own(0) == 6);
  };
  CHECK(thrown<ValueError>([&] { checkpoint.load(scratch / "x"); }) ==
        "stator: Inner: version 10 is not known");
  unchanged();
  StateDict state = model.state_dict();
  state.insert_or_assign("inner._extra_state", 11);
  state.insert_or_assign("inner.own", std::vector<float>{9});
  CHECK_THROWS_AS(model.load_state_dict(state), ValueError);
  unchanged();
}

TEST_CASE("upgrade_state of a user's struct takes the files of earlier programs") {
  Model<Everywhere> model;
  StateDict old = model.state_dict();
  old.rename("*weight", "*gain");
  old.erase_if([](const StateTensor& t) {
    return t.name.ends_with("_extra_state") && !t.name.starts_with("inner._");
  });
  old.insert_or_assign("array.1.gain", std::vector<float>{5, 6});
  CHECK_THROWS_AS(model.load_state_dict(old), StateDictError); // it says that it is of this program
  old.set_has_metadata(false);
  model->array[1].history = {1};
  CHECK(model.load_state_dict(old).empty());
  CHECK(model->array[1].weight(1) == 6);
  CHECK(model->array[1].history.empty());
}

TEST_CASE("a user's layer and the library's differ in nothing") {
  using Mine =
      nn::Sequential<extension_points::MyLinear<3, 4>, nn::Sequential<extension_points::MyLinear<4, 2>>>;
  using Theirs = nn::Sequential<nn::Linear<3, 4>, nn::Sequential<nn::Linear<4, 2>>>;
  manual_seed(3);
  const Model<Mine> mine;
  manual_seed(3);
  Model<Theirs> theirs;
  CHECK(text_of(mine) == text_of(theirs));
  CHECK(std::ranges::equal(mine.parameter_arena(), theirs.parameter_arena()));
  for (float& p : theirs.parameter_arena()) p = 0;
  CHECK(theirs.load_state_dict(mine.state_dict()).empty());
  CHECK(std::ranges::equal(mine.parameter_arena(), theirs.parameter_arena()));
  CHECK(mine.named_modules()[1].type == "Linear");
}
