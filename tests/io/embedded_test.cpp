// SPDX-License-Identifier: BSL-1.0
// Weights in the program: headers and images, and the models over them.
#include "io/embedded_weights.hpp"

#include "allocations.hpp"
#include "catch.hpp"
#include "files.hpp"

#include "stator/io/save_header.hpp"
#include "stator/io/save_image.hpp"
#include "stator/io/state.hpp"
#include "stator/model/embedded_session.hpp"
#include "stator/model/model.hpp"
#include "stator/model/read_only_model.hpp"
#include "stator/nn/conv.hpp"
#include "stator/nn/linear.hpp"
#include "stator/nn/norm.hpp"
#include "stator/ops/ops.hpp"
#include "stator/run/evaluation.hpp"
#include "stator/run/values.hpp"

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <vector>

using namespace stator;

namespace embedded_test {
struct Net {
  nn::Linear<3, 4> fc;
  nn::BatchNorm1d<4> bn;
  nn::Linear<4, 2> head;
  constexpr auto forward(auto x) const { return x | fc | bn | nn::relu | head; }
};
/// As Net, with what the head reads beside its result, and the larger of the classes.
template<class Y, class Rest>
struct Found {
  Y logits;
  Rest rest;
};
struct Branches {
  nn::Linear<3, 4> fc;
  nn::BatchNorm1d<4> bn;
  nn::Linear<4, 2> head;
  constexpr auto forward(auto x) const {
    const auto features = x | fc | bn | nn::relu;
    const auto logits = features | head;
    return Found{logits, std::tuple(features, argmax<1>(logits))};
  }
};
/// As Net, one layer wider.
struct Wider {
  nn::Linear<3, 4> fc;
  nn::BatchNorm1d<4> bn;
  nn::Linear<4, 3> head;
  constexpr auto forward(auto x) const { return x | fc | bn | nn::relu | head; }
};
/// As Net in other names.
struct Renamed {
  nn::Linear<3, 4> first;
  nn::BatchNorm1d<4> bn;
  nn::Linear<4, 2> head;
  constexpr auto forward(auto x) const { return x | first | bn | nn::relu | head; }
};
/// Every element type that a buffer may have, and values that are not numbers.
struct Types {
  Parameter<double, 4> p;
  Buffer<bool, 2> b;
  Buffer<std::uint8_t, 2> u;
  NonPersistentBuffer<std::int32_t, 2> i;
  Buffer<std::int64_t> l;
  Buffer<float, 4> f;
  constexpr auto forward(auto x) const { return x * p; }
};
/// Stored in 16 bits.
struct Small {
  nn::Linear<3, 4, {}, bfloat16> fc;
  nn::BatchNorm1d<4, {}, bfloat16> bn;
  constexpr auto forward(auto x) const { return x | fc | bn; }
};
} // namespace embedded_test

using embedded_test::Net, embedded_test::Wider, embedded_test::Renamed, embedded_test::Types;
using embedded_test::Small;

namespace {

Model<Net> trained() {
  manual_seed(7);
  Model<Net> model;
  for (Index i = 0; i < 4; ++i) model->bn.running_mean(i) = 0.25f * static_cast<float>(i);
  model->bn.num_batches_tracked() = 12;
  return model;
}
Model<Types> typed() {
  Model<Types> model;
  const double huge = std::numeric_limits<double>::max();
  std::ranges::copy(std::array{-0.0, 1e-310, huge, -1.0 / 3}, model->p.data());
  model->b(1) = true;
  model->u(0) = 255;
  model->i(0) = std::numeric_limits<std::int32_t>::min();
  model->l() = std::numeric_limits<std::int64_t>::min();
  const float inf = std::numeric_limits<float>::infinity();
  std::ranges::copy(std::array{inf, -inf, std::numeric_limits<float>::quiet_NaN(), 0.1f}, model->f.data());
  return model;
}

Model<Small> small() {
  manual_seed(8);
  Model<Small> model;
  model->fc.bias(0) = std::numeric_limits<bfloat16>::infinity();
  model->fc.bias(1) = bfloat16(-0.0);
  return model;
}

struct alignas(64) Line {
  std::byte bytes[64];
};
std::vector<Line> lines_of(const std::string& bytes) {
  std::vector<Line> lines((bytes.size() + 63) / 64);
  std::memcpy(lines.data(), bytes.data(), bytes.size());
  return lines;
}

template<class Made, class Expected>
void check_same_bytes(const Made& made, const Expected& expected) {
  const auto a = made.state_dict(), b = expected.state_dict();
  REQUIRE(a.size() == b.size());
  auto other = b.begin();
  for (const auto& tensor : a) {
    INFO(tensor.name);
    CHECK(tensor.name == other->name);
    CHECK(std::memcmp(tensor.data, other->data, tensor.bytes()) == 0);
    ++other;
  }
}

} // namespace

