// SPDX-License-Identifier: BSL-1.0
#include "stator/optim/clip.hpp"

#include "catch.hpp"
#include "optim/mock_model.hpp"
#include "reference/reference.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

using namespace stator;
using namespace stator::optim;
using Mock = test::MockModel<double>;

namespace {

Mock with_gradients() {
  Mock model;
  for (const auto& e : Mock::parameter_table)
    std::ranges::copy(test::reference("clip")["grad." + std::string(e.name)].as<double>(),
                      Mock::part(model.gradients, e).begin());
  return model;
}

void check_gradients(Mock& model, const std::string& key) {
  for (const auto& e : Mock::parameter_table) {
    const auto expected = test::reference("clip")[key + "." + std::string(e.name)].as<double>();
    const auto found = Mock::part(model.gradients, e);
    INFO(e.name);
    test::check_close(found, expected, 1e-14, {.relative_to = std::numeric_limits<double>::min()});
  }
  for (const double g : model.padding(model.gradients)) CHECK(g == 0);
}

} // namespace

TEST_CASE("clip_grad_norm_ returns and limits PyTorch's norms") {
  const double infinity = std::numeric_limits<double>::infinity();
  for (const auto& [text, order] : {std::pair{"1", 1.0}, {"2", 2.0}, {"3.5", 3.5}, {"inf", infinity}})
    for (const auto& [max_text, max_norm] : {std::pair{"0.5", 0.5}, {"100", 100.0}}) {
      const std::string key = std::string("norm.") + text + "." + max_text;
      INFO(key);
      Mock model = with_gradients();
      const double norm = clip_grad_norm_(model, max_norm, {.norm_type = order});
      CHECK(norm == Approx(test::reference("clip")[key].as<double>()[0]).epsilon(1e-14));
      check_gradients(model, key);
    }
}

TEST_CASE("clip_grad_value_ limits each gradient") {
  Mock model = with_gradients();
  clip_grad_value_(model, 0.7);
  check_gradients(model, "value.0.7");
}

TEST_CASE("a norm that is not finite is an error if asked for") {
  for (const double order : {1.0, 2.0, 3.0, std::numeric_limits<double>::infinity()})
    for (const float bad :
         {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
      std::vector<float> gradients{1, bad, 2};
      CHECK(test::thrown<ValueError>([&] {
              (void)clip_grad_norm_(std::span(gradients), 1,
                                    {.norm_type = order, .error_if_nonfinite = true});
            }).starts_with("stator: The total norm of order "));
      CHECK(gradients[2] == 2);
      CHECK(!std::isfinite(clip_grad_norm_(std::span(gradients), 1, {.norm_type = order})));
    }
  std::vector<float> gradients{1};
  CHECK_THROWS_AS(clip_grad_norm_(std::span(gradients), 1, {.norm_type = 0}), ValueError);
}
