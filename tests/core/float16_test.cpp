// SPDX-License-Identifier: BSL-1.0
// float16 and bfloat16 as values: every one of the 65536, and every place where rounding decides.
#include "catch.hpp"

#include "stator/core/storage.hpp"
#include "stator/kernel/half.hpp"

#include <cmath>
#include <sstream>
#include <vector>

using namespace stator;

namespace {

template<class T>
constexpr int exponent_bits = std::is_same_v<T, float16> ? 5 : 8;

/// What the bits mean, by the formula of IEEE 754 in double.
template<class T>
double meaning(unsigned bits) {
  constexpr int fraction_bits = 15 - exponent_bits<T>, bias = (1 << (exponent_bits<T> - 1)) - 1;
  const int exponent = static_cast<int>(bits >> fraction_bits) & ((1 << exponent_bits<T>)-1);
  const int fraction = static_cast<int>(bits & ((1U << fraction_bits) - 1));
  double size = exponent == 0 ? std::ldexp(fraction, 1 - bias - fraction_bits)
                              : std::ldexp(fraction + (1 << fraction_bits), exponent - bias - fraction_bits);
  if (exponent == (1 << exponent_bits<T>)-1)
    size = fraction == 0 ? std::numeric_limits<double>::infinity() : std::nan("");
  return (bits & 0x8000U) != 0 ? -size : size;
}

bool same(double a, double b) {
  return std::isnan(a) ? std::isnan(b) : a == b && std::signbit(a) == std::signbit(b);
}

template<class T>
T at(unsigned bits) {
  return T::from_bits(static_cast<std::uint16_t>(bits));
}

static_assert(sizeof(float16) == 2 && sizeof(bfloat16) == 2 && alignof(bfloat16) == 2);
static_assert(std::is_trivially_copyable_v<float16> && std::is_trivial_v<bfloat16>);
static_assert(float16(1.5F) == 1.5F && bfloat16(-2) == -2.0F && float16{} == 0.0F);
static_assert(float16(65504) < float16(1e6) && -float16(0.1) < bfloat16(0.1));
static_assert(std::is_same_v<decltype(float16(1) + bfloat16(2)), float>);
static_assert(!std::is_convertible_v<float, float16> && std::is_convertible_v<bfloat16, float>);
static_assert(std::numeric_limits<float16>::max() == 65504.0F &&
              std::numeric_limits<float16>::min() == 0x1p-14F &&
              std::numeric_limits<float16>::epsilon() == 0x1p-10F &&
              std::numeric_limits<float16>::denorm_min() == 0x1p-24F);
static_assert(std::numeric_limits<bfloat16>::max() == 0x1.FEp127F &&
              std::numeric_limits<bfloat16>::min() == 0x1p-126F &&
              std::numeric_limits<bfloat16>::epsilon() == 0x1p-7F &&
              std::numeric_limits<bfloat16>::lowest() == -0x1.FEp127F);
static_assert(std::numeric_limits<bfloat16>::infinity() == std::numeric_limits<float>::infinity());
static_assert(std::numeric_limits<float16>::quiet_NaN() != std::numeric_limits<float16>::quiet_NaN());

} // namespace

TEMPLATE_TEST_CASE("all 65536 values mean what IEEE 754 says, and come back from float", "", float16,
                   bfloat16) {
  std::vector<TestType> all(65536), back(65536);
  std::vector<float> floats(65536);
  for (unsigned b = 0; b < 65536; ++b) all[b] = at<TestType>(b);
  kernel::widen(floats.data(), all.data(), 65536);
  kernel::narrow(back.data(), floats.data(), 65536);
  unsigned wrong = 0;
  for (unsigned b = 0; b < 65536; ++b) {
    const double expected = meaning<TestType>(b);
    const bool is_nan = std::isnan(expected);
    wrong += !same(static_cast<double>(static_cast<float>(all[b])), expected);
    wrong += !same(static_cast<double>(floats[b]), expected);
    wrong += !is_nan && TestType(floats[b]).bits != b;
    wrong += is_nan ? !std::isnan(static_cast<float>(back[b])) : back[b].bits != b;
  }
  CHECK(wrong == 0);
}

