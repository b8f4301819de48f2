// SPDX-License-Identifier: BSL-1.0
// The same as tests/reference/state.py, against what PyTorch said there.
#include "catch.hpp"

#include "stator/model/model.hpp"
#include "stator/nn/container.hpp"
#include "stator/nn/linear.hpp"
#include "stator/nn/norm.hpp"

#include <fstream>
#include <sstream>

using namespace stator;
using stator::test::thrown;

namespace state_reference {

struct Counter {
  nn::Linear<2, 2> fc;
  Parameter<float, 2> weight;
  Buffer<float> seen;
  std::int64_t count = 0;

  std::int64_t get_extra_state() const { return count; }
  void set_extra_state(std::int64_t state) { count = state; }
};
struct Net {
  nn::Sequential<Counter, nn::Linear<2, 1>> list;
  Counter right;
  Parameter<float, 1> own;
  std::string words = "hi";

  std::string get_extra_state() const { return words; }
  void set_extra_state(std::string state) { words = std::move(state); }
};
struct Norms {
  nn::BatchNorm1d<2> bn;
  nn::BatchNorm1d<2, {.track_running_stats = false}> plain;
};

class Log {
public:
  void section(const std::string& title) { line("[" + title + "]"); }
  void line(const std::string& text) { text_ += text + '\n'; }
  void refusal(auto& model, const StateDict& state) {
    line(thrown<StateDictError>([&] { model.load_state_dict(state); }).substr(sizeof "stator: " - 1));
  }
  std::istringstream stream() const { return std::istringstream(text_); }

private:
  std::string text_;
};

template<fixed_string... Path>
void hook(Model<Net>& model, Log& log, const std::string& number) {
  const auto at = [](std::string_view name) { return " at '" + std::string(name) + "'"; };
  (model.register_state_dict_hook<Path>([&log, number, at](StateDict& state, std::string_view prefix) {
    log.line("state_dict hook " + number + at(prefix) + ", " + std::to_string(state.size()) + " keys");
  }),
   ...);
  (model.register_load_state_dict_pre_hook<Path>([&log, number, at](StateDict&, std::string_view prefix) {
    log.line("load pre-hook " + number + at(prefix));
  }),
   ...);
  (model.register_load_state_dict_post_hook<Path>(
       [&log, number, at](IncompatibleKeys&) { log.line("load post-hook " + number + at(Path)); }),
   ...);
}

} // namespace state_reference

TEST_CASE("state is taken and loaded as PyTorch does it: keys, errors, hooks, old BatchNorms") {
  using namespace state_reference;
  const float zeros[4] = {};
  Log log;

  log.section("keys");
  const Model<Net> other;
  for (const StateTensor& tensor : other.state_dict()) log.line(tensor.name);

  log.section("everything at once");
  StateDict state = other.state_dict();
  for (const char* name : {"list.0._extra_state", "own", "right.fc.weight", "_extra_state"})
    CHECK(state.erase(name));
  state.insert_or_assign("right.seen", std::vector<float>(3));
  state.insert_or_assign("list.1.weight", TensorView<const float, 2, 2>(zeros));
  for (const char* name :
       {"list.1.scale", "list.1._extra_state", "right.fc._extra_state", "list.0.fc.gain", "left.fc.weight"})
    state.insert_or_assign(name, std::vector<float>(1));
  Model<Net> model;
  // PyTorch takes a vector for a number, by its first element.
  CHECK_THAT(thrown<StateDictError>([&] { model.load_state_dict(state); }),
             test::contains("size mismatch for right.seen: copying a param with shape torch.Size([3])"));
  state.insert_or_assign("right.seen", std::vector<float>(1));
  log.refusal(model, state);

  log.section("state_dict hooks");
  Model<Net> hooked;
  hook<"list", "", "right.fc", "list.0", "right", "list.0.fc">(hooked, log, "0");
  hook<"list", "", "right.fc", "list.0", "right", "list.0.fc">(hooked, log, "1");
  state = hooked.state_dict();
  log.section("load hooks");
  hooked.load_state_dict(state);

  log.section("post-hook that leaves one key");
  model.register_load_state_dict_post_hook([](Net& net, IncompatibleKeys& keys) {
    CHECK(net.own(0) == 0.25f); // has been loaded
    std::erase(keys.missing_keys, "list.0.weight");
    keys.unexpected_keys.clear();
  });
  model->own(0) = 0.25f;
  state = model.state_dict();
  model->own(0) = 0;
  state.insert_or_assign("own", std::vector<float>{0.25f});
  state.erase("list.0.weight");
  state.erase("right.weight");
  state.insert_or_assign("more", std::vector<float>(1));
  log.refusal(model, state);
  CHECK(model->own(0) == 0);

  log.section("post-hooks as soon as a module is loaded");
  Model<Net> told;
  const auto tell = [&]<fixed_string Path>(prefix_constant<Path>) {
    told.register_load_state_dict_post_hook<Path>([&](IncompatibleKeys& keys) {
      const auto list = [](const std::vector<std::string>& names) {
        std::string text;
        for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
        return text;
      };
      const auto loaded = [](const auto& layer) { return layer.weight(0, 0) == 7 ? "1" : "0"; };
      log.line("'" + std::string(Path.view()) + "': missing " + list(keys.missing_keys) + "; unexpected " +
               list(keys.unexpected_keys) + "; loaded [" + loaded(told.get<"list.0.fc">()) + ", " +
               loaded(told.get<"list.1">()) + ", " + loaded(told->right.fc) + "]; " +
               std::to_string(told->right.count));
      if (Path.view() == "list") std::erase(keys.missing_keys, "list.1.bias");
    });
  };
  tell(prefix<"list.0">), tell(prefix<"list">), tell(prefix<"right.fc">), tell(prefix<"">);
  state = StateDict(other.state_dict());
  for (const char* name : {"own", "list.0.weight", "list.1.bias", "right.seen", "right.fc.bias"})
    CHECK(state.erase(name));
  const float sevens[] = {7, 7, 7, 7};
  for (const char* name : {"list.0.fc.weight", "right.fc.weight"})
    state.insert_or_assign(name, TensorView<const float, 2, 2>(sevens));
  state.insert_or_assign("list.1.weight", TensorView<const float, 1, 2>(sevens));
  for (const char* name : {"more", "list.0.more", "list.1.more", "right.more"})
    state.insert_or_assign(name, std::vector<float>(1));
  state.insert_or_assign("right._extra_state", std::int64_t{5});
  log.refusal(told, state);
  CHECK(told->right.count == 0);

  log.section("BatchNorm without num_batches_tracked");
  Model<Norms> norms;
  norms->bn.num_batches_tracked() = 5;
  state = norms.state_dict();
  state.erase("bn.num_batches_tracked");
  log.refusal(norms, state);
  norms.load_state_dict(StateDict(std::vector<StateTensor>(state.begin(), state.end())));
  log.line("loaded, num_batches_tracked = " + std::to_string(norms->bn.num_batches_tracked.item()));
  log.refusal(norms, StateDict());

  std::istringstream ours = log.stream();
  std::ifstream theirs(STATOR_TEST_REFERENCE "/data/state.txt");
  std::string a, b, section;
  for (;;) {
    const bool more_a = static_cast<bool>(std::getline(ours, a)),
               more_b = static_cast<bool>(std::getline(theirs, b));
    if (!more_a && !more_b) break;
    if (a.starts_with("[")) section = a;
    INFO(section);
    REQUIRE((more_a ? a : "(end)") == (more_b ? b : "(end)"));
  }
}
