// SPDX-License-Identifier: BSL-1.0
#include "catch.hpp"
#include "files.hpp"

#include "stator/io/npy.hpp"

#include <numeric>

using namespace stator;
using namespace std::string_literals;
using stator::io::NpyArray;
using stator::test::contains;
using stator::test::thrown;

namespace {
/// A file of version 1 with this dictionary and these data.
std::string npy(const std::string& dictionary, const std::string& data) {
  const std::size_t size = dictionary.size() + 1;
  return "\x93NUMPY\1\0"s + static_cast<char>(size & 0xFF) + static_cast<char>(size >> 8) + dictionary +
         "\n" + data;
}
const std::string three_bytes = npy("{'descr': '|u1', 'fortran_order': False, 'shape': (3,), }", "abc");

/// What load_npy says to these bytes, from the file's name on.
std::string complaint(const std::string& bytes) {
  const test::TemporaryDirectory directory;
  test::write_bytes(directory / "x.npy", bytes);
  const std::string text = thrown<FormatError>([&] { (void)io::load_npy(directory / "x.npy"); });
  return text.substr(std::min(text.size(), text.find("x.npy, ")));
}

std::vector<float> counting(std::size_t size) {
  std::vector<float> values(size);
  std::iota(values.begin(), values.end(), 0.0f);
  return values;
}
} // namespace

TEST_CASE("an .npy file gives back the array that was saved") {
  const test::TemporaryDirectory directory;
  const auto check = [&](const NpyArray& array) {
    io::save_npy(directory / "x.npy", array);
    const NpyArray loaded = io::load_npy(directory / "x.npy");
    CHECK(loaded.dtype == array.dtype);
    CHECK(loaded.shape == array.shape);
    CHECK(loaded.bytes == array.bytes);
    CHECK(loaded.fortran_order == array.fortran_order);
  };
  const auto values = counting(24);
  check(NpyArray::from<float>(values, {2, 3, 4}));
  check(NpyArray::from<float>(values, {24}));
  check(NpyArray::from<float>(std::span(values).first(1), {}));
  check(NpyArray::from<float>({}, {0, 7}));
  const std::int64_t numbers[] = {-1, 1LL << 40};
  check(NpyArray::from<std::int64_t>(numbers, {2, 1}));
  const bool flags[] = {true, false};
  check(NpyArray::from<bool>(flags, {2}));
  NpyArray columns = NpyArray::from<float>(values, {4, 6});
  columns.fortran_order = true;
  check(columns);
  CHECK(directory.count() == 1);
}

TEST_CASE("the data of a saved .npy file begin at a multiple of 64 bytes") {
  const test::TemporaryDirectory directory;
  const auto values = counting(6);
  for (const auto& shape :
       {std::vector<Index>{6}, std::vector<Index>{2, 3}, std::vector<Index>{1, 1, 6, 1, 1}}) {
    io::save_npy(directory / "x.npy", NpyArray::from<float>(values, shape));
    CHECK(std::filesystem::file_size(directory / "x.npy") % 64 == 24);
  }
}

TEST_CASE("load_npy reads what NumPy writes: spaces, key order, versions 2 and 3, the other byte order") {
  const test::TemporaryDirectory directory;
  const auto load = [&](const std::string& bytes) {
    test::write_bytes(directory / "x.npy", bytes);
    return io::load_npy(directory / "x.npy");
  };
  CHECK(load(three_bytes).as<std::uint8_t>()[2] == 'c');
  CHECK(load(npy("{\"shape\": (1, 2,), 'fortran_order':False,'descr': '|i1'}   ", "ab")).shape ==
        std::vector<Index>{1, 2});
  CHECK(load(npy("{'descr': '>i2', 'fortran_order': False, 'shape': (2,), }", "\1\2\3\4"))
            .as<std::int16_t>()[1] == 0x0304);
  CHECK(
      load(npy("{'descr': '<f4', 'fortran_order': False, 'shape': (), }", "\0\0\x80\x3F"s)).as<float>()[0] ==
      1.0f);
  for (const char version : {'\2', '\3'}) {
    std::string wide = three_bytes;
    wide[6] = version;
    wide.insert(10, "\0\0"s);
    CHECK(load(wide).as<std::uint8_t>()[0] == 'a');
  }
}

TEST_CASE("row_major turns column-major arrays into row-major ones") {
  NpyArray array = NpyArray::from<float>(counting(6), {2, 3});
  array.fortran_order = true;
  CHECK_THAT(thrown<ValueError>([&] { (void)array.as<float>(); }), contains("row_major()"));
  const NpyArray rows = array.row_major();
  const auto values = rows.as<float>();
  CHECK(std::vector<float>(values.begin(), values.end()) == std::vector<float>{0, 2, 4, 1, 3, 5});
}

