// SPDX-License-Identifier: BSL-1.0
// torch.optim: a list of parameters, a dictionary of states by parameter, and Stator's update rules on each.
#pragma once

#include "tensor.hpp"

#include <stator/optim/adam.hpp>
#include <stator/optim/sgd.hpp>

namespace dynamic_registry {

template<class Rule>
class Optimizer {
public:
  Optimizer(std::vector<Tensor> parameters, typename Rule::Options options)
      : parameters_(std::move(parameters)), options_(options) {}
  virtual ~Optimizer() = default;

  virtual void zero_grad() {
    for (const Tensor& p : parameters_) p->grad = nullptr;
  }
  virtual void step() {
    NoGrad guard;
    for (const Tensor& p : parameters_) {
      if (!p->grad) continue;
      State& state = states_[p.get()];
      std::array<float*, Rule::state_names.size()> values{};
      const auto uses = Rule::uses(options_);
      for (std::size_t i = 0; i < uses.size(); ++i)
        if (uses[i]) {
          Tensor& t = state.tensors[Rule::state_names[i]];
          if (!t) t = zeros(p->sizes);
          values[i] = t->data();
        }
      state.rule.begin(options_, ++state.step);
      state.rule.template update<float>(options_, p->values(), std::span<const float>(p->grad->values()),
                                        values);
    }
  }

private:
  struct State {
    std::unordered_map<std::string, Tensor> tensors{};
    Rule rule{};
    Index step = 0;
  };
  std::vector<Tensor> parameters_;
  typename Rule::Options options_;
  std::unordered_map<const TensorImpl*, State> states_;
};

} // namespace dynamic_registry
