// SPDX-License-Identifier: BSL-1.0
#include "catch.hpp"
#include "files.hpp"

#include "stator/data/fashion_mnist.hpp"

#include <zlib.h>

using namespace stator;
using namespace std::string_literals;
using stator::data::Split;
using stator::test::contains;
using stator::test::thrown;

namespace {
std::string gzip(const std::string& text) {
  z_stream stream{};
  REQUIRE(deflateInit2(&stream, 9, Z_DEFLATED, MAX_WBITS + 16, 8, Z_DEFAULT_STRATEGY) == Z_OK);
  std::string packed(deflateBound(&stream, text.size()) + 32, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  REQUIRE(deflate(&stream, Z_FINISH) == Z_STREAM_END);
  packed.resize(stream.total_out);
  deflateEnd(&stream);
  return packed;
}

std::string extent(unsigned n) {
  return {static_cast<char>(n >> 24), static_cast<char>(n >> 16), static_cast<char>(n >> 8),
          static_cast<char>(n)};
}
const std::string labels = "\0\0\x08\x01"s + extent(5) + "\0\1\2\3\4"s;

/// What read_idx says to these bytes.
std::string complaint(const std::string& bytes, std::size_t rank = 1) {
  const test::TemporaryDirectory directory;
  test::write_bytes(directory / "labels", bytes);
  const std::string text = thrown<FormatError>([&] { data::read_idx(directory / "labels", rank); });
  if (!text.empty()) CHECK_THAT(text, contains("stator: " + (directory / "labels").string() + ", byte "));
  return text.substr(std::min(text.size(), text.find("labels, ")));
}
} // namespace

TEST_CASE("read_idx reads a plain and a packed file") {
  const test::TemporaryDirectory directory;
  for (const std::string& bytes :
       {labels, gzip(labels), gzip(labels.substr(0, 6)) + gzip(labels.substr(6))}) {
    test::write_bytes(directory / "labels", bytes);
    const data::Idx idx = data::read_idx(directory / "labels", 1);
    CHECK(idx.extents == Extents(5));
    CHECK(idx.values == std::vector<std::uint8_t>{0, 1, 2, 3, 4});
    CHECK(idx.header == 8);
  }
}

TEST_CASE("read_idx names the file that is missing") {
  CHECK(thrown<FileError>([] { data::read_idx("/nowhere/labels.gz", 1); }) ==
        "stator: /nowhere/labels.gz: cannot open: No such file or directory");
  CHECK_THAT(thrown<FileError>([] { data::read_idx("/", 1); }), contains("Is a directory"));
}

TEST_CASE("read_idx names the byte where a plain file is wrong") {
  CHECK(complaint("") == "labels, byte 0: the file ends inside the IDX mark");
  CHECK(complaint("\0\0\x08"s) == "labels, byte 3: the file ends inside the IDX mark");
  CHECK(complaint("PK\x08\1"s) == "labels, byte 0: not an IDX file: it should begin with 0, 0");
  CHECK(complaint("\0\0\x0D\1"s) == "labels, byte 2: IDX type 13, expected 8 (unsigned bytes)");
  CHECK(complaint(labels, 3) == "labels, byte 3: 1 dimensions, expected 3");
  CHECK(complaint(labels.substr(0, 6)) == "labels, byte 6: the file ends inside an extent");
  CHECK_THAT(complaint(labels.substr(0, 12)), contains("labels, byte 8: shape [5] needs 5 bytes"));
  CHECK(complaint(labels + "x") == "labels, byte 13: more bytes than shape [5] has");
}

TEST_CASE("read_idx names the unpacked byte where a packed file is wrong") {
  CHECK(complaint(gzip(labels.substr(0, 12))) == "labels, byte 12: the file ends here, expected 13 bytes");
  CHECK(complaint(gzip(labels + "x")) == "labels, byte 13: more bytes than shape [5] has");
  CHECK(complaint(gzip(labels) + "x") == "labels, byte 13: 1 bytes after the end of the gzip stream");

  std::string bad_checksum = gzip(labels);
  bad_checksum[bad_checksum.size() - 8] ^= 1;
  CHECK_THAT(complaint(bad_checksum), contains("byte 13: the gzip stream is corrupt (incorrect data check)"));
  CHECK(complaint(gzip(labels).substr(0, gzip(labels).size() - 1)) ==
        "labels, byte 13: the gzip stream is truncated");
}

TEST_CASE("read_idx allocates no more than the file can hold") {
  const std::string huge = "\0\0\x08\x03"s + extent(~0u) + extent(~0u) + extent(~0u) + "x";
  CHECK(complaint(huge, 3) == "labels, byte 12: extents whose product is too large");
  const std::string large = "\0\0\x08\x01"s + extent(~0u) + "x";
  CHECK_THAT(complaint(large), contains("byte 8: shape [4294967295] needs 4294967295 bytes"));
  CHECK_THAT(complaint(gzip(large)), contains("byte 8: shape [4294967295] needs 4294967295 bytes"));
}

TEST_CASE("read_idx refuses a small file that unpacks to more than the limit, which the caller can change") {
  const test::TemporaryDirectory directory;
  const unsigned count = 300U << 20;
  test::write_bytes(directory / "labels", gzip("\0\0\x08\x01"s + extent(count) + std::string(count, '\0')));
  CHECK(std::filesystem::file_size(directory / "labels") < 1 << 20);
  CHECK_THAT(thrown<FormatError>([&] { data::read_idx(directory / "labels", 1); }),
             contains("byte 8: unpacks to more than 268435456 bytes; ReadOptions::max_unpacked"));
  test::write_bytes(directory / "labels", gzip(labels));
  CHECK_THAT(thrown<FormatError>([&] { data::read_idx(directory / "labels", 1, {.max_unpacked = 12}); }),
             contains("byte 8: unpacks to more than 12 bytes"));
  CHECK(data::read_idx(directory / "labels", 1, {.max_unpacked = 13}).values.size() == 5);
  CHECK_THAT(thrown<ValueError>([&] { data::read_idx(directory / "labels", 9); }),
             contains("expected at most 8"));
}

TEST_CASE("read_idx survives every truncation and every flipped bit") {
  const std::string packed = gzip(labels);
  for (std::size_t size = 0; size < packed.size(); ++size) CHECK(complaint(packed.substr(0, size)) != "");
  for (std::size_t bit = 0; bit < 8 * packed.size(); ++bit) {
    std::string damaged = packed;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << bit % 8));
    complaint(damaged); // some bits of a gzip header mean nothing: no complaint, no crash either
  }
}

