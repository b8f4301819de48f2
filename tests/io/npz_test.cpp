// SPDX-License-Identifier: BSL-1.0
#include "catch.hpp"
#include "files.hpp"

#include "stator/io/npy.hpp"

using namespace stator;
using stator::io::NpyArray;
using stator::test::contains;
using stator::test::thrown;

namespace {
std::vector<std::pair<std::string, NpyArray>> two_arrays() {
  const std::vector<float> zeros(1000, 0.0f);
  const std::int64_t labels[] = {3, 1, 2};
  return {{"fc1.weight", NpyArray::from<float>(zeros, {10, 100})},
          {"labels", NpyArray::from<std::int64_t>(labels, {3})}};
}

/// The bytes of an .npz file of two arrays.
std::string archive(bool compress) {
  const test::TemporaryDirectory directory;
  io::save_npz(directory / "x.npz", two_arrays(), compress);
  return test::read_bytes(directory / "x.npz");
}

/// What load_npz says to these bytes.
std::string complaint(const std::string& bytes) {
  const test::TemporaryDirectory directory;
  test::write_bytes(directory / "x.npz", bytes);
  return thrown<FormatError>([&] { (void)io::load_npz(directory / "x.npz"); });
}

/// Where the marks PK xy stand: 1 and 2 for an entry in the directory, 3 and 4 for an entry.
std::size_t find_mark(const std::string& bytes, const std::string& mark, std::size_t from = 0) {
  const std::size_t at = bytes.find("PK" + mark, from);
  REQUIRE(at != std::string::npos);
  return at;
}
} // namespace

TEST_CASE("an .npz file gives back its arrays by name and in order") {
  const test::TemporaryDirectory directory;
  for (const bool compress : {false, true}) {
    io::save_npz(directory / "x.npz", two_arrays(), compress);
    const io::Npz npz = io::load_npz(directory / "x.npz");
    CHECK(npz.size() == 2);
    CHECK(npz.begin()->first == "fc1.weight");
    CHECK(npz["fc1.weight"].shape == std::vector<Index>{10, 100});
    CHECK(npz["labels"].as<std::int64_t>()[0] == 3);
    CHECK(npz.contains("labels"));
    CHECK_FALSE(npz.contains("label"));
    CHECK_THAT(thrown<KeyError>([&] { (void)npz["label"]; }), contains("x.npz: has no array 'label'"));
  }
  CHECK(archive(true).size() < 1000);
  CHECK(archive(false).size() > 4000);
  CHECK(archive(true) == archive(true));
}

TEST_CASE("NpzWriter leaves nothing behind without close, and takes a name once") {
  const test::TemporaryDirectory directory;
  {
    io::NpzWriter npz(directory / "x.npz");
    npz.add("a", two_arrays()[0].second);
    CHECK_THAT(thrown<ValueError>([&] { npz.add("a", two_arrays()[0].second); }), contains("added twice"));
  }
  CHECK(directory.count() == 0);
}

TEST_CASE("load_npz finds damaged contents by their checksum") {
  std::string bytes = archive(false);
  bytes[bytes.size() / 2] ^= 1;
  CHECK_THAT(complaint(bytes), contains("checksum of 'fc1.weight.npy' does not match"));
}

TEST_CASE("load_npz refuses what is not an archive, a part of one, and anything that follows it") {
  CHECK_THAT(complaint(""), contains("byte 0: no ZIP directory"));
  CHECK_THAT(complaint("\x93NUMPY, not an archive at all"), contains("no ZIP directory"));
  const std::string bytes = archive(true);
  CHECK_THAT(complaint(bytes.substr(0, bytes.size() - 1)), contains("no ZIP directory"));
  CHECK_THAT(complaint(bytes + "x"), contains("no ZIP directory"));
  CHECK_THAT(complaint(bytes.substr(10)), contains("byte"));
}

TEST_CASE("load_npz refuses entries that overlap") {
  const std::size_t first = find_mark(archive(false), "\1\2");
  std::string longer = archive(false);
  longer[first + 20] = longer[first + 24] = static_cast<char>(longer[first + 20] + 1);
  CHECK_THAT(complaint(longer), contains("'labels.npy' overlaps 'fc1.weight.npy'"));
}

