// SPDX-License-Identifier: BSL-1.0
// A network in read-only memory: a file that was mapped, read-only data of the program.
//
//   stator::ReadOnlyModel<Net> model{mlp_weights{}};   // constants of a header, io/save_header.hpp
//   stator::ReadOnlyModel<Net> model{image};           // bytes of a file of io/save_image.hpp
//   stator::ReadOnlyModel<Net> model{{weights, statistics}}; // another model's parameter_arena(),
//   auto logits = model(x).value();                          // buffer_arena()
#pragma once

#include "stator/hooks/hooked_model.hpp"
#include "stator/model/bind.hpp"
#include "stator/model/memory_image.hpp"
#include "stator/model/ranges.hpp"
#include "stator/module/access.hpp"
#include "stator/module/mode.hpp"
#include "stator/module/print.hpp"
#include "stator/state/state_target.hpp"

#include <concepts>
#include <ostream>
#include <span>

namespace stator::inline v0_2 {

/// Blocks of `Model<Net>::parameter_bytes` and `buffer_bytes`, each 64-byte aligned.
struct ReadOnlyMemory {
  std::span<const std::byte> parameters;   ///< as Model::parameter_arena() has them
  std::span<const std::byte> buffers = {}; ///< as Model::buffer_arena() has them
};

/// A parameter or buffer that can only be read, without its static type.
class ConstTensorRef {
public:
  explicit ConstTensorRef(const TensorRef& tensor) : tensor_(tensor) {}
  /// Its extents.
  Sizes shape() const { return tensor_.shape(); }
  Index size(std::size_t d) const { return tensor_.size(d); }
  /// Number of dimensions.
  std::size_t dim() const { return tensor_.dim(); }
  /// Number of elements.
  Index numel() const { return tensor_.numel(); }
  /// Element type.
  DType dtype() const { return tensor_.dtype(); }
  /// Bytes of all elements.
  std::size_t bytes() const { return tensor_.bytes(); }
  /// The first element, as bytes.
  const std::byte* raw() const { return tensor_.raw(); }
  /// The elements. Throws ValueError when T is not their type.
  template<class T>
  std::span<const T> values() const {
    return tensor_.template values<T>();
  }

private:
  TensorRef tensor_;
};

/// An element of `ReadOnlyModel::named_parameters()`.
struct NamedConstTensor {
  std::string_view name; ///< its full path
  ConstTensorRef tensor; ///< its elements, read-only
};

namespace detail {
/// Whether a call writes to a buffer; Result: what it returns, of expressions.
template<class Result>
consteval bool writes_to_leaves() {
  if constexpr (is_refused<Result>) {
    return false;
  } else {
    graph::Builder b;
    tracer<typename result_type<0, Result>::type>::template symbol<0>(
        b); // each of them records the whole call
    return !b.effects.empty();
  }
}
} // namespace detail

/// `Net` in evaluation mode. `Options` are those of the `Model<Net, Options...>` that the memory is of: they
/// decide where the tensors lie. Training it does not compile: no expression of it requires a gradient of a
/// parameter, optimisers and load_state_dict do not take it. Copies share the memory, which must outlive
/// them. Any number of threads may use it.
template<class Net, class... Options>
class ReadOnlyModel {
  static_assert(check<detail::refusal<Net>>());
  using Table = table<Net, Options...>;
  using Selected = detail::selections<Table>;
  using Evaluated = std::conditional_t<(Table::parameter_bytes > 0), Mode<false, Options..., freeze<"*">>,
                                       Mode<false, Options...>>;

public:
  /// The network.
  using module_type = Net;
  static constexpr std::size_t parameter_bytes = Table::parameter_bytes; ///< bytes of the parameters
  static constexpr std::size_t buffer_bytes = Table::buffer_bytes;       ///< bytes of the buffers

