// SPDX-License-Identifier: BSL-1.0
// What the programs of this folder share: checks that count on every rank, and batches that are the same
// numbers on whatever number of ranks.
#pragma once

#include <stator/distributed/data_parallel.hpp>
#include <stator/nn/linear.hpp>

#include <cmath>
#include <cstdio>
#include <cstring>
#include <span>
#include <vector>

namespace stator::test {

inline int failures = 0, checks = 0;
inline void check(bool holds, const char* what, const char* file, int line) {
  ++checks;
  if (holds) return;
  ++failures;
  std::fprintf(stderr, "%s:%d: rank %d: %s\n", file, line, distributed::World::current().rank(), what);
}
#define CHECK(...) stator::test::check(static_cast<bool>(__VA_ARGS__), #__VA_ARGS__, __FILE__, __LINE__)

/// Throws where a check failed on any rank.
inline void conclude(const distributed::World& world) {
  if (distributed::all_reduce(failures) > 0) raise(Error("checks failed"));
  if (world.is_main()) std::printf("%d checks passed on each of %d ranks\n", checks, world.size());
}

inline constexpr Index features = 6, width = 16, classes = 3, batch = 8;
template<Index In, Index Out>
using Linear = nn::Linear<In, Out, nn::LinearOptions{}, double>;
using Inputs = Tensor<double, dynamic, features>;
using Labels = Tensor<std::int64_t, dynamic>;

/// The rows of x and y are numbers `first` and following.
inline void fill(Inputs& x, Labels& y, Index first) {
  for (Index i = 0; i < y.numel(); ++i) {
    double* const row = x.data() + i * features;
    for (Index k = 0; k < features; ++k) row[k] = std::sin(static_cast<double>((first + i) * features + k));
    const double sum = row[0] + row[1];
    y.data()[i] = sum > 0.5 ? 2 : sum > -0.5 ? 1 : 0;
  }
}

inline bool close(auto&& a, auto&& b, double tolerance) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i)
    if (!(std::abs(a[i] - b[i]) <= tolerance)) return false;
  return true;
}
inline bool equal_bits(std::span<const double> a, std::span<const double> b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size_bytes()) == 0;
}
inline bool equal_on_all_ranks(std::span<const double> values) {
  const std::vector<double> all = distributed::all_gather(values);
  bool equal = true;
  for (std::size_t at = 0; at < all.size(); at += values.size())
    equal = equal && std::memcmp(all.data(), all.data() + at, values.size_bytes()) == 0;
  return equal;
}

} // namespace stator::test
