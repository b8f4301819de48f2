// SPDX-License-Identifier: BSL-1.0
// GFLOP/s of the kernels, medians of alternating runs, and matrix products against Eigen's in the same
// process. Run: build/benchmarks/bench_kernel_bench (OMP_NUM_THREADS=1 for one thread).
// GCC 12 takes the undefined operands of its own AVX-512 intrinsics, inlined from Eigen, for a mistake.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif

#include "stator/kernel/conv.hpp"
#include "stator/kernel/gemm.hpp"
#include "stator/kernel/pool.hpp"
#include "stator/kernel/transpose.hpp"

#include <Eigen/Core>
#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <ctime>
#include <vector>

using namespace stator;

namespace {

/// Floats, aligned as kernels expect.
class Buffer {
public:
  explicit Buffer(Index count) : values_(static_cast<std::size_t>(count) + 16) {
    for (std::size_t i = 0; i < values_.size(); ++i) values_[i] = static_cast<float>(i % 17) / 8.0F - 1.0F;
  }
  float* data() {
    const auto misplaced = reinterpret_cast<std::uintptr_t>(values_.data()) % alignment;
    return values_.data() + (misplaced == 0 ? 0 : (alignment - misplaced) / sizeof(float));
  }
  std::byte* bytes() { return reinterpret_cast<std::byte*>(data()); }

private:
  std::vector<float> values_;
};

Index floats(std::size_t bytes) { return static_cast<Index>(bytes / sizeof(float)) + 16; }

/// Time of the process with one thread, so that a busy machine does not count; of the clock with several.
double now() {
  if (get_num_threads() == 1) return static_cast<double>(std::clock()) / CLOCKS_PER_SEC;
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

double seconds_of(auto& run, int repeat) {
  const double start = now();
  for (int i = 0; i < repeat; ++i) run();
  return (now() - start) / repeat;
}

/// Median seconds of each of several candidates, run in turn.
template<class... Run>
std::array<double, sizeof...(Run)> medians(Run... run) {
  constexpr int rounds = 15;
  std::array<std::vector<double>, sizeof...(Run)> times;
  const std::array<int, sizeof...(Run)> repeat{
      (run(), std::max(1, static_cast<int>(0.005 / std::max(seconds_of(run, 1), 1e-9))))...};
  for (int round = 0; round < rounds; ++round) {
    std::size_t i = 0;
    ((times[i].push_back(seconds_of(run, repeat[i])), ++i), ...);
  }
  std::array<double, sizeof...(Run)> result{};
  for (std::size_t i = 0; i < result.size(); ++i) {
    std::nth_element(times[i].begin(), times[i].begin() + rounds / 2, times[i].end());
    result[i] = times[i][rounds / 2];
  }
  return result;
}

template<Index M, Index N, Index K, bool TransA, bool TransB>
void product(const char* name, Index m, Index n, Index k) {
  using kernel = kernel::gemm<float, M, N, K, TransA, TransB>;
  using Matrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  Buffer a(m * k), b(k * n), c(m * n), d(m * n), scratch(floats(kernel::scratch.total(std::max({m, n, k}))));
  const Eigen::Map<const Matrix> ea(a.data(), TransA ? k : m, TransA ? m : k),
      eb(b.data(), TransB ? n : k, TransB ? k : n);
  Eigen::Map<Matrix> ed(d.data(), m, n);
  const auto [own, eigen] =
      medians([&] { kernel::run(a.data(), b.data(), nullptr, c.data(), false, m, n, k, scratch.bytes()); },
              [&] {
                if constexpr (TransA)
                  ed.noalias() = ea.transpose() * eb;
                else if constexpr (TransB)
                  ed.noalias() = ea * eb.transpose();
                else
                  ed.noalias() = ea * eb;
              });
  const double flops = 2e-9 * static_cast<double>(m * n * k);
  std::printf("gemm %s %4td x %4td x %4td  %6.1f GFLOP/s   Eigen %6.1f   ratio %.2f\n", name, m, n, k,
              flops / own, flops / eigen, eigen / own);
}

/// The three products of a linear layer: forward, gradient of the input, gradient of the weight.
template<Index N, Index K>
void linear(Index batch) {
  product<dynamic, N, K, false, true>("NT", batch, N, K);
  product<dynamic, K, N, false, false>("NN", batch, K, N);
  product<N, K, dynamic, true, false>("TN", N, K, batch);
}

template<auto G>
void convolution(Index batch) {
  using conv = kernel::conv<float, G>;
  Buffer x(batch * G.in_channels * G.input_plane()), y(batch * G.out_channels * G.output_plane()),
      w(G.weights()), dw(G.weights()), dx(batch * G.in_channels * G.input_plane());
  Buffer scratch(
      floats(std::max({conv::forward_scratch.total(batch), conv::backward_input_scratch.total(batch),
                       conv::backward_weight_scratch.total(batch)})));
  const auto [forward, input, weight] =
      medians([&] { conv::forward(x.data(), w.data(), nullptr, y.data(), batch, scratch.bytes()); },
              [&] { conv::backward_input(y.data(), w.data(), dx.data(), batch, scratch.bytes()); },
              [&] { conv::backward_weight(x.data(), y.data(), dw.data(), false, batch, scratch.bytes()); });
  const double flops = 2e-9 * static_cast<double>(batch * G.output_plane() * G.weights());
  std::printf(
      "conv %3td->%3td %tdx%td/%td on %2td, groups %2td, batch %2td   forward %6.1f   input %6.1f   weight "
      "%6.1f GFLOP/s\n",
      G.in_channels, G.out_channels, G.kernel[0], G.kernel[1], G.stride[0], G.input[0], G.groups, batch,
      flops / forward, flops / input, flops / weight);
}

template<auto G>
void pooling(Index planes) {
  const Index in = kernel::detail::product(G.input), out = kernel::detail::product(G.output());
  Buffer x(planes * in), y(planes * out), dx(planes * in);
  const auto [forward, backward] =
      medians([&] { kernel::max_pool<float, G>::forward(x.data(), y.data(), planes); },
              [&] { kernel::max_pool<float, G>::backward(x.data(), y.data(), dx.data(), planes); });
  const double elements = 1e-9 * static_cast<double>(planes * in);
  std::printf("max_pool %tdx%td/%td on %td, %td planes   forward %5.2f   backward %5.2f G elements/s\n",
              G.kernel[0], G.kernel[1], G.stride[0], G.input[0], planes, elements / forward,
              elements / backward);
}

template<Index M, Index N>
void transposition() {
  Buffer x(M * N), y(M * N);
  const auto [own] = medians([&] {
    kernel::permute<float, Extents(M, N), std::array<std::size_t, 2>{1, 0}>::run(x.data(), y.data(), 1);
  });
  std::printf("transpose %td x %td   %5.2f G elements/s\n", M, N, 1e-9 * static_cast<double>(M * N) / own);
}

} // namespace

int main() {
  using Conv = kernel::ConvGeometry<2>;
  std::printf("%d threads\n", get_num_threads());
  linear<128, 784>(64);
  linear<128, 784>(1);
  linear<10, 128>(64);
  linear<128, 128>(128);
  linear<256, 256>(256);
  linear<512, 512>(512);
  convolution<Conv{.in_channels = 1, .out_channels = 32, .input = {28, 28}, .kernel = {3, 3}}>(64);
  convolution<Conv{.in_channels = 32, .out_channels = 64, .input = {26, 26}, .kernel = {3, 3}}>(64);
  convolution<Conv{.in_channels = 256,
                   .out_channels = 256,
                   .input = {14, 14},
                   .kernel = {3, 3},
                   .padding_begin = {1, 1},
                   .padding_end = {1, 1}}>(4);
  convolution<Conv{.in_channels = 128,
                   .out_channels = 128,
                   .input = {28, 28},
                   .kernel = {3, 3},
                   .stride = {2, 2},
                   .padding_begin = {1, 1},
                   .padding_end = {1, 1}}>(8);
  convolution<Conv{.in_channels = 64,
                   .out_channels = 64,
                   .groups = 64,
                   .input = {28, 28},
                   .kernel = {3, 3},
                   .padding_begin = {1, 1},
                   .padding_end = {1, 1}}>(8);
  pooling<kernel::PoolGeometry<2>{.input = {24, 24}, .kernel = {2, 2}, .stride = {2, 2}}>(4096);
  transposition<512, 512>();
}
