// SPDX-License-Identifier: BSL-1.0
// Eigen: products of mapped arrays.
#include "../kernels.hpp"

#include <Eigen/Core>

namespace bench {
namespace {

struct EigenProduct : ProductData {
  using ProductData::ProductData;
  using Matrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  void operator()() {
    const Eigen::Map<const Matrix> ma(a.data(), p.trans_a() ? p.k : p.m, p.trans_a() ? p.m : p.k),
        mb(b.data(), p.trans_b() ? p.n : p.k, p.trans_b() ? p.k : p.n);
    Eigen::Map<Matrix> mc(c.data(), p.m, p.n);
    if (p.trans_a())
      mc.noalias() = ma.transpose() * mb;
    else if (p.trans_b())
      mc.noalias() = ma * mb.transpose();
    else
      mc.noalias() = ma * mb;
  }
};

const bool entered = [] {
  for (const Product& p : products) Enter{{row_of(p), "eigen", [p] { return repeat<EigenProduct>(p); }}};
  return true;
}();

} // namespace
} // namespace bench