TEST_CASE("save_header writes the header that this test was compiled with") {
  // Where it should change: STATOR_UPDATE_HEADERS=1 writes it anew.
  const test::TemporaryDirectory directory;
  save_header(trained(), (directory / "net.hpp").string(), {.name = "embedded_net"});
  save_header(typed(), (directory / "embedded_types.hpp").string());
  save_header(small(), (directory / "embedded_small.hpp").string());
  const auto committed = std::filesystem::path(STATOR_TEST_REFERENCE).parent_path() / "io";
  const std::string net = test::read_bytes(directory / "net.hpp");
  const std::string types = test::read_bytes(directory / "embedded_types.hpp");
  const std::string half = test::read_bytes(directory / "embedded_small.hpp");
  if (std::getenv("STATOR_UPDATE_HEADERS") != nullptr) {
    std::ofstream(committed / "embedded_net.inc", std::ios::binary) << net;
    std::ofstream(committed / "embedded_types.inc", std::ios::binary) << types;
    std::ofstream(committed / "embedded_small.inc", std::ios::binary) << half;
  }
  CHECK(net == test::read_bytes(committed / "embedded_net.inc"));
  CHECK(types == test::read_bytes(committed / "embedded_types.inc"));
  CHECK(half == test::read_bytes(committed / "embedded_small.inc"));
}

TEST_CASE("a model over the constants of a header computes what the saved one does, without a copy") {
  const auto model = trained();
  const ReadOnlyModel<Net> embedded{embedded_net{}};
  const Tensor<float, 2, 3> x{1, 2, 3, -1, 0, 1};
  const Tensor<float, 2, 2> expected = model.eval()(x).value(), found = embedded(x).value();
  CHECK(std::ranges::equal(found.values(), expected.values()));
  CHECK(embedded.get<"fc.weight">().data() ==
        reinterpret_cast<const float*>(detail::embedded_parameters<embedded_net>().data()));
  check_same_bytes(embedded, model);
  check_same_bytes(ReadOnlyModel<Types>{embedded_types{}}, typed());
}

TEST_CASE("constants of 16 bits take 2 bytes each and give what the model does") {
  STATIC_REQUIRE(sizeof(embedded_small::Parameters::t0) == 2 * 3 * 4);
  const auto model = small();
  check_same_bytes(ReadOnlyModel<Small>{embedded_small{}}, model);
  const Tensor<float, 2, 3> x{1, 2, 3, -1, 0, 1};
  const Tensor<float, 2, 4> expected = model.eval()(x).value();
  using Session = EmbeddedSession<Small, embedded_small, Tensor<float, 2, 3>>;
  static Session::Workspace memory;
  Tensor<float, 2, 4> found;
  Session::run(memory, std::span<float, 8>(found.data(), 8), std::span<const float, 6>(x.data(), 6));
  CHECK(std::ranges::equal(found.values(), expected.values()));
  const test::TemporaryDirectory directory;
  save_image(model, (directory / "small.img").string());
  const auto lines = lines_of(test::read_bytes(directory / "small.img"));
  check_same_bytes(ReadOnlyModel<Small>{std::as_bytes(std::span(lines))}, model);
}

TEST_CASE(
    "a session of constants computes what the model does, in memory of the caller, without allocating") {
  using Session = EmbeddedSession<Net, embedded_net, Tensor<float, 2, 3>>;
  STATIC_REQUIRE(std::is_same_v<Session::Output, Tensor<float, 2, 2>>);
  STATIC_REQUIRE(Session::workspace_bytes <= 256);
  const Tensor<float, 2, 3> x{1, 2, 3, -1, 0, 1};
  const Tensor<float, 2, 2> expected = ReadOnlyModel<Net>{embedded_net{}}(x).value();
  static Session::Workspace memory;
  float in[6], out[4]{};
  std::ranges::copy(x.values(), in);
  const auto before = test::allocations();
  Session::run(memory, out, in);
  CHECK(test::allocations() == before);
  CHECK(std::ranges::equal(out, expected.values()));
}

