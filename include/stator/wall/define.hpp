// SPDX-License-Identifier: BSL-1.0
// The heavy side of a wall: the one source file that includes this compiles a network's programs, see
// wall/network.hpp. Loading needs Boost.JSON, as io/state.hpp.
#pragma once

#include "stator/io/state.hpp"
#include "stator/stator.hpp"
#include "stator/wall/network.hpp"

#include <string>

namespace stator::wall {

namespace detail {

template<class Tensor>
struct view_of;
template<class T, Index... E>
struct view_of<Tensor<T, E...>> {
  using type = TensorView<const T, E...>;
  using mutable_type = TensorView<T, E...>;
};

/// `numbers` as a view with the element type and the shape of `T`. Throws ValueError, ShapeError.
template<class View, class N>
View view(const N& numbers, const std::string& what) {
  using S = typename View::shape_type;
  const auto type = Numbers::type_of(static_cast<const typename View::scalar*>(nullptr));
  if (numbers.type() != type)
    raise(ValueError(what + ": found numbers of type " + std::string(numbers.type()) + ", expected " +
                     std::string(type)));
  Extents found;
  found.rank = numbers.rank();
  for (std::size_t d = 0; d < numbers.rank(); ++d) found[d] = numbers[d];
  bool fits = numbers.rank() == S::extents.rank;
  for (std::size_t d = 0; fits && d < found.rank; ++d)
    fits = S::extents[d] == dynamic ? found[d] >= 0 : found[d] == S::extents[d];
  if (!fits)
    raise(ShapeError(what + ": found shape " + to_string(found) + ", expected " + to_string(S::extents)));
  const auto data =
      static_cast<std::conditional_t<std::is_const_v<typename View::element>, const typename View::scalar,
                                     typename View::scalar>*>(numbers.data());
  if constexpr (S::is_dynamic)
    return View(data, found[0]);
  else
    return View(data);
}

template<class Net, class Input, class Target, class MakeOptimizer, class Loss>
class Compiled final : public Interface {
  using InputView = typename view_of<Input>::type;
  using TargetView = typename view_of<Target>::type;

public:
  Compiled(const MakeOptimizer& make, const Loss& loss) : optimizer_(make(model_)), loss_(loss) {}

  void call(const Numbers& input, const MutableNumbers* outputs, std::size_t count) override {
    const auto x = view<InputView>(input, "network(input, output): input");
    const auto y = model_.eval()(x);
    using Results = std::remove_cvref_t<decltype(y)>;
    constexpr std::size_t expected = stator::detail::result_count<Results>();
    if (count != expected)
      raise(ValueError("network(input, output): found " + std::to_string(count) + " outputs, expected " +
                       std::to_string(expected)));
    const auto view_for = [outputs]<std::size_t I, class E>(std::integral_constant<std::size_t, I>,
                                                            const E&) {
      using S = symbol_of<typename expr::borrowed<E>::type>;
      using Output = typename stator::detail::tensor_of<typename S::scalar, typename S::shape>::type;
      return view<typename view_of<Output>::mutable_type>(
          outputs[I], expected == 1 ? std::string("network(input, output): output")
                                    : "network(input, outputs...): output " + std::to_string(I + 1));
    };
    if constexpr (stator::detail::result_kind<Results>() == stator::detail::ResultKind::one)
      y.value_into(view_for(std::integral_constant<std::size_t, 0>{}, y));
    else
      values_into(y, stator::detail::mapped_results(y, view_for));
  }
  double step(const Numbers& input, const Numbers& target) override {
    const auto x = view<InputView>(input, "network.step(input, target): input");
    const auto t = view<TargetView>(target, "network.step(input, target): target");
    const auto loss = loss_(model_(x), t);
    optimizer_.zero_grad();
    loss.backward();
    optimizer_.step();
    return static_cast<double>(loss.item());
  }
  double learning_rate() const override { return optimizer_.options().lr; }
  void set_learning_rate(double rate) override {
    for (auto& group : optimizer_.param_groups()) group.options.lr = rate;
  }

  std::size_t parameter_count() const override { return model_.named_parameters().size(); }
  WalledParameter parameter(std::size_t i) const override {
    auto at = model_.named_parameters().begin();
    for (; i > 0; --i) ++at;
    const auto [name, tensor] = *at;
    using T = typename Model<Net>::scalar;
    struct Typed {
      T* values;
      Sizes sizes;
      T* data() const { return values; }
      Sizes shape() const { return sizes; }
    };
    return {name, Typed{reinterpret_cast<T*>(tensor.raw()), tensor.shape()}, tensor.raw_grad()};
  }

  void save(std::string_view path) const override { stator::save(model_, std::string(path)); }
  void load(std::string_view path) override { stator::load(model_, std::string(path)); }
  std::size_t bytes() const override {
    return Model<Net>::parameter_bytes + Model<Net>::gradient_bytes + Model<Net>::buffer_bytes;
  }

private:
  Model<Net> model_;
  decltype(std::declval<const MakeOptimizer&>()(std::declval<Model<Net>&>())) optimizer_;
  Loss loss_;
};

} // namespace detail

/// Compiles the programs of a network (inference, training step, state) and returns its handle. `Input` and
/// `Target` are the types of tensors that it is called and trained with, with a batch that is static or
/// dynamic; `make_optimizer(model)` returns an optimiser, `loss(output, target)` an expression of one
/// element, where `output` is what model(x) returns: several expressions where forward returns several
/// values. The parameters are initialised as a Model's:
///   define<Mlp, Tensor<float, dynamic, 784>, Tensor<std::int64_t, dynamic>>(
///       [](auto& model) { return optim::Adam{model, {.lr = 1e-3}}; },
///       [](const auto& output, const auto& target) { return nn::cross_entropy(output, target); });
template<class Net, class Input, class Target, class MakeOptimizer, class Loss>
Network define(const MakeOptimizer& make_optimizer, const Loss& loss) {
  return Network(new detail::Compiled<Net, Input, Target, MakeOptimizer, Loss>(make_optimizer, loss));
}

} // namespace stator::wall
