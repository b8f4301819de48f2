// SPDX-License-Identifier: BSL-1.0
// The owner of a network's memory. `Model<Net>` holds a Net whose handles point into three arenas:
// parameters, gradients (the same layout) and buffers, each contiguous and 64-byte aligned.
#pragma once

#include "stator/core/compiler.hpp"
#include "stator/model/bind.hpp"
#include "stator/model/eval_model.hpp"
#include "stator/model/for_each.hpp"
#include "stator/model/paths.hpp"
#include "stator/model/stale_gradients.hpp"
#include "stator/model/traversals.hpp"
#include "stator/module/print.hpp"
#include "stator/state/state_methods.hpp"

#include <algorithm>
#include <concepts>
#include <cstring>
#include <memory>
#include <ostream>
#include <span>

namespace stator::inline v0_2 {

/// A network and its memory.
///
/// Threads. One model may be used by several threads at a time to compute: `model.eval()(x)`, and `model(x)`
/// as long as no module writes to its buffers (BatchNorm does in training). Each thread makes its own
/// expressions and calls their `value()`; an expression, and what it was made of, belongs to one thread at a
/// time. Reading elements, names, `state_dict()` and saving may go on beside that. Everything that writes
/// excludes all else on the same model, and nothing locks it: `backward()` (it adds to the gradients),
/// `zero_grad()`, an optimiser's `step()`, `load_state_dict()`, `requires_grad_()`, `reset_parameters()`,
/// registering and removing hooks, assigning to the model or moving from it. Different models are
/// independent, copies too; what they share is the default generator. To train with several threads, give
/// each a copy and add up the gradients.
template<class Net, class... Options>
class Model : public detail::StateMethods<Model<Net, Options...>, Net>,
              public detail::Paths<Model<Net, Options...>, table<Net, Options...>>,
              public detail::Traversals<Model<Net, Options...>, table<Net, Options...>> {
  static_assert(check<detail::refusal<Net>>());
  static_assert(detail::one_dtype<Net>(),
                "stator: the parameters of a network must all have one element type");
  using Table = table<Net, Options...>;
  using Selected = detail::selections<Table>;
  using State = detail::StateMethods<Model, Net>;
  using Paths = detail::Paths<Model, Table>;
  using Traversals = detail::Traversals<Model, Table>;
  friend Paths;
  friend Traversals;

public:
  /// The network.
  using module_type = Net;
  /// Element type of the parameters.
  using scalar = scalar_of<detail::parameter_dtype<Net>()>;
  /// Element type of the gradients: float where the parameters have 16 bits.
  using gradient_scalar = arithmetic_of<scalar>;

  /// Every parameter, buffer and module, as constants.
  using tables = Table;
  /// Elements of all parameters, shared ones once.
  static constexpr Index parameter_count = [] {
    Index n = 0;
    for (std::size_t i = 0; i < Table::leaves.size(); ++i)
      if (Table::leaves[i].is_parameter() && Table::leaves[i].owner == i) n += Table::leaves[i].numel;
    return n;
  }();
  /// Elements of those that get a gradient.
  static constexpr Index trainable_count = [] {
    Index n = 0;
    for (std::size_t k = 0; k < Selected::trainable.size(); ++k)
      n += Table::leaves[Selected::trainable[k]].numel;
    return n;
  }();
  /// The trainable parameters in the order of the arena, shared ones once: name, offset in bytes, numel.
  static constexpr auto parameter_table = [] {
    std::array<LeafEntry, Selected::trainable.size()> list{};
    for (std::size_t i = 0; i < list.size(); ++i) list[i] = Table::leaves[Selected::trainable[i]];
    return list;
  }();
  /// Bytes of the arenas; each tensor begins at a multiple of 64. Frozen parameters come last and have no
  /// gradient.
  static constexpr std::size_t parameter_bytes = Table::parameter_bytes;
  static constexpr std::size_t gradient_bytes = Table::gradient_bytes; ///< bytes of the gradients
  static constexpr std::size_t buffer_bytes = Table::buffer_bytes;     ///< bytes of the buffers
  /// Byte offset of a parameter or buffer in its arena.
  template<fixed_string Path>
  static constexpr std::size_t offset = [] {
    static_assert(check<detail::leaf_error<Net, Path>>());
    return Table::leaves[Table::find_leaf(Path.view())].offset;
  }();

  /// Allocates the arenas and initialises the parameters as PyTorch does, from the default generator.
  Model() : Model(Net{}) {}
  /// As above, with the values of plain fields taken from `net`.
  explicit Model(const Net& net) : net_(net) {
    allocate();
    start();
  }
  /// Uses memory of the caller, which must outlive the model. Throws ValueError when it is too small or not
  /// aligned.
  explicit Model(const ModelMemory& memory, const Net& net = Net{}) : net_(net) {
    use(memory);
    start();
    detail::StaleGradients<Model>::show(arenas_);
  }
  /// The same without initialising: the memory holds a model of this type, with zeros between its tensors,
  /// from `parameter_arena()` and `buffer_arena()` of another one, a file that was mapped or another process.
  /// Its gradients are kept too: those that are not 0, and those that `grad_states` says. Where nothing may
  /// be written, see ReadOnlyModel.
  Model(adopt_t, const ModelMemory& memory, const Net& net = Net{}) : net_(net) {
    use(memory);
    bind();
    detail::StaleGradients<Model>::show(arenas_);
  }
  /// A deep copy: own arenas with the same contents.
  Model(const Model& other) : State(other), Paths(other), Traversals(other), net_(other.net_) {
    copy_from(other);
  }
  /// Copies the contents. Memory that the user gave is kept.
  Model& operator=(const Model& other) {
    if (this != &other) {
      State::operator=(other);
      net_ = other.net_;
      copy_from(other);
    }
    return *this;
  }
  /// Takes over the arenas; the other model is left without storage.
  Model(Model&& other) noexcept
      : State(std::move(other)), Paths(other), Traversals(other), net_(std::exchange(other.net_, Net{})),
        owned_(std::move(other.owned_)), arenas_(std::exchange(other.arenas_, Arenas{})) {}
  Model& operator=(Model&& other) noexcept {
    State::operator=(std::move(other));
    net_ = std::exchange(other.net_, Net{});
    owned_ = std::move(other.owned_);
    arenas_ = std::exchange(other.arenas_, Arenas{});
    return *this;
  }
  ~Model() { detail::end_life(&net_); }
  /// copy.deepcopy(model).
  Model clone() const { return *this; }

  /// The network: `model->fc1.weight`.
  Net& module() { return net_; }
  const Net& module() const { return net_; }
  Net* operator->() { return &net_; }
  const Net* operator->() const { return &net_; }
  Net& operator*() { return net_; }
  const Net& operator*() const { return net_; }

  /// An expression: the network's outputs for these inputs, in training mode. It refers to this model and to
  /// tensors that have names, and owns those that are temporaries; see expr/expression.hpp.
  auto operator()(auto&&... x) const {
    return nn::call_as<Mode<true, Options...>>(net_, std::forward<decltype(x)>(x)...);
  }
  /// The same network for inference: `model.eval()(x)`.
  EvalModel<Net, Options...> eval() const { return EvalModel<Net, Options...>(net_); }
  /// The model itself: it is called in training mode.
  const Model& train() const { return *this; }
  /// The network with hooks, see hooks/hook.hpp: `model.with(stator::forward_hook<"fc1">(f), ...)(x)`. Refers
  /// to this model, which must outlive it.
  template<class... H>
  auto with(H... hook) const {
    return HookedModel<Net, Mode<true, Options...>, H...>(net_, std::move(hook)...);
  }

  /// The tensor of a row of `tables::leaves`. Throws UnboundError, as everything that reaches for the memory,
  /// when this model has been moved from.
  TensorRef tensor(const LeafEntry& leaf) const { return arenas().at(leaf); }

  /// All parameters (gradients, buffers) as one block, padding between tensors included and zero. The
  /// gradients' block has, in elements, the layout of the first part of the parameters', which are those that
  /// are not frozen. A gradient that is written here by hand counts as there when it is not 0 everywhere; see
  /// Parameter::set_has_grad for one that is.
  std::span<scalar> parameter_arena() const { return arena<scalar>(arenas_.parameters, parameter_bytes); }
  /// All gradients as one block.
  std::span<gradient_scalar> gradient_arena() const {
    detail::StaleGradients<Model>::show(arenas_);
    return gradient_memory();
  }
  /// The same for the library: those that are not there may be stale, see GradState, or `settled`, 0.
  std::span<gradient_scalar> gradient_memory(bool settled = false) const {
    if (settled) detail::StaleGradients<Model>::settle(arenas_);
    return arena<gradient_scalar>(arenas_.gradients, gradient_bytes);
  }
  /// The bytes of all buffers, whose element types differ.
  std::span<std::byte> buffer_arena() const { return {arenas_.buffers, buffer_bytes}; }

  /// Sets every gradient to None, as PyTorch 2 does: optimisers leave alone what no backward() adds to from
  /// here on. `zero_grad({.set_to_none = false})`, the default of PyTorch 1: those that are there stay, as
  /// zeros, so that weight decay and momentum go on.
  void zero_grad(const ZeroGradOptions& options = {}) const {
    if constexpr (gradient_bytes > 0) {
      const Arenas& a = arenas();
      for (std::size_t i = 0; i < state_count; ++i) a.states[i].present = !options.set_to_none && has_grad(i);
      if constexpr (detail::StaleGradients<Model>::possible())
        detail::StaleGradients<Model>::clear(a, options.set_to_none);
      else if constexpr (gradient_bytes > detail::small_clear)
        detail::clear_bytes(a.gradients, gradient_bytes);
      else
        std::memset(a.gradients, 0, gradient_bytes);
    }
  }
  /// Whether row `i` of `parameter_table` has a gradient, see Parameter::has_grad.
  bool has_grad(std::size_t i) const { return arenas().states[i].present || has_written_grad(i); }

  /// torch.nn.Module.requires_grad_, at run time: backward() adds, or does not add, to the gradients of the
  /// parameters whose path, or the path of a module around them, matches the pattern. A gradient that is
  /// there stays, and an optimiser follows it: `zero_grad()` first. Nothing is compiled anew, so the
  /// gradients that are not wanted are still computed; where a part never trains, `Model<Net,
  /// freeze<"backbone">>` saves that time.
  ///   model.requires_grad_<"generator">(false);   // a pattern that matches nothing does not compile
  ///   model.requires_grad_("generator", false);   // ... throws KeyError
  ///   model.requires_grad_(true);                 // all
  /// Throws ValueError for `true` where the type of the model freezes what is named and no more.
  template<fixed_string Pattern>
  void requires_grad_(bool requires_grad = true) {
    static_assert(check<detail::requires_grad_error<Table, Pattern>>());
    requires_grad_(Pattern.view(), requires_grad);
  }
  void requires_grad_(std::string_view pattern, bool requires_grad) {
    bool any = false, trainable = false;
    for (const LeafEntry& leaf : Table::leaves) {
      if (!leaf.is_parameter() || !detail::matches_leaf(pattern, Table::modules, leaf)) continue;
      any = true;
      if (leaf.frozen) continue;
      trainable = true;
      arenas().states[leaf.slot].disabled = !requires_grad;
    }
    if (!any) Paths::throw_no("parameter", pattern);
    if (requires_grad && !trainable)
      raise(ValueError("requires_grad_: the type of this model freezes '" + std::string(pattern) + "'"));
  }
  template<std::same_as<bool> Bool = bool>
  void requires_grad_(Bool requires_grad = true) {
    for (std::size_t i = 0; i < state_count; ++i) arenas().states[i].disabled = !requires_grad;
  }

  /// Initialises every module that says how, children before parents, in the order of declaration.
  void reset_parameters() { detail::reset_network<Table>(net_, arenas()); }
  /// Calls `f(module)` for every module with its own type, children before parents.
  template<class F>
  Model& apply(F&& f) {
    const auto visit = [&](auto& module, std::size_t) { f(module); };
    (void)arenas();
    detail::post_order<Table>(net_, 0, visit);
    return *this;
  }

  friend std::ostream& operator<<(std::ostream& out, const Model& model) { return out << repr(model.net_); }

private:
  const Arenas& arenas() const {
    if constexpr (parameter_bytes + buffer_bytes > 0)
      if (!arenas_) [[unlikely]]
        refuse_without_memory();
    return arenas_;
  }
  [[noreturn]] STATOR_COLD static void refuse_without_memory() {
    std::string text(Table::modules[0].type);
    raise(UnboundError(text.append(": this model has no memory: it has been moved from")));
  }
  void use(const ModelMemory& memory) {
    expect(memory.parameters, parameter_bytes, "parameters");
    expect(memory.gradients, gradient_bytes, "gradients");
    expect(memory.buffers, buffer_bytes, "buffers");
    arenas_ = {memory.parameters.data(), memory.buffers.data(), memory.gradients.data(),
               memory.grad_states.data()};
    if (memory.grad_states.size() < state_count) {
      owned_ = MemoryBlock(state_bytes);
      arenas_.states = new_states(owned_.data());
    }
  }
  static void expect(std::span<std::byte> memory, std::size_t bytes, const char* what) {
    detail::expect_memory("Model", memory, bytes, what);
  }
  STATOR_COLD STATOR_NOINLINE bool has_written_grad(std::size_t i) const {
    return arenas_.at(parameter_table[i]).has_grad();
  }
  static constexpr std::size_t state_count = Selected::trainable.size();
  static constexpr std::size_t state_bytes = align_up(state_count * sizeof(GradState));
  static GradState* new_states(std::byte* at) {
    return std::uninitialized_value_construct_n(reinterpret_cast<GradState*>(at), state_count) - state_count;
  }
  void allocate() {
    constexpr auto total = [] {
      CheckedSize bytes = parameter_bytes;
      bytes += gradient_bytes;
      return bytes += buffer_bytes;
    }();
    static_assert(total.fits() &&
                      parameter_bytes / sizeof(scalar) >= static_cast<std::size_t>(parameter_count),
                  "stator: this network has more parameters than memory can have");
    owned_ = MemoryBlock(align_up(total.value() + 1) + state_bytes);
    std::byte* const first = owned_.data();
    arenas_ = {first, first + parameter_bytes + gradient_bytes, first + parameter_bytes,
               new_states(first + align_up(total.value() + 1))};
  }
  void start() {
    clear(arenas_.parameters, parameter_bytes);
    clear(arenas_.gradients, gradient_bytes);
    clear(arenas_.buffers, buffer_bytes);
    std::fill_n(arenas_.states, state_count, GradState{});
    bind();
    reset_parameters();
  }
  static void clear(std::byte* p, std::size_t bytes) {
    if (bytes > 0) std::memset(p, 0, bytes);
  }
  void bind() {
    detail::BindVisitor v(Table::leaves.data(), arenas_);
    walk(net_, v);
  }
  /// `net_` is a copy of the other network already.
  void copy_from(const Model& other) {
    if (!other.arenas_) {
      arenas_ = {};
      owned_ = {};
      return;
    }
    if (!arenas_) allocate();
    bind();
    if (parameter_bytes > 0) std::memcpy(arenas_.parameters, other.arenas_.parameters, parameter_bytes);
    if (gradient_bytes > 0) std::memcpy(arenas_.gradients, other.arenas_.gradients, gradient_bytes);
    if (buffer_bytes > 0) std::memcpy(arenas_.buffers, other.arenas_.buffers, buffer_bytes);
    detail::StaleGradients<Model>::copy_states(arenas_, other.arenas_);
  }
  template<class T>
  static std::span<T> arena(std::byte* p, std::size_t bytes) {
    return {reinterpret_cast<T*>(p), p == nullptr ? 0 : bytes / sizeof(T)};
  }

  /// Declares the life of the network, in every constructor.
  struct Alive {
    explicit Alive(const Net& net) { detail::begin_life(&net, sizeof(Net)); }
  };

  Net net_;
  [[no_unique_address]] Alive alive_{net_};
  MemoryBlock owned_;
  Arenas arenas_;
};

} // namespace stator::inline v0_2