TEMPLATE_TEST_CASE("floats are rounded to the nearest value, ties to even", "", float16, bfloat16) {
  constexpr unsigned infinity = exponent_bits<TestType> == 5 ? 0x7C00U : 0x7F80U;
  std::vector<float> floats;
  std::vector<unsigned> expected;
  for (unsigned b = 0; b < infinity; ++b) {
    // What is beyond the largest counts as if exponents went on.
    const double low = meaning<TestType>(b);
    const double high = b + 1 < infinity ? meaning<TestType>(b + 1) : 2 * low - meaning<TestType>(b - 1);
    const auto middle = static_cast<float>((low + high) / 2);
    REQUIRE(static_cast<double>(middle) == (low + high) / 2); // halfway is a float
    for (const unsigned sign : {0U, 0x8000U}) {
      const float way = sign != 0 ? -1.0F : 1.0F;
      floats.insert(floats.end(), {way * middle, way * std::nextafter(middle, 0.0F),
                                   way * std::nextafter(middle, std::numeric_limits<float>::infinity())});
      expected.insert(expected.end(), {sign | (b + b % 2), sign | b, sign | (b + 1)});
    }
  }
  std::vector<TestType> vectors(floats.size());
  kernel::narrow(vectors.data(), floats.data(), static_cast<Index>(floats.size()));
  unsigned wrong = 0;
  for (std::size_t i = 0; i < floats.size(); ++i) {
    wrong += TestType(floats[i]).bits != expected[i];
    wrong += vectors[i].bits != expected[i];
  }
  CHECK(wrong == 0);
}

TEST_CASE("infinity, NaN and what is too large or too small for 16 bits") {
  constexpr float infinity = std::numeric_limits<float>::infinity();
  CHECK(float16(70000) == infinity);
  CHECK(float16(-1e30) == -infinity);
  CHECK(bfloat16(3.4e38F) == infinity);
  CHECK(std::isnan(static_cast<float>(float16(std::nan("")))));
  CHECK(std::isnan(static_cast<float>(bfloat16(-std::nanf("")))));
  CHECK(float16(1e-8).bits == 0);
  CHECK(float16(-1e-8).bits == 0x8000U);
  // A NaN whose fraction is in the lower bits alone must not become infinity.
  const float low = bit_cast<float>(0x7F800001U);
  float16 half;
  bfloat16 brain;
  kernel::narrow(&half, &low, 1);
  kernel::narrow(&brain, &low, 1);
  CHECK(std::isnan(static_cast<float>(half)));
  CHECK(std::isnan(static_cast<float>(brain)));
  // From double in one step: through float this would be rounded twice.
  CHECK(bfloat16(1 + 0x1p-8 + 0x1p-40).bits == bfloat16(1 + 0x1p-7).bits);
}

TEST_CASE("arrays of any length are converted, and nothing behind them is touched") {
  for (Index n = 0; n < 70; ++n) {
    std::vector<bfloat16> from(static_cast<std::size_t>(n)), back(static_cast<std::size_t>(n) + 1);
    std::vector<float> to(static_cast<std::size_t>(n) + 1, -7.0F);
    for (Index i = 0; i < n; ++i) from[static_cast<std::size_t>(i)] = bfloat16(i);
    back.back() = bfloat16(-7);
    kernel::widen(to.data(), from.data(), n);
    kernel::narrow(back.data(), to.data(), n);
    bool right = to.back() == -7.0F && back.back() == -7.0F;
    for (std::size_t i = 0; i < from.size(); ++i)
      right = right && to[i] == static_cast<float>(i) && back[i] == static_cast<float>(i);
    CHECK(right);
  }
}

TEST_CASE("16-bit types print, have PyTorch's names and are promoted as there") {
  std::ostringstream out;
  out << float16(0.5) << ' ' << bfloat16(-3);
  CHECK(out.str() == "0.5 -3");
  static_assert(to_string(DType::float16) == "float16" && to_string(DType::bfloat16) == "bfloat16");
  static_assert(dtype_of<float16> == DType::float16 && std::is_same_v<scalar_of<DType::bfloat16>, bfloat16>);
  static_assert(item_size(DType::float16) == 2 && item_size(DType::bfloat16) == 2);
  static_assert(is_floating_point(DType::float16) && is_floating_point(DType::bfloat16));
  static_assert(std::is_same_v<arithmetic_of<float16>, float> &&
                std::is_same_v<arithmetic_of<double>, double>);
  for (const DType half : {DType::float16, DType::bfloat16}) {
    for (const DType small : {DType::boolean, DType::uint8, DType::int32, DType::int64, half}) {
      CHECK(promote_types(half, small) == half);
      CHECK(promote_types(small, half) == half);
    }
    for (const DType large : {DType::float32, DType::float64}) {
      CHECK(promote_types(half, large) == large);
      CHECK(promote_types(large, half) == large);
    }
  }
  CHECK(promote_types(DType::float16, DType::bfloat16) == DType::float32);
  CHECK(promote_types(DType::bfloat16, DType::float16) == DType::float32);
  static_assert(storage_of(DType::float16) == StorageType::F16 &&
                storage_of(DType::bfloat16) == StorageType::BF16);
}
