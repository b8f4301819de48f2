// SPDX-License-Identifier: BSL-1.0
// What a second thread gains: rows of training and of prepared inference once more, with one thread and with
// two, by the clock on the wall. Both compute the same bits.
#include "bench.hpp"

#include <stator/core/parallel.hpp>

#include <stdexcept>

namespace bench {
namespace {

/// The contender `name` of another row, on so many threads.
Run on_threads(const std::string& row, const std::string& name, int threads) {
  for (const Contender& c : contenders()) {
    if (c.row != row || c.name != name) continue;
    const auto within = [threads](const auto& work) {
      stator::set_num_threads(threads);
      work();
      stator::set_num_threads(1);
    };
    Run run = c.make();
    run.times = [within, times = std::move(run.times)](long n) { within([&] { times(n); }); };
    return run;
  }
  throw std::logic_error("there is no row " + row);
}

void enter(const std::string& row, const std::string& name) {
  for (const int threads : {1, 2})
    Enter{{"threads/" + row, threads == 1 ? "1 thread" : "2 threads",
           [=] { return on_threads(row, name, threads); }}};
}

const bool entered = [] {
  for (const char* row :
       {"train/cnn/64", "train/resnet18/8", "train/gpt/8", "train/mlp_784_1024_1024_10/128",
        "train/mlp_784_128_10/64", "train/lenet/64", "train/lstm_16_64/32", "train/mlp_4_8_2/32"})
    enter(row, "stator");
  for (const char* row :
       {"infer/resnet18/1", "infer/gpt/1", "infer/cnn/1", "infer/mlp_784_1024_1024_10/1", "infer/lenet/1"})
    enter(row, "stator, prepared");
  return true;
}();

} // namespace
} // namespace bench