TEST_CASE("fashion_mnist reads Debian's files") {
  const auto test = data::fashion_mnist<1, 28, 28>(Split::test);
  CHECK(test.size() == 10000);
  CHECK(test.samples().shape() == Sizes{Extents(10000, 1, 28, 28)});
  CHECK(test.labels()(0) == 9);
  CHECK(data::fashion_mnist_classes[9] == "Ankle boot");
  CHECK(std::ranges::min(test.samples().values()) == 0.0f);
  CHECK(std::ranges::max(test.samples().values()) == 1.0f);

  const auto train = data::fashion_mnist<784>(data::fashion_mnist_root, Split::train);
  CHECK(train.size() == 60000);
  std::array<int, 10> count{};
  for (const std::int64_t label : train.labels()) ++count[static_cast<std::size_t>(label)];
  CHECK(std::ranges::all_of(count, [](int n) { return n == 6000; }));
  double sum = 0;
  for (const float x : train.samples()) sum += static_cast<double>(x);
  CHECK(sum / static_cast<double>(train.samples().numel()) == Approx(0.2860).margin(1e-4)); // the known mean
}

TEST_CASE("fashion_mnist checks that images and labels belong together") {
  const test::TemporaryDirectory directory;
  const auto load = [&] { (void)data::fashion_mnist<784>(directory.path(), Split::train); };
  CHECK_THAT(thrown<FileError>(load), contains("train-images-idx3-ubyte.gz: cannot open"));

  const std::string images =
      "\0\0\x08\x03"s + extent(2) + extent(28) + extent(28) + std::string(2 * 784, '\xFF');
  test::write_bytes(directory / "train-images-idx3-ubyte", images);
  CHECK_THAT(thrown<FileError>(load), contains("train-labels-idx1-ubyte.gz: cannot open"));
  test::write_bytes(directory / "train-labels-idx1-ubyte.gz", gzip(labels));
  CHECK_THAT(thrown<FormatError>(load), contains("ubyte.gz, byte 4: 5 labels for 2 images"));
  test::write_bytes(directory / "train-labels-idx1-ubyte.gz", "\0\0\x08\x01"s + extent(2) + "\x09\x0A");
  CHECK_THAT(thrown<FormatError>(load), contains("byte 9: label 10, expected 0 ... 9"));
  test::write_bytes(directory / "train-labels-idx1-ubyte.gz", "\0\0\x08\x01"s + extent(2) + "\x09\x00"s);
  CHECK(data::fashion_mnist<784>(directory.path(), Split::train).samples()(1, 783) == 1.0f);

  const std::string narrow = "\0\0\x08\x03"s + extent(2) + extent(28) + extent(14) + std::string(784, '\0');
  test::write_bytes(directory / "train-images-idx3-ubyte", narrow);
  CHECK_THAT(thrown<FormatError>(load), contains("images of shape [2, 28, 14], expected [N, 28, 28]"));
}
