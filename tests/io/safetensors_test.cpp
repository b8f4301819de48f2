// SPDX-License-Identifier: BSL-1.0
#include "catch.hpp"
#include "files.hpp"

#include "stator/io/npy.hpp"
#include "stator/io/safetensors.hpp"
#include "stator/io/safetensors_writer.hpp"

#include <limits>
#include <sys/stat.h>

using namespace stator;
using stator::test::contains;
using stator::test::thrown;

namespace {
const std::filesystem::path directory = STATOR_TEST_REFERENCE "/data/safetensors";

template<class T>
StateTensor tensor(std::string name, std::vector<Index> shape, const std::vector<T>& values) {
  return {std::move(name), storage_of(dtype_of<T>), std::move(shape),
          reinterpret_cast<const std::byte*>(values.data())};
}

/// One element of another type, as that type's number in double.
double as_double(StorageType type, const void* bits) {
  double value = 0;
  convert_elements(type, static_cast<const std::byte*>(bits), StorageType::F64,
                   reinterpret_cast<std::byte*>(&value), 1);
  return value;
}
} // namespace

TEST_CASE("every element type of a foreign file has its values") {
  const io::SafetensorsFile file(directory / "types.safetensors");
  const io::Npz expected = io::load_npz(directory / "types.npz"); // the floating-point ones, as double
  CHECK(file.tensors().size() == 13);
  for (const auto& [name, array] : expected) {
    const auto values = file.values<double>(name);
    const auto right = array.as<double>();
    CHECK(std::equal(values.begin(), values.end(), right.begin(), right.end()));
    CHECK(file[name].shape == array.shape);
  }
  using L64 = std::numeric_limits<std::int64_t>;
  using L32 = std::numeric_limits<std::int32_t>;
  CHECK(file.values<std::int64_t>("I64") == std::vector<std::int64_t>{L64::max(), L64::min()});
  CHECK(file.values<std::int32_t>("I32") == std::vector<std::int32_t>{L32::max(), L32::min()});
  CHECK(file.values<std::int64_t>("I32") == std::vector<std::int64_t>{L32::max(), L32::min()});
  CHECK(file.values<float>("I16") == std::vector<float>{32767, -32768});
  CHECK(file.values<double>("I8") == std::vector<double>{127, -128});
  CHECK(file.values<std::uint8_t>("U8") == std::vector<std::uint8_t>{0, 255});
  CHECK(file.values<std::int32_t>("BOOL") == std::vector<std::int32_t>{1, 0, 1});
  CHECK(file["nothing"].shape == std::vector<Index>{0, 4});
  CHECK(file.values<float>("number") == std::vector<float>{2.5F});
  CHECK(file.contains("Ünïcode/名前"));
  CHECK_THAT(thrown<KeyError>([&] { (void)file["F65"]; }), contains("has no tensor 'F65'"));
}

TEST_CASE("values are converted when nothing is lost, and otherwise only on request") {
  const io::SafetensorsFile file(directory / "types.safetensors");
  CHECK_THAT(thrown<ValueError>([&] { (void)file.values<float>("F64"); }),
             contains("tensor 'F64' holds F64, which does not convert to F32 without loss"));
  CHECK_THROWS_AS(file.values<float>("I32"), ValueError);
  CHECK_THROWS_AS(file.values<std::int64_t>("F16"), ValueError);
  CHECK_THROWS_AS(file.values<std::uint8_t>("I8"), ValueError);
  CHECK(file.values<float>("F64", true) ==
        std::vector<float>{0.1F, -2, std::numeric_limits<float>::infinity()});
  const auto largest = std::numeric_limits<std::int32_t>::max();
  CHECK(file.values<std::int32_t>("F32", true) == std::vector<std::int32_t>{0, -2, largest});
  CHECK(file.values<std::uint8_t>("I8", true) == std::vector<std::uint8_t>{127, 0});
}

TEST_CASE("is_lossless is right about every value of 16 bits") {
  using enum StorageType;
  for (const StorageType from : {F16, BF16, I16, U16, I8, U8})
    for (const StorageType to : {F64, F32, F16, BF16, I64, I32, U8}) {
      bool lossless = true;
      const unsigned count = item_size(from) == 1 ? 256 : 65536;
      for (unsigned bits = 0; bits < count; ++bits) {
        const auto value = static_cast<std::uint16_t>(bits);
        std::byte stored[8];
        convert_elements(from, reinterpret_cast<const std::byte*>(&value), to, stored, 1);
        const double before = as_double(from, &value), after = as_double(to, stored);
        lossless = lossless && (before == after || (before != before && after != after));
      }
      CHECK(is_lossless(from, to) == lossless);
    }
}

