// SPDX-License-Identifier: BSL-1.0
// A second copy of a model that follows the first: stochastic weight averaging and exponential moving
// averages, torch.optim.swa_utils.AveragedModel.
#pragma once

#include "stator/model/model.hpp"

#include <cstdint>

namespace stator::optim {

/// How an AveragedModel averages.
struct AverageOptions {
  double decay =
      0; ///< 0: the mean of all updates (SWA); d: average = d * average + (1 - d) * parameter (EMA)
  bool use_buffers = false; ///< also average the buffers; otherwise they keep their first values
};

/// `AveragedModel ema{model, {.decay = 0.999}};`, then `ema.update_parameters(model)` after each step, and
/// `ema.eval()(x)`. The first update copies. Throws ValueError for a decay outside of [0, 1).
template<class M>
class AveragedModel {
  static_assert(
      std::is_same_v<typename M::scalar, arithmetic_of<typename M::scalar>>,
      "stator: AveragedModel: what one update adds to an average is less than 16 bits can show: make "
      "the network one of float");

public:
  explicit AveragedModel(const M& model, const AverageOptions& options = {})
      : average_(model), options_(options) {
    if (!(options.decay >= 0 && options.decay < 1))
      raise(ValueError("AveragedModel: decay is " + std::to_string(options.decay) +
                       ", expected 0 <= decay < 1"));
  }

  /// Takes the parameters of `model` into the average. Throws UnboundError when one of the two has been
  /// moved from.
  void update_parameters(const M& model) {
    using T = typename M::scalar;
    const std::span<T> to = average_.parameter_arena();
    if (model.parameter_arena().size() != to.size())
      raise(UnboundError("AveragedModel::update_parameters: a model has no memory: it has been moved from"));
    follow(to.data(), model.parameter_arena().data(), to.size());
    if (options_.use_buffers)
      for_each_buffer(average_.module(), [&](auto name, auto& buffer) {
        using B = typename std::remove_cvref_t<decltype(buffer)>::scalar;
        const std::span<B> from = model.get_buffer(name.value).template values<B>();
        if constexpr (std::is_same_v<B, bool>)
          std::copy(from.begin(), from.end(), buffer.data());
        else
          follow(buffer.data(), from.data(), from.size());
      });
    ++n_averaged_;
  }

  /// How many times `update_parameters` was called.
  std::int64_t n_averaged() const { return n_averaged_; }
  /// The averaged model.
  M& module() { return average_; }
  const M& module() const { return average_; }
  /// The averaged model in evaluation mode.
  auto eval() const { return average_.eval(); }
  auto operator()(auto&&... x) const { return average_(std::forward<decltype(x)>(x)...); }

  /// For save, load and Checkpoint: "n_averaged" and "module.*", as in PyTorch.
  friend StateTarget state_target(const AveragedModel& self) {
    static constexpr LeafEntry count{
        .name = "n_averaged", .kind = LeafKind::buffer, .dtype = DType::int64, .numel = 1};
    StateTarget target = state_target(self.average_);
    target.nest("module", "AveragedModel");
    auto* const n = const_cast<std::int64_t*>(&self.n_averaged_);
    target.entries.insert(target.entries.begin(),
                          {"n_averaged", n, TensorRef(count, reinterpret_cast<std::byte*>(n), nullptr)});
    return target;
  }

private:
  template<class T>
  void follow(T* average, const T* value, std::size_t n) const {
    using F =
        std::conditional_t<std::is_floating_point_v<T>, T, float>; // whole numbers are rounded towards zero
    const F keep = static_cast<F>(options_.decay), take = static_cast<F>(1 - options_.decay),
            count = static_cast<F>(n_averaged_ + 1);
    if (n_averaged_ == 0)
      std::copy_n(value, n, average);
    else if (options_.decay > 0)
      for (std::size_t i = 0; i < n; ++i)
        average[i] = static_cast<T>(keep * static_cast<F>(average[i]) + take * static_cast<F>(value[i]));
    else
      for (std::size_t i = 0; i < n; ++i)
        average[i] =
            static_cast<T>(static_cast<F>(average[i]) + static_cast<F>(value[i] - average[i]) / count);
  }

  M average_;
  AverageOptions options_;
  std::int64_t n_averaged_ = 0;
};

} // namespace stator::optim
