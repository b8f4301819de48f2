// SPDX-License-Identifier: BSL-1.0
#include "catch.hpp"
#include "files.hpp"

#include "stator/io/atomic_file.hpp"
#include "stator/io/temporary_portable.hpp"

#include <csignal>
#include <sys/resource.h>
#include <sys/wait.h>

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
  CHECK_THAT(thrown<FileError>([&] { AtomicFile(directory.path()); }), contains("is not a regular file"));
}

TEST_CASE("AtomicFile reports a full disk and leaves the old file", "[linux]") {
  if (!std::filesystem::exists("/dev/full")) return;
  CHECK_THAT(thrown<FileError>([] { AtomicFile("/dev/full"); }), contains("is not a regular file"));
}

TEST_CASE("AtomicFile writes the file that a dangling link points to") {
  const test::TemporaryDirectory directory;
  std::filesystem::create_directory(directory / "sub");
  std::filesystem::create_symlink("sub/there", directory / "relative");
  std::filesystem::create_symlink(directory / "relative", directory / "link");
  AtomicFile file(directory / "link");
  file.write("new");
  file.commit();
  CHECK(std::filesystem::is_symlink(directory / "link"));
  CHECK(std::filesystem::is_symlink(directory / "relative"));
  CHECK(test::read_bytes(directory / "sub/there") == "new");
  CHECK(test::read_bytes(directory / "link") == "new");
}

TEST_CASE("AtomicFile refuses links that lead in a circle, or nowhere") {
  const test::TemporaryDirectory directory;
  std::filesystem::create_symlink("b", directory / "a");
  std::filesystem::create_symlink("a", directory / "b");
  std::filesystem::create_symlink("no/x", directory / "c");
  CHECK_THAT(thrown<FileError>([&] { AtomicFile(directory / "a"); }),
             contains("cannot follow its symbolic links: Too many levels of symbolic links"));
  CHECK_THAT(thrown<FileError>([&] { AtomicFile(directory / "c"); }),
             contains("cannot create: No such file or directory"));
  CHECK(directory.count() == 3);
}

TEST_CASE("a name may be as long as the file system allows") {
  using stator::io::detail::PosixTemporary;
  const test::TemporaryDirectory directory;
  for (const std::size_t size : {1U, 200U, 201U, 250U, 255U}) {
    const auto path = directory / std::string(size, 'n');
    for (const auto when : {PosixTemporary::Name::none_if_possible, PosixTemporary::Name::at_once}) {
      PosixTemporary file(path, when);
      file.write(std::as_bytes(std::span(std::string_view("x"))));
      file.replace_target();
      CHECK(test::read_bytes(path) == "x");
    }
  }
  CHECK(directory.count() == 5);
  CHECK_THAT(thrown<FileError>([&] {
               AtomicFile file(directory / std::string(256, 'n'));
               file.commit();
             }),
             contains("File name too long"));
  CHECK(directory.count() == 5);
}

TEST_CASE("the portable way to write a file keeps the same promises") {
  using File = io::BasicAtomicFile<io::detail::PortableTemporary>;
  const test::TemporaryDirectory directory;
  const auto path = directory / "x";
  {
    File file(path);
    file.write("half of");
  }
  CHECK(directory.count() == 0);
  test::write_bytes(path, "old");
  const auto owner_only = std::filesystem::perms::owner_read | std::filesystem::perms::owner_write;
  std::filesystem::permissions(path, owner_only);
  File file(path);
  file.write("new");
  CHECK(test::read_bytes(path) == "old");
  file.commit();
  CHECK(test::read_bytes(path) == "new");
  CHECK(std::filesystem::status(path).permissions() == owner_only);
  CHECK(directory.count() == 1);
  CHECK_THAT(thrown<FileError>([&] { File(directory / "no/x"); }), contains("cannot create: No such file"));
  CHECK_THAT(thrown<FileError>([&] { File(directory.path()); }), contains("is not a regular file"));
}

TEST_CASE("a directory that may not be written is a FileError, and its files stay") {
  const test::TemporaryDirectory directory;
  test::write_bytes(directory / "x", "old");
  using std::filesystem::perms;
  std::filesystem::permissions(directory.path(), perms::owner_read | perms::owner_exec | perms::others_read |
                                                     perms::others_exec);
  std::string text = "nothing";
  int ends[2];
  REQUIRE(::pipe(ends) == 0);
  const pid_t child = ::fork();
  if (child == 0) { // root may write everywhere: as somebody else
    if (::geteuid() == 0) (void)!::setuid(65534);
    const std::string what = thrown<FileError>([&] { AtomicFile(directory / "x"); });
    ::_exit(::write(ends[1], what.data(), what.size()) == static_cast<ssize_t>(what.size()) ? 0 : 1);
  }
  ::close(ends[1]);
  text.resize(1000);
  text.resize(static_cast<std::size_t>(std::max<ssize_t>(::read(ends[0], text.data(), text.size()), 0)));
  ::close(ends[0]);
  REQUIRE(::waitpid(child, nullptr, 0) == child);
  std::filesystem::permissions(directory.path(), perms::owner_all);
  CHECK_THAT(text, contains("x: cannot create: Permission denied"));
  CHECK(test::read_bytes(directory / "x") == "old");
  CHECK(directory.count() == 1);
}

TEST_CASE("a disk that gets full, here a limit on the size of files, leaves the old file and nothing else") {
  const test::TemporaryDirectory directory;
  const auto path = directory / "x";
  test::write_bytes(path, "old");
  rlimit before{};
  REQUIRE(::getrlimit(RLIMIT_FSIZE, &before) == 0);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit small{10'000, before.rlim_max};
  const std::vector<std::byte> part(4'000);
  const auto fill = [&] {
    AtomicFile file(path);
    for (int i = 0; i < 5; ++i) file.write(part);
    file.commit();
  };
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &small) == 0);
  const std::string text = thrown<FileError>(fill);
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &before) == 0);
  (void)std::signal(SIGXFSZ, handler);
  CHECK_THAT(text, contains("x: cannot write: File too large"));
  CHECK(test::read_bytes(path) == "old");
  CHECK(directory.count() == 1);
  fill();
  CHECK(std::filesystem::file_size(path) == 20'000);
}
