// SPDX-License-Identifier: BSL-1.0
#include "catch.hpp"
#include "files.hpp"

#include "stator/io/atomic_file.hpp"

using namespace stator;
using stator::io::AtomicFile;
using stator::test::contains;
using stator::test::thrown;

TEST_CASE("AtomicFile replaces the target only at commit") {
  const test::TemporaryDirectory directory;
  test::write_bytes(directory / "x", "old");
  {
    AtomicFile file(directory / "x");
    file.write("new contents");
    CHECK(file.size() == 12);
    CHECK(test::read_bytes(directory / "x") == "old");
    file.commit();
    CHECK(test::read_bytes(directory / "x") == "new contents");
  }
  CHECK(directory.count() == 1);
}

TEST_CASE("AtomicFile without commit leaves the old file and nothing else") {
  const test::TemporaryDirectory directory;
  test::write_bytes(directory / "x", "old");
  try {
    AtomicFile file(directory / "x");
    file.write("half of");
    throw Error("something else went wrong");
  } catch (const Error&) {
  }
  CHECK(test::read_bytes(directory / "x") == "old");
  CHECK(directory.count() == 1);
}

TEST_CASE("AtomicFile keeps permissions and symbolic links") {
  const test::TemporaryDirectory directory;
  test::write_bytes(directory / "x", "old");
  const auto owner_only = std::filesystem::perms::owner_read | std::filesystem::perms::owner_write;
  std::filesystem::permissions(directory / "x", owner_only);
  std::filesystem::create_symlink("x", directory / "link");
  AtomicFile file(directory / "link");
  file.write("new");
  file.commit();
  CHECK(std::filesystem::is_symlink(directory / "link"));
  CHECK(test::read_bytes(directory / "x") == "new");
  CHECK(std::filesystem::status(directory / "x").permissions() == owner_only);
}

TEST_CASE("AtomicFile says what it cannot write") {
  const test::TemporaryDirectory directory;
  CHECK_THAT(thrown<FileError>([&] { AtomicFile(directory / "no/x"); }),
             contains("cannot create: No such file or directory"));
  CHECK_THAT(thrown<FileError>([&] { AtomicFile(directory.path()); }), contains("is no regular file"));
}

TEST_CASE("AtomicFile reports a full disk and leaves the old file", "[linux]") {
  if (!std::filesystem::exists("/dev/full")) return;
  CHECK_THAT(thrown<FileError>([] { AtomicFile("/dev/full"); }), contains("is no regular file"));
}