TEST_CASE("what is written is read back, in order, aligned, with its metadata") {
  const test::TemporaryDirectory scratch;
  const std::vector<float> weight{1, 2, 3};
  const std::vector<std::int64_t> steps{5};
  const std::vector<std::uint8_t> bytes{1, 2, 3};
  const std::vector<StateTensor> tensors{tensor("bytes", {3}, bytes), tensor("a \"name\"\n", {3, 1}, weight),
                                         tensor("empty", {0, 7}, std::vector<float>{}),
                                         tensor("steps", {}, steps)};
  io::save_safetensors(scratch / "x.safetensors", tensors, {{"format", "pt"}, {"Ü", "\\\"\t"}});
  const io::SafetensorsFile file(scratch / "x.safetensors");
  REQUIRE(file.tensors().size() == 4);
  for (std::size_t i = 0; i < 4; ++i) {
    CHECK(file.tensors()[i].name == tensors[i].name);
    CHECK(file.tensors()[i].shape == tensors[i].shape);
    CHECK(file.tensors()[i].type == tensors[i].type);
    CHECK(file.tensors()[i].begin % item_size(tensors[i].type) == 0);
  }
  CHECK(file.values<float>("a \"name\"\n") == weight);
  CHECK(file.values<std::int64_t>("steps") == steps);
  CHECK(file.values<std::uint8_t>("bytes") == bytes);
  CHECK(file.metadata() == io::Metadata{{"format", "pt"}, {"Ü", "\\\"\t"}});
  CHECK(file.header().size() % 8 == 0);
  CHECK(file.header().starts_with('{'));
}

TEST_CASE("a file of nothing is a file") {
  const test::TemporaryDirectory scratch;
  io::save_safetensors(scratch / "x.safetensors", {});
  CHECK(io::SafetensorsFile(scratch / "x.safetensors").tensors().empty());
  CHECK(test::read_bytes(scratch / "x.safetensors") == std::string("\x08\0\0\0\0\0\0\0{}      ", 16));
}

TEST_CASE("what could not be read is not written") {
  const test::TemporaryDirectory scratch;
  const std::vector<float> one{1};
  const auto complaint = [&](const std::vector<StateTensor>& tensors, const io::Metadata& metadata) {
    return thrown<ValueError>([&] { io::save_safetensors(scratch / "x.safetensors", tensors, metadata); });
  };
  CHECK_THAT(complaint({tensor("a", {1}, one), tensor("a", {1}, one)}, {}), contains("two are called 'a'"));
  CHECK_THAT(complaint({tensor("a\xff", {1}, one)}, {}), contains("UTF-8"));
  CHECK_THAT(complaint({}, {{"text", "\xc0"}}), contains("UTF-8"));
  CHECK_THAT(complaint({tensor("__metadata__", {1}, one)}, {}), contains("__metadata__"));
  CHECK(scratch.count() == 0);
}

TEST_CASE("texts are checked and quoted the same wherever in them a character stands that is not plain") {
  struct Part {
    std::string bytes, quoted;
    bool good = true;
  };
  const std::vector<Part> parts{{"\"", "\\\""},
                                {"\\", "\\\\"},
                                {"\x1f", "\\u001f"},
                                {std::string(1, '\0'), "\\u0000"},
                                {" ", " "},
                                {"\x7f", "\x7f"},
                                {"ü", "ü"},
                                {"\xe2\x82\xac", "\xe2\x82\xac"},
                                {"\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80"},
                                {"\x80", "\x80", false},
                                {"\xc1\x81", "\xc1\x81", false},
                                {"\xe2\x82", "\xe2\x82", false},
                                {"\xed\xa0\x80", "\xed\xa0\x80", false},
                                {"\xf4\x90\x80\x80", "\xf4\x90\x80\x80", false}};
  for (const Part& part : parts)
    for (std::size_t before = 0; before < 18; ++before)
      for (std::size_t behind = 0; behind < 18; ++behind) {
        const std::string left(before, '!'), right(behind, ']'), text = left + part.bytes + right;
        CAPTURE(before, behind, part.quoted);
        REQUIRE(io::detail::is_utf8(text) == part.good);
        REQUIRE(io::detail::json_text(text) == '"' + left + part.quoted + right + '"');
      }
}

TEST_CASE("a file that is not there, and a directory, are file errors") {
  const test::TemporaryDirectory scratch;
  CHECK_THAT(thrown<FileError>([&] { io::SafetensorsFile{scratch / "none"}; }), contains("cannot open"));
  CHECK_THAT(thrown<FileError>([&] { io::SafetensorsFile{scratch.path()}; }), contains("directory"));
}

