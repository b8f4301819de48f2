// SPDX-License-Identifier: BSL-1.0
// OpenBLAS: products.
#include "../kernels.hpp"

#include <cblas.h>

namespace bench {
namespace {

struct OpenblasProduct : ProductData {
  using ProductData::ProductData;
  void operator()() {
    const auto n = [](long v) { return static_cast<int>(v); };
    cblas_sgemm(CblasRowMajor, p.trans_a() ? CblasTrans : CblasNoTrans,
                p.trans_b() ? CblasTrans : CblasNoTrans, n(p.m), n(p.n), n(p.k), 1, a.data(),
                n(p.trans_a() ? p.m : p.k), b.data(), n(p.trans_b() ? p.k : p.n), 0, c.data(), n(p.n));
  }
};

const bool entered = [] {
  for (const Product& p : products)
    Enter{{row_of(p), "openblas", [p] { return repeat<OpenblasProduct>(p); }}};
  return true;
}();

} // namespace
} // namespace bench
