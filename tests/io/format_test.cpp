// SPDX-License-Identifier: BSL-1.0
// The registry of file formats, with a format of the user's.
#include "catch.hpp"
#include "files.hpp"

#include "stator/io/checkpoint.hpp"
#include "stator/optim/optim.hpp"

using namespace stator;
using stator::test::contains;
using stator::test::thrown;

namespace format_test {

struct Net {
  Parameter<float, 2, 3> weight;
  Buffer<std::int64_t, 2> steps;
};

// A format in one place: a line "name bytes rank extents" for each tensor, then the bytes of all.
void write_lines(const io::Path& path, std::span<const StateTensor> tensors, const io::Metadata&) {
  io::AtomicFile file(path);
  file.write("LINES\n");
  for (const StateTensor& t : tensors) {
    std::string line = t.name + ' ' + std::string(to_string(t.type)) + ' ' + std::to_string(t.shape.size());
    for (const Index extent : t.shape) line += ' ' + std::to_string(extent);
    file.write(line + '\n');
    file.write({t.data, t.bytes()});
  }
  file.commit();
}

bool begins_with_lines(std::span<const std::byte> beginning) {
  const auto mark = std::as_bytes(std::span("LINES\n", 6));
  return beginning.size() >= mark.size() && std::ranges::equal(beginning.first(mark.size()), mark);
}

io::StateFile read_lines(const io::Path& path, const io::ReadOptions&) {
  const auto bytes = std::make_shared<const std::vector<std::byte>>(io::read_file(path.string()));
  io::StateFile file{.memory = bytes};
  std::size_t at = 6;
  while (at < bytes->size()) {
    std::string line;
    while (std::to_integer<char>((*bytes)[at]) != '\n') line += std::to_integer<char>((*bytes)[at++]);
    ++at;
    std::istringstream words(line);
    StateTensor tensor;
    std::string type;
    std::size_t rank = 0;
    words >> tensor.name >> type >> rank;
    tensor.type = storage_type(type).value();
    tensor.shape.resize(rank);
    for (Index& extent : tensor.shape) words >> extent;
    tensor.data = bytes->data() + at;
    at += tensor.bytes();
    file.tensors.push_back(tensor);
  }
  return file;
}

const bool registered = io::register_format({.name = "lines",
                                             .extension = ".lines",
                                             .write = write_lines,
                                             .matches = begins_with_lines,
                                             .read = read_lines});

} // namespace format_test

namespace {
using format_test::Net;

void fill(Model<Net>& model, float value) {
  for (float& w : model->weight.values()) w = value++;
  for (std::int64_t& s : model->steps.values()) s = static_cast<std::int64_t>(value);
}
bool is_filled(const Model<Net>& model, float value) {
  Model<Net> other;
  fill(other, value);
  return std::ranges::equal(model->weight.values(), other->weight.values()) &&
         std::ranges::equal(model->steps.values(), other->steps.values());
}
} // namespace

TEST_CASE("a format of the user's saves and loads like those of the library") {
  const test::TemporaryDirectory scratch;
  for (const std::string name : {"x.lines", "x.safetensors", "x.npz", "x"}) {
    Model<Net> model, other;
    fill(model, 3);
    save(model, scratch / name);
    CHECK(load(other, scratch / name).empty());
    CHECK(is_filled(other, 3));
    CHECK(load(scratch / name).size() == 2);
  }
  CHECK(test::read_bytes(scratch / "x.lines").starts_with("LINES\nweight F32 2 2 3\n"));
  CHECK(io::SafetensorsFile(scratch / "x").metadata().at("format") == "pt");
}

TEST_CASE("a file whose extension no format has is known by its first bytes") {
  const test::TemporaryDirectory scratch;
  Model<Net> model;
  fill(model, 5);
  for (const std::string_view format : {"lines", "safetensors", "npz"}) {
    save(model, scratch / "x.bin", {.format = format});
    Model<Net> other;
    CHECK(load(other, scratch / "x.bin").empty());
    CHECK(is_filled(other, 5));
  }
  CHECK(test::read_bytes(scratch / "x.bin").starts_with("PK"));
}

