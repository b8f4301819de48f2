// SPDX-License-Identifier: BSL-1.0
#include "stator/nn/init.hpp"

#include "catch.hpp"
#include "reference/reference.hpp"

#include "stator/expr/parameter.hpp"

#include <algorithm>

using namespace stator;
namespace init = stator::nn::init;
using test::reference;

namespace {

/// A parameter with elements of its own.
template<class T, Index... E>
struct Owned : Parameter<T, E...> {
  Owned() : elements(static_cast<std::size_t>(Shape<E...>::numel), T{-7}) {
    this->bind(elements.data(), nullptr);
  }
  std::vector<T> elements;
};

void check_bits(const std::string& key, const auto& parameter) {
  using T = typename std::remove_cvref_t<decltype(parameter)>::scalar;
  INFO(key);
  const std::span values(parameter.elements);
  CHECK(test::fingerprint(values) == reference("init")["fingerprint." + key].template as<std::uint32_t>()[0]);
  const auto expected = reference("init")[key].template as<T>();
  const std::ptrdiff_t stride = values.size() <= 400 ? 1 : 37;
  test::check_close(test::doubles(values, stride), expected, 0);
}

template<class T, Index... E, class Fill>
void check_function(const std::string& name, Fill fill) {
  std::string dims;
  ((dims += (dims.empty() ? "" : "x") + std::to_string(E)), ...);
  Owned<T, E...> parameter;
  manual_seed(7);
  fill(parameter);
  check_bits("fn." + name + "." + dims + "." + test::dtype_name<T>(), parameter);
}

template<class T, Index... E>
void check_functions() {
  check_function<T, E...>("uniform", [](auto& p) { init::uniform_(p, -1, 2); });
  check_function<T, E...>("normal", [](auto& p) { init::normal_(p, 1, 2); });
  check_function<T, E...>("trunc_normal", [](auto& p) { init::trunc_normal_(p, 0, 0.02); });
  check_function<T, E...>("xavier_uniform",
                          [](auto& p) { init::xavier_uniform_(p, init::calculate_gain("relu")); });
  check_function<T, E...>("xavier_normal", [](auto& p) { init::xavier_normal_(p); });
  check_function<T, E...>("kaiming_uniform",
                          [](auto& p) { init::kaiming_uniform_(p, {.a = std::sqrt(5.0)}); });
  check_function<T, E...>("kaiming_uniform_fan_out", [](auto& p) {
    init::kaiming_uniform_(p, {.mode = "fan_out", .nonlinearity = "relu"});
  });
  check_function<T, E...>("kaiming_normal", [](auto& p) {
    init::kaiming_normal_(p, {.mode = "fan_out", .nonlinearity = "tanh"});
  });
  if constexpr (sizeof...(E) == 2) {
    check_function<T, E...>("sparse", [](auto& p) { init::sparse_(p, 0.3, 0.5); });
    check_function<T, E...>("eye", [](auto& p) { init::eye_(p); });
  } else {
    check_function<T, E...>("dirac", [](auto& p) { init::dirac_(p); });
    check_function<T, E...>("dirac_groups", [](auto& p) { init::dirac_(p, 3); });
  }
}

template<class T, Index... E>
void check_orthogonal(const std::string& dims) {
  Owned<T, E...> parameter;
  manual_seed(7);
  init::orthogonal_(parameter, 2);
  const auto expected =
      reference("init")["fn.orthogonal." + dims + "." + test::dtype_name<T>()].template as<T>();
  const double tolerance = sizeof(T) == 4 ? 2e-6 : 1e-14;
  test::check_close(parameter.elements, expected, tolerance);
}

} // namespace

TEMPLATE_TEST_CASE("init functions give PyTorch's bits", "", float, double) {
  check_functions<TestType, 5, 3>();
  check_functions<TestType, 3, 20>();
  check_functions<TestType, 6, 2, 3, 3>();
}

TEMPLATE_TEST_CASE("orthogonal_ agrees with PyTorch's to rounding", "", float, double) {
  check_orthogonal<TestType, 5, 3>("5x3");
  check_orthogonal<TestType, 3, 20>("3x20");
  check_orthogonal<TestType, 6, 2, 3, 3>("6x2x3x3");
}

TEST_CASE("modules made after manual_seed(0) have PyTorch's first weights") {
  manual_seed(0);
  const auto affine = [](const std::string& name, auto weight, auto bias) {
    init::reset_weight_and_bias_(weight, bias);
    check_bits("net." + name + ".weight", weight);
    if constexpr (init::Fillable<decltype(bias)>) check_bits("net." + name + ".bias", bias);
  };
  const auto embedding = [](const std::string& name, auto weight) {
    init::normal_(weight);
    check_bits("net." + name + ".weight", weight);
  };
  affine("fc1", Owned<float, 128, 784>{}, Owned<float, 128>{});
  affine("fc2", Owned<float, 10, 128>{}, Owned<float, 10>{});
  affine("conv1", Owned<float, 32, 1, 3, 3>{}, Owned<float, 32>{});
  affine("conv2", Owned<float, 64, 32, 3, 3>{}, Owned<float, 64>{});
  embedding("embedding", Owned<float, 50, 16>{});
  embedding("small", Owned<float, 3, 4>{});
  affine("up", Owned<float, 8, 4, 2, 2>{}, Absent{});
  affine("last", Owned<float, 3, 7>{}, Owned<float, 3>{});
}

TEST_CASE("calculate_gain has PyTorch's table") {
  for (const char* name : {"linear", "conv3d", "sigmoid", "tanh", "relu", "leaky_relu", "selu"})
    CHECK(init::calculate_gain(name) == reference("init")[std::string("gain.") + name].as<double>()[0]);
  CHECK(init::calculate_gain("leaky_relu", 0.2) == reference("init")["gain.leaky_relu.0.2"].as<double>()[0]);
  CHECK(test::thrown<ValueError>([] { (void)init::calculate_gain("swish"); }) ==
        "stator: Unsupported nonlinearity swish");
}

TEST_CASE("fans are counted from the extents") {
  static_assert(init::_calculate_fan_in_and_fan_out(Extents(128, 784)) == std::pair<Index, Index>(784, 128));
  static_assert(init::_calculate_fan_in_and_fan_out(Extents(64, 32, 3, 5)) ==
                std::pair<Index, Index>(480, 960));
  CHECK_THROWS_AS(init::_calculate_fan_in_and_fan_out(Extents(5)), ValueError);
  Owned<float, 4, 2> weight;
  CHECK(test::thrown<ValueError>([&] { init::kaiming_normal_(weight, {.mode = "fan_avg"}); }) ==
        "stator: Mode fan_avg not supported, please use one of ['fan_in', 'fan_out']");
  Owned<float, 4, 2, 3> kernel;
  CHECK_THROWS_AS(init::dirac_(kernel, 3), ValueError);
}
