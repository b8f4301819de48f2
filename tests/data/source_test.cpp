// SPDX-License-Identifier: BSL-1.0
// Sources of any number of inputs and targets, of any type and shape, and their batches.
#include "catch.hpp"
#include "files.hpp"

#include "stator/data/loader.hpp"
#include "stator/data/npz.hpp"
#include "stator/data/stack_dataset.hpp"
#include "stator/io/npy_writer.hpp"

#include <atomic>
#include <ranges>

using namespace stator;
using data::batches, data::StackDataset;

namespace source_test {

/// Samples of every kind of part.
struct Parts {
  struct Sample {
    float number;
    std::array<double, 2> pair;
    Tensor<std::int64_t, 2, 2> matrix;
    bool flag;
  };
  Index count = 10;
  Index size() const { return count; }
  Sample get(Index i) const {
    const auto x = static_cast<float>(i);
    return {x, {x + 0.25, x + 0.5}, {i, i + 1, i + 2, i + 3}, i % 2 == 1};
  }
};
/// One value a sample, and a count of how many were asked for.
struct Counted {
  mutable std::atomic<Index> asked = 0;
  Index fails_at = -1;
  Index size() const { return 100; }
  std::int64_t get(Index i) const {
    ++asked;
    if (i == fails_at) raise(ValueError("sample " + std::to_string(i) + " cannot be read"));
    return i;
  }
};

} // namespace source_test

using source_test::Counted, source_test::Parts;

static_assert(data::Source<Parts> && data::Source<StackDataset<Tensor<float, dynamic>>>);
static_assert(!data::Source<int>);
static_assert(std::ranges::input_range<data::Loader<4, Parts>>);
template<class S>
concept HasBatches = requires(S&& source) { batches<4>(std::forward<S>(source)); };
static_assert(HasBatches<Parts&> && HasBatches<const Parts&>);
static_assert(!HasBatches<Parts>, "the source would be gone before the loop");

namespace {

std::vector<std::int64_t> one_pass(auto&& range) {
  std::vector<std::int64_t> all;
  for (auto [values] : range) all.insert(all.end(), values.begin(), values.end());
  return all;
}

} // namespace

TEST_CASE("each part of a sample becomes a tensor of the batch") {
  const Parts source;
  Index at = 0, number = 0;
  for (auto [numbers, pairs, matrices, flags] : batches<4>(source)) {
    STATIC_REQUIRE(std::is_same_v<decltype(numbers), TensorView<const float, dynamic>>);
    STATIC_REQUIRE(std::is_same_v<decltype(pairs), TensorView<const double, dynamic, 2>>);
    STATIC_REQUIRE(std::is_same_v<decltype(matrices), TensorView<const std::int64_t, dynamic, 2, 2>>);
    STATIC_REQUIRE(std::is_same_v<decltype(flags), TensorView<const bool, dynamic>>);
    CHECK(numbers.size(0) == (number == 2 ? 2 : 4));
    for (Index i = 0; i < numbers.size(0); ++i, ++at) {
      CHECK(numbers(i) == static_cast<float>(at));
      CHECK(pairs(i, 1) == static_cast<double>(at) + 0.5);
      CHECK(matrices(i, 1, 1) == at + 3);
      CHECK(flags(i) == (at % 2 == 1));
    }
    ++number;
  }
  CHECK(number == 3);
  CHECK(batches<4>(source).size() == 3);
  CHECK(batches<4>(source, {.drop_last = true}).size() == 2);
  const Parts none{.count = 0};
  for (auto batch : batches<4>(none)) FAIL("a batch of nothing: " << std::get<0>(batch).size(0));
}

TEST_CASE("batches of a source are shuffled as those of a TensorDataset") {
  const Counted source;
  data::AlignedVector<float> values(100);
  std::vector<std::int64_t> labels(100);
  for (std::size_t i = 0; i < labels.size(); ++i) labels[i] = static_cast<std::int64_t>(i);
  const data::TensorDataset<float> dataset(values, labels);
  auto ours = batches<32>(source, {.shuffle = true, .seed = 5});
  auto theirs = batches<32>(dataset, {.shuffle = true, .seed = 5});
  std::vector<std::int64_t> first;
  for (int epoch = 0; epoch < 2; ++epoch) {
    std::vector<std::int64_t> expected;
    for (auto [x, y] : theirs) expected.insert(expected.end(), y.begin(), y.end());
    const auto found = one_pass(ours);
    CHECK(found == expected);
    if (epoch == 0) first = found;
    if (epoch == 1) CHECK(found != first);
  }
  ours.set_epoch(0);
  CHECK(one_pass(ours) == first);
}

TEST_CASE("a thread fetches as many batches ahead as it is asked for, and the batches are the same") {
  const Counted source;
  const auto expected = one_pass(batches<8>(source, {.shuffle = true, .seed = 1}));
  for (const Index prefetch : {1, 2, 50}) {
    auto range = batches<8>(source, {.shuffle = true, .seed = 1, .prefetch = prefetch});
    CHECK(one_pass(range) == expected);
    CHECK(one_pass(range) != expected); // the next epoch
  }
  const Counted fresh;
  auto range = batches<8>(fresh, {.prefetch = 2});
  auto batch = range.begin();
  while (fresh.asked < 24) std::this_thread::yield();
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  CHECK(fresh.asked == 24); // the one in use and two more
  CHECK(std::get<0>(*batch)(0) == 0);
  CHECK(std::get<0>(*++batch)(0) == 8);
  // a pass that is left halfway ends its thread
}