TEST_CASE("a session of several results writes each where it belongs") {
  using embedded_test::Branches;
  using Session = EmbeddedSession<Branches, embedded_net, Tensor<float, 2, 3>>;
  const Tensor<float, 2, 3> x{1, 2, 3, -1, 0, 1};
  const ReadOnlyModel<Branches> model{embedded_net{}};
  const auto expected = values(model(x));
  STATIC_REQUIRE(std::is_same_v<Session::Output, std::remove_const_t<decltype(expected)>>);
  STATIC_REQUIRE(Session::output_sizes == std::array<std::size_t, 3>{4, 8, 2});
  static Session::Workspace memory;
  float logits[4], features[8];
  std::int64_t classes[2];
  const auto before = test::allocations();
  Session::run(memory, {logits, {features, classes}}, std::span<const float, 6>(x.values()));
  CHECK(test::allocations() == before);
  CHECK(std::ranges::equal(logits, expected.logits.values()));
  CHECK(std::ranges::equal(features, std::get<0>(expected.rest).values()));
  CHECK(std::ranges::equal(classes, std::get<1>(expected.rest).values()));
}

TEST_CASE("the constants of a header are constants") {
  STATIC_REQUIRE(embedded_net::network == "Net");
  STATIC_REQUIRE(std::size(embedded_net::tensors) == 9);
  STATIC_REQUIRE(std::bit_cast<std::uint64_t>(embedded_types::parameters.t0[0]) == 0x8000000000000000U);
  STATIC_REQUIRE(embedded_types::parameters.t0[1] == 1e-310);
}

TEST_CASE("the weights of a header fit one network") {
  const auto difference = []<class N, class... Options>(N, Options...) {
    return std::string(detail::embedded_error<table<N, Options...>, embedded_net>::message().view());
  };
  CHECK(difference(Net{}).empty());
  const std::string beginning = " does not fit the weights of Net: ";
  CHECK(difference(Wider{}) ==
        "stator: Wider" + beginning + "head.weight is [3, 4] in the network, [2, 4] in them");
  CHECK(difference(Renamed{}) == "stator: Renamed" + beginning + "they have no first.weight");
  CHECK(difference(Net{}, freeze<"fc">{})
            .find("lies elsewhere: they were saved from a model with other options") != std::string::npos);
}

TEST_CASE("a model over an image computes what the saved one does, without a copy") {
  const test::TemporaryDirectory directory;
  const std::string path = (directory / "net.img").string();
  const auto model = trained();
  save_image(model, path);
  const std::string file = test::read_bytes(path);
  CHECK(file.size() == 64 + Model<Net>::parameter_bytes + Model<Net>::buffer_bytes);
  const auto lines = lines_of(file);
  const ReadOnlyModel<Net> image{std::as_bytes(std::span(lines))};
  const Tensor<float, 2, 3> x{1, 2, 3, -1, 0, 1};
  const Tensor<float, 2, 2> expected = model.eval()(x).value(), found = image(x).value();
  CHECK(std::ranges::equal(found.values(), expected.values()));
  CHECK(image.get<"fc.weight">().data() == reinterpret_cast<const float*>(lines.data() + 1));
  check_same_bytes(image, model);
}

