// SPDX-License-Identifier: BSL-1.0
// Reductions, scans and elements by their rank against PyTorch's values and gradients, also with equal
// elements, zeros and NaN.
#include "ops/gradient_law.hpp"
#include "reference/reference.hpp"

#include <array>
#include <limits>

using namespace stator;

namespace {

using X = Variable<double, 3, 5>;
constexpr double inf = std::numeric_limits<double>::infinity();
const Tensor<double, 5> ones{1, 1, 1, 1, 1};

/// y as doubles in one row.
constexpr auto row = [](const auto& y) {
  using Y = symbol_of<std::remove_cvref_t<decltype(y)>>;
  return operation<ops::Reshape<Extents{Y::extents.numel()}>>{}(to<double>(y));
};

/// f(x) puts the results of functions of x[0], x[1], ... one behind the other, which names[i] has.
template<std::size_t K, class F>
void check(const std::array<const char*, K>& names, const F& f) {
  const io::Npz& data = test::reference("reductions");
  for (const std::string kind : {"distinct", "tied", "nan"}) {
    const test::Closeness how{.relative_to = 1e-3, .equal_nan = true};
    std::array<X, K> x;
    for (X& each : x) std::ranges::copy(data["x/" + kind].as<double>(), each.data());
    const auto all = f(x);
    const auto y = all.value();
    auto w = y;
    Index first = 0;
    for (const std::string name : names) {
      const auto& right = data[name + "/" + kind + "/y"].as<double>();
      const auto size = static_cast<Index>(right.size());
      INFO(name << ", " << kind);
      test::check_close(std::span(y.data() + first, right.size()), right, 1e-10, how);
      for (Index i = 0; i < size; ++i)
        w.data()[first + i] = 0.5 + (size > 1 ? static_cast<double>(i) / static_cast<double>(size - 1) : 0.0);
      first += size;
    }
    sum(mul(all, w)).backward();
    for (std::size_t k = 0; k < K; ++k) {
      const std::string key = names[k] + ("/" + kind + "/d");
      INFO(key);
      if (data.contains(key)) test::check_close(x[k].grad().values(), data[key].as<double>(), 1e-10, how);
    }
  }
}

} // namespace

TEST_CASE("products, scans and norms are PyTorch's, with zeros, equal elements and NaN as well") {
  check(std::array{"prod",         "prod of rows", "prod of columns", "cumprod",      "cumprod of columns",
                   "logcumsumexp", "cummax",       "cummin",          "logsumexp",    "logsumexp of rows",
                   "norm",         "norm 1",       "norm 0",          "norm 3",       "norm 1.5",
                   "norm 0.5",     "norm inf",     "norm -inf",       "norm of rows", "dist",
                   "renorm"},
        [](const auto& x) {
          return cat<0>(row(prod(x[0])), row(prod<1>(x[1])), row(prod<0>(x[2])), row(cumprod<1>(x[3])),
                        row(cumprod<0>(x[4])), row(logcumsumexp<1>(x[5])), row(std::get<0>(cummax<1>(x[6]))),
                        row(std::get<0>(cummin<0>(x[7]))), row(logsumexp(x[8])), row(logsumexp<1>(x[9])),
                        row(norm(x[10])), row(norm<1.0>(x[11])), row(norm<0.0, 1>(x[12])),
                        row(norm<3.0, 1>(x[13])), row(norm<1.5, 0>(x[14])), row(norm<0.5, 1>(x[15])),
                        row(norm<inf>(x[16])), row(norm<-inf, 1>(x[17])), row(norm<2.0, 1>(x[18])),
                        row(dist<3.0>(x[19], ones)), row(renorm<2.0, 0>(x[20], 3.0)));
        });
}

TEST_CASE("counts, means and covariances are PyTorch's, with zeros, equal elements and NaN as well") {
  check(std::array{"any", "all", "count_nonzero", "nansum", "nanmean", "cov", "corrcoef", "diff"},
        [](const auto& x) {
          return cat<0>(row(any<1>(x[0])), row(all<1>(x[1])), row(count_nonzero<0>(x[2])), row(nansum(x[3])),
                        row(nanmean<1>(x[4])), row(cov(x[5])), row(corrcoef(x[6])), row(diff<2, 1>(x[7])));
        });
}

