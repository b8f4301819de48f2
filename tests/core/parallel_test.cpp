// Work is split over threads without gaps, the same way each time.
#include "stator/core/parallel.hpp"

#include "stator/kernel/parallel.hpp"

#include "catch.hpp"

#include <atomic>
#include <vector>

using namespace stator;

namespace {

/// A number of threads for one scope.
struct Threads {
  explicit Threads(int threads) : before(get_num_threads()) { set_num_threads(threads); }
  ~Threads() { set_num_threads(before); }
  int before;
};

} // namespace

TEST_CASE("parallel_for visits each index once, in multiples of the grain") {
  const Threads four(4);
  for (const Index count : {0, 1, 7, 8, 9, 64, 1000})
    for (const Index grain : {1, 3, 8}) {
      std::vector<std::atomic<int>> visits(static_cast<std::size_t>(count));
      std::atomic<bool> aligned = true;
      parallel_for(count, grain, [&](Index first, Index last, int thread) {
        if (first % grain != 0 || (last % grain != 0 && last != count) || thread < 0 || thread >= 4)
          aligned = false;
        for (Index i = first; i < last; ++i) ++visits[static_cast<std::size_t>(i)];
      });
      CAPTURE(count, grain);
      CHECK(aligned);
      bool once = true;
      for (const auto& v : visits) once = once && v == 1;
      CHECK(once);
    }
}

TEST_CASE("work inside a task stays on its thread") {
  const Threads four(4);
  std::atomic<int> calls = 0, inner = 0;
  parallel_for(4, 1, [&](Index, Index, int) {
    ++calls;
    parallel_for(100, 1, [&](Index first, Index last, int) { inner += first == 0 && last == 100; });
  });
  CHECK(calls == get_num_threads());
  CHECK(inner == calls);
}

TEST_CASE("a kernel's chunks cover the items whatever the number of threads") {
  for (const int threads : {1, 2, 3}) {
    const Threads some(threads);
    std::vector<Index> begin(5, -1), end(5, -1);
    kernel::parallel_for_chunks(13, 5, [&](Index first, Index last, Index chunk) {
      begin[static_cast<std::size_t>(chunk)] = first;
      end[static_cast<std::size_t>(chunk)] = last;
    });
    CHECK(begin == std::vector<Index>{0, 2, 5, 7, 10});
    CHECK(end == std::vector<Index>{2, 5, 7, 10, 13});
  }
}

TEST_CASE("small work is one chunk, large work at most max_threads") {
  const Threads many(64);
  CHECK(kernel::chunk_count(100, kernel::parallel_work - 1) == 1);
  CHECK(kernel::chunk_count(100, kernel::parallel_work) <= kernel::max_threads);
  CHECK(kernel::chunk_count(1, kernel::parallel_work) == 1);
  CHECK(kernel::chunk_count(0, kernel::parallel_work) == 1);
}
