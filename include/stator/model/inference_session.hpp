// SPDX-License-Identifier: BSL-1.0
// Prepared inference: `optimize_for_inference` makes an InferenceSession of a model in evaluation mode, in
// which everything that does not change between calls has been done.
#pragma once

#include "stator/core/accuracy.hpp"
#include "stator/core/compiler.hpp"
#include "stator/model/eval_model.hpp"
#include "stator/run/evaluation.hpp"
#include "stator/run/lanes.hpp"
#include "stator/run/prepared.hpp"

#include <concepts>
#include <cstring>
#include <string>
#include <tuple>
#include <utility>

namespace stator::inline v0_2 {

/// By which of Winograd's algorithms a session computes convolutions where it has the choice.
struct Winograd {
  Accuracy accuracy = Accuracy::same; ///< what they cost
  /// F(2x2, 3x3), or none.
  constexpr Winograd(std::same_as<bool> auto on) : accuracy(on ? Accuracy::other : Accuracy::same) {}
  static const Winograd f2x2; ///< tiles of 2x2 pixels, the same as `true`
  static const Winograd f4x4; ///< tiles of 4x4 pixels
  constexpr bool operator==(const Winograd&) const = default;

private:
  constexpr explicit Winograd(Accuracy a) : accuracy(a) {}
};
/// The algorithms that there are.
inline constexpr Winograd Winograd::f2x2{Accuracy::other}, Winograd::f4x4{Accuracy::coarse};

/// What `optimize_for_inference` may do.
struct InferenceOptions {
  /// Folds BatchNorm into the convolution or Linear before it: outputs differ from those of the model in
  /// rounding. Without it, and where there is nothing to fold, they are equal bit by bit.
  bool fold = true;
  /// `true`, where STATOR_WINOGRAD is 0, or tiles are few, and models do not: computes 3x3 convolutions of
  /// stride one by F(2x2, 3x3), with 16 multiplications instead of 36, where that is faster; outputs differ
  /// in rounding. Without it only those are that a BatchNorm was folded into. `Winograd::f4x4`: by F(4x4,
  /// 3x3), with 36 instead of 144, where that is faster still: 1.5 to 1.7 times for planes of 14x14 and
  /// larger. Its errors are about 1e-5 of the largest number; gradients are never computed by it. With either
  /// a pixel that is infinite or NaN makes its whole tile NaN, not only the pixels that see it.
  Winograd winograd = false;
};

/// The session of a network that is called with inputs of the types X. Made by `optimize_for_inference`.
///
/// It holds a copy of the parameters and buffers, in the layout of the kernels that read them: the model may
/// be trained on, or be gone, and outputs stay the same until `update`. It moves and does not copy.
///
/// Threads: any number of them may call one session at a time, each call has a workspace of its own.
/// `update`, moving and destroying it exclude all else.
///
/// Source: torch.jit.optimize_for_inference; onnxruntime.InferenceSession.
template<class Net, InferenceOptions Options, class... X>
class InferenceSession {
  using Call =
      expr::ModuleCall<Net, Mode<false>, expr::Input<typename X::scalar, typename X::shape_type, false>...>;
  static_assert(check<trace_error<Call>>());
  using Program = run::PreparedProgram<Call, run::Preparation{Options.fold, Options.winograd.accuracy}>;
  using P = typename Program::P;
  using S = typename Program::Result::shape;
  using Results = typename Program::Results;
  static_assert(!Program::writes,
                "stator: optimize_for_inference: forward assigns to a buffer in evaluation mode");

public:
  /// The network.
  using module_type = Net;
  /// What a call returns: a tensor, or the tuple, array or struct of tensors that forward says.
  using Output = decltype(detail::result_tensors<Results>(0));

  /// Bytes of the workspace of one call: `fixed`, and `per_sample` for each sample of a dynamic batch.
  static constexpr Bytes workspace = P::workspace;
  /// The same where the batch is static: `static_assert(Session::workspace_bytes <= 64 * 1024)`.
  static constexpr std::size_t workspace_bytes = P::workspace.fixed;
  /// Bytes of the prepared parameters.
  static constexpr std::size_t prepared_bytes = P::prepared;

  /// Memory for the calls of one thread: a call that is given one allocates nothing, from the first on.
  class Workspace {
  public:
    /// For batches of up to `batch` samples, where the batch is dynamic. Throws MemoryError, ShapeError.
    explicit Workspace(Index batch = 1) : block_(workspace.total(batch) + 1) {}

