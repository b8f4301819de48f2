// SPDX-License-Identifier: BSL-1.0
// The fuzz targets' seeds, and whatever they have found, without libFuzzer.
#include "catch.hpp"
#include "files.hpp"
#include "fuzz/targets.hpp"

#include <zlib.h>

using namespace stator;

namespace {
const std::filesystem::path tests = std::filesystem::path(STATOR_TEST_REFERENCE).parent_path();

/// Runs a target on the files of a directory and on their mutations; returns how many files there are.
std::size_t replay(const test::FuzzTarget& target, const std::filesystem::path& directory,
                   std::size_t mutations) {
  std::size_t count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    if (!entry.is_regular_file()) continue;
    std::string bytes = test::read_bytes(entry.path());
    target.run(std::as_bytes(std::span(bytes)));
    // One byte at a time is another: often still a file, or nearly one.
    for (std::size_t i = 0; i < bytes.size() && i < 1000; i += 1 + bytes.size() / mutations) {
      const char before = bytes[i];
      for (const char c : {'\0', '0', '"', '\x80', static_cast<char>(before + 1)}) {
        bytes[i] = c;
        target.run(std::as_bytes(std::span(bytes)));
      }
      bytes[i] = before;
    }
    ++count;
  }
  return count;
}
} // namespace

TEST_CASE("the fuzz target holds on its seeds and their mutations") {
  std::size_t count = 0;
  for (const auto& directory : {tests / "fuzz/corpus", tests / "reference/data/safetensors",
                                tests / "reference/data/safetensors/bad"})
    count += replay(test::fuzz_targets[0], directory, 200);
  CHECK(count > 80);
}

TEST_CASE("the fuzz targets of the other formats hold on their seeds and their mutations") {
  for (const test::FuzzTarget& target : test::fuzz_targets) {
    if (target.name == "safetensors") continue;
    INFO(target.name);
    CHECK(replay(target, tests / "fuzz/corpus" / target.name, 50) >= 3);
  }
}

TEST_CASE("what parts of a training run store is among the seeds, and is read") {
  std::size_t optimizers = 0, schedulers = 0;
  const auto reads = [](auto& part) {
    return test::try_part(io::SafetensorsFile(test::stored(part), "seed"), part);
  };
  test::for_each_fuzz_optimizer([&](auto& optimizer) { return optimizers += reads(optimizer), true; });
  test::for_each_fuzz_scheduler([&](auto& scheduler) { return schedulers += reads(scheduler), true; });
  CHECK(optimizers == 6);
  CHECK(schedulers == 4);
}

// Writes the seeds anew: io_test "[.seeds]".
TEST_CASE("seeds of the fuzz targets", "[.seeds]") {
  const auto corpus = tests / "fuzz/corpus";
  for (const test::FuzzTarget& target : test::fuzz_targets)
    if (target.name != "safetensors") std::filesystem::create_directories(corpus / target.name);
  const auto write = [&](const std::string& name, std::span<const std::byte> bytes) {
    test::write_bytes(corpus / name, {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  };
  auto number = [count = 0]() mutable { return std::to_string(count++); };
  test::for_each_fuzz_optimizer(
      [&](auto& o) { return write("optimizer/" + number(), test::stored(o)), true; });
  test::for_each_fuzz_scheduler(
      [&](auto& s) { return write("scheduler/" + number(), test::stored(s)), true; });
  Model<test::FuzzTraining> model;
  for (const std::string words : {"a b", "", "other words"}) {
    model->words.words = words;
    write("extra_state/" + number(), test::stored(model));
  }
  Generator generator(1);
  write("parts/" + number(), test::stored(generator));
  const auto part = [&](auto p) { write("parts/" + number(), test::stored(p)); };
  part(std::int64_t{7}), part(2.5F), part(true), part(std::vector<double>{1, 2}), part(test::FuzzStopping{});

  const std::vector<float> values{1, 2, 3, 4, 5, 6};
  const std::vector<std::uint8_t> zeros(500);
  const auto a = io::NpyArray::from<float>(values, {2, 3}),
             b = io::NpyArray::from<std::uint8_t>(std::span(zeros).first(0), {5, 0, 100});
  auto columns = a;
  columns.fortran_order = true;
  io::save_npy(corpus / "npy/rows", a);
  io::save_npy(corpus / "npy/columns", columns);
  io::save_npy(corpus / "npy/empty", b);
  io::save_npy(corpus / "npy/number", io::NpyArray::from<float>(std::span(values).first(1), {}));
  for (const bool compress : {false, true})
    io::save_npz(corpus / ("npz/" + number()), {{"a", a}, {"c", columns}}, compress);
  io::save_npz(corpus / "npz/zeros", {{"z", io::NpyArray::from<std::uint8_t>(zeros, {500})}}, true);

  std::string images("\0\0\x08\x03\0\0\0\2\0\0\0\2\0\0\0\2"
                     "12345678",
                     24),
      labels("\0\0\x08\x01\0\0\0\3abc", 11);
  for (const std::string& idx : {images, labels}) {
    test::write_bytes(corpus / "idx" / number(), idx);
    const std::string path = (corpus / "gzip" / number()).string();
    gzFile file = gzopen(path.c_str(), "wb9");
    gzwrite(file, idx.data(), static_cast<unsigned>(idx.size()));
    gzclose(file);
    std::filesystem::copy_file(path, corpus / "idx" / number());
  }
  test::write_bytes(corpus / "gzip/plain", labels);
}
