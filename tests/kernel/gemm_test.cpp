// SPDX-License-Identifier: BSL-1.0
// Matrix products against three plain loops.
#include "catch.hpp"
#include "compare.hpp"
#include "kernel/support.hpp"
#include "stator/kernel/batched_gemm.hpp"

using namespace stator;
using stator::test::ExactArray;

namespace {

/// One kernel, as what checks it sees it: the check is compiled once for each element type.
template<class T>
struct Product {
  void (*run)(const T* a, const T* b, const T* bias, T* c, bool accumulate, Index m, Index n, Index k,
              std::byte* scratch);
  std::size_t (*scratch_bytes)(Index extent);
  bool transposed_a, transposed_b;
  std::size_t prepared_bytes; ///< of B packed once; 0 where it is read as it lies
  void (*prepare)(const T* b, T* packed);
  void (*run_prepared)(const T* a, const T* packed, const T* bias, T* c, Index m);
};

template<class T, Index M, Index N, Index K, bool TA, bool TB>
constexpr Product<T> product() {
  using kernel = stator::kernel::gemm<T, M, N, K, TA, TB>;
  return {[](const T* a, const T* b, const T* bias, T* c, bool accumulate, Index m, Index n, Index k,
             std::byte* scratch) { kernel::run(a, b, bias, c, accumulate, m, n, k, scratch); },
          [](Index extent) { return static_cast<std::size_t>(kernel::scratch.total(extent)); },
          TA,
          TB,
          kernel::prepared_bytes,
          [](const T* b, T* packed) {
            if constexpr (kernel::prepared_bytes > 0) kernel::prepare(b, packed);
          },
          [](const T* a, const T* packed, const T* bias, T* c, Index m) {
            if constexpr (kernel::prepared_bytes > 0) kernel::run_prepared(a, packed, bias, c, m);
          }};
}

/// The product by three loops, whose operands lie in rows of k: this runs without optimisation.
template<class T>
std::vector<double> looped(const Product<T>& product, Index m, Index n, Index k) {
  const ExactArray<T> a(m * k, 1), b(k * n, 2);
  std::vector<double> rows, columns, result;
  for (Index i = 0; i < m; ++i)
    for (Index p = 0; p < k; ++p)
      rows.push_back(static_cast<double>(product.transposed_a ? a[p * m + i] : a[i * k + p]));
  for (Index j = 0; j < n; ++j)
    for (Index p = 0; p < k; ++p)
      columns.push_back(static_cast<double>(product.transposed_b ? b[j * k + p] : b[p * n + j]));
  for (Index i = 0; i < m; ++i)
    for (Index j = 0; j < n; ++j) {
      const double *row = rows.data() + i * k, *column = columns.data() + j * k;
      double total = 0;
      Index p = 0;
      for (; p + 4 <= k; p += 4)
        total += row[p] * column[p] + row[p + 1] * column[p + 1] + row[p + 2] * column[p + 2] +
                 row[p + 3] * column[p + 3];
      for (; p < k; ++p) total += row[p] * column[p];
      result.push_back(total);
    }
  return result;
}

/// Checks one product, whose error may grow with the number of terms. `extent` is the largest of those known
/// at run time; `expected` what it is without a bias and without what was there before.
template<class T>
void check_product(const Product<T>& product, std::vector<double> expected, Index extent, Index m, Index n,
                   Index k, bool with_bias, bool accumulate) {
  const auto [run, scratch_bytes, TA, TB, prepared_bytes, prepare, run_prepared] = product;
  CAPTURE(TA, TB, with_bias, accumulate);
  const double allowed = sizeof(T) == 4 ? 1e-6 : 1e-14;
  ExactArray<T> a(m * k, 1), b(k * n, 2), bias(n, 3), c(m * n, 4);
  for (Index i = 0; (with_bias || accumulate) && i < m * n; ++i)
    expected[static_cast<std::size_t>(i)] += static_cast<double>(accumulate ? c[i] : bias[i % n]);
  ExactArray<std::byte> scratch(static_cast<Index>(scratch_bytes(extent)));
  run(a.data(), b.data(), with_bias ? bias.data() : nullptr, c.data(), accumulate, m, n, k, scratch.data());
  test::check_close(c, expected, allowed * static_cast<double>(k + 1));
  if (accumulate || prepared_bytes == 0) return;
  ExactArray<T> packed(static_cast<Index>(prepared_bytes / sizeof(T))), again(m * n, 5);
  prepare(b.data(), packed.data());
  run_prepared(a.data(), packed.data(), with_bias ? bias.data() : nullptr, again.data(), m);
  CHECK(std::equal(c.begin(), c.end(), again.begin()));
}

/// One kernel for each way of laying out the operands: plain, B, A and both transposed.
template<class T>
void check_products(const std::array<Product<T>, 4>& products, Index extent, Index m, Index n, Index k) {
  const auto check = [&](const Product<T>& product, bool with_bias, bool accumulate) {
    const std::vector<double> expected = looped(product, m, n, k);
    check_product(product, expected, extent, m, n, k, false, false);
    if (with_bias) check_product(product, expected, extent, m, n, k, true, false);
    if (accumulate) check_product(product, expected, extent, m, n, k, false, true);
  };
  const auto& [plain, transposed_b, transposed_a, both] = products;
  check(plain, true, true);
  check(transposed_b, true, true);
  check(transposed_a, false, true);
  check(both, false, false);
}

template<class T, Index M, Index N, Index K>
void check(Index m, Index n, Index k) {
  CAPTURE(M, N, K, m, n, k, sizeof(T));
  static constexpr std::array products{product<T, M, N, K, false, false>(),
                                       product<T, M, N, K, false, true>(), product<T, M, N, K, true, false>(),
                                       product<T, M, N, K, true, true>()};
  check_products<T>(products, std::max({M == dynamic ? m : 0, N == dynamic ? n : 0, K == dynamic ? k : 0}), m,
                    n, k);
}

/// Static extents, and each extent in turn dynamic.
template<Index M, Index N, Index K>
void check_all() {
  check<float, M, N, K>(M, N, K);
  check<double, M, N, K>(M, N, K);
  check<float, dynamic, N, K>(M, N, K);
  check<float, M, N, dynamic>(M, N, K);
}

} // namespace

