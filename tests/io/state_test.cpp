// SPDX-License-Identifier: BSL-1.0
// stator::save and stator::load. The files of tests/reference/data/safetensors are not Stator's:
// tests/reference/safetensors_files.py wrote them from PyTorch's models.
#include "catch.hpp"
#include "compare.hpp"
#include "files.hpp"

#include "stator/io/state.hpp"
#include "stator/nn/linear.hpp"
#include "stator/ops/ops.hpp"
#include "stator/run/evaluation.hpp"

namespace nn = stator::nn;
using namespace stator;
using stator::test::contains;
using stator::test::thrown;

namespace state_test {

struct Mlp {
  nn::Linear<4, 8> fc1;
  nn::Linear<8, 3> fc2;
  Buffer<std::int64_t> steps;
  Buffer<bool, 3> mask;
  NonPersistentBuffer<float, 2> scratch;
  constexpr auto forward(auto x) const { return x | fc1 | nn::relu | fc2; }
};

struct Tied {
  nn::Linear<8, 6, {.bias = false}> wte;
  nn::Linear<8, 8> body;
  nn::Linear<8, 6, {.bias = false}> lm_head;
  using ties = stator::ties<tie<"lm_head.weight", "wte.weight">>;
  constexpr auto forward(auto x) const { return x | body | nn::relu | lm_head; }
};

struct Two {
  Mlp encoder, decoder;
  constexpr auto forward(auto x) const { return encoder(x) + decoder(x); }
};

struct Layers {
  std::array<nn::Linear<4, 4>, 2> blocks;
  constexpr auto forward(auto x) const { return x | blocks[0] | blocks[1]; }
};

/// The first two layers of Mlp in double.
struct Double {
  struct Fc1 {
    Parameter<double, 8, 4> weight;
    Parameter<double, 8> bias;
  } fc1;
  struct Fc2 {
    Parameter<double, 3, 8> weight;
    Parameter<double, 3> bias;
  } fc2;
  Buffer<std::int64_t> steps;
  Buffer<bool, 3> mask;
};

} // namespace state_test

namespace {

using state_test::Double;
using state_test::Layers;
using state_test::Mlp;
using state_test::Tied;
using state_test::Two;

const std::filesystem::path directory = STATOR_TEST_REFERENCE "/data/safetensors";

template<class Net>
bool equal(const Model<Net>& a, const Model<Net>& b) {
  return std::ranges::equal(a.parameter_arena(), b.parameter_arena()) &&
         std::ranges::equal(a.buffer_arena(), b.buffer_arena());
}

/// Changes every number, so that nothing is right by chance.
template<class Net>
void scramble(Model<Net>& model) {
  for (const TensorRef p : model.parameters())
    for (float& value : p.template values<float>()) value = 77;
  for (const TensorRef b : model.buffers()) std::memset(b.raw(), 1, b.bytes());
}

template<class Net, Index In>
void check_output(const Model<Net>& model, const char* x, const char* y) {
  const io::Npz outputs = io::load_npz(directory / "outputs.npz");
  Tensor<float, 5, In> input;
  std::ranges::copy(outputs[x].as<float>(), input.values().begin());
  const auto got = model.eval()(input).value();
  const auto right = outputs[y].as<float>();
  test::check_close(got.values(), right, 1e-6);
}

} // namespace

TEST_CASE("a file from PyTorch loads by name and gives PyTorch's outputs") {
  Model<Mlp> model;
  scramble(model);
  CHECK(load(model, directory / "mlp.safetensors").empty());
  check_output<Mlp, 4>(model, "x", "mlp");
  CHECK(model->steps.values()[0] == 7);
  CHECK(model->mask.values()[0]);
  CHECK_FALSE(model->mask.values()[1]);
  CHECK(reinterpret_cast<const unsigned char&>(model->scratch.values()[0]) == 1); // not part of the state

  Model<Mlp> other;
  scramble(other);
  load(other, directory / "mlp.npz");
  CHECK(equal(model, other));
}

TEST_CASE("a file that is in memory loads like the file, wherever it lies") {
  Model<Mlp> model;
  scramble(model); // what is not state too
  load(model, directory / "mlp.safetensors");
  for (const char* name : {"mlp.safetensors", "mlp.npz"}) {
    INFO(name);
    std::vector<std::byte> bytes = io::read_file(directory / name);
    Model<Mlp> other;
    scramble(other);
    CHECK(load(other, bytes).empty());
    CHECK(equal(model, other));
    bytes.insert(bytes.begin(), std::byte{}); // no tensor is aligned now
    scramble(other);
    load(other, std::span<const std::byte>(bytes).subspan(1));
    CHECK(equal(model, other));
    CHECK(load(std::span<const std::byte>(bytes).subspan(1)).size() == load(directory / name).size());
  }
}

