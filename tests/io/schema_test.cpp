// SPDX-License-Identifier: BSL-1.0
#include "catch.hpp"
#include "files.hpp"

#include "stator/io/schema.hpp"
#include "stator/io/state.hpp"

using namespace stator;

namespace schema_test {
struct Layer {
  Parameter<float, 2, 3> weight;
  Parameter<float, 2> bias;
};
struct Net {
  Layer wte, head;
  Buffer<std::int64_t> steps;
  NonPersistentBuffer<float, 4> scratch;
  using ties = stator::ties<tie<"head.weight", "wte.weight">>;
};
struct Counting {
  Layer layer;
  std::int64_t count = 0;
  std::int64_t get_extra_state() const { return count; }
  void set_extra_state(std::int64_t state) { count = state; }
};
} // namespace schema_test

namespace {
using schema_test::Net;

constexpr const auto& expected = schema<Net>;
static_assert(expected.size() == 4); // the tied weight under the name that sorts first, no scratch
static_assert(expected.contains("head.weight") && !expected.contains("wte.weight") &&
              !expected.contains("scratch"));
static_assert(expected == Schema<4>{{SchemaEntry{"steps", DType::int64, Extents()},
                                     {"wte.bias", DType::float32, Extents(2)},
                                     {"head.weight", DType::float32, Extents(2, 3)},
                                     {"head.bias", DType::float32, Extents(2)}}});

// A header as a file has it; in a program it would be an #include.
constexpr std::string_view header = R"({"__metadata__":{"format":"pt","a\"b":"c"},
  "head.bias":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},
  "head.weight":{"shape":[ 2, 3 ],"dtype":"F32","data_offsets":[8,32]},
  "steps":{"dtype":"I64","shape":[],"data_offsets":[40,48]},
  "wte.bias":{"dtype":"F32","shape":[2],"data_offsets":[32,40]}}   )";
static_assert(expected.matches(header));
static_assert(!expected.matches(header.substr(0, header.size() - 5)));

std::string without(std::string text, const std::string& part, const std::string& instead = "") {
  text.replace(text.find(part), part.size(), instead);
  return text;
}
std::string difference(const std::string& text) { return std::string(expected.difference(text).view()); }
} // namespace

TEST_CASE("a schema is compared with a header") {
  const std::string text(header);
  CHECK(difference(text).empty());
  CHECK(difference(without(text, "[ 2, 3 ]", "[3,2]")) ==
        "head.weight is [2, 3] in the network, [3, 2] in the header");
  CHECK(difference(without(text, "I64", "I32")) == "steps is I64 in the network, I32 in the header");
  CHECK(difference(without(text, "wte.bias", "wte.gain")) == "wte.gain is in the header only");
  CHECK(difference(R"({"steps":{"dtype":"I64","shape":[],"data_offsets":[0,8]}})") ==
        "wte.bias is in the network only");
  CHECK(difference(without(text, "\"head.bias\"", "\"wte.bias\"")) == "wte.bias is twice in the header");
  CHECK(difference("") == "not a header of a safetensors file");
  for (std::size_t size = 0; size < text.size() - 5; ++size)
    CHECK_FALSE(expected.matches(text.substr(0, size)));
}

TEST_CASE("a schema matches what save writes") {
  const test::TemporaryDirectory scratch;
  const Model<Net> model;
  save(model, scratch / "x.safetensors");
  CHECK(difference(std::string(io::SafetensorsFile(scratch / "x.safetensors").header())).empty());
  using schema_test::Counting;
  save(Model<Counting>(), scratch / "y.safetensors");
  const io::SafetensorsFile file(scratch / "y.safetensors");
  CHECK(file.contains("_extra_state"));
  CHECK(schema<Counting>.matches(file.header()));
  CHECK_FALSE(Schema<2>{schema<Counting>.tensors}.matches(file.header()));
}

TEST_CASE("a fingerprint depends on names, types and shapes, not on the order") {
  constexpr Schema<2> a{{SchemaEntry{"a", DType::float32, Extents(2)}, {"b", DType::float32, Extents(3)}}};
  constexpr Schema<2> b{{SchemaEntry{"b", DType::float32, Extents(3)}, {"a", DType::float32, Extents(2)}}};
  constexpr Schema<2> c{{SchemaEntry{"b", DType::float32, Extents(2)}, {"a", DType::float32, Extents(3)}}};
  constexpr Schema<2> d{{SchemaEntry{"b", DType::float64, Extents(3)}, {"a", DType::float32, Extents(2)}}};
  static_assert(a.fingerprint() == b.fingerprint() && a.fingerprint() != c.fingerprint());
  static_assert(a.fingerprint() != d.fingerprint());
  // From tests/reference/safetensors_fingerprint.py.
  static_assert(schema<Net>.fingerprint() == 0xd01ccd78fa4b02b4);
}
