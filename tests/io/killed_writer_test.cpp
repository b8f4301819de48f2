// SPDX-License-Identifier: BSL-1.0
// A writer that is killed, at whatever point, leaves a whole file: the old one or the new one.
#include "catch.hpp"
#include "files.hpp"

#include "stator/io/checkpoint.hpp"

#include <csignal>
#include <set>
#include <sys/mman.h>
#include <sys/wait.h>

using namespace stator;

namespace killed_writer_test {
struct Net {
  Parameter<float, 256, 512> weight;
  Parameter<float, 1000> bias;
  Buffer<std::int64_t> version;
};
} // namespace killed_writer_test

namespace {
using killed_writer_test::Net;

/// Every number of the network says which version this is.
void set_version(Model<Net>& model, std::int64_t version) {
  for (float& w : model->weight.values()) w = static_cast<float>(version);
  for (float& b : model->bias.values()) b = static_cast<float>(version);
  model->version.values()[0] = version;
}

/// Memory that a process shares with those it forks.
struct Progress {
  volatile std::int64_t begun = 0, done = 0;
};
Progress& shared_progress() {
  void* const memory =
      ::mmap(nullptr, sizeof(Progress), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  REQUIRE(memory != MAP_FAILED);
  return *new (memory) Progress;
}

/// Runs `write` in another process, again and again, and kills it some time after the first has begun.
template<class Write>
void kill_writer(Progress& progress, unsigned microseconds, Write&& write) {
  const std::int64_t before = progress.begun;
  const pid_t writer = ::fork();
  if (writer == 0)
    for (;;) write();
  REQUIRE(writer > 0);
  for (int waited = 0; progress.begun == before && waited < 100'000; ++waited) ::usleep(100);
  ::usleep(microseconds);
  ::kill(writer, SIGKILL);
  int status = 0;
  REQUIRE(::waitpid(writer, &status, 0) == writer);
  REQUIRE(WIFSIGNALED(status)); // it did not end by itself, with an exception
}

/// The version of a file, having checked that all of it is one version.
std::int64_t version_of(const std::filesystem::path& path) {
  Model<Net> model;
  load(model, path);
  const std::int64_t version = model->version.values()[0];
  const auto right = [&](float value) { return value == static_cast<float>(version); };
  CHECK(std::ranges::all_of(model->weight.values(), right));
  CHECK(std::ranges::all_of(model->bias.values(), right));
  return version;
}
} // namespace

TEST_CASE("a writer that is killed leaves a whole file") {
  const test::TemporaryDirectory scratch;
  const auto path = scratch / "model.safetensors";
  Model<Net> model;
  set_version(model, 0);
  save(model, path);

  Generator random(1);
  Progress& progress = shared_progress();
  std::int64_t version = 0;
  int advanced = 0, in_the_middle = 0;
  for (int kill = 0; kill < 60; ++kill) {
    progress.begun = version;
    progress.done = version;
    kill_writer(progress, static_cast<unsigned>(random.random() % 12000), [&] {
      set_version(model, progress.begun + 1);
      progress.begun = progress.begun + 1;
      save(model, path);
      progress.done = progress.begun;
    });
    in_the_middle += progress.begun > progress.done ? 1 : 0;
    const std::int64_t now = version_of(path);
    CHECK(now >= progress.done);
    CHECK(now <= progress.begun);
    advanced += now > version ? 1 : 0;
    version = now;
  }
  // Some were killed in the middle of a file, and some had written one.
  CHECK(in_the_middle > 0);
  CHECK(advanced > 0);
  // The next writer leaves nothing but the file.
  set_version(model, 1'000'000);
  save(model, path);
  CHECK(version_of(path) == 1'000'000);
  CHECK(scratch.count() == 1);
}

TEST_CASE("what killed writers leave where every file has a name is removed by the next one") {
  using Named = io::detail::PosixTemporary;
  const test::TemporaryDirectory scratch;
  const auto path = scratch / "x";
  const std::vector<std::byte> part(100'000);
  Progress& progress = shared_progress();
  for (int kill = 0; kill < 20; ++kill) {
    kill_writer(progress, 0, [&] {
      Named whole(path, Named::Name::at_once);
      for (int i = 0; i < 10; ++i) whole.write(part);
      whole.replace_target();
      Named file(path, Named::Name::at_once);
      file.write(part);
      progress.begun = progress.begun + 1;
      ::pause();
    });
    CHECK(std::filesystem::file_size(path) == 1'000'000);
    CHECK(scratch.count() == 2); // the file, and what the last writer has left
  }
  Named file(path, Named::Name::at_once);
  CHECK(file.has_name());
  file.write(part);
  file.replace_target();
  CHECK(scratch.count() == 1);
}

TEST_CASE("the file of a writer that is alive is not taken for one that was left") {
  using Named = io::detail::PosixTemporary;
  const test::TemporaryDirectory scratch;
  const auto path = scratch / "x";
  const auto bytes = [](std::string_view text) { return std::as_bytes(std::span(text)); };
  Named first(path, Named::Name::at_once), second(path, Named::Name::at_once);
  first.write(bytes("first"));
  second.write(bytes("the second"));
  io::AtomicFile third(path);
  third.write("third");
  CHECK(scratch.count() >= 2);
  first.replace_target();
  CHECK(test::read_bytes(path) == "first");
  second.replace_target();
  CHECK(test::read_bytes(path) == "the second");
  third.commit();
  CHECK(test::read_bytes(path) == "third");
  CHECK(scratch.count() == 1);
}

TEST_CASE("whoever reads beside writers reads a whole file") {
  const test::TemporaryDirectory scratch;
  const auto path = scratch / "model.safetensors";
  Model<Net> model;
  set_version(model, 0);
  save(model, path);
  pid_t writers[2];
  for (pid_t& writer : writers) {
    writer = ::fork();
    if (writer == 0)
      for (std::int64_t version = 1;; ++version) {
        set_version(model, version);
        save(model, path);
      }
    REQUIRE(writer > 0);
  }
  std::set<std::int64_t> seen;
  for (int read = 0; read < 100; ++read) seen.insert(version_of(path));
  for (const pid_t writer : writers) {
    ::kill(writer, SIGKILL);
    int status = 0;
    REQUIRE(::waitpid(writer, &status, 0) == writer);
    CHECK(WIFSIGNALED(status)); // it had not ended with an exception
  }
  CHECK(seen.size() > 5);
}