TEST_CASE("bytes that are not a file of a known format are refused, and the model stays as it was") {
  Model<Mlp> model;
  const Model<Mlp> before = model;
  const auto refused = [&](std::span<const std::byte> bytes) {
    const std::string text = thrown<FormatError>([&] { load(model, bytes); });
    CHECK(equal(model, before));
    return text;
  };
  CHECK_THAT(refused({}), contains("bytes in memory, byte 0: no format of files begins like this"));
  CHECK_THAT(refused({}), contains("there are .safetensors (safetensors), .npz (npz)"));
  const std::vector<std::byte> whole = io::read_file(directory / "mlp.safetensors");
  const std::span<const std::byte> file(whole);
  CHECK_THAT(refused(file.first(file.size() - 1)), contains("bytes in memory"));
  CHECK_THAT(refused(file.first(20)), contains("the header should have"));
  const std::vector<std::byte> archive = io::read_file(directory / "mlp.npz");
  CHECK_THAT(refused(std::span(archive).first(archive.size() - 1)), contains("bytes in memory"));
}

TEST_CASE("save and load give every bit back, as safetensors and as .npz") {
  const test::TemporaryDirectory scratch;
  const Model<Mlp> model = [] {
    Model<Mlp> m;
    load(m, directory / "mlp.safetensors");
    for (auto& s : m->scratch.values()) s = 0.5F;
    return m;
  }();
  for (const char* name : {"x.safetensors", "x.npz", "x"}) {
    save(model, scratch / name);
    Model<Mlp> other;
    scramble(other);
    for (auto& s : other->scratch.values()) s = 0.5F;
    load(other, scratch / name);
    CHECK(equal(model, other));
  }
  CHECK(io::load_npz(scratch / "x.npz")["fc1.weight"].shape == std::vector<Index>{8, 4});
  const io::SafetensorsFile file(scratch / "x.safetensors");
  std::string names;
  for (const auto& info : file.tensors()) names += info.name + " ";
  CHECK(names == "steps mask fc1.weight fc1.bias fc2.weight fc2.bias ");
  CHECK(file.metadata() == io::Metadata{{"format", "pt"}});
}

TEST_CASE("halves and bfloat16 load into float, float into double, double into float only on request") {
  Model<Mlp> model, half;
  load(model, directory / "mlp.safetensors");
  for (const char* name : {"mlp_f16.safetensors", "mlp_bf16.safetensors"}) {
    load(half, directory / name);
    const float unit = std::string_view(name) == "mlp_f16.safetensors" ? 0x1p-11F : 0x1p-8F;
    test::check_close(half.parameter_arena(), model.parameter_arena(), static_cast<double>(unit),
                      {.relative_to = std::numeric_limits<double>::min()});
  }
  Model<Double> in_double;
  load(in_double, directory / "mlp.safetensors");
  CHECK(in_double->fc1.weight.values()[3] == double{model->fc1.weight.values()[3]});

  scramble(half);
  const Model<Mlp> before = half;
  CHECK_THAT(
      thrown<StateDictError>([&] { load(half, directory / "mlp_f64.safetensors"); }),
      contains(
          "\n\tdtype mismatch for fc1.weight: copying a param with dtype F64 from checkpoint, the dtype in "
          "current model is F32, allow_lossy is needed to convert."));
  CHECK(equal(half, before));
  load(half, directory / "mlp_f64.safetensors", {.allow_lossy = true});
  CHECK(std::ranges::equal(half.parameter_arena(), model.parameter_arena()));
}

TEST_CASE("floating-point tensors can be stored as other types") {
  const test::TemporaryDirectory scratch;
  Model<Mlp> model, same, theirs;
  load(model, directory / "mlp.safetensors");
  save(model, scratch / "x.safetensors", {.dtype = StorageType::BF16});
  CHECK(io::SafetensorsFile(scratch / "x.safetensors")["steps"].type == StorageType::I64);
  load(same, scratch / "x.safetensors");
  load(theirs, directory / "mlp_bf16.safetensors"); // rounded by PyTorch
  CHECK(std::ranges::equal(same.parameter_arena(), theirs.parameter_arena()));
  save(model, scratch / "x.npz", {.dtype = StorageType::F16});
  load(same, scratch / "x.npz");
  load(theirs, directory / "mlp_f16.safetensors");
  CHECK(std::ranges::equal(same.parameter_arena(), theirs.parameter_arena()));
  CHECK_THROWS_AS(save(model, scratch / "y.npz", {.dtype = StorageType::BF16}), ValueError);
  CHECK_THROWS_AS(save(model, scratch / "y.safetensors", {.dtype = StorageType::I8}), ValueError);
}