TEST_CASE("an extension that no format has is an error that lists the formats") {
  const test::TemporaryDirectory scratch;
  const Model<Net> model;
  const std::string list = "there are .lines (lines), .safetensors (safetensors), .npz (npz)";
  const std::string text = thrown<ValueError>([&] { save(model, scratch / "x.pt"); });
  CHECK_THAT(text, contains("stator: save: no format of files is called '.pt' ("));
  CHECK_THAT(text, contains("x.pt); " + list + "; SaveOptions::format"));
  CHECK_THAT(thrown<ValueError>([&] { save(model, scratch / "x.npz", {.format = "pickle"}); }),
             contains("no format of files is called 'pickle'"));
  Checkpoint checkpoint;
  CHECK_THAT(thrown<ValueError>([&] { checkpoint.save(scratch / "x.pt"); }), contains(list));
  CHECK(scratch.count() == 0);
  test::write_bytes(scratch / "x.pt", "something else");
  const std::string loaded = thrown<FormatError>([&] { (void)load(scratch / "x.pt"); });
  CHECK_THAT(loaded, contains("x.pt, byte 0: no format of files has this extension or begins like this"));
  CHECK_THAT(loaded, contains("safetensors.torch.save_file(model.state_dict()"));
  CHECK_THAT(loaded, contains(list));
  CHECK_THAT(thrown<FormatError>([&] { (void)checkpoint.load(scratch / "x.pt"); }), contains(list));
  CHECK_THAT(thrown<FileError>([&] { (void)load(scratch / "none.pt"); }), contains("none.pt: cannot open"));
}

TEST_CASE("a training run is saved in any format of tensors") {
  const test::TemporaryDirectory scratch;
  for (const std::string name : {"x.lines", "x.npz", "x.safetensors"}) {
    Model<Net> model, other;
    fill(model, 7);
    optim::SGD<Model<Net>> sgd(model, {.lr = 0.25, .momentum = 0.5}),
        other_sgd(other, {.lr = 1, .momentum = 0.5});
    int epoch = 3, other_epoch = 0;
    Checkpoint out, in;
    out.add("model", model).add("sgd", sgd).add("epoch", epoch).save(scratch / name, {{"note", "half way"}});
    const io::Metadata metadata =
        in.add("model", other).add("sgd", other_sgd).add("epoch", other_epoch).load(scratch / name);
    CHECK(is_filled(other, 7));
    CHECK(other_sgd.options().lr == 0.25);
    CHECK(other_epoch == 3);
    CHECK(metadata.contains("note") == (name == "x.safetensors"));
  }
}

TEST_CASE("load reads a copy on request, and unpacks no more than it may") {
  const test::TemporaryDirectory scratch;
  Model<Net> model;
  fill(model, 1);
  save(model, scratch / "x.safetensors");
  const StateDict state = load(scratch / "x.safetensors", {.copy = true});
  std::filesystem::resize_file(scratch / "x.safetensors", 10);
  CHECK(state["weight"].to<Tensor<float, 2, 3>>()(1, 2) == 6);
  save(model, scratch / "x.npz");
  Model<Net> other;
  CHECK_THAT(thrown<FormatError>([&] { load(other, scratch / "x.npz", {}, {.max_unpacked = 100}); }),
             contains("unpacks to more than 100 bytes"));
}

TEST_CASE("a format needs a name, an extension, and something that it can do") {
  using format_test::read_lines;
  CHECK_THROWS_AS(io::register_format({.name = "", .extension = ".x", .read = read_lines}), ValueError);
  CHECK_THROWS_AS(io::register_format({.name = "x", .extension = "x", .read = read_lines}), ValueError);
  CHECK_THROWS_AS(io::register_format({.name = "x", .extension = ".x"}), ValueError);
  // One that only reads is not offered for writing.
  CHECK(io::register_format({.name = "read only", .extension = ".only", .read = read_lines}));
  const test::TemporaryDirectory scratch;
  const Model<Net> model;
  CHECK_THAT(thrown<ValueError>([&] { save(model, scratch / "x.only"); }),
             contains("no format of files is called '.only'"));
  io::detail::user_formats().pop_back();
}
