// SPDX-License-Identifier: BSL-1.0
// torch.optim.swa_utils.update_bn: the running statistics of an average of models.
#pragma once

#include "stator/model/for_each.hpp"
#include "stator/model/model.hpp"
#include "stator/nn/norm.hpp"
#include "stator/reflect/fields.hpp"

#include <tuple>
#include <type_traits>
#include <vector>

namespace stator::optim {

namespace detail {

template<class Module>
struct batch_norm_of {
  static constexpr bool tracks = false;
};
template<std::size_t Dims, Index Features, nn::BatchNormOptions Options, class T>
struct batch_norm_of<nn::BatchNorm<Dims, Features, Options, T>> {
  static constexpr bool tracks = Options.track_running_stats;
  /// The part of a first batch that is in the statistics.
  static constexpr double part = Options.momentum == nn::cumulative_average ? 1 : Options.momentum;
  static_assert(!tracks || part > 0,
                "stator: update_bn: a BatchNorm with momentum 0 takes nothing from a batch");
};

/// Calls `f(layer, constant)` for each BatchNorm that keeps statistics, with the part of a batch in them.
template<class M>
void for_each_batch_norm(M& model, auto&& f) {
  for_each_module(model, [&](auto, auto& module) {
    using Norm = batch_norm_of<std::remove_cvref_t<decltype(module)>>;
    if constexpr (Norm::tracks) f(module, Norm::part);
  });
}

/// What of a batch goes into the model: itself, or the first of its parts.
template<class Batch>
auto& first_of(Batch& batch) {
  if constexpr (requires { typename Batch::shape_type; })
    return batch;
  else if constexpr (requires { std::tuple_size<Batch>::value; })
    return std::get<0>(batch);
  else
    return reflect::get<0>(batch);
}

} // namespace detail

/// The running statistics of every BatchNorm of `model` become the plain averages of those of the batches in
/// `loader`, each of which goes through the model in training mode once:
///   optim::update_bn(data::batches<64>(train), average.module());
/// A batch is a tensor, or a tuple or struct whose first element is one. Without such a layer nothing runs;
/// without a batch the means become 0 and the variances 1. Throws what the model throws, then the
/// statistics are of no use.
template<class Loader, class M>
void update_bn(Loader&& loader, M& model) {
  using T = arithmetic_of<typename M::scalar>;
  std::vector<T> averages;
  std::int64_t batches = 0;
  detail::for_each_batch_norm(model, [&](auto& norm, double) {
    averages.insert(averages.end(), norm.running_mean.values().size(), T{0});
    averages.insert(averages.end(), norm.running_var.values().size(), T{1});
  });
  if (averages.empty()) return;
  for (auto&& batch : loader) {
    // A layer's momentum is a constant: from 0, what comes out is that part of the batch's statistic.
    detail::for_each_batch_norm(model, [](auto& norm, double) {
      nn::init::zeros_(norm.running_mean);
      nn::init::zeros_(norm.running_var);
      nn::init::zeros_(norm.num_batches_tracked);
    });
    (void)model(detail::first_of(batch)).value();
    ++batches;
    auto at = averages.begin();
    detail::for_each_batch_norm(model, [&](auto& norm, double part) {
      const auto add = [&](const auto& running) {
        for (const T value : running.values()) {
          const double old = batches == 1 ? 0 : static_cast<double>(*at);
          *at =
              static_cast<T>(old + (static_cast<double>(value) / part - old) / static_cast<double>(batches));
          ++at;
        }
      };
      add(norm.running_mean), add(norm.running_var);
    });
  }
  auto at = averages.cbegin();
  detail::for_each_batch_norm(model, [&](auto& norm, double) {
    for (T& value : norm.running_mean.values()) value = *at++;
    for (T& value : norm.running_var.values()) value = *at++;
    norm.num_batches_tracked() = batches;
  });
}

} // namespace stator::optim