TEST_CASE("everything that does not fit is reported at once, in PyTorch's words, and nothing is loaded") {
  Model<Mlp> model;
  const Model<Mlp> before = model;
  std::string right = test::read_bytes(directory / "wrong.txt"); // str(RuntimeError) of PyTorch
  right.pop_back();
  CHECK(thrown<StateDictError>([&] { load(model, directory / "wrong.safetensors"); }) == "stator: " + right);
  CHECK(equal(model, before));
  // PyTorch's strict=False ignores missing and unexpected keys, but not shapes.
  CHECK(thrown<StateDictError>([&] { load(model, directory / "wrong.safetensors", {.strict = false}); }) ==
        "stator: Error(s) in loading state_dict for Mlp:\n\tsize mismatch for fc1.weight: copying a param "
        "with shape "
        "torch.Size([8, 5]) from checkpoint, the shape in current model is torch.Size([8, 4]).");
  CHECK(equal(model, before));
  const auto keys =
      load(model, directory / "wrong.safetensors", {.strict = false, .rename = {{"fc1.weight", ""}}});
  CHECK(keys.missing_keys == std::vector<std::string>{"steps", "fc1.weight", "fc2.bias"});
  CHECK(keys.unexpected_keys == std::vector<std::string>{"extra", "fc3.weight", "fc1.gain"});
}

TEST_CASE("a shared tensor is stored once, as save_model does, and loads under either name") {
  const test::TemporaryDirectory scratch;
  Model<Tied> model, other;
  scramble(model);
  load(model, directory / "tied.safetensors");
  check_output<Tied, 8>(model, "z", "tied");
  scramble(other);
  load(other, directory / "tied_both_names.safetensors");
  CHECK(equal(model, other));

  save(model, scratch / "x.safetensors");
  const io::SafetensorsFile file(scratch / "x.safetensors");
  CHECK(file.contains("lm_head.weight"));
  CHECK_FALSE(file.contains("wte.weight"));
  CHECK(file.metadata().at("wte.weight") == "lm_head.weight");
  CHECK(io::SafetensorsFile(directory / "tied.safetensors").metadata() == file.metadata());
  save(model, scratch / "both.safetensors", {.every_name = true});
  CHECK(io::SafetensorsFile(scratch / "both.safetensors").contains("wte.weight"));
  for (const char* name : {"x.safetensors", "both.safetensors"}) {
    scramble(other);
    load(other, scratch / name);
    CHECK(equal(model, other));
  }
  load(other, scratch / "x.safetensors", {.rename = {{"lm_head.*", "wte.*"}}});
  CHECK(equal(model, other));

  CHECK_THAT(
      thrown<StateDictError>([&] { load(other, directory / "tied_different.safetensors"); }),
      contains(
          "\"wte.weight\" and \"lm_head.weight\" are one tensor in current model, but differ in checkpoint"));
  CHECK(equal(model, other));
  CHECK_THAT(thrown<StateDictError>(
                 [&] { load(other, scratch / "x.safetensors", {.rename = {{"lm_head.*", ""}}}); }),
             contains("Missing key(s) in state_dict: \"wte.weight\", \"lm_head.weight\". "));
}

TEST_CASE("rename rules fit a foreign checkpoint to the network") {
  Model<Mlp> model, right;
  load(right, directory / "mlp.safetensors");
  const auto keys = load(
      model, directory / "foreign.safetensors",
      {.strict = false,
       .rename = {{"module.layers.0.*", "fc1.*"}, {"module.layers.1.*", "fc2.*"}, {"module.rotary", ""}}});
  CHECK(keys.missing_keys == std::vector<std::string>{"steps", "mask"});
  CHECK(keys.unexpected_keys.empty());
  CHECK(std::ranges::equal(model.parameter_arena(), right.parameter_arena()));
  CHECK_THAT(thrown<ValueError>(
                 [&] { load(model, directory / "foreign.safetensors", {.rename = {{"*.bias", "bias"}}}); }),
             contains("'module.layers.0.bias' and 'module.layers.1.bias' would both be 'bias'"));
  CHECK_THAT(
      thrown<ValueError>([&] { load(model, directory / "foreign.safetensors", {.rename = {{"*", "*.*"}}}); }),
      contains("has more * than the pattern"));
}