TEST_CASE("load_npz refuses sizes that the file cannot hold before it allocates them") {
  std::string stored = archive(false);
  const std::size_t first = find_mark(stored, "\1\2");
  for (const std::size_t field : {20u, 24u}) stored.replace(first + field, 4, "\xFE\xFF\xFF\x7F");
  CHECK_THAT(complaint(stored), contains("should have 2147483646 bytes"));

  std::string packed = archive(true);
  const std::size_t entry = find_mark(packed, "\1\2");
  packed.replace(entry + 24, 4, "\xFE\xFF\xFF\x7F");
  CHECK_THAT(complaint(packed), contains("'fc1.weight.npy' claims 2147483646 bytes"));

  std::string many = archive(false);
  many.replace(many.size() - 12, 2, "\xFE\xFF");
  CHECK_THAT(complaint(many), contains("too short for 65534 entries"));
}

TEST_CASE("load_npz refuses encryption, other compression, a name that is there twice, other files") {
  const std::string bytes = archive(false);
  const std::size_t first = find_mark(bytes, "\1\2");
  std::string changed = bytes;
  changed[first + 8] = 1;
  CHECK_THAT(complaint(changed), contains("is encrypted"));
  changed = bytes;
  changed[first + 10] = 12;
  CHECK_THAT(complaint(changed), contains("has compression method 12, expected 0 (stored) or 8 (deflated)"));

  const test::TemporaryDirectory directory;
  io::ZipWriter other(directory / "x.npz");
  other.add("readme.txt", {});
  other.close();
  CHECK_THAT(thrown<FormatError>([&] { (void)io::load_npz(directory / "x.npz"); }),
             contains("'readme.txt' is not an .npy file"));
}

TEST_CASE("load_npz names the entry whose array is wrong") {
  const test::TemporaryDirectory directory;
  io::ZipWriter other(directory / "x.npz");
  other.add("w.npy", std::as_bytes(std::span("no array")));
  other.close();
  CHECK_THAT(thrown<FormatError>([&] { (void)io::load_npz(directory / "x.npz"); }),
             contains("x.npz(w.npy), byte 9: too short for an .npy file"));
}

TEST_CASE("load_npz survives every truncation and flipped bits") {
  const test::TemporaryDirectory directory;
  const auto load = [&](const std::string& bytes) {
    test::write_bytes(directory / "x.npz", bytes);
    return thrown<FormatError>([&] { (void)io::load_npz(directory / "x.npz"); });
  };
  const std::string bytes = archive(true);
  for (std::size_t size = 0; size < bytes.size(); ++size)
    if (load(bytes.substr(0, size)).empty()) FAIL("truncated to " << size);
  for (std::size_t bit = 0; bit < 8 * bytes.size(); ++bit) {
    std::string damaged = bytes;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << bit % 8));
    load(damaged); // dates and versions mean nothing here; everything else must be found without a crash
  }
}