  private:
    friend InferenceSession;
    MemoryBlock block_;
  };

  /// Prepares; `net` is that of a model in evaluation mode. Throws UnboundError, MemoryError.
  explicit InferenceSession(const Net& net) : prepared_(prepared_bytes + 1) {
    prepare(net);
    // The calls of this thread find a workspace.
    if constexpr (workspace.per_sample == 0) give_back(borrow(workspace.fixed));
  }

  /// Takes over the parameters and buffers that the model has now. `model`: `model.eval()`, of the same
  /// network. Throws UnboundError, then the session is as it was.
  template<class M>
  void update(const M& model) {
    static_assert(std::is_same_v<std::remove_cvref_t<decltype(evaluated_network(model))>, Net>,
                  "stator: InferenceSession::update: the model is of another network");
    prepare(evaluated_network(model));
  }

  /// The network's output for these inputs; nothing has run before `value()` or `value_into(out)`. It refers
  /// to the session and to the inputs.
  class Result {
  public:
    /// Runs the network. Throws ShapeError when batches differ, ValueError for indices out of range.
    Output value() const {
      Index batch = 0;
      if constexpr (detail::any_dynamic<Results>()) batch = Inputs(*this).batch;
      Output out = detail::result_tensors<Results>(batch);
      run(out, nullptr);
      return out;
    }
    /// The same into memory of the caller, a tensor or a view; where forward returns several values a tuple
    /// (`std::tie(y, h)`), an array or a struct of them, in their order. The workspace is one that the thread
    /// keeps: the first call of a thread may allocate it.
    template<class Out>
    void value_into(Out&& out) const {
      run(out, nullptr);
    }
    /// The same in a given workspace: allocates nothing. Throws ValueError for one that is too small.
    template<class Out>
    void value_into(Out&& out, Workspace& memory) const {
      run(out, &memory.block_);
    }

  private:
    friend InferenceSession;
    using Handles = std::tuple<expr::Input<typename X::scalar, typename X::shape_type, false>...>;
    struct Inputs {
      expr::LeafMemory leaves[Program::input_count + 1];
      Index batch;
      explicit Inputs(const Result& r) {
        detail::Gatherer g{leaves + Program::result_count - 1};
        std::apply([&](const auto&... x) { (tracer<std::remove_cvref_t<decltype(x)>>::gather(x, g), ...); },
                   r.inputs_);
        batch = g.batch;
      }
    };
    Result(const InferenceSession& session, const Handles& inputs) : session_(&session), inputs_(inputs) {}

    void run(auto& out, const MemoryBlock* memory) const {
      using Given = std::remove_cvref_t<decltype(out)>;
      static_assert(detail::result_kind<Given>() != detail::ResultKind::none &&
                        detail::result_count<Given>() == Program::result_count,
                    "stator: value_into: as many tensors as forward returns");
      Inputs inputs(*this);
      void* first = nullptr;
      detail::each_result(out,
                          [&]<std::size_t I, class To>(std::integral_constant<std::size_t, I>, const To& to) {
                            using Symbol = typename detail::result_type<I, Results>::type;
                            detail::check_result<Symbol>(to, "value_into", inputs.batch);
                            if constexpr (I == 0)
                              first = detail::result_memory(to);
                            else
                              inputs.leaves[I - 1].data = detail::result_memory(to);
                          });
      session_->run(inputs, static_cast<typename Program::Result::scalar*>(first), memory);
    }

    const InferenceSession* session_;
    Handles inputs_;
  };

  /// `session(x).value()`, `session(x).value_into(out)`: as `model.eval()(x)`.
  Result operator()(const auto&... x) const {
    static_assert(sizeof...(x) == sizeof...(X), "stator: InferenceSession: another number of inputs");
    return Result(*this, typename Result::Handles(input<X>(x)...));
  }

private:
  template<class Wanted, class Given>
  static auto input(const Given& x) {
    static_assert(std::is_same_v<typename Given::scalar, typename Wanted::scalar> &&
                      std::is_same_v<typename Given::shape_type, typename Wanted::shape_type>,
                  "stator: InferenceSession: an input has another type than the session was made for");
    using T = typename Wanted::scalar;
    return expr::Input<T, typename Wanted::shape_type, false>{
        x.leading(), const_cast<T*>(x.data()), {}, detail::Watch(x.data())};
  }