TEST_CASE("what is not an image of the network is refused with the reason") {
  const test::TemporaryDirectory directory;
  const std::string path = (directory / "net.img").string();
  save_image(trained(), path);
  const std::string file = test::read_bytes(path);
  const auto refused = [&](std::string bytes, std::size_t size = 0) {
    const auto lines = lines_of(bytes);
    return test::thrown<ValueError>(
        [&] { ReadOnlyModel<Net>{std::as_bytes(std::span(lines)).first(size > 0 ? size : bytes.size())}; });
  };
  const std::string start = "stator: ReadOnlyModel: the image of Net ";
  CHECK(refused(file).empty());
  CHECK(refused(file, 63) == start + "has 63 bytes, fewer than its header");
  CHECK(refused(file, file.size() - 1) == start + "ends after " + std::to_string(file.size() - 1) + " of " +
                                              std::to_string(file.size()) + " bytes");
  CHECK(refused("PK" + file.substr(2)) ==
        start + "does not begin with STATOR01: save_image did not write it");
  std::string swapped = file;
  std::reverse(swapped.begin() + 8, swapped.begin() + 16);
  CHECK(refused(swapped) == start + "is in the byte order of another machine");
  const auto lines = lines_of(file);
  const auto bytes = std::as_bytes(std::span(lines));
  CHECK(
      test::thrown<ValueError>([&] { ReadOnlyModel<Types>{bytes}; }) ==
      "stator: ReadOnlyModel: the image of Types holds 384 bytes of parameters and 192 of buffers, expected "
      "64 and 320");
  CHECK(test::thrown<ValueError>([&] { ReadOnlyModel<Renamed>{bytes}; }) ==
        "stator: ReadOnlyModel: the image of Renamed is of a network whose tensors have other names, "
        "types, shapes or places");
  const auto moved = lines_of(std::string(4, ' ') + file);
  CHECK(test::thrown<ValueError>([&] { ReadOnlyModel<Net>{std::as_bytes(std::span(moved)).subspan(4)}; }) ==
        "stator: ReadOnlyModel: the memory for parameters is not aligned to 64 bytes");
}

TEST_CASE("save_header refuses names that C++ does not allow, before it writes anything") {
  const test::TemporaryDirectory directory;
  const std::string path = (directory / "7-net.hpp").string();
  CHECK(test::thrown<ValueError>([&] { save_header(trained(), path); }) ==
        "stator: save_header: '7-net' cannot be the name of a struct; SaveHeaderOptions::name gives another");
  CHECK(!std::filesystem::exists(path));
}

// A file of 370 KB that another program wrote, in the binary: by #embed where the compiler has it (clang 19),
// by the assembler elsewhere.
#if defined(__has_embed)
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wc23-extensions"
#pragma clang diagnostic ignored "-Wc++11-narrowing" // clang 19 takes the last byte for a signed one
#pragma clang diagnostic ignored "-Wsign-conversion"
namespace {
constexpr unsigned char resnet18[] = {
#embed "../reference/data/checkpoints/resnet18.safetensors"
};
std::span<const std::byte> resnet18_in_the_binary() { return std::as_bytes(std::span(resnet18)); }
} // namespace
#pragma clang diagnostic pop
#else
asm(R"(.section .rodata
.balign 64
stator_test_resnet18: .incbin ")" STATOR_TEST_REFERENCE R"(/data/checkpoints/resnet18.safetensors"
stator_test_resnet18_end:
.previous)");
extern const std::byte resnet18_begin[] asm("stator_test_resnet18");
extern const std::byte resnet18_end[] asm("stator_test_resnet18_end");
namespace {
std::span<const std::byte> resnet18_in_the_binary() { return {resnet18_begin, resnet18_end}; }
} // namespace
#endif

namespace embedded_test {
/// How a ResNet-18 begins.
struct Stem {
  nn::Conv2d<3, 8, 7, {.stride = 2, .padding = 3, .bias = false}> conv1;
  nn::BatchNorm2d<8> bn1;
  constexpr auto forward(auto x) const { return x | conv1 | bn1; }
};
} // namespace embedded_test

TEST_CASE("a large file in the binary is loaded as from the disk") {
  const std::string path = STATOR_TEST_REFERENCE "/data/checkpoints/resnet18.safetensors";
  const std::span<const std::byte> bytes = resnet18_in_the_binary();
  CHECK(bytes.size() == std::filesystem::file_size(path));
  std::ifstream file(path, std::ios::binary);
  const std::string on_disk(std::istreambuf_iterator<char>(file), {});
  CHECK(std::ranges::equal(bytes, std::as_bytes(std::span(on_disk))));
  const StateDict from_bytes = load(bytes), from_file = load(path);
  CHECK(from_bytes.size() == 122);
  CHECK(from_bytes.size() == from_file.size());
  Model<embedded_test::Stem> a, b;
  const IncompatibleKeys keys = load(a, bytes, {.strict = false});
  load(b, path, {.strict = false});
  CHECK(keys.missing_keys.empty());
  CHECK(keys.unexpected_keys.size() == 116);
  CHECK(std::ranges::equal(a.parameter_arena(), b.parameter_arena()));
  CHECK(std::ranges::any_of(a->bn1.running_mean.values(), [](float v) { return v != 0; }));
}