namespace {
/// An archive of many entries with the same array, as ZIP64 since the old format counts to 65,535 only.
std::string many_entries(std::size_t count, const std::string& last_name = "") {
  const std::string array = [] {
    const test::TemporaryDirectory directory;
    const std::uint8_t one[] = {7};
    io::save_npy(directory / "x.npy", NpyArray::from<std::uint8_t>(one, {1}));
    return test::read_bytes(directory / "x.npy");
  }();
  std::vector<std::byte> file, entries;
  const auto number = [](std::vector<std::byte>& to, auto value) { io::append_little(to, value); };
  const auto text = [](std::vector<std::byte>& to, const std::string& from) {
    for (const char c : from) to.push_back(static_cast<std::byte>(c));
  };
  const std::uint32_t crc = io::crc32(std::as_bytes(std::span(array)));
  const auto common = [&](std::vector<std::byte>& to, const std::string& name) {
    for (const int v : {20, 0, 0, 0, 0x21}) number(to, static_cast<std::uint16_t>(v));
    for (int i = 0; i < 3; ++i) number(to, i == 0 ? crc : static_cast<std::uint32_t>(array.size()));
    number(to, static_cast<std::uint16_t>(name.size()));
  };
  for (std::size_t i = 0; i < count; ++i) {
    const std::string name = (i + 1 == count && !last_name.empty() ? last_name : std::to_string(i)) + ".npy";
    const auto header = static_cast<std::uint32_t>(file.size());
    number(file, std::uint32_t{0x04034b50});
    common(file, name);
    number(file, std::uint16_t{0});
    text(file, name);
    text(file, array);
    number(entries, std::uint32_t{0x02014b50});
    number(entries, std::uint16_t{20});
    common(entries, name);
    for (int k = 0; k < 4; ++k) number(entries, std::uint16_t{0});
    number(entries, std::uint32_t{0});
    number(entries, header);
    text(entries, name);
  }
  const std::uint64_t directory = file.size(), end = directory + entries.size();
  file.insert(file.end(), entries.begin(), entries.end());
  number(file, std::uint32_t{0x06064b50});
  number(file, std::uint64_t{44});
  number(file, std::uint32_t{45});
  number(file, std::uint64_t{0});
  for (const std::uint64_t v :
       {std::uint64_t{count}, std::uint64_t{count}, std::uint64_t{entries.size()}, directory})
    number(file, v);
  number(file, std::uint32_t{0x07064b50});
  number(file, std::uint32_t{0});
  number(file, end);
  number(file, std::uint32_t{1});
  number(file, std::uint32_t{0x06054b50});
  for (int i = 0; i < 4; ++i) number(file, static_cast<std::uint16_t>(i < 2 ? 0 : 0xFFFF));
  for (int i = 0; i < 2; ++i) number(file, std::uint32_t{0xFFFFFFFF});
  number(file, std::uint16_t{0});
  return {reinterpret_cast<const char*>(file.data()), file.size()};
}
} // namespace

TEST_CASE("an archive of 80,000 entries is read, and a name that is there twice is found among them") {
  const test::TemporaryDirectory directory;
  test::write_bytes(directory / "x.npz", many_entries(80'000));
  const io::Npz npz = io::load_npz(directory / "x.npz");
  CHECK(npz.size() == 80'000);
  CHECK(npz.arrays.back().first == "79999");
  CHECK(npz.arrays.back().second.as<std::uint8_t>()[0] == 7);
  CHECK_THAT(complaint(many_entries(80'000, "5")), contains("'5.npy' is there twice"));
}

TEST_CASE("an archive is written with as many entries as it can hold") {
  const test::TemporaryDirectory directory;
  const std::uint8_t one[] = {7};
  const NpyArray array = NpyArray::from<std::uint8_t>(one, {1});
  io::NpzWriter writer(directory / "x.npz");
  for (int i = 0; i < 65'534; ++i) writer.add(std::to_string(i), array);
  CHECK_THAT(thrown<ValueError>([&] { writer.add("5", array); }), contains("'5.npy' is added twice"));
  CHECK_THAT(thrown<ValueError>([&] { writer.add("more", array); }), contains("65535 entries"));
  writer.close();
  CHECK(io::load_npz(directory / "x.npz").size() == 65'534);
}

TEST_CASE("a small archive does not unpack to more than the limit, which the caller can change") {
  const test::TemporaryDirectory directory;
  const auto path = directory / "x.npz";
  { // 8 MiB of zeros, 40 times
    const NpyArray zeros = NpyArray::from<std::uint8_t>(std::vector<std::uint8_t>(8 << 20), {8 << 20});
    io::NpzWriter writer(path, true);
    for (int i = 0; i < 40; ++i) writer.add(std::to_string(i), zeros);
    writer.close();
  }
  CHECK(std::filesystem::file_size(path) < 1 << 20);
  CHECK_THAT(thrown<FormatError>([&] { (void)io::load_npz(path); }),
             contains("the archive unpacks to more than 268435456 bytes; ReadOptions::max_unpacked"));
  const std::uint64_t needed = 40 * ((8ULL << 20) + 128);
  CHECK_THAT(thrown<FormatError>([&] { (void)io::load_npz(path, {.max_unpacked = needed - 1}); }),
             contains("unpacks to more than " + std::to_string(needed - 1) + " bytes"));
  CHECK(io::ZipReader(path, {.max_unpacked = needed}).entries().size() == 40);
  CHECK(io::load_npz(path, {.max_unpacked = needed}).size() == 40);
  // What is stored as it is needs no limit.
  CHECK(io::ReadOptions{}.unpack_limit(3ULL << 30) == 48ULL << 30);
}
