// SPDX-License-Identifier: BSL-1.0
// A writer that is killed, at whatever point, leaves a whole file: the old one or the new one.
#include "catch.hpp"
#include "files.hpp"

#include "stator/io/checkpoint.hpp"

#include <csignal>
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
  std::int64_t version = 0;
  int advanced = 0;
  for (int kill = 0; kill < 60; ++kill) {
    const pid_t writer = ::fork();
    if (writer == 0) {
      for (std::int64_t next = version + 1;; ++next) {
        set_version(model, next);
        save(model, path);
      }
    }
    REQUIRE(writer > 0);
    ::usleep(random.random() % 12000);
    ::kill(writer, SIGKILL);
    int status = 0;
    REQUIRE(::waitpid(writer, &status, 0) == writer);
    REQUIRE(WIFSIGNALED(status)); // it did not end by itself, with an exception
    const std::int64_t now = version_of(path);
    CHECK(now >= version);
    advanced += now > version ? 1 : 0;
    version = now;
  }
  // Some were killed in the middle of a file, and some had written one.
  CHECK(scratch.count() > 1);
  CHECK(advanced > 0);
  // What they left behind is in nobody's way.
  set_version(model, 1'000'000);
  save(model, path);
  CHECK(version_of(path) == 1'000'000);
}