TEST_CASE("a pipe is not a file: nobody waits for its writer") {
  const test::TemporaryDirectory scratch;
  const auto path = scratch / "pipe";
  REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
  CHECK_THAT(thrown<FileError>([&] { io::SafetensorsFile{path}; }), contains("pipe: is not a regular file"));
  CHECK_THAT(thrown<FileError>([&] { io::SafetensorsFile(path, {.copy = true}); }),
             contains("is not a regular file"));
  CHECK_THAT(thrown<FileError>([&] { (void)io::load_npz(path); }), contains("is not a regular file"));
  CHECK_THAT(thrown<FileError>([&] { (void)io::load_npy(path); }), contains("is not a regular file"));
  CHECK_THAT(thrown<FileError>([&] { io::save_safetensors(path, {}); }), contains("is not a regular file"));
}

TEST_CASE("a header that readers would refuse for its size is not written") {
  const test::TemporaryDirectory scratch;
  const io::Metadata too_much{{"text", std::string(101'000'000, 'x')}};
  CHECK_THAT(thrown<ValueError>([&] { io::save_safetensors(scratch / "x.safetensors", {}, too_much); }),
             contains("make a header of 101000"));
  CHECK(scratch.count() == 0);
  const io::Metadata just_enough{{"text", std::string(100'000'000 - 32, 'x')}};
  io::save_safetensors(scratch / "x.safetensors", {}, just_enough);
  CHECK(io::SafetensorsFile(scratch / "x.safetensors").header().size() == 100'000'000);
}

TEST_CASE("a file of more than 4 GiB is read to its end") {
  const test::TemporaryDirectory scratch;
  const auto path = scratch / "x.safetensors";
  const std::uint64_t size = (4ULL << 30) + 8; // sparse: it takes no room on the disk
  const std::vector<float> one{1};
  std::string header = R"({"large":{"dtype":"U8","shape":[4294967304],"data_offsets":[0,4294967304]},)"
                       R"("last":{"dtype":"F32","shape":[1],"data_offsets":[4294967304,4294967308]}})";
  header.append((8 - header.size() % 8) % 8, ' ');
  std::string length(8, '\0');
  length[0] = static_cast<char>(header.size());
  test::write_bytes(path, length + header);
  std::filesystem::resize_file(path, length.size() + header.size() + size);
  std::ofstream(path, std::ios::binary | std::ios::app).write(reinterpret_cast<const char*>(one.data()), 4);
  const io::SafetensorsFile file(path);
  CHECK(file["large"].shape == std::vector<Index>{4'294'967'304});
  CHECK(file.bytes(file["large"]).back() == std::byte{0});
  CHECK(file.values<float>("last") == one);
}

TEST_CASE("a file that was copied can be cut short meanwhile") {
  const test::TemporaryDirectory scratch;
  const std::vector<float> values(100'000, 3);
  io::save_safetensors(scratch / "x.safetensors", std::vector{tensor("a", {100'000}, values)});
  const io::SafetensorsFile file(scratch / "x.safetensors", {.copy = true});
  std::filesystem::resize_file(scratch / "x.safetensors", 100);
  CHECK(file.values<float>("a") == values);
}

TEST_CASE("a tensor is found by its name among many") {
  const test::TemporaryDirectory scratch;
  std::vector<float> values(20'000);
  std::vector<StateTensor> tensors;
  for (std::size_t i = 0; i < values.size(); ++i) {
    values[i] = static_cast<float>(i);
    tensors.push_back(
        {std::to_string(i), StorageType::F32, {}, reinterpret_cast<const std::byte*>(&values[i])});
  }
  io::save_safetensors(scratch / "x.safetensors", tensors);
  const io::SafetensorsFile file(scratch / "x.safetensors");
  bool all = true;
  for (std::size_t i = 0; i < values.size(); ++i)
    all = all && file.values<float>(std::to_string(i))[0] == values[i];
  CHECK(all);
  CHECK_FALSE(file.contains("20000"));
  CHECK_FALSE(file.contains(""));
}

TEST_CASE("a file stays readable after another has taken its name") {
  const test::TemporaryDirectory scratch;
  const std::vector<float> one{1}, two{2};
  io::save_safetensors(scratch / "x.safetensors", std::vector{tensor("a", {1}, one)});
  const io::SafetensorsFile file(scratch / "x.safetensors");
  io::save_safetensors(scratch / "x.safetensors", std::vector{tensor("a", {1}, two)});
  CHECK(file.values<float>("a") == one);
  CHECK(io::SafetensorsFile(scratch / "x.safetensors").values<float>("a") == two);
}