TEST_CASE("elements by their rank are PyTorch's, with zeros, equal elements and NaN as well") {
  check(std::array{"median", "median of rows", "nanmedian", "nanmedian of rows", "kthvalue", "mode",
                   "quantile", "quantile of rows", "quantile lower", "quantile midpoint", "nanquantile"},
        [](const auto& x) {
          return cat<0>(row(median(x[0])), row(std::get<0>(median<1>(x[1]))), row(nanmedian(x[2])),
                        row(std::get<0>(nanmedian<1>(x[3]))), row(std::get<0>(kthvalue<2, 1>(x[4]))),
                        row(std::get<0>(mode<1>(x[5]))), row(quantile(x[6], 0.3)),
                        row(quantile<1>(x[7], 0.3)), row(quantile<1, Interpolation::lower>(x[8], 0.3)),
                        row(quantile<1, Interpolation::midpoint>(x[9], 0.3)),
                        row(nanquantile<1>(x[10], 0.6)));
        });
}

TEST_CASE("reductions by rank say where, and answer counts and bools") {
  const Tensor<float, 2, 5> x{3, 1, 3, 2, 1, 5, 4, 4, 6, 5};
  const auto at = stack<0>(std::get<1>(median<1>(x)), std::get<1>(kthvalue<2, 1>(x)), std::get<1>(mode<1>(x)),
                           count_nonzero<1>(sub(x, 3)), prod<1>(to<std::int64_t>(x)))
                      .value();
  CHECK(std::ranges::equal(at.values(), std::vector<std::int64_t>{3, 0, 4, 2, 4, 2, 3, 5, 18, 2400}));
  const auto running = stack<0>(std::get<1>(cummax<1>(x)), std::get<1>(cummin<1>(x))).value();
  CHECK(std::ranges::equal(running.values(), std::vector<std::int64_t>{0, 0, 2, 2, 2, 0, 0, 0, 3, 3,
                                                                       0, 1, 1, 1, 4, 0, 1, 2, 2, 2}));
  CHECK(any(gt(x, 5)).item());
  CHECK_FALSE(all(x > 1).item());
  const auto [least, most] = aminmax(x);
  const auto [spread, middle] = var_mean<1>(x);
  CHECK(least.item() == 1);
  CHECK(most.item() == 6);
  CHECK(middle.value()(0) == 2);
  CHECK(spread.value()(0) == 1);
  CHECK_THROWS_AS(quantile<1>(x, 1.5).value(), ValueError);
}

TEST_CASE("the derivatives of products, scans and norms are those of central differences, and theirs") {
  const auto f = [](const auto& x) {
    return cat<0>(row(prod<1>(x)), row(cumprod<1>(x)), row(logcumsumexp<1>(x)), row(logsumexp<0>(x)),
                  row(norm<3.0, 1>(x)), row(renorm<2.0, 0>(x, 0.5)), row(corrcoef(x)),
                  row(quantile<1>(x, 0.3)), row(median(x)));
  };
  test::check_gradient(f, test::variable<2, 4>(0.2, 1.2));
  test::check_gradient([](const auto& g, const auto& x) { return test::derivative(cumprod<1>, g, x); },
                       test::variable<2, 4>(-1, 1), test::variable<2, 4>(-1, 1, 2));
}

TEST_CASE("what keeps a dimension as one has the numbers of what does not") {
  X x;
  test::fill(x.data(), x.numel(), -1, 1, 3);
  x(1, 2) = std::numeric_limits<double>::quiet_NaN();
  const auto first = [](const auto& results) { return std::get<0>(results); };
  const auto numbers = [](const auto& results) { return std::get<1>(results); };
  const auto kept =
      cat<1>(any_keepdim<1>(x), all_keepdim<-1>(gt(x, 0)), nansum_keepdim<1>(x), nanmean_keepdim<1>(x),
             amin_keepdim<1>(x), argmax_keepdim<1>(x), argmin_keepdim<-1>(x), first(aminmax_keepdim<1>(x)),
             first(var_mean_keepdim<1>(x)), first(std_mean_keepdim<1>(x)), first(median_keepdim<1>(x)),
             numbers(nanmedian_keepdim<1>(x)), first(kthvalue_keepdim<2, 1>(x)), first(mode_keepdim<1>(x)),
             quantile_keepdim<1>(x, 0.3), nanquantile_keepdim<-1>(x, 0.3));
  const auto plain =
      stack<1>(any<1>(x), all<-1>(gt(x, 0)), nansum<1>(x), nanmean<1>(x), amin_dims<1>(x), argmax<1>(x),
               argmin<-1>(x), first(aminmax<1>(x)), first(var_mean<1>(x)), first(std_mean<1>(x)),
               first(median<1>(x)), numbers(nanmedian<1>(x)), first(kthvalue<2, 1>(x)), first(mode<1>(x)),
               quantile<1>(x, 0.3), nanquantile<-1>(x, 0.3));
  const auto found = kept.value(), expected = plain.value();
  STATIC_REQUIRE(std::is_same_v<decltype(found), const Tensor<double, 3, 16>>);
  test::check_close(found.values(), test::doubles(expected.values()), 0, {.equal_nan = true});
}
