// SPDX-License-Identifier: BSL-1.0
// Expressions outside networks: types that say what is to be computed. Nothing runs before `value()`,
// `item()` or `backward()`, so an expression must know whose memory it reads then:
//   - a tensor that has a name is referred to, without a copy: it must live, and keep its memory, until
//     the expression has run; so must a model, and a TensorView's memory;
//   - a tensor that is a temporary, `exp(Tensor<float, 2>{1, 2})`, or that is moved, `model(std::move(x))`,
//     belongs to the expression from then on. Copies of the expression share it.
// A function therefore returns `model(std::move(x))` of its own x, or the `value()`. What types cannot see,
// `return model(x)`, is found with STATOR_CHECK_LIFETIMES, see core/lifetime.hpp.
#pragma once

#include "stator/core/compiler.hpp"
#include "stator/core/error.hpp"
#include "stator/core/grad_state.hpp"
#include "stator/core/pack.hpp"
#include "stator/core/workspace.hpp"
#include "stator/expr/parameter.hpp"
#include "stator/expr/variable.hpp"

#include <memory>
#include <type_traits>
#include <utility>

namespace stator::expr {

/// Extension point: runs expressions of type E. Defined by run/evaluation.hpp.
template<class E>
struct evaluator;

/// Memory of a leaf: elements, gradient (null where none is wanted) and what the model knows of the gradient
/// (null where no model does).
struct LeafMemory {
  void* data;       ///< the elements; no initialisers here: an array of them is filled at once
  void* grad;       ///< null where no gradient is wanted
  GradState* state; ///< whether the gradient is there; null for leaves without one
};

inline namespace STATOR_LIFETIMES {

/// Where the gradient of an input goes.
template<class T, bool NeedsGrad>
struct InputGradient {
  GradState* state = nullptr;       ///< of a model's parameter
  arithmetic_of<T>* grad = nullptr; ///< the gradient
};
template<class T>
struct InputGradient<T, false> {
  static constexpr GradState* state = nullptr;
  static constexpr arithmetic_of<T>* grad = nullptr;
};

/// An input tensor that has a name, or whose memory somebody else owns.
template<class T, class S, bool NeedsGrad>
struct Input {
  // Apart from the pointer before: g++ would store both as a vector, and what reads one of them then waits
  // much longer than for a store of its own.
  Index leading = 0; ///< the leading extent
  T* data = nullptr; ///< the elements, not owned
  /// Null where none is wanted.
  [[no_unique_address]] InputGradient<T, NeedsGrad> gradient{};
  /// Notices when the tensor is gone, with STATOR_CHECK_LIFETIMES.
  [[no_unique_address]] detail::Watch watch{};
};

/// An input tensor that was a temporary: it belongs to the expression and its copies.
template<class T, class S, bool NeedsGrad>
struct OwnedInput : Input<T, S, NeedsGrad> {
  std::shared_ptr<const void> owner; ///< shared by the copies of an expression
};

/// A parameter or buffer. Inside of forward, which runs in constant evaluation, it is known by its address
/// alone: an expression of parameters becomes symbols when it meets one.
template<class L>
struct LeafInput {
  const L* leaf = nullptr;                           ///< the parameter or buffer
  typename L::scalar* data = nullptr;                ///< its elements when the expression was made
  arithmetic_of<typename L::scalar>* grad = nullptr; ///< its gradient
  GradState* state = nullptr;                        ///< whether its gradient is there

  explicit constexpr LeafInput(const L& l) {
    if (std::is_constant_evaluated()) {
      leaf = &l;
    } else {
      data = const_cast<typename L::scalar*>(l.data());
      grad = l.grad_memory();
      state = l.grad_state();
    }
  }
};

} // namespace STATOR_LIFETIMES

/// A number that is known when the program runs.
template<class T>
struct Number {
  T value{}; ///< when the expression was made
};

/// What has run of an expression already, and the memory that it ran in. A literal type, so that a `forward`
/// that names the types of its inputs gets as far as the text that says why it cannot.
struct State {
  MemoryBlock workspace; ///< memory of all intermediate values
  /// What has run and what is still valid.
  bool forward_kept = false, backward_done = false, has_item = false;
  /// The scalar result, so that `item()` after `backward()` computes nothing.
  alignas(8) std::byte item[8];