TEST_CASE("a part of a network is loaded by a pattern, by a path, or as a module of its own") {
  const test::TemporaryDirectory scratch;
  Model<Mlp> mlp;
  load(mlp, directory / "mlp.safetensors");

  Model<Mlp> part;
  scramble(part);
  load(part, directory / "mlp.safetensors", {.only = {"fc1.*", "mask"}});
  CHECK(std::ranges::equal(part->fc1.weight.values(), mlp->fc1.weight.values()));
  CHECK_FALSE(part->mask.values()[1]);
  CHECK(part->fc2.weight.values()[0] == 77);

  Model<Two> two;
  scramble(two);
  load(two, directory / "mlp.safetensors", {.into = "decoder"});
  CHECK(std::ranges::equal(two->decoder.fc2.weight.values(), mlp->fc2.weight.values()));
  CHECK(two->encoder.fc2.weight.values()[0] == 77);
  load(two.get<"encoder">(), directory / "mlp.safetensors");
  CHECK(std::ranges::equal(two->encoder.fc2.weight.values(), mlp->fc2.weight.values()));
  CHECK_THAT(thrown<KeyError>([&] { load(two, directory / "mlp.safetensors", {.into = "encodr"}); }),
             contains("Two has no module 'encodr', did you mean encoder"));
  CHECK_THAT(
      thrown<StateDictError>([&] { load(two, directory / "mlp.safetensors", {.into = "decoder.fc1"}); }),
      contains("Error(s) in loading state_dict for Linear:\n\tMissing key(s) in state_dict: \"weight\", "
               "\"bias\". "));

  save(two.get<"encoder">(), scratch / "encoder.safetensors");
  Model<Mlp> again;
  load(again, scratch / "encoder.safetensors");
  CHECK(std::ranges::equal(again.parameter_arena(), mlp.parameter_arena()));

  Mlp unbound;
  CHECK_THAT(thrown<UnboundError>([&] { save(unbound, scratch / "y"); }), contains("steps has no storage"));
}

TEST_CASE("elements of lists have PyTorch's names") {
  const test::TemporaryDirectory scratch;
  Model<Layers> model;
  save(model, scratch / "x.safetensors");
  CHECK(io::SafetensorsFile(scratch / "x.safetensors")["blocks.1.weight"].shape == std::vector<Index>{4, 4});
}

TEST_CASE("a file is read into a state_dict, changed, loaded and saved") {
  const test::TemporaryDirectory scratch;
  Model<Mlp> right, model;
  load(right, directory / "mlp.safetensors");
  for (const char* name : {"mlp.safetensors", "mlp.npz"}) {
    StateDict state = load(directory / name); // keeps the file
    CHECK_FALSE(state.has_metadata());
    CHECK(state["steps"].to<std::int64_t>() == 7);
    state.rename("fc1.*", "module.layers.0.*");
    state.insert_or_assign("steps", std::int64_t{8});
    scramble(model);
    CHECK(model.load_state_dict(state, {.rename = {{"module.layers.0.*", "fc1.*"}}}).empty());
    CHECK(std::ranges::equal(model.parameter_arena(), right.parameter_arena()));
    CHECK(model->steps() == 8);
    save(state, scratch / name);
    CHECK(load(scratch / name)["module.layers.0.weight"].to<Tensor<float, 8, 4>>()(7, 3) ==
          model->fc1.weight(7, 3));
  }
  const io::SafetensorsFile file(directory / "mlp.safetensors");
  io::Npz npz = io::load_npz(directory / "mlp.npz");
  scramble(model);
  CHECK(model.load_state_dict(file.state()).empty());
  CHECK(std::ranges::equal(model.parameter_arena(), right.parameter_arena()));
  CHECK(model.load_state_dict(io::npz_state(npz), {.only = {"fc1.*"}}).empty());

  // The same memory under another shape is not another name.
  StateDict state = right.state_dict();
  state.insert_view({"flat", StorageType::F32, {32}, state["fc1.weight"].data});
  save(state, scratch / "x.safetensors");
  CHECK(load(scratch / "x.safetensors")["flat"].shape == std::vector<Index>{32});
  CHECK(load(scratch / "x.safetensors").size() == 7);
}
