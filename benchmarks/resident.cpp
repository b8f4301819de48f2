// SPDX-License-Identifier: BSL-1.0
#include "resident.hpp"

#include <cstdio>
#include <exception>
#include <fstream>
#include <sstream>
#include <unistd.h>

namespace bench {
namespace {

/// Bytes of a line of /proc/self/status.
double status(std::string_view name) {
  std::ifstream in("/proc/self/status");
  for (std::string line; std::getline(in, line);)
    if (line.starts_with(name)) return 1024 * std::stod(line.substr(name.size() + 1));
  return 0;
}

/// Bytes that lie in memory of the files whose names have `part` in them.
double resident_files(std::string_view part) {
  std::ifstream in("/proc/self/smaps");
  double sum = 0;
  bool counts = false;
  for (std::string line; std::getline(in, line);) {
    if (line.find('-') < line.find(' ')) counts = line.find(part) != std::string::npos;
    if (counts && line.starts_with("Rss:")) sum += 1024 * std::stod(line.substr(4));
  }
  return sum;
}

} // namespace

int print_resident(const Contender& contender) {
  // From now on the highest mark is that of what follows.
  if (!(std::ofstream("/proc/self/clear_refs") << "5").flush())
    return std::fprintf(stderr, "the highest mark of memory cannot be set back\n"), 1;
  const double before = status("RssAnon");
  try {
    Run run = contender.make();
    run.times(3);
    // Pages of files, code for the most part, are those of the program and its libraries.
    const double files = status("RssFile"), most = status("VmHWM");
    std::printf("{\"peak\": %.0f, \"before\": %.0f, \"code\": %.0f, \"torch\": %.0f}\n",
                most - files - before, before, files,
                resident_files("/libtorch") + resident_files("/libc10"));
  } catch (const std::exception& e) {
    return std::fprintf(stderr, "%s: %s: %s\n", contender.row.c_str(), contender.name.c_str(), e.what()), 1;
  }
  return 0;
}

std::string resident_of(const Contender& contender) {
  char self[4096] = {};
  if (readlink("/proc/self/exe", self, sizeof self - 1) <= 0) return {};
  std::ostringstream command;
  command << "'" << self << "' --resident '" << contender.row << "' '" << contender.name << "'";
  FILE* const pipe = popen(command.str().c_str(), "r");
  if (pipe == nullptr) return {};
  char line[512] = {};
  const bool read = std::fgets(line, sizeof line, pipe) != nullptr;
  if (pclose(pipe) != 0 || !read) return {};
  std::string text = line;
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text;
}

std::string memory_of_rows(const std::vector<Contender>& all,
                           const std::function<bool(const std::string&)>& wanted) {
  std::ostringstream out;
  const char* comma = "";
  for (const Contender& ours : all) {
    if (ours.name != "stator" || ours.plan == nullptr || !ours.row.starts_with("train/") || !wanted(ours.row))
      continue;
    const Plan plan = ours.plan();
    out << comma << "    {\"row\": \"" << ours.row << "\", \"arena\": " << plan.arena
        << ", \"workspace\": " << plan.workspace << ", \"live\": " << plan.live << ", \"resident\": {";
    comma = ",\n";
    const char* between = "";
    for (const Contender& c : all) {
      if (c.row != ours.row || (c.name != "stator" && c.name != "libtorch")) continue;
      const std::string found = resident_of(c);
      if (found.empty()) continue;
      out << between << "\"" << c.name << "\": " << found;
      between = ", ";
      std::fprintf(stderr, "%-36s  %s %s\n", c.row.c_str(), c.name.c_str(), found.c_str());
    }
    out << "}}";
  }
  return out.str();
}

} // namespace bench
