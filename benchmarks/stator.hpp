// SPDX-License-Identifier: BSL-1.0
// Stator as a contender: what trains and evaluates any network.
#pragma once

#include "bench.hpp"
#include "networks.hpp"
#include "plan.hpp"

#include <tuple>

namespace bench {

template<Index... E>
using Floats = stator::Tensor<float, E...>;
template<Index... E>
using Ints = stator::Tensor<std::int64_t, E...>;

/// The numbers of a whole model, the same as every contender's.
template<class Model>
void fill_parameters(Model& model) {
  std::size_t k = 0;
  stator::for_each_parameter(model, [&]<class P>(auto name, P& p) {
    constexpr stator::Extents e = P::shape_type::extents;
    fill_parameter({p.data(), static_cast<std::size_t>(e.numel())}, k++, name, e.rank,
                   static_cast<std::size_t>(e[0]));
  });
}

/// Floats of tensor `k`, or class indices below 10.
template<class T>
void fill_tensor(T& tensor, std::size_t k) {
  const auto count = static_cast<std::size_t>(tensor.numel());
  if constexpr (std::is_same_v<typename T::scalar, float>)
    fill({tensor.data(), count}, k);
  else
    for (std::size_t i = 0; i < count; ++i) tensor.data()[i] = label(i, 10);
}
template<class T>
T filled(std::size_t k, Index batch = 0) {
  T tensor = [&] {
    if constexpr (T::shape_type::is_dynamic)
      return T(batch);
    else
      return T();
  }();
  fill_tensor(tensor, k);
  return tensor;
}

/// Floating-point operations of one forward: of the products only.
template<class Net, class... X>
constexpr double forward_flops =
    2.0 *
    static_cast<double>(stator::summary<Net>(stator::Typed<typename X::scalar, typename X::shape_type>{}...)
                            .total()
                            .multiply_adds);

/// Inference as a user writes it, into a tensor that is there already.
template<class Net, class... X>
struct Infer {
  using Y = decltype(std::declval<stator::Model<Net>&>().eval()(std::declval<X&>()...).value());
  stator::Model<Net> model;
  std::tuple<X...> x;
  Y y;

  explicit Infer(Index batch = 0) : x(make(std::index_sequence_for<X...>(), batch)), y(filled<Y>(0, batch)) {
    fill_parameters(model);
  }
  void operator()() {
    std::apply([&](auto&... in) { model.eval()(in...).value_into(y); }, x);
  }
  double result() const { return digest(values()); }
  std::uint64_t bits() const { return hash_of(values()); }

private:
  std::span<const float> values() const { return {y.data(), static_cast<std::size_t>(y.numel())}; }
  template<std::size_t... I>
  static auto make(std::index_sequence<I...>, Index batch) {
    return std::tuple<X...>(filled<X>(input_tensor + I, batch)...);
  }
};

/// The same by a session that was prepared, in a workspace of its own: what a session of ONNX Runtime is.
template<class Net, class... X>
struct InferPrepared : Infer<Net, X...> {
  using Plain = Infer<Net, X...>;
  static constexpr stator::InferenceOptions options{.winograd = true};
  using Session = decltype(stator::optimize_for_inference<options, X...>(
      std::declval<const stator::Model<Net>&>().eval()));
  Session session{Plain::model.module()};
  typename Session::Workspace workspace;

  explicit InferPrepared(Index batch = 0) : Plain(batch), workspace(std::max<Index>(batch, 1)) {}
  void operator()() {
    std::apply([&](auto&... in) { session(in...).value_into(Plain::y, workspace); }, Plain::x);
  }
};

/// Losses, as functions of the output and the target.
inline constexpr auto mean_squares = [](auto y, auto& target) { return nn::mse_loss(y, target); };
inline constexpr auto classes = [](auto y, auto& target) { return nn::cross_entropy(y, target); };
inline constexpr auto words = [](auto y, auto& target) {
  return nn::cross_entropy(stator::flatten<0, 1>(y), target);
};

/// So small that a million steps on one batch leave the numbers ordinary: of a network that has learnt its
/// batch gradients are 0, and the averages of Adam become denormal numbers, which take twice the time.
inline constexpr double learning_rate = 1e-9;
struct Sgd {
  template<class M>
  static auto make(M& model) {
    return stator::optim::SGD(model, {.lr = learning_rate});
  }
};
struct Adam {
  template<class M>
  static auto make(M& model) {
    return stator::optim::Adam(model, {.lr = learning_rate});
  }
};

/// A training step as a user writes it, with the loss as a number at the end.
template<class Net, class Optimizer, auto Loss, class X, class Target>
struct Train {
  stator::Model<Net> model;
  decltype(Optimizer::make(std::declval<stator::Model<Net>&>())) optimizer;
  X x = filled<X>(input_tensor);
  Target target = filled<Target>(target_tensor);
  float loss_value = 0;

  Train() : optimizer((fill_parameters(model), Optimizer::make(model))) {}
  void operator()() {
    auto loss = Loss(model(x), target);
    optimizer.zero_grad();
    loss.backward();
    optimizer.step();
    loss_value = loss.item();
  }
  float result() const { return loss_value; }
  std::uint64_t bits() const {
    return hash_of(model.gradient_arena(), hash_of(model.parameter_arena(), hash_of({&loss_value, 1})));
  }
  using Program = TrainingProgram<decltype(Loss(std::declval<stator::Model<Net>&>()(std::declval<X&>()),
                                                std::declval<Target&>()))>;
};

/// The work of one forward: its products, and its parameters, which are read once at least; none without
/// products.
template<class Net, class... X>
constexpr Work forward_work(double batch = 1) {
  if (forward_flops<Net, X...> == 0) return {};
  return {batch * forward_flops<Net, X...>, static_cast<double>(stator::Model<Net>::parameter_bytes)};
}

/// A row of inference, with its work.
template<class Net, class... X>
Contender infer(std::string row) {
  return {std::move(row), "stator", [] { return repeat<Infer<Net, X...>>(); }, forward_work<Net, X...>()};
}
/// Another contender of that row: the prepared session.
template<class Net, class... X>
Contender infer_prepared(std::string row) {
  return {std::move(row), "stator, prepared", [] { return repeat<InferPrepared<Net, X...>>(); },
          forward_work<Net, X...>()};
}
/// A row of training, with the work of its program.
template<class Net, class Optimizer, auto Loss, class X, class Target>
Contender train(std::string row) {
  using S = Train<Net, Optimizer, Loss, X, Target>;
  return {std::move(row),
          "stator",
          [] { return repeat<S>(); },
          {flops_of<typename S::Program>()},
          [] { return plan_of<typename S::Program, stator::Model<Net>>(); }};
}

} // namespace bench
