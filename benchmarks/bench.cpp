// SPDX-License-Identifier: BSL-1.0
// Times every contender of every row and writes what it found as JSON; run.sh calls it, report.py makes the
// tables.
//   bench [--quick] [--only PREFIX,...] [--list] [--memory] [--out FILE]
// One thread, pinned to one core; the thread's own processor time, so that other programs count little. Rows
// below threads/ run on all processors, by the clock on the wall.
//   --memory                  no times: the memory of each training row, each contender in a process of its
//   own
//   --resident ROW CONTENDER  what such a process does
#include "bench.hpp"
#include "machine.hpp"
#include "resident.hpp"
#include "rows.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <exception>
#include <fstream>
#include <map>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace bench {
namespace {

/// How long is measured: samples a contender, and seconds a sample at least.
struct Effort {
  int samples = 21;
  double sample = 0.015, row = 12; ///< `row`: seconds a contender at most, but three samples always
  int calls = 20'000;              ///< of the latency of single calls
};
constexpr Effort full{}, quick{5, 0.001, 0.7, 2'000};

double quantile(std::vector<double> v, double q) {
  if (v.empty()) return 0;
  std::sort(v.begin(), v.end());
  return v[std::min(v.size() - 1, static_cast<std::size_t>(q * static_cast<double>(v.size())))];
}

struct Measured {
  std::string name;
  std::vector<double> samples; ///< seconds a run
  double result = NAN;
  std::optional<std::uint64_t> bits; ///< of what two runs have computed
  std::vector<double> calls;         ///< seconds of single calls, of the clock on the wall
};

using Clock = double (*)();

double seconds(const Run& run, long n, Clock now) {
  const double start = now();
  run.times(n);
  return (now() - start) / static_cast<double>(n);
}

/// How often the work is done for one sample, and how long one run takes.
std::pair<long, double> repetitions(const Run& run, double least, Clock now) {
  for (long n = 1;; n *= 2) {
    const double one = seconds(run, n, now);
    if (one * static_cast<double>(n) >= least / 4 || n > 1'000'000'000)
      return {std::max(1L, static_cast<long>(least / std::max(one, 1e-12))), one};
  }
}

std::vector<Measured> measure(const std::vector<const Contender*>& some, const Effort& effort, bool latency,
                              Clock now) {
  std::vector<Measured> all;
  std::vector<Run> runs;
  std::vector<long> repeat;
  double total = 0;
  for (const Contender* c : some) {
    try {
      Run run = c->make();
      Measured m{c->name, {}, NAN, {}, {}};
      run.times(2);
      if (run.result) m.result = run.result();
      if (run.bits) m.bits = run.bits();
      const auto [times, one] = repetitions(run, effort.sample, now);
      repeat.push_back(times);
      total += one * static_cast<double>(times);
      runs.push_back(std::move(run));
      all.push_back(std::move(m));
    } catch (const std::exception& e) {
      std::fprintf(stderr, "%s: %s: %s\n", c->row.c_str(), c->name.c_str(), e.what());
    }
  }
  const double limit = effort.row * static_cast<double>(runs.size());
  const int samples = std::clamp(static_cast<int>(limit / std::max(total, 1e-9)), 3, effort.samples);
  for (int s = 0; s < samples; ++s)
    for (std::size_t i = 0; i < runs.size(); ++i) {
      const std::size_t turn = (i + static_cast<std::size_t>(s)) % runs.size();
      all[turn].samples.push_back(seconds(runs[turn], repeat[turn], now));
    }
  if (latency)
    for (std::size_t i = 0; i < runs.size(); ++i) {
      const double one = std::max(quantile(all[i].samples, 0.5), 1e-9);
      const int calls = std::clamp(static_cast<int>(effort.row / 6 / one), 20, effort.calls);
      for (int c = 0; c < calls; ++c) {
        const double start = wall_time();
        runs[i].times(1);
        all[i].calls.push_back(wall_time() - start);
      }
    }
  return all;
}

/// Whether contenders computed the same, as far as rounding goes.
void compare(const std::string& row, const std::vector<Measured>& all) {
  for (const Measured& m : all)
    if (std::isfinite(m.result) && std::isfinite(all[0].result) &&
        std::abs(m.result - all[0].result) > 1e-3 * (1e-2 + std::abs(all[0].result)))
      std::fprintf(stderr, "%s: %s found %.9g, %s %.9g: they do not compute the same\n", row.c_str(),
                   m.name.c_str(), m.result, all[0].name.c_str(), all[0].result);
}

/// Whether all of them computed the same bits.
bool same_bits(const std::vector<Measured>& all) {
  return std::all_of(all.begin(), all.end(), [&](const Measured& m) { return m.bits == all[0].bits; });
}

bool on_threads(std::string_view row) { return row.starts_with("threads/"); }

std::string json(const std::string& row, const Work& work, const std::vector<Measured>& all) {
  std::ostringstream out;
  out.precision(6);
  const Row r = row_of(row);
  out << "    {\"row\": \"" << row << "\", \"rival\": \"" << r.rival << "\", \"goal\": " << r.goal
      << ", \"share\": " << r.share << ", \"flops\": " << work.flops << ", \"reads\": " << work.reads
      << ", \"writes\": " << work.writes << ", \"updates\": " << work.updates;
  if (on_threads(row)) out << ", \"same_bits\": " << (same_bits(all) ? "true" : "false");
  out << ", \"times\": {";
  const char* comma = "";
  for (const Measured& m : all) {
    out << comma << "\"" << m.name << "\": {\"median\": " << quantile(m.samples, 0.5)
        << ", \"low\": " << quantile(m.samples, 0.1) << ", \"high\": " << quantile(m.samples, 0.9);
    if (!m.calls.empty())
      out << ", \"calls\": [" << quantile(m.calls, 0.5) << ", " << quantile(m.calls, 0.99) << ", "
          << quantile(m.calls, 0.999) << ", " << quantile(m.calls, 1) << "]";
    out << "}";
    comma = ", ";
  }
  out << "}}";
  return out.str();
}

bool wanted(const std::string& row, std::string_view only) {
  if (only.empty()) return true;
  std::istringstream list{std::string(only)};
  for (std::string prefix; std::getline(list, prefix, ',');)
    if (row.starts_with(prefix)) return true;
  return false;
}

/// The rows that are wanted in groups by their kind, in the order of its first.
struct Table {
  std::vector<std::string> names;
  std::map<std::string, std::vector<const Contender*>> contenders_of;

  explicit Table(std::string_view only) {
    for (const Contender& c : contenders())
      if (wanted(c.row, only)) {
        if (!contenders_of.contains(c.row)) names.push_back(c.row);
        contenders_of[c.row].push_back(&c);
      }
    std::map<std::string, std::size_t> kinds;
    const auto kind = [](const std::string& name) { return name.substr(0, name.find('/')); };
    for (const std::string& name : names) kinds.try_emplace(kind(name), kinds.size());
    std::sort(names.begin(), names.end(), [&](const std::string& a, const std::string& b) {
      return std::pair(kinds[kind(a)], a) < std::pair(kinds[kind(b)], b);
    });
    // Ours first, by which the others are checked.
    for (auto& [row, some] : contenders_of)
      std::partition(some.begin(), some.end(), [](const Contender* c) { return c->name == "stator"; });
  }
};

/// One row, as JSON.
std::string measure_row(const std::string& name, const std::vector<const Contender*>& some,
                        const Effort& effort) {
  Work work;
  for (const Contender* c : some) {
    work.flops = std::max(work.flops, c->work.flops);
    work.reads = std::max(work.reads, c->work.reads);
    work.writes = std::max(work.writes, c->work.writes);
    work.updates = std::max(work.updates, c->work.updates);
  }
  const bool threads = on_threads(name);
  if (threads) release();
  const auto all =
      measure(some, effort, name.ends_with("/1") && name.find("infer") != std::string::npos && !threads,
              threads ? &wall_time : &processor_time);
  if (threads) pin();
  compare(name, all);
  if (threads && !same_bits(all))
    std::fprintf(stderr, "%s: the number of threads changes the result\n", name.c_str());
  std::fprintf(stderr, "%-36s", name.c_str());
  for (const Measured& m : all)
    std::fprintf(stderr, "  %s %.4g us", m.name.c_str(), 1e6 * quantile(m.samples, 0.5));
  std::fprintf(stderr, "\n");
  return json(name, work, all);
}

/// All rows, as JSON.
std::string measure_rows(const Table& table, const Effort& effort) {
  pin();
  keep_freed_memory();
  Limits limits;
  limits.measure();
  std::string rows_json;
  bool skipped = false;
  for (const std::string& name : table.names) {
    if (on_threads(name) && processor_count() < 2) {
      if (!std::exchange(skipped, true))
        std::fprintf(stderr, "skipped: rows of two threads need two processors\n");
      continue;
    }
    rows_json += (rows_json.empty() ? "" : ",\n") + measure_row(name, table.contenders_of.at(name), effort);
  }
  // Machines slow down when they get warm: the limit is what was reached before or after.
  limits.measure();
  std::ostringstream out;
  out << "\"peak_flops\": " << limits.peak << ", \"axpy\": " << limits.axpy << ", \"copy\": " << limits.copy
      << ", \"streamed\": " << limits.streamed << ", \"read\": {";
  for (const char* comma = ""; const auto& [size, speed] : limits.read)
    out << std::exchange(comma, ", ") << "\"" << size << "\": " << speed;
  out << "},\n  \"rows\": [\n" << rows_json << "\n  ]";
  return out.str();
}

int main(int count, char** arguments) {
  Effort effort = full;
  std::string only, file;
  bool list = false, memory = false;
  const char *row = nullptr, *contender = nullptr;
  for (int i = 1; i < count; ++i) {
    const std::string_view a = arguments[i];
    if (a == "--quick")
      effort = quick;
    else if (a == "--list")
      list = true;
    else if (a == "--memory")
      memory = true;
    else if (a == "--only" && i + 1 < count)
      only = arguments[++i];
    else if (a == "--out" && i + 1 < count)
      file = arguments[++i];
    else if (a == "--resident" && i + 2 < count)
      row = arguments[++i], contender = arguments[++i];
    else
      return std::fprintf(stderr,
                          "usage: bench [--quick] [--only PREFIX,...] [--list] [--memory] [--out FILE]\n"),
             2;
  }
  const Table table(only);
  if (list) {
    for (const std::string& name : table.names) {
      std::printf("%s:", name.c_str());
      for (const Contender* c : table.contenders_of.at(name)) std::printf(" %s,", c->name.c_str());
      std::printf("\n");
    }
    return 0;
  }
  set_libraries(arguments);
  if (row != nullptr) {
    for (const Contender& c : contenders())
      if (c.row == row && c.name == contender) return print_resident(c);
    return std::fprintf(stderr, "there is no %s of %s\n", row, contender), 3;
  }
  if (table.names.empty()) return 3;
  const std::string found =
      memory ? memory_of_rows(contenders(), [&](const std::string& r) { return wanted(r, only); })
             : measure_rows(table, effort);
  if (found.empty()) return 3;
  std::ofstream stream;
  if (!file.empty()) stream.open(file);
  std::ostringstream out;
  out << "{\n  \"instruction_set\": \"" << instruction_set << "\", \"processor\": \"" << processor()
      << "\", \"compiler\": \"" << compiler << "\",\n  "
      << (memory ? "\"memory\": [\n" + found + "\n  ]" : found) << "\n}\n";
  if (file.empty())
    std::fputs(out.str().c_str(), stdout);
  else if (!(stream << out.str()).flush())
    return std::fprintf(stderr, "could not write %s\n", file.c_str()), 1;
  return 0;
}

} // namespace
} // namespace bench

int main(int count, char** arguments) { return bench::main(count, arguments); }