  /// Throws ValueError when memory is too small or not aligned.
  explicit ReadOnlyModel(const ReadOnlyMemory& memory, const Net& net = Net{}) : net_(net) {
    detail::expect_memory("ReadOnlyModel", memory.parameters, parameter_bytes, "parameters");
    detail::expect_memory("ReadOnlyModel", memory.buffers, buffer_bytes, "buffers");
    // Handles know no const; none of them leaves this class.
    arenas_.parameters = const_cast<std::byte*>(memory.parameters.data());
    arenas_.buffers = const_cast<std::byte*>(memory.buffers.data());
    detail::BindVisitor v(Table::leaves.data(), arenas_);
    walk(net_, v);
  }
  /// Uses an image that stator::save_image wrote, where it lies. Throws ValueError when it is of another
  /// network, cut short, or not at a multiple of 64 bytes.
  template<std::convertible_to<std::span<const std::byte>> Image> // not what braces could mean as well
  explicit ReadOnlyModel(const Image& image, const Net& net = Net{}) : ReadOnlyModel(parts(image), net) {}
  /// Uses the constants of a header that stator::save_header wrote. Those of another network do not compile.
  template<std::derived_from<Embedded> Weights>
  explicit ReadOnlyModel(Weights, const Net& net = Net{})
      : ReadOnlyModel(
            ReadOnlyMemory{detail::embedded_parameters<Weights>(), detail::embedded_buffers<Weights>()},
            net) {
    static_assert(check<detail::embedded_error<Table, Weights>>());
  }

  /// An expression, or several in the places where forward returns them: the network's outputs for these
  /// inputs, in evaluation mode. They refer to this model.
  auto operator()(auto&&... x) const {
    auto y = nn::call_as<Evaluated>(net_, std::forward<decltype(x)>(x)...);
    static_assert(!detail::writes_to_leaves<decltype(y)>(),
                  "stator: ReadOnlyModel: forward assigns to a buffer in evaluation mode");
    return y;
  }
  /// The model itself: it is in evaluation mode always.
  const ReadOnlyModel& eval() const { return *this; }

  /// The parameter or buffer at a path that the compiler checks, with its shape.
  template<fixed_string Path>
  auto get() const {
    static_assert(check<detail::leaf_error<Net, Path>>());
    const auto view = stator::get<Path>(net_).view();
    return to_const(view);
  }
  /// Name and view of every parameter, shared ones once; with `remove_duplicate = false` under every name.
  auto named_parameters(bool remove_duplicate = true) const {
    return named(remove_duplicate ? Selected::template parameters<Listing{}>
                                  : Selected::template parameters<Listing{.remove_duplicate = false}>);
  }
  /// Name and view of every buffer, with the arguments of `named_parameters`.
  auto named_buffers(bool remove_duplicate = true) const {
    return named(remove_duplicate ? Selected::template buffers<Listing{}>
                                  : Selected::template buffers<Listing{.remove_duplicate = false}>);
  }
  /// As Model::state_dict: `other.load_state_dict(model.state_dict())`, `stator::save(model.state_dict(),
  /// path)`.
  StateDict state_dict() const {
    std::vector<TensorRef> tensors;
    for (const LeafEntry& leaf : Table::leaves) tensors.push_back(arenas_.at(leaf));
    return detail::make_state_dict(detail::make_state_target<Table>(const_cast<Net&>(net_), tensors));
  }

  friend std::ostream& operator<<(std::ostream& out, const ReadOnlyModel& model) {
    return out << repr(model.net_);
  }

private:
  static ReadOnlyMemory parts(std::span<const std::byte> image) {
    detail::expect_image<Table>(image);
    return {image.subspan(sizeof(ImageHeader), parameter_bytes),
            image.subspan(sizeof(ImageHeader) + parameter_bytes, buffer_bytes)};
  }

  friend const Net& evaluated_network(const ReadOnlyModel& model) { return model.net_; }

  template<class T, Index... E>
  static TensorView<const T, E...> to_const(const TensorView<T, E...>& view) {
    return view;
  }
  auto named(const auto& list) const {
    return detail::TableRange(list.rows.data(), list.count, [arenas = arenas_](const LeafRow& row) {
      return NamedConstTensor{row.name, ConstTensorRef(arenas.at(*row.entry))};
    });
  }

  Net net_;
  Arenas arenas_;
};

} // namespace stator::inline v0_2