TEST_CASE("gemm agrees with loops for tiny products") {
  check_all<1, 8, 4>();
  check_all<1, 2, 8>();
  check<float, 3, 7, 5>(3, 7, 5);
  check<float, 4, 24, 10>(4, 24, 10);
  check<float, 2, 80, 16>(2, 80, 16);
  check<double, 5, 6, 9>(5, 6, 9);
}

TEST_CASE("gemm agrees with loops where the rows of a tiny product are shorter than a vector") {
  check_all<4, 1, 8>();
  check_all<8, 2, 8>();
  check_all<16, 2, 4>();
  check_all<32, 2, 12>();
  check_all<24, 1, 4>();
  check<float, 12, 2, 8>(12, 2, 8);
  check<float, 8, 4, 32>(8, 4, 32);
  check<float, 16, 4, 1>(16, 4, 1);
  check<float, 16, 12, 7>(16, 12, 7);
  check<double, 8, 2, 5>(8, 2, 5);
  check<double, 4, 6, 3>(4, 6, 3);
  // Rows of B or of C that share a vector.
  check<float, 1, 8, 4>(1, 8, 4);
  check<float, 1, 24, 8>(1, 24, 8);
  check<float, 1, 5, 8>(1, 5, 8);
  check<float, 8, 4, 1>(8, 4, 1);
  check<float, 2, 8, 3>(2, 8, 3);
  check<float, 1, 24, 1>(1, 24, 1);
  check<double, 1, 6, 4>(1, 6, 4);
  check<double, 8, 4, 2>(8, 4, 2);
  check<float, 1, 32, 20>(1, 32, 20); // as many sums as a vector has elements
  check<float, 1, 1, 1>(1, 1, 1);
  check<float, 2, 3, 4>(2, 3, 4);
}