TEST_CASE("as refuses another type") {
  const auto array = NpyArray::from<float>(counting(2), {2});
  CHECK(thrown<ValueError>([&] { (void)array.as<double>(); }) ==
        "stator: NpyArray::as: the array has type '<f4', asked for '<f8'");
  CHECK_THROWS_AS(NpyArray::from<float>(counting(2), {3}), ShapeError);
}

TEST_CASE("load_npy names the byte where a file is wrong") {
  CHECK(complaint("") == "x.npy, byte 0: too short for an .npy file");
  CHECK_THAT(complaint("\x89PNG\r\n\x1A\n more"), contains("byte 0: expected the mark of .npy files"));
  CHECK(complaint("\x93NUMPY\4\0\0\0\0\0"s) == "x.npy, byte 6: .npy version 4, expected 1, 2 or 3");
  CHECK_THAT(complaint("\x93NUMPY\1\0\xFF\xFF{"s), contains("byte 8: the header should have 65535 bytes"));
  CHECK_THAT(complaint("\x93NUMPY\2\0\xFF\xFF\xFF\xFF{"s),
             contains("byte 8: the header should have 4294967295"));
  CHECK_THAT(complaint(three_bytes.substr(0, three_bytes.size() - 1)),
             contains("needs 3 bytes of data, found 2"));
  CHECK_THAT(complaint(three_bytes + "d"), contains("needs 3 bytes of data, found 4"));
}

TEST_CASE("load_npy names the byte where a header is wrong") {
  const auto with = [](const std::string& descr, const std::string& shape) {
    return complaint(npy("{'descr': " + descr + ", 'fortran_order': False, 'shape': " + shape + ", }", ""));
  };
  CHECK_THAT(with("'<U3'", "(1,)"), contains("byte 25: bad .npy header: unsupported type '<U3'"));
  CHECK_THAT(with("'|O'", "(1,)"), contains("unsupported type '|O'"));
  CHECK_THAT(with("[('a', '<f4')]", "(1,)"), contains("byte 20: bad .npy header: arrays of records"));
  CHECK_THAT(with("'<f4'", "(-1,)"), contains("a negative extent"));
  CHECK_THAT(with("'<f4'", "(99999999999999999999,)"), contains("an extent that is too large"));
  CHECK_THAT(with("'<f4'", "(4294967296, 4294967296)"), contains("too many elements"));
  CHECK_THAT(with("'<f4'", "(4000000000,)"), contains("needs 16000000000 bytes of data, found 0"));
  CHECK_THAT(with("'<f4'", "(1, 2 3)"), contains("expected ',' or ')'"));
  CHECK_THAT(with("'<f4'", "1"), contains("expected '('"));
  CHECK_THAT(complaint(npy("{'descr': '<f4'}", "")), contains("expected the keys"));
  CHECK_THAT(complaint(npy("{'descr': '<f4', 'descr': '<f4'}", "")), contains("unexpected key 'descr'"));
  CHECK_THAT(complaint(npy("{'descr", "")), contains("a string has no end"));
  CHECK_THAT(complaint(npy("{", "")), contains("expected a string"));
}

TEST_CASE("an empty array may have huge other extents") {
  CHECK(complaint(npy("{'descr': '<f4', 'fortran_order': False, 'shape': (0, 4611686018427387904, 8), }",
                      "")) == "");
}

TEST_CASE("load_npy survives every truncation and every flipped bit") {
  for (std::size_t size = 0; size < three_bytes.size(); ++size)
    CHECK(complaint(three_bytes.substr(0, size)) != "");
  for (std::size_t bit = 0; bit < 8 * three_bytes.size(); ++bit) {
    std::string damaged = three_bytes;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << bit % 8));
    complaint(damaged);
  }
}

TEST_CASE("the number of elements of an array is checked, not wrapped around") {
  const Index huge = Index{1} << 62;
  const NpyArray none{.dtype = "<f4", .shape = {huge, huge, 0}, .bytes = {}};
  CHECK(none.numel() == 0);
  const NpyArray many{.dtype = "<f4", .shape = {huge, 4}, .bytes = {}};
  CHECK_THAT(thrown<ShapeError>([&] { (void)many.numel(); }),
             contains("NpyArray: shape (4611686018427387904,4,) has more elements than memory can have"));
  const NpyArray negative{.dtype = "<f4", .shape = {2, -3}, .bytes = {}};
  CHECK_THAT(thrown<ShapeError>([&] { (void)negative.numel(); }), contains("has a negative extent"));
  CHECK_THAT(thrown<ShapeError>([&] { NpyArray::from(std::span<const float>(), {huge, 4}); }),
             contains("(4611686"));
  const test::TemporaryDirectory directory;
  CHECK_THROWS_AS(save_npy(directory / "x.npy", many), ShapeError);
  CHECK(directory.count() == 0);
}