  void prepare(const Net& net) {
    expr::LeafMemory leaves[P::leaf_count + 1];
    detail::Gatherer g{leaves + Program::input_count};
    tracer<Call>::gather_network(net, g);
    for (const auto& c : Program::copies)
      std::memcpy(prepared_.data() + c.offset, leaves[c.leaf].data, c.bytes);
    MemoryBlock block = borrow(P::preparing);
    run::execute<P, 0, P::forward_units>({block.data(), leaves, nullptr, 0, prepared_.data()});
    give_back(std::move(block));
  }

  /// Bytes of a workspace that lies on the stack.
  static constexpr std::size_t small_workspace = 4096;

  void run(const typename Result::Inputs& inputs, typename Program::Result::scalar* out,
           const MemoryBlock* memory) const {
    const std::size_t need = workspace.total(std::max<Index>(inputs.batch, 0));
    if (memory != nullptr && memory->size() < need)
      raise(ValueError("InferenceSession: the workspace has " + std::to_string(memory->size()) +
                       " bytes, expected " + std::to_string(need)));
    run::Frame f{nullptr, inputs.leaves, out, inputs.batch, prepared_.data()};
    if constexpr (run::is_small<P, P::forward_units, P::forward_nodes> &&
                  workspace.fixed <= small_workspace) {
      run_inlined(f);
    } else {
      alignas(alignment) std::byte nearby[workspace.fixed <= small_workspace ? small_workspace : 1];
      MemoryBlock block;
      if (memory != nullptr)
        f.workspace = memory->data();
      else if (need <= sizeof nearby)
        f.workspace = nearby;
      else
        f.workspace = (block = borrow(need)).data();
      run::execute<P, P::forward_units, P::units.size()>(f);
      copy_result(f);
      if (!block.is_empty()) give_back(std::move(block));
    }
  }
  /// A small program: the workspace is a part of the function, so that what fits there stays in registers.
  STATOR_FLATTEN STATOR_NOINLINE static void run_inlined(const run::Frame& given) {
    alignas(alignment) std::byte nearby[std::max<std::size_t>(workspace.fixed, 1)];
    run::Frame f = given;
    f.workspace = nearby;
    run::execute_inlined<P, P::forward_units>(f);
    copy_result(f);
  }
  /// A result that lies elsewhere, in a leaf, goes to memory of the caller.
  STATOR_ALWAYS_INLINE static void copy_result(const run::Frame& f) {
    if constexpr (P::place(P::root).area != graph::Area::result)
      std::memcpy(f.result, run::detail::address<P, P::place(P::root)>(f),
                  static_cast<std::size_t>(S::numel * (S::is_dynamic ? f.batch : 1)) *
                      sizeof(typename Program::Result::scalar));
  }

  MemoryBlock prepared_;
};

namespace detail {
template<InferenceOptions Options, class... X, class M>
auto make_session(const M& model) {
  static_assert(sizeof...(X) > 0, "stator: optimize_for_inference: it needs the types of the inputs, "
                                  "optimize_for_inference<Tensor<float, 1, 784>>(model.eval())");
  constexpr bool evaluated = requires { evaluated_network(model); };
  static_assert(evaluated,
                "stator: optimize_for_inference: the model is in training mode, give model.eval()");
  if constexpr (evaluated)
    return InferenceSession<std::remove_cvref_t<decltype(evaluated_network(model))>, Options, X...>(
        evaluated_network(model));
}
} // namespace detail

/// A session of a model in evaluation mode for inputs of the types X, tensors whose batch is static or
/// dynamic:
///   auto session = stator::optimize_for_inference<stator::Tensor<float, 1, 784>>(model.eval());
///   auto logits = session(image).value();   // what model.eval()(image) gives
/// What does not change between calls is done here: weights are packed for their kernels, BatchNorm is folded
/// into the layer before it, what follows from parameters alone is computed. Throws UnboundError,
/// MemoryError.
template<class... X, class M>
auto optimize_for_inference(const M& model) {
  return detail::make_session<InferenceOptions{}, X...>(model);
}
/// The same with options: `optimize_for_inference<InferenceOptions{.fold = false}, X>(model.eval())`.
template<InferenceOptions Options, class... X, class M>
auto optimize_for_inference(const M& model) {
  return detail::make_session<Options, X...>(model);
}

} // namespace stator::inline v0_2
