// SPDX-License-Identifier: BSL-1.0
// The README cannot rot: its programs are regions of compiled examples, its links lead somewhere.
#include "catch.hpp"
#include "files.hpp"

#include <filesystem>
#include <string>
#include <vector>

using stator::test::read_bytes;

namespace {

const std::filesystem::path root = std::filesystem::path(STATOR_TEST_REFERENCE) / ".." / "..";

/// What stands between `open` and `close` in a text, each time.
std::vector<std::string> between(const std::string& text, const std::string& open, const std::string& close) {
  std::vector<std::string> parts;
  for (std::size_t at = 0; (at = text.find(open, at)) != std::string::npos;) {
    at += open.size();
    const std::size_t end = text.find(close, at);
    if (end == std::string::npos) break;
    parts.push_back(text.substr(at, end - at));
    at = end + close.size();
  }
  return parts;
}

} // namespace

TEST_CASE("programs of the README are regions of compiled examples") {
  std::string examples;
  for (const auto& file : std::filesystem::directory_iterator(root / "examples"))
    if (file.path().extension() == ".cpp") examples += read_bytes(file.path());
  const auto programs = between(read_bytes(root / "README.md"), "```cpp\n", "```");
  CHECK_FALSE(programs.empty());
  for (const std::string& program : programs) {
    INFO(program);
    CHECK(examples.find(program) != std::string::npos);
  }
}

TEST_CASE("the README begins with the two commands") {
  const std::string text = read_bytes(root / "README.md");
  const std::size_t second = text.find('\n') + 1;
  CHECK(text.find("examples/run.sh") < second);
  CHECK(text.find("tests/run.sh", second) < text.find('\n', second));
}

TEST_CASE("links in the documentation lead to files") {
  for (const char* name :
       {"README.md", "CONTRIBUTING.md", "CHANGELOG.md", "tests/README.md", "benchmarks/README.md",
        "include/stator/README.md", "examples/coming_from_pytorch.md"}) {
    const std::filesystem::path page = root / name;
    REQUIRE(std::filesystem::exists(page));
    for (const std::string& link : between(read_bytes(page), "](", ")")) {
      INFO(name << ": " << link);
      CHECK(std::filesystem::exists(page.parent_path() / link.substr(0, link.find('#'))));
    }
  }
}
