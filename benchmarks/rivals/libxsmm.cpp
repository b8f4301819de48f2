// SPDX-License-Identifier: BSL-1.0
// libxsmm: products whose code is generated when the program runs, for their extents; up to 64, and B not
// transposed, which is all it generates. Column after column, so a row-major C = A B is C' = B' A'.
#include "../kernels.hpp"

#include <libxsmm.h>

#include <stdexcept>

namespace bench {
namespace {

struct LibxsmmProduct : ProductData {
  libxsmm_smmfunction kernel = nullptr;
  explicit LibxsmmProduct(const Product& product) : ProductData(product) {
    const auto m = static_cast<libxsmm_blasint>(p.m), n = static_cast<libxsmm_blasint>(p.n),
               k = static_cast<libxsmm_blasint>(p.k), a_rows = p.trans_a() ? m : k;
    const float one = 1, zero = 0;
    const int flags = p.trans_a() ? LIBXSMM_GEMM_FLAG_TRANS_B : LIBXSMM_GEMM_FLAG_NONE;
    kernel = libxsmm_smmdispatch(n, m, k, &n, &a_rows, &n, &one, &zero, &flags, nullptr);
    if (kernel == nullptr) throw std::runtime_error("no kernel is generated for this product");
  }
  void operator()() { kernel(b.data(), a.data(), c.data()); }
};

const bool entered = [] {
  for (const Product& p : products)
    if (!p.trans_b() && std::max({p.m, p.n, p.k}) <= 71)
      Enter{{row_of(p), "libxsmm", [p] { return repeat<LibxsmmProduct>(p); }}};
  return true;
}();

} // namespace
} // namespace bench
