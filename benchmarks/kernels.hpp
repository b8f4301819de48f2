// SPDX-License-Identifier: BSL-1.0
// Shapes of kernels that are measured by themselves, and their data: for Stator and for its rivals alike.
#pragma once

#include "bench.hpp"

#include <array>

namespace bench {

/// C [m, n] = op(A) op(B), row after row: nn: A [m, k], B [k, n]; nt: B is stored [n, k]; tn: A is stored [k,
/// m].
struct Product {
  const char* name; ///< below gemm/
  long m, n, k;
  constexpr bool trans_a() const { return name[0] == 't'; }
  constexpr bool trans_b() const { return name[1] == 't'; }
};
inline constexpr std::array products{
    Product{"nn/16", 16, 16, 16},
    Product{"nt/16", 16, 16, 16},
    Product{"tn/16", 16, 16, 16},
    Product{"nn/32", 32, 32, 32},
    Product{"nt/32", 32, 32, 32},
    Product{"tn/32", 32, 32, 32},
    Product{"nn/64", 64, 64, 64},
    Product{"nt/64", 64, 64, 64},
    Product{"tn/64", 64, 64, 64},
    Product{"nn/128", 128, 128, 128},
    Product{"nt/128", 128, 128, 128},
    Product{"tn/128", 128, 128, 128},
    Product{"nn/256", 256, 256, 256},
    Product{"nt/256", 256, 256, 256},
    Product{"tn/256", 256, 256, 256},
    Product{"nn/512", 512, 512, 512},
    Product{"nt/512", 512, 512, 512},
    Product{"tn/512", 512, 512, 512},
    Product{"nn/1024", 1024, 1024, 1024},
    Product{"nt/1024", 1024, 1024, 1024},
    Product{"tn/1024", 1024, 1024, 1024},
    Product{"nn/1x1024x1024", 1, 1024, 1024},
    Product{"nt/1x1024x1024", 1, 1024, 1024},
    Product{"nn/61x67x71", 61, 67, 71},
    Product{"nt/61x67x71", 61, 67, 71},
    Product{"tn/61x67x71", 61, 67, 71},
    Product{"nt/64x128x784", 64, 128, 784},
    Product{"nn/64x784x128", 64, 784, 128},
    Product{"tn/128x784x64", 128, 784, 64},
};

/// A convolution of square pictures; its rows are conv/<name>/forward, /input and /weight.
struct Convolution {
  const char* name;
  long batch, in, out, size, kernel, stride = 1, padding = 0, groups = 1, dilation = 1;
  constexpr long out_size() const { return (size + 2 * padding - dilation * (kernel - 1) - 1) / stride + 1; }
  constexpr long inputs() const { return batch * in * size * size; }
  constexpr long outputs() const { return batch * out * out_size() * out_size(); }
  constexpr long weights() const { return out * (in / groups) * kernel * kernel; }
  constexpr double flops() const {
    return 2.0 * static_cast<double>(outputs() * (in / groups) * kernel * kernel);
  }
};
inline constexpr std::array convolutions{
    Convolution{"3x3/1-32-28", 64, 1, 32, 28, 3},
    Convolution{"3x3/32-64-26", 16, 32, 64, 26, 3},
    Convolution{"3x3/64-64-32", 4, 64, 64, 32, 3, 1, 1},
    Convolution{"3x3/128-128-16", 4, 128, 128, 16, 3, 1, 1},
    Convolution{"3x3/256-256-8", 8, 256, 256, 8, 3, 1, 1},
    Convolution{"3x3/512-512-4", 8, 512, 512, 4, 3, 1, 1},
    Convolution{"3x3/512-512-4-batch-1", 1, 512, 512, 4, 3, 1, 1},
    Convolution{"strided/128-128-28", 8, 128, 128, 28, 3, 2, 1},
    Convolution{"strided/3-64-112-kernel-7", 2, 3, 64, 112, 7, 2, 3},
    Convolution{"dilated/64-64-32", 4, 64, 64, 32, 3, 1, 2, 1, 2},
    Convolution{"1x1/64-256-32", 4, 64, 256, 32, 1},
    Convolution{"depthwise/64-28", 8, 64, 64, 28, 3, 1, 1, 64},
    Convolution{"depthwise/64-28-stride-2", 8, 64, 64, 28, 3, 2, 1, 64},
    Convolution{"grouped/64-64-28", 8, 64, 64, 28, 3, 1, 1, 4},
};
enum class Pass { forward, input, weight };
inline constexpr std::array passes{Pass::forward, Pass::input, Pass::weight};
constexpr const char* name_of(Pass p) {
  return p == Pass::forward ? "forward" : p == Pass::input ? "input" : "weight";
}

/// Floats at an address that any vector may be loaded from, filled with the numbers of tensor `k`.
class Buffer {
public:
  Buffer(long count, std::size_t k)
      : memory_(static_cast<std::size_t>(count) + 16), count_(static_cast<std::size_t>(count)) {
    fill(values(), k);
  }
  float* data() {
    const auto misplaced = reinterpret_cast<std::uintptr_t>(memory_.data()) % 64;
    return memory_.data() + (misplaced == 0 ? 0 : (64 - misplaced) / sizeof(float));
  }
  std::span<float> values() { return {data(), count_}; }

private:
  std::vector<float> memory_;
  std::size_t count_;
};

struct ProductData {
  Product p;
  Buffer a, b, c;
  explicit ProductData(const Product& product)
      : p(product), a(p.m * p.k, input_tensor), b(p.k * p.n, input_tensor + 1), c(p.m * p.n, 0) {}
  double result() { return digest(c.values()); }
};
inline std::string row_of(const Product& p) { return std::string("gemm/") + p.name; }
inline std::string row_of(const Convolution& c, Pass pass) {
  return std::string("conv/") + c.name + "/" + name_of(pass);
}

/// `x` and `dy` are inputs; what a pass makes is `y`, `dx` or `dw`.
struct ConvolutionData {
  Convolution c;
  Pass pass;
  Buffer x, w, y;
  ConvolutionData(const Convolution& convolution, Pass which)
      : c(convolution), pass(which), x(c.inputs(), input_tensor), w(c.weights(), input_tensor + 1),
        y(c.outputs(), input_tensor + 2) {}
  double result() { return digest((pass == Pass::forward ? y : pass == Pass::input ? x : w).values()); }
};

} // namespace bench
