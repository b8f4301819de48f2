// SPDX-License-Identifier: BSL-1.0
#include "stator/nn/loss.hpp"

#include "nn/layer_law.hpp"

using namespace stator;
using nn::CrossEntropyOptions;
using nn::Reduction;
using test::check_function;
using test::Fixed;
using test::In;

namespace {

template<Reduction R>
void check_elementwise(const std::string& reduction) {
  const In<3, 4> x{}, t{"target"};
  const In<5, 4> p{};
  const Fixed<float, 5, 4> fixed{"target"};
  check_function("MSELoss." + reduction, nn::MSELoss<R>{}, x, t);
  check_function("L1Loss." + reduction, nn::L1Loss<R>{}, x, t);
  check_function("SmoothL1Loss." + reduction, nn::SmoothL1Loss<R>{}, x, t);
  check_function("SmoothL1Loss.options." + reduction, nn::SmoothL1Loss<R, 0.5>{}, x, t);
  check_function("HuberLoss." + reduction, nn::HuberLoss<R>{}, x, t);
  check_function("HuberLoss.options." + reduction, nn::HuberLoss<R, 0.7>{}, x, t);
  check_function("BCELoss." + reduction, nn::BCELoss<R>{}, p, fixed);
  check_function("BCEWithLogitsLoss." + reduction, nn::BCEWithLogitsLoss<R>{}, p, fixed);
  const Tensor<float, 4> weight{0.5, 2, 1, 0.25};
  check_function(
      "BCEWithLogitsLoss.pos_weight." + reduction,
      [&](const auto& a, const auto& b) { return nn::binary_cross_entropy_with_logits<R>(a, b, weight); }, p,
      fixed);
  check_function(
      "BCEWithLogitsLoss.weight." + reduction,
      [&](const auto& a, const auto& b, const auto& w) {
        return nn::BCEWithLogitsLoss<R>{}(a, b, weight, w);
      },
      p, fixed, Fixed<float, 5, 1>{"weight"});
  check_function(
      "BCELoss.weight." + reduction,
      [&](const auto& a, const auto& b) { return nn::BCELoss<R>{}(a, b, weight); }, p, fixed);
  check_function("KLDivLoss." + reduction, nn::KLDivLoss<R>{}, p, fixed);
  check_function("KLDivLoss.log_target." + reduction, nn::KLDivLoss<R, true>{}, p, fixed);
}

template<Reduction R>
void check_classes(const std::string& reduction) {
  const In<5, 4> x{};
  const Fixed<std::int64_t, 5> target{"target"};
  const Tensor<float, 4> weight{0.5, 2, 1, 0.25};
  using Options = CrossEntropyOptions;
  using Plain = nn::CrossEntropyLoss<Options{.reduction = R}>;
  check_function("CrossEntropyLoss." + reduction, Plain{}, x, target);
  check_function("CrossEntropyLoss.ignore_index." + reduction, Plain{}, x, target);
  check_function("CrossEntropyLoss.label_smoothing." + reduction,
                 nn::CrossEntropyLoss<Options{.reduction = R, .label_smoothing = 0.1}>{}, x, target);
  const auto weighed = [&](const auto& loss) {
    return [&](const auto& a, const auto& t) { return loss(a, t, weight); };
  };
  check_function("CrossEntropyLoss.weight." + reduction, weighed(Plain{}), x, target);
  constexpr Options all{.reduction = R, .ignore_index = 3, .label_smoothing = 0.2};
  check_function("CrossEntropyLoss.all." + reduction, weighed(nn::CrossEntropyLoss<all>{}), x, target);
  check_function("CrossEntropyLoss.probabilities." + reduction, Plain{}, x, Fixed<float, 5, 4>{"target"});
  check_function("CrossEntropyLoss.images." + reduction, Plain{}, In<2, 3, 2, 2>{},
                 Fixed<std::int64_t, 2, 2, 2>{"target"});
  check_function("NLLLoss." + reduction, nn::NLLLoss<Options{.reduction = R}>{}, x, target);
  check_function("NLLLoss.weight." + reduction,
                 weighed(nn::NLLLoss<Options{.reduction = R, .ignore_index = 1}>{}), x, target);
}

} // namespace

TEST_CASE("losses between two tensors agree with PyTorch: mean") {
  check_elementwise<Reduction::mean>("mean");
}
TEST_CASE("losses between two tensors agree with PyTorch: sum") { check_elementwise<Reduction::sum>("sum"); }
TEST_CASE("losses between two tensors agree with PyTorch: none") {
  check_elementwise<Reduction::none>("none");
}

TEST_CASE("classification losses agree with PyTorch: mean") { check_classes<Reduction::mean>("mean"); }
TEST_CASE("classification losses agree with PyTorch: sum") { check_classes<Reduction::sum>("sum"); }
TEST_CASE("classification losses agree with PyTorch: none") { check_classes<Reduction::none>("none"); }

TEST_CASE("losses take extreme inputs as PyTorch does") {
  check_function("BCELoss.edges", nn::BCELoss<>{}, In<5>{}, Fixed<float, 5>{"target"});
  check_function("BCEWithLogitsLoss.edges", nn::BCEWithLogitsLoss<Reduction::none>{}, In<17>{},
                 Fixed<float, 17>{"target"});
  check_function("CrossEntropyLoss.edges", nn::CrossEntropyLoss<>{}, In<3, 17>{},
                 Fixed<std::int64_t, 3>{"target"});
}
