// SPDX-License-Identifier: BSL-1.0
// The graph's vocabulary. A node holds no operation code: it points to the constants of its signature (this
// operation on these shapes), which hold the functions that run it and differentiate it.
#pragma once

#include "stator/core/bytes.hpp"
#include "stator/core/dtype.hpp"
#include "stator/core/elementwise_base.hpp"
#include "stator/core/shape.hpp"
#include "stator/core/text.hpp"

#include <cstdint>
#include <string_view>

namespace stator::graph {

class Builder;

/// Element type and extents of a value.
struct ValueType {
  DType dtype{};     ///< element type
  Extents extents{}; ///< the first may be dynamic

  constexpr bool operator==(const ValueType&) const = default;
  /// Memory that the value needs.
  constexpr Bytes bytes() const {
    const auto n = static_cast<std::size_t>(extents.numel()) * item_size(dtype);
    return extents.is_dynamic() ? Bytes{0, n} : Bytes{n, 0};
  }
};

/// What a node is, to the passes.
enum class Kind : std::uint8_t {
  leaf,        ///< an input, a parameter or a buffer: memory that exists already
  constant,    ///< one number
  view,        ///< the same elements, or the first of them, under another shape
  elementwise, ///< each element of the result from one element of each operand; fused into regions
  kernel,      ///< any other computation
  store,       ///< elementwise, the result goes to the memory of its first operand, a leaf
};

/// Runs a kernel: result, operands, batch, temporary memory. The operands lie in `in` in the node's order.
using KernelFunction = void (*)(void* out, const void* const* in, Index batch, std::byte* scratch);
/// Throws ValueError for an index that the operation cannot take.
using CheckFunction = void (*)(const void* indices, Index batch);
/// Appends the nodes of the vector-Jacobian product of `node` for the gradient `grad` of its result; writes
/// the gradient of each operand to `result`, -1 where there is none.
using VjpFunction = void (*)(Builder&, int node, int grad, int* result);
/// Appends the node of a + b, both of the signature's type.
using AddFunction = int (*)(Builder&, int a, int b);
/// Appends a node filled with a number, of the signature's type.
using FillFunction = int (*)(Builder&, double value);
/// Appends the node that adds `grad` to the gradient of the leaf `node`.
using AccumulateFunction = int (*)(Builder&, int node, int grad);

/// Computes an elementwise operation on numbers while compiling, rounded as the program would round; false
/// where it cannot.
using FoldFunction = bool (*)(const double* operands, double* result);
/// Which operand the result of an operation equals, bit by bit, when those that are `known` have these
/// values; -1: none.
using NeutralFunction = int (*)(const double* operands, const bool* known);

/// Appends what computes the same as `node` from weights that are in the layout of a kernel already; -1 where
/// nothing can be done before.
using PrepareFunction = int (*)(Builder&, int node);
/// Appends what computes `node` * scale + shift from other weights, for a scale and a shift of each of its
/// channels; -1 where these are none of them.
using ScaleFunction = int (*)(Builder&, int node, int scale, int shift);

/// What may follow a kernel so closely that the kernel does it before it writes its result.
enum class Finish : std::uint8_t {
  none,      ///< nothing of the kind
  sum,       ///< elementwise: the sum of two values
  relu,      ///< elementwise: max(x, 0)
  halve_max, ///< the maximum of windows of two by two that cover all
  unpool,    ///< the gradient of a maximum over windows, from that of its result and its operand
  cut,       ///< elementwise: the first of two values where the second is not at most 0, the gradient of relu
};
/// What a kernel does before it writes its result: relu, and another value added before it or the maximum of
/// windows of two by two taken after it.
enum class Finished : std::uint8_t { relu, sum_relu, relu_halve_max };
/// Appends what computes the same as `node` and then does `how`, with `summand`; -1 where it cannot.
using FinishFunction = int (*)(Builder&, int node, Finished how, int summand);

/// What a node costs; for one sample where the batch is dynamic.
struct Cost {
  Index multiply_adds = 0; ///< of products: matrix products, convolutions, attention, recurrent layers
  std::size_t bytes = 0;   ///< read and written: operands and result, once each
};

struct Signature;
/// What a convolution becomes together with relu and the maximum of windows of two by two behind it, and what
/// reads the gradient of its result, which then is never written: signatures, see graph/pooled.hpp.
struct Pooled {
  const Signature* forward; ///< of the same operands
  const Signature* result;  ///< the view of `forward` that holds the maxima
  /// What may read the gradient, by identity, and what does so from the gradient of the maxima and `forward`
  /// in its place.
  struct Reader {
    const Signature *of, *instead; ///< the second has the gradient of the maxima and `forward` as operands
  };
  Reader readers[3]; ///< all of them
};

/// An operation on operands of given types: one constant object each, so that its address is its identity.
struct Signature {
  std::string_view name;               ///< "Mm"
  std::string_view backward_name;      ///< what PyTorch calls its grad_fn: "MmBackward0"
  std::string_view normalizer;         ///< "softmax" where that is what computes it
  Kind kind{};                         ///< what it is to the passes
  ValueType type{};                    ///< of the result
  const ValueType* operands = nullptr; ///< their types
  int operand_count = 0;               ///< how many there are
  Cost cost{};                         ///< in one run
  KernelFunction run = nullptr;        ///< kind kernel
  KernelFunction accumulate = nullptr; ///< as run, but adds to `out`; null where it cannot
  Bytes scratch{};                     ///< temporary memory of run
  Index lanes = 0;                     ///< kind kernel: of how many rows `in_lanes` computes the result
  KernelFunction in_lanes = nullptr;   ///< as run, first operand and result with a row in each lane
  CheckFunction check = nullptr;       ///< of an operation that takes indices
  int checked = -1;                    ///< the operand that holds them
  const detail::ElementwiseBase* elementwise = nullptr; ///< kind elementwise and store
  FoldFunction fold = nullptr;                          ///< elementwise, where numbers can be computed with
  NeutralFunction neutral = nullptr;                    ///< elementwise
  bool repeats = false;                                 ///< elementwise: only repeats its operand
  VjpFunction vjp = nullptr;                            ///< null: not differentiable, or the order is used up
  AddFunction add = nullptr;                            ///< null where there is no gradient of this type
  FillFunction fill = nullptr;                          ///< null where there is no gradient of this type
  AccumulateFunction accumulate_grad = nullptr;         ///< kind leaf
  const Signature* identity = nullptr;                  ///< equal for equal operations, whatever their vjp
  const Signature* undone_by = nullptr;                 ///< identity of what gives the only operand back
  PrepareFunction prepare = nullptr;                    ///< of prepared programs, see graph/prepare.hpp
  ScaleFunction scaled = nullptr;                       ///< of prepared programs
  FinishFunction finished = nullptr;                    ///< of prepared programs
  Finish finish = Finish::none;                         ///< see graph/prepare.hpp and graph/pooled.hpp
  const Signature* cut = nullptr;                       ///< finish unpool: what cuts its result as well
  const Pooled* pooled = nullptr; ///< of convolutions that can be joined with what follows
  bool mul_add = false;           ///< elementwise: the first operand times the second plus the third
  bool unique = false;            ///< never merged with an equal node: random numbers
  bool constant = false;          ///< has no derivative because it is constant to those who differentiate
  int order = 0;                  ///< how many times it can be differentiated
};

/// One value of the program. `first` and `count` are its operands in the graph's list of edges. Without
/// default values: arrays of nodes begin as zeros, see core/frozen.hpp.
struct Node {
  const Signature* signature; ///< operation and types
  int first;                  ///< index of its first operand in the list of edges
  int count;                  ///< number of operands
  int leaf; ///< kind leaf, store and a kernel that writes to a buffer: which leaf of the expression; or -1
  bool gradient; ///< kind leaf and store: its gradient, not its value
  double number; ///< kind constant
  int call;      ///< the call of a module in which it was recorded; -1: none
};

/// What the type of several results says, one constant object for each such type, see trace/results.hpp.
struct Returned {
  std::size_t count = 0; ///< how many values
  /// The number of the value with a name, "0", "state.1", "hidden"; `count` where there is none.
  std::size_t (*find)(std::string_view name) = nullptr;
  /// The extents of a value.
  Extents (*extents)(std::size_t value) = nullptr;
  /// All of them, "([8, 3], [1, 8])", "Encoded(output=[8, 3], state=[1, 8])".
  Text (*shapes)() = nullptr;
};

/// A call of a module: `x | fc1`. Without default values, as Node.
struct Call {
  const void* address; ///< of the module in the prototype of its network
  int parent;          ///< the call around it; -1: none
  /// The class of the module.
  Text (*type_name)();
  int result;              ///< of what it returned the first, in the list of results; -1: it has not returned
  const Returned* several; ///< what it returned, when that is not one value; null otherwise
};

/// A value with a name inside of a forward, stator::tap.
struct Tap {
  int call = -1;           ///< of the module around it
  std::string_view name{}; ///< within that module
  int node = -1;           ///< the value
};

} // namespace stator::graph