TEST_CASE("gemm agrees with loops for products of several tiles") {
  check_all<33, 70, 61>();
  check<float, 64, 128, 784>(64, 128, 784);
  check<float, 65, 10, 128>(65, 10, 128);
  check<float, 65, 37, 300>(65, 37, 300);
  check<float, 100, 272, 257>(100, 272, 257);
  check<double, 100, 49, 257>(100, 49, 257);
}

TEST_CASE("gemm takes extents that are known at run time") {
  for (const Index rows : {0, 1, 2, 3, 5, 8, 13, 24, 25, 31, 47, 64, 130}) {
    check<float, dynamic, 40, 50>(rows, 40, 50);
    check<float, 20, 33, dynamic>(20, 33, rows);
    check<float, 20, dynamic, 18>(20, rows, 18);
  }
  check<float, dynamic, dynamic, dynamic>(17, 35, 70);
  check<float, dynamic, dynamic, dynamic>(40, 65, 9);
  check<double, dynamic, dynamic, dynamic>(30, 19, 33);
}

TEST_CASE("gemm takes few rows, with B as it lies and packed once") {
  check<float, 1, 84, 120>(1, 84, 120);
  check<float, 1, 30, 401>(1, 30, 401);
  check<float, 1, 256, 1024>(1, 256, 1024);
  check<float, 2, 37, 512>(2, 37, 512);
  check<float, 7, 90, 130>(7, 90, 130);
  check<float, 8, 41, 300>(8, 41, 300);
  check<double, 5, 22, 131>(5, 22, 131);
  check<float, 3, 1030, 300>(3, 1030, 300); // rows of a B that is far away
  check<float, dynamic, 1030, 300>(1, 1030, 300);
  check<float, dynamic, 1030, 300>(17, 1030, 300);
  check<float, dynamic, 45, 270>(3, 45, 270);
  check<float, dynamic, dynamic, dynamic>(150, 20, 70); // more rows than meet a block of B at once
}

TEST_CASE("gemm takes products large enough for cache blocks and threads") {
  check<float, dynamic, 272, 300>(520, 272, 300);
}

/// The kernel of large products, on shapes that `gemm` gives to others.
template<class T, Index NV, Index Last, bool TA, bool TB>
constexpr Product<T> blocked_product() {
  using kernel = stator::kernel::detail::BlockedProduct<T, NV, Last, TA, TB>;
  return {[](const T* a, const T* b, const T* bias, T* c, bool accumulate, Index m, Index n, Index k,
             std::byte* scratch) {
            kernel{a, b, bias, c, accumulate, m, n, k, reinterpret_cast<T*>(scratch)}.run();
          },
          [](Index) { return kernel::packed_bytes(1000, dynamic); },
          TA,
          TB,
          0,
          nullptr,
          nullptr};
}

/// Panels of two vectors, and a last one of one, over more than a block of K.
template<class T>
void check_blocked() {
  static constexpr std::array products{
      blocked_product<T, 2, 1, false, false>(), blocked_product<T, 2, 1, false, true>(),
      blocked_product<T, 2, 1, true, false>(), blocked_product<T, 2, 1, true, true>()};
  constexpr Index W = kernel::native_width<T>, depth = kernel::detail::depth_block<T>;
  using Extents3 = std::array<Index, 3>;
  for (const auto [m, n, k] : {Extents3{1, 2 * W + 1, 3}, Extents3{140, 5 * W - 1, depth + 9},
                               Extents3{13, W, 2 * depth}, Extents3{9, W - 1, 0}}) {
    CAPTURE(m, n, k, sizeof(T));
    check_products<T>(products, 0, m, n, k);
  }
}

TEST_CASE("gemm copies panels of B while it multiplies the first rows") {
  check<float, 100, 150, 300>(100, 150, 300);
  check<float, 600, 130, 270>(600, 130, 270); // rows in two blocks
  check<double, 590, 70, 140>(590, 70, 140);
  check<float, dynamic, 130, 270>(5, 130, 270); // fewer rows than a tile has
}

