// SPDX-License-Identifier: BSL-1.0
// A second copy of a model that follows the first: stochastic weight averaging and exponential moving
// averages, torch.optim.swa_utils.AveragedModel.
#pragma once

#include "stator/module/model.hpp"

namespace stator::optim {

struct AverageOptions {
  double decay =
      0; ///< 0: the mean of all updates (SWA); d: average = d * average + (1 - d) * parameter (EMA)
  bool use_buffers = false; ///< also average the buffers; otherwise they keep their first values
};

/// `AveragedModel ema{model, {.decay = 0.999}};`, then `ema.update_parameters(model)` after each step, and
/// `ema.eval()(x)`. The first update copies. Throws ValueError for a decay outside of [0, 1).
template<class M>
class AveragedModel {
public:
  explicit AveragedModel(const M& model, const AverageOptions& options = {})
      : average_(model), options_(options) {
    if (!(options.decay >= 0 && options.decay < 1))
      throw ValueError("AveragedModel: decay is " + std::to_string(options.decay) +
                       ", expected 0 <= decay < 1");
  }

  void update_parameters(const M& model) {
    using T = typename M::scalar;
    const std::span<T> to = average_.parameter_arena();
    follow(to.data(), model.parameter_arena().data(), to.size());
    if (options_.use_buffers)
      for_each_buffer(average_.module(), [&](auto name, auto& buffer) {
        using B = typename std::remove_cvref_t<decltype(buffer)>::scalar;
        const std::span<B> from = model.get_buffer(name.value).template values<B>();
        if constexpr (std::is_floating_point_v<B>)
          follow(buffer.data(), from.data(), from.size());
        else
          std::copy(from.begin(), from.end(), buffer.data());
      });
    ++n_averaged_;
  }

  Index n_averaged() const { return n_averaged_; }
  /// The averaged model.
  M& module() { return average_; }
  const M& module() const { return average_; }
  auto eval() const { return average_.eval(); }
  auto operator()(const auto&... x) const { return average_(x...); }

private:
  template<class T>
  void follow(T* average, const T* value, std::size_t n) const {
    if (n_averaged_ == 0) {
      std::copy_n(value, n, average);
    } else if (options_.decay > 0) {
      const T keep = static_cast<T>(options_.decay), take = static_cast<T>(1 - options_.decay);
      for (std::size_t i = 0; i < n; ++i) average[i] = keep * average[i] + take * value[i];
    } else {
      const T count = static_cast<T>(n_averaged_ + 1);
      for (std::size_t i = 0; i < n; ++i) average[i] += (value[i] - average[i]) / count;
    }
  }

  M average_;
  AverageOptions options_;
  Index n_averaged_ = 0;
};

} // namespace stator::optim