TEST_CASE("what a source throws reaches the loop, with a thread too, and the next pass begins anew") {
  Counted source;
  source.fails_at = 20;
  for (const Index prefetch : {0, 3}) {
    auto range = batches<8>(source, {.prefetch = prefetch});
    Index seen = 0;
    CHECK(test::thrown<Error>([&] {
            for (auto [values] : range) seen += values.size(0);
          }) == "stator: sample 20 cannot be read");
    CHECK(seen == 16);
    source.fails_at = -1;
    CHECK(one_pass(range).size() == 100);
    source.fails_at = 20;
  }
  CHECK(test::thrown<Error>([&] { batches<8>(source, {.prefetch = -1}); }) ==
        "stator: batches: prefetch is -1, expected 0 or more");
}

TEST_CASE("tensors become a dataset of their rows") {
  Tensor<float, dynamic, 2> x(3);
  Tensor<double, dynamic> y(3);
  Tensor<std::uint8_t, 3, 2, 2> mask;
  for (Index i = 0; i < 3; ++i)
    x(i, 0) = static_cast<float>(i), y(i) = static_cast<double>(-i), mask(i, 1, 1) = 7;
  const StackDataset dataset{x, y, mask};
  const auto [row, number, image] = dataset.get(2);
  CHECK(row(0) == 2);
  CHECK(number() == -2);
  CHECK(image(1, 1) == 7);
  CHECK_THROWS_AS(dataset.get(3), ValueError);
  for (auto [xs, ys, masks] : batches<2>(dataset)) {
    STATIC_REQUIRE(std::is_same_v<decltype(ys), TensorView<const double, dynamic>>);
    CHECK(masks(xs.size(0) - 1, 1, 1) == 7);
  }
  CHECK(test::thrown<Error>([&] { StackDataset{x, Tensor<double, dynamic>(4)}; }) ==
        "stator: StackDataset: tensor 1 has 4 samples, tensor 0 has 3");
}

TEST_CASE("sources are split, chosen from and transformed") {
  const Counted source;
  const auto parts = data::random_split(source, {80, 20}, 3);
  REQUIRE(parts.size() == 2);
  auto all = one_pass(batches<16>(parts[0]));
  CHECK(all.size() == 80);
  const auto rest = one_pass(batches<16>(parts[1]));
  all.insert(all.end(), rest.begin(), rest.end());
  std::ranges::sort(all);
  CHECK(all == one_pass(batches<100>(source)));
  CHECK(test::thrown<Error>([&] { data::random_split(source, {80, 30}, 3); }) ==
        "stator: random_split: the sizes must be parts of 100 samples");
  CHECK(test::thrown<Error>([&] { data::Subset(source, {3, 100}); }) ==
        "stator: Subset: sample 100 of a source of 100");

  const auto pairs =
      data::transform(source, [](std::int64_t i) { return std::pair(i, 2.0F * static_cast<float>(i)); });
  for (auto [i, twice] : batches<7>(pairs)) CHECK(twice(0) == 2 * static_cast<float>(i(0)));
}

TEST_CASE("arrays of an .npz file are a dataset") {
  const test::TemporaryDirectory scratch;
  const std::vector<float> x{1, 2, 3, 4, 5, 6};
  const std::vector<std::int64_t> y{7, 8, 9};
  io::save_npz((scratch / "d.npz").string(), {{"x", io::NpyArray::from(std::span(x), {3, 2})},
                                              {"y", io::NpyArray::from(std::span(y), {3})}});
  using X = Tensor<float, dynamic, 2>;
  using Y = Tensor<std::int64_t, dynamic>;
  const auto dataset = data::read_npz<X, Y>(scratch / "d.npz", {"x", "y"});
  CHECK(dataset.size() == 3);
  CHECK(std::get<0>(dataset.get(1))(1) == 4);
  CHECK(std::get<1>(dataset.get(2))() == 9);
  const auto refused = [&](auto&& f) {
    return test::thrown<Error>(f).substr(test::thrown<Error>(f).find("d.npz"));
  };
  CHECK(refused([&] { data::read_npz<Tensor<float, dynamic, 3>>(scratch / "d.npz", {"x"}); }) ==
        "d.npz(x.npy): shape (3,2,), expected (N,3,)");
  CHECK(refused([&] { data::read_npz<Tensor<double, dynamic, 2>>(scratch / "d.npz", {"x"}); }) ==
        "d.npz(x.npy): elements of type '<f4', expected '<f8': in Python, array.astype('<f8')");
  CHECK(refused([&] { data::read_npz<X>(scratch / "d.npz", {"z"}); }) ==
        "d.npz: has no array 'z'; there are x, y");
}