  // Nothing is written that is not read: it counts in the smallest networks.
  constexpr State() {
    if (std::is_constant_evaluated())
      for (std::byte& b : item) b = {};
  }
  // A copy of an expression has not run yet.
  constexpr State(const State&) : State() {}
  constexpr State& operator=(const State&) { return *this; } // NOLINT(bugprone-unhandled-self-assignment)
  STATOR_ALWAYS_INLINE constexpr ~State() {
    if (!workspace.is_empty()) give_back(std::move(workspace));
  }
};

/// The option create_graph of `backward`, which may only be false: a compile error otherwise.
struct NoCreateGraph {
  /// Stops the compiler for true.
  consteval NoCreateGraph(bool create_graph) {
    if (create_graph) stop_evaluation("backward() has no create_graph: stator::grad(loss, x) has");
  }
};

/// torch.Tensor.backward's options. backward() adds numbers to the memory of leaves, which no expression
/// stands for, so nothing could be differentiated again; `stator::grad` gives gradients as expressions.
struct BackwardOptions {
  bool retain_graph = false;          ///< allows another backward() through the same values
  NoCreateGraph create_graph = false; ///< only false, see there
};

/// What every expression offers.
template<class Derived>
class Evaluated : public unqualified::lookup {
public:
  /// Runs the program and returns the result as a Tensor.
  auto value() const { return evaluator<Derived>::value(self(), state_); }
  /// Runs the program, the result goes to `out` (same shape): no allocation after the first time.
  template<class Out>
  void value_into(Out&& out) const {
    evaluator<Derived>::value_into(self(), state_, out);
  }
  /// The only element of the result; the program runs once.
  auto item() const { return evaluator<Derived>::item(self(), state_); }
  /// Runs forward and backward; adds to the gradients of every parameter and Variable in the expression.
  /// Operands that were written to since item() are read as they are now; indices and labels are checked
  /// again, before anything is added. The result must have one element. Throws GraphError on a second call,
  /// unless `backward({.retain_graph = true})` was the first: that keeps a copy of the values of the forward.
  void backward(const BackwardOptions& options = {}) const {
    evaluator<Derived>::backward(self(), state_, options.retain_graph);
  }
  /// Does not compile: nothing has run before item().
  explicit operator bool() const {
    static_assert(std::is_void_v<Derived>,
                  "stator: a condition on an expression: nothing has run yet: compare "
                  "its number, if (loss.item() < 0.1)");
    return false;
  }
  /// Extents of the result.
  Sizes shape() const { return evaluator<Derived>::shape(self()); }
  Index size(std::size_t dim) const { return shape()[dim]; }

  /// What the operation is called in PyTorch's graph: "MmBackward0"; empty where nothing needs a gradient.
  static constexpr auto grad_fn() { return evaluator<Derived>::grad_fn(); }
  /// Whether backward() reaches a parameter or Variable.
  static constexpr bool requires_grad() { return evaluator<Derived>::requires_grad(); }
  /// torch.Tensor.is_leaf: whether no operation with a gradient made it.
  static constexpr bool is_leaf() { return !requires_grad(); }

private:
  const Derived& self() const { return static_cast<const Derived&>(*this); }
  mutable State state_;
};

/// What stands in for an expression that does not compile, so that the compiler says no more about it: any
/// use is one of these again.
struct Refused : unqualified::lookup {
  /// Stands for the element type, so that the rest of the program compiles.
  using scalar = double;
  /// Does not compile.
  Refused value() const;
  Refused operator()(const auto&...) const;
  template<class T>
  operator T() const;
  /// Does not compile: tracing found a mistake.
  void value_into(auto&&) const;
  /// Does not compile.
  double item() const;
  /// Does not compile.
  void backward(const BackwardOptions& = {}) const;
  /// Does not compile.
  Sizes shape() const;
  Index size(std::size_t) const;
  /// Does not compile.
  std::span<double> values() const;
  /// Does not compile.
  double* data() const;
  double* begin() const;
  double* end() const;
};
std::ostream& operator<<(std::ostream&, const Refused&);

/// An operation on operands: other expressions, inputs, numbers.
template<class Op, class... A>
class Expression : public Evaluated<Expression<Op, A...>> {
public:
  /// What the operation is applied to.
  detail::Pack<A...> operands;
  constexpr explicit Expression(A... a) : operands{{std::move(a)}...} {}
};

inline namespace STATOR_LIFETIMES {

/// A network applied to operands; Mode is a stator::Mode: training or not, and the options of its model.
template<class Net, class Mode, class... A>
class ModuleCall : public Evaluated<ModuleCall<Net, Mode, A...>> {
public:
  const Net* net; ///< the network that is called, not owned
  /// Notices when the network is gone, with STATOR_CHECK_LIFETIMES.
  [[no_unique_address]] detail::Watch watch;
  /// The inputs.
  detail::Pack<A...> operands;
  constexpr explicit ModuleCall(const Net& n, A... a) : net(&n), watch(&n), operands{{std::move(a)}...} {}
};

} // namespace STATOR_LIFETIMES

/// One of several results of a network: `auto [y, z] = model(x)` gives one for each. Results of one call
/// share it: in one expression, and in `stator::values(y, z)`, the network runs once.
template<std::size_t I, class Call>
class Output : public Evaluated<Output<I, Call>> {
public:
  std::shared_ptr<const Call> call; ///< shared by all outputs of one call
  explicit Output(std::shared_ptr<const Call> c) : call(std::move(c)) {}
};

/// The same expression with every tensor referred to: what its program depends on.
template<class E>
struct borrowed {
  /// What the expression refers to.
  using type = E;
};
template<class T, class S, bool NeedsGrad>
struct borrowed<OwnedInput<T, S, NeedsGrad>> {
  using type = Input<T, S, NeedsGrad>;
};
template<class L>
struct borrowed<LeafInput<L>> {
  using type = Input<typename L::scalar, typename L::shape_tag, L::leaf_kind == LeafKind::parameter>;
};
template<std::size_t I, class Call>
struct borrowed<Output<I, Call>> {
  using type = Output<I, typename borrowed<Call>::type>;
};
template<class Op, class... A>
struct borrowed<Expression<Op, A...>> {
  using type = Expression<Op, typename borrowed<A>::type...>;
};
template<class Net, class Mode, class... A>
struct borrowed<ModuleCall<Net, Mode, A...>> {
  using type = ModuleCall<Net, Mode, typename borrowed<A>::type...>;
};

} // namespace stator::expr
