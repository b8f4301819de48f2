// SPDX-License-Identifier: BSL-1.0
// Times every contender of every row and writes what it found as JSON; run.sh calls it, report.py makes the
// tables.
//   bench [--quick] [--only PREFIX,...] [--list] [--out FILE]
// One thread, pinned to one core; the thread's own processor time, so that other programs count little.
#include "bench.hpp"
#include "rows.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <exception>
#include <fstream>
#include <map>
#include <numeric>
#include <sched.h>
#include <sstream>
#include <string>
#include <string_view>
#include <unistd.h>
#include <utility>
#include <vector>

namespace bench {
namespace {

#if defined(__AVX512F__)
constexpr const char* instruction_set = "avx512";
constexpr std::size_t vector_bytes = 64;
#elif defined(__AVX2__) && defined(__FMA__)
constexpr const char* instruction_set = "avx2";
constexpr std::size_t vector_bytes = 32;
#else
constexpr const char* instruction_set = "baseline";
constexpr std::size_t vector_bytes = 16;
#endif

#if defined(__clang__)
constexpr const char* compiler = "clang " __clang_version__;
#else
constexpr const char* compiler = "g++ " __VERSION__;
#endif

/// How long is measured: samples a contender, and seconds a sample at least.
struct Effort {
  int samples = 21;
  double sample = 0.02, row = 12; ///< `row`: seconds a contender at most, but three samples always
  int calls = 20'000;             ///< of the latency of single calls
};
constexpr Effort full{}, quick{5, 0.001, 0.7, 2'000};

double clock_of(clockid_t id) {
  timespec t{};
  clock_gettime(id, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}
double now() { return clock_of(CLOCK_THREAD_CPUTIME_ID); }

double quantile(std::vector<double> v, double q) {
  if (v.empty()) return 0;
  std::sort(v.begin(), v.end());
  return v[std::min(v.size() - 1, static_cast<std::size_t>(q * static_cast<double>(v.size())))];
}

struct Measured {
  std::string name;
  std::vector<double> samples; ///< seconds a run
  double result = NAN;
  std::vector<double> calls; ///< seconds of single calls, of the clock on the wall
};

double seconds(const Run& run, long n) {
  const double start = now();
  run.times(n);
  return (now() - start) / static_cast<double>(n);
}

/// How often the work is done for one sample, and how long one run takes.
std::pair<long, double> repetitions(const Run& run, double least) {
  for (long n = 1;; n *= 2) {
    const double one = seconds(run, n);
    if (one * static_cast<double>(n) >= least / 4 || n > 1'000'000'000)
      return {std::max(1L, static_cast<long>(least / std::max(one, 1e-12))), one};
  }
}

std::vector<Measured> measure(const std::vector<const Contender*>& some, const Effort& effort, bool latency) {
  std::vector<Measured> all;
  std::vector<Run> runs;
  std::vector<long> repeat;
  double total = 0;
  for (const Contender* c : some) {
    try {
      Run run = c->make();
      Measured m{c->name, {}, NAN, {}};
      run.times(2);
      if (run.result) m.result = run.result();
      const auto [times, one] = repetitions(run, effort.sample);
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
      all[turn].samples.push_back(seconds(runs[turn], repeat[turn]));
    }
  if (latency)
    for (std::size_t i = 0; i < runs.size(); ++i) {
      const double one = std::max(quantile(all[i].samples, 0.5), 1e-9);
      const int calls = std::clamp(static_cast<int>(effort.row / 4 / one), 20, effort.calls);
      for (int c = 0; c < calls; ++c) {
        const double start = clock_of(CLOCK_MONOTONIC);
        runs[i].times(1);
        all[i].calls.push_back(clock_of(CLOCK_MONOTONIC) - start);
      }
    }
  return all;
}

/// Operations a second of multiply-adds on registers: the most that one core does.
double measure_peak() {
  typedef float Vector __attribute__((vector_size(vector_bytes)));
  constexpr int chains = 12;
  Vector sums[chains] = {}, a = {}, b = {};
  a += 1e-3F, b += 0.999F;
  asm volatile("" : "+x"(a), "+x"(b));
  constexpr long steps = 2'000'000;
  double best = 0;
  for (int i = 0; i < 15; ++i) {
    const double start = now();
    for (long s = 0; s < steps; ++s)
#pragma GCC unroll 12
      for (Vector& sum : sums) sum = sum * b + a;
    for (Vector& sum : sums) asm volatile("" : "+x"(sum));
    best = std::max(best, 2.0 * chains * steps * (vector_bytes / sizeof(float)) / (now() - start));
  }
  return best;
}

/// Bytes a second of y += a * x over arrays that no cache holds: two read, one written.
double measure_bandwidth() {
  constexpr std::size_t count = std::size_t{1} << 24;
  std::vector<float> x(count, 1), y(count, 2);
  double best = 0;
  for (int i = 0; i < 5; ++i) {
    const double start = now();
    for (std::size_t k = 0; k < count; ++k) y[k] += 1e-3F * x[k];
    clobber();
    best = std::max(best, 3.0 * sizeof(float) * count / (now() - start));
  }
  return best;
}

std::string processor() {
  std::ifstream in("/proc/cpuinfo");
  for (std::string line; std::getline(in, line);)
    if (line.starts_with("model name")) return line.substr(line.find(':') + 2);
  return "unknown";
}

void pin() {
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  if (sched_getaffinity(0, sizeof allowed, &allowed) != 0) return;
  for (int core = CPU_SETSIZE - 1; core >= 0; --core)
    if (CPU_ISSET(core, &allowed)) {
      CPU_ZERO(&allowed);
      CPU_SET(core, &allowed);
      if (sched_setaffinity(0, sizeof allowed, &allowed) != 0)
        std::fprintf(stderr, "could not pin the thread\n");
      return;
    }
}

/// One thread in every library, and the kernels that it chooses itself, whatever somebody has set; those of
/// AVX2 where this program was built for AVX2 and the machine has more. Libraries read that when they are
/// loaded, so the program begins anew where it was otherwise.
void set_libraries(char** arguments) {
  std::vector<std::pair<const char*, const char*>> wanted{{"OMP_NUM_THREADS", "1"},
                                                          {"OPENBLAS_NUM_THREADS", "1"},
                                                          {"MKL_NUM_THREADS", "1"},
                                                          {"OPENBLAS_L2_SIZE", nullptr}};
#if defined(__AVX2__) && !defined(__AVX512F__)
  const bool limited = __builtin_cpu_supports("avx512f") != 0;
#else
  constexpr bool limited = false;
#endif
  for (const auto& [name, value] : {std::pair{"OPENBLAS_CORETYPE", "Haswell"},
                                    {"ATEN_CPU_CAPABILITY", "avx2"},
                                    {"DNNL_MAX_CPU_ISA", "AVX2"},
                                    {"LIBXSMM_TARGET", "hsw"}})
    wanted.emplace_back(name, limited ? value : nullptr);
  bool changed = false;
  for (const auto& [name, value] : wanted) {
    const char* const found = std::getenv(name);
    if (value == nullptr ? found == nullptr : found != nullptr && std::string_view(found) == value) continue;
    changed = true;
    if ((value == nullptr ? unsetenv(name) : setenv(name, value, 1)) != 0) return;
  }
  if (changed) execv("/proc/self/exe", arguments);
}

/// Whether contenders computed the same, as far as rounding goes.
void compare(const std::string& row, const std::vector<Measured>& all) {
  for (const Measured& m : all)
    if (std::isfinite(m.result) && std::isfinite(all[0].result) &&
        std::abs(m.result - all[0].result) > 1e-3 * (1e-2 + std::abs(all[0].result)))
      std::fprintf(stderr, "%s: %s found %.9g, %s %.9g: they do not compute the same\n", row.c_str(),
                   m.name.c_str(), m.result, all[0].name.c_str(), all[0].result);
}

std::string json(const std::string& row, const Work& work, const std::vector<Measured>& all) {
  std::ostringstream out;
  out.precision(6);
  const Row r = row_of(row);
  out << "    {\"row\": \"" << row << "\", \"rival\": \"" << r.rival << "\", \"goal\": " << r.goal
      << ", \"share\": " << r.share << ", \"flops\": " << work.flops << ", \"bytes\": " << work.bytes
      << ", \"times\": {";
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

int main(int count, char** arguments) {
  Effort effort = full;
  std::string only, file;
  bool list = false;
  for (int i = 1; i < count; ++i) {
    const std::string_view a = arguments[i];
    if (a == "--quick")
      effort = quick;
    else if (a == "--list")
      list = true;
    else if (a == "--only" && i + 1 < count)
      only = arguments[++i];
    else if (a == "--out" && i + 1 < count)
      file = arguments[++i];
    else
      return std::fprintf(stderr, "usage: bench [--quick] [--only PREFIX,...] [--list] [--out FILE]\n"), 2;
  }
  std::vector<std::string> names;
  std::map<std::string, std::vector<const Contender*>> by_row;
  for (const Contender& c : contenders())
    if (wanted(c.row, only)) {
      if (!by_row.contains(c.row)) names.push_back(c.row);
      by_row[c.row].push_back(&c);
    }
  // Rows of one kind together, in the order of the first.
  std::map<std::string, std::size_t> kinds;
  for (const std::string& name : names) kinds.try_emplace(name.substr(0, name.find('/')), kinds.size());
  std::sort(names.begin(), names.end(), [&](const std::string& a, const std::string& b) {
    return std::pair(kinds[a.substr(0, a.find('/'))], a) < std::pair(kinds[b.substr(0, b.find('/'))], b);
  });
  if (list) {
    for (const std::string& name : names) {
      std::printf("%s:", name.c_str());
      for (const Contender* c : by_row[name]) std::printf(" %s,", c->name.c_str());
      std::printf("\n");
    }
    return 0;
  }
  if (names.empty()) return 3;

  set_libraries(arguments);
  pin();
  double peak = measure_peak(), bandwidth = measure_bandwidth();
  std::string rows_json;
  for (const std::string& name : names) {
    auto& some = by_row[name];
    // Ours first, by which the others are checked.
    std::partition(some.begin(), some.end(), [](const Contender* c) { return c->name == "stator"; });
    Work work;
    for (const Contender* c : some) {
      work.flops = std::max(work.flops, c->work.flops);
      work.bytes = std::max(work.bytes, c->work.bytes);
    }
    const auto all = measure(some, effort, name.ends_with("/1") && name.find("infer") != std::string::npos);
    compare(name, all);
    std::fprintf(stderr, "%-36s", name.c_str());
    for (const Measured& m : all)
      std::fprintf(stderr, "  %s %.4g us", m.name.c_str(), 1e6 * quantile(m.samples, 0.5));
    std::fprintf(stderr, "\n");
    rows_json += (rows_json.empty() ? "" : ",\n") + json(name, work, all);
  }
  // Machines slow down when they get warm: the limit is what was reached before or after.
  peak = std::max(peak, measure_peak());
  bandwidth = std::max(bandwidth, measure_bandwidth());
  std::ofstream stream;
  if (!file.empty()) stream.open(file);
  std::ostringstream out;
  out << "{\n  \"instruction_set\": \"" << instruction_set << "\", \"processor\": \"" << processor()
      << "\", \"compiler\": \"" << compiler << "\",\n  \"peak_flops\": " << peak
      << ", \"bandwidth\": " << bandwidth << ",\n  \"rows\": [\n"
      << rows_json << "\n  ]\n}\n";
  if (file.empty())
    std::fputs(out.str().c_str(), stdout);
  else if (!(stream << out.str()).flush())
    return std::fprintf(stderr, "could not write %s\n", file.c_str()), 1;
  return 0;
}

} // namespace
} // namespace bench

int main(int count, char** arguments) { return bench::main(count, arguments); }