TEST_CASE("gemm takes products that are multiplied in blocks of K") {
  check_blocked<float>();
  check_blocked<double>();
  check<float, 100, 400, dynamic>(100, 400, 70);
  check<float, dynamic, 352, 40>(95, 352, 40);
  check<float, dynamic, 352, 40>(230, 352, 40);
  // B packed once and at every call.
  constexpr auto packed = product<float, dynamic, 770, 769, false, true>();
  check_product(packed, looped(packed, 195, 770, 769), 195, 195, 770, 769, true, false);
}

TEST_CASE("gemm takes few rows and many weights as the transpose of the product") {
  const auto check_rows = []<class T, Index M, Index N, Index K>(Index m) {
    CAPTURE(M, N, K, m, sizeof(T));
    constexpr auto few = product<T, M, N, K, false, true>();
    for (const bool with_bias : {false, true})
      check_product(few, looped(few, m, N, K), m, m, N, K, with_bias, false);
  };
  check_rows.operator()<float, 31, 75, 900>(31); // fewer columns than a block
  check_rows.operator()<float, 192, 400, 170>(192);
  check_rows.operator()<double, 40, 272, 257>(40);
  for (const Index m : {10, 16, 30, 47, 52, 60, 64, 128, 187, 192, 193})
    check_rows.operator()<float, dynamic, 400, 170>(m);
  for (const Index m : {16, 48, 100})
    check_rows.operator()<float, dynamic, 257, 1024>(m); // rows displace one another
}

TEST_CASE("gemm copies the rows of A where they lie far apart") {
  check<float, 8, 200, 30>(8, 200, 30); // as many rows as a strip is wide
  check<float, 59, 200, 300>(59, 200, 300);
  check<double, 59, 200, 150>(59, 200, 150);
  check<float, 53, 400, 1030>(53, 400, 1030);
  check<float, dynamic, 400, 1030>(101, 400, 1030);
  check<float, dynamic, 400, 1030>(205, 400, 1030); // too many rows to pack B panel by panel
  check<float, 53, 400, dynamic>(53, 400, 1030);
}

TEST_CASE("gemm takes any number of rows with few weights") {
  for (const Index rows : {0, 1, 7, 8, 9, 21}) {
    check<float, dynamic, 8, 4>(rows, 8, 4);
    check<float, dynamic, 2, 8>(rows, 2, 8);
    check<float, dynamic, 16, 5>(rows, 16, 5);
    check<double, dynamic, 3, 7>(rows, 3, 7);
    check<double, dynamic, 12, 9>(rows, 12, 9);
  }
  check<float, 6, 16, 3>(6, 16, 3);
  check<double, 9, 8, 8>(9, 8, 8);
}

TEST_CASE("gemm takes integers") {
  check<int, 3, 4, 5>(3, 4, 5);
  check<int, dynamic, 40, 50>(30, 40, 50);
}

TEST_CASE("batched_gemm multiplies each pair of matrices") {
  const auto check_batch = []<Index M, Index N, Index K, bool TA, bool TB>(Index count, Index m) {
    using kernel = stator::kernel::batched_gemm<float, M, N, K, TA, TB>;
    ExactArray<float> a(count * m * K, 1), b(count * N * K, 2), c(count * m * N, 3);
    ExactArray<std::byte> scratch(static_cast<Index>(kernel::scratch.total(m)));
    kernel::run(a.data(), b.data(), c.data(), false, count, m, N, K, scratch.data());
    std::vector<double> expected;
    for (Index e = 0; e < count; ++e)
      for (Index i = 0; i < m; ++i)
        for (Index j = 0; j < N; ++j) {
          double total = 0;
          for (Index p = 0; p < K; ++p)
            total += static_cast<double>(a[e * m * K + (TA ? p * m + i : i * K + p)]) *
                     static_cast<double>(b[e * N * K + (TB ? j * K + p : p * N + j)]);
          expected.push_back(total);
        }
    test::check_close(c, expected, 1e-4);
  };
  check_batch.operator()<16, 16, 8, false, true>(12, 16);
  check_batch.operator()<64, 64, 32, false, true>(24, 64);
  check_batch.operator()<64, 32, 64, true, false>(24, 64);
  check_batch.operator()<50, 40, 37, false, true>(31, 50);
  check_batch.operator()<dynamic, 40, 37, false, true>(31, 60);
}
