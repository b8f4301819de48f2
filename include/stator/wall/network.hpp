// SPDX-License-Identifier: BSL-1.0
// The light side of a wall between a network and its users: a handle that calls, trains, lists, saves and
// loads, and knows no template of the network. One source file includes wall/define.hpp and makes it;
// everything else includes only this, and is not compiled again when the network changes.
//   stator::Network make_mlp();                           // mlp.hpp
//   stator::Network make_mlp() { return define<Mlp, ...>(...); } // mlp.cpp
//   Network mlp = make_mlp();  mlp.step({images, 64, 784}, {labels, 64});
// It must stay light: no header of the library here, and none of the standard library's large ones.
#pragma once

#include "stator/core/requirements.hpp"

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>

namespace stator::inline v0_2 {

/// Numbers in somebody else's memory, row-major, with their extents: `{images.data(), 64, 784}`, or from a
/// Tensor. `T`: `void`, or `const void` for numbers that are only read.
template<class T>
class BasicNumbers {
public:
  static constexpr std::size_t max_rank = 8; ///< the highest number of dimensions

  BasicNumbers() = default;
  /// `data`: float, double, std::int64_t, std::int32_t, std::uint8_t or bool.
  template<class E, class... Extents>
    requires requires(E* data) { static_cast<T*>(data); } && (sizeof...(Extents) <= max_rank)
  BasicNumbers(E* data, Extents... extents)
      : data_(data), type_(type_of(static_cast<const E*>(nullptr))), rank_(sizeof...(extents)),
        extents_{static_cast<std::int64_t>(extents)...} {}
  /// From what has data() and shape(): stator::Tensor, a TensorView, a Parameter.
  template<class Tensor>
    requires requires(Tensor& t) {
      static_cast<T*>(t.data());
      t.shape().begin();
    }
  BasicNumbers(Tensor&& tensor) : data_(tensor.data()), type_(type_of(tensor.data())) {
    const auto shape = tensor.shape();
    for (const auto extent : shape) extents_[rank_++] = extent;
  }

  /// The first element.
  T* data() const { return data_; }
  /// "float32", "int64", ..., as torch.dtype is called.
  std::string_view type() const { return type_; }
  /// Number of dimensions.
  std::size_t rank() const { return rank_; }
  std::int64_t operator[](std::size_t dimension) const { return extents_[dimension]; }
  /// Number of elements.
  std::int64_t numel() const {
    std::int64_t n = 1;
    for (std::size_t d = 0; d < rank_; ++d) n *= extents_[d];
    return n;
  }

  /// The name that `type` gives to elements of this type.
  static constexpr std::string_view type_of(const float*) { return "float32"; }
  static constexpr std::string_view type_of(const double*) { return "float64"; }
  static constexpr std::string_view type_of(const std::int64_t*) { return "int64"; }
  static constexpr std::string_view type_of(const std::int32_t*) { return "int32"; }
  static constexpr std::string_view type_of(const std::uint8_t*) { return "uint8"; }
  static constexpr std::string_view type_of(const bool*) { return "bool"; }

private:
  T* data_ = nullptr;
  std::string_view type_ = "float32";
  std::size_t rank_ = 0;
  std::int64_t extents_[max_rank]{};
};
/// Numbers that are only read.
using Numbers = BasicNumbers<const void>;
/// Numbers that may be written.
using MutableNumbers = BasicNumbers<void>;

/// A parameter of a network behind a wall.
struct WalledParameter {
  std::string_view name; ///< "fc1.weight"
  MutableNumbers values; ///< in the arena of the model
  /// Of the type of the values, of float where these have 16 bits; null where none is wanted.
  void* grad = nullptr;
};

namespace wall {
/// What wall/define.hpp implements for a network.
struct Interface {
  Interface() = default;
  Interface(const Interface&) = delete;
  Interface& operator=(const Interface&) = delete;
  virtual ~Interface() = default;
  /// See Network::operator().
  virtual void call(const Numbers& input, const MutableNumbers* outputs, std::size_t count) = 0;
  /// See Network::step.
  virtual double step(const Numbers& input, const Numbers& target) = 0;
  /// See Network::learning_rate.
  virtual double learning_rate() const = 0;
  /// See Network::set_learning_rate.
  virtual void set_learning_rate(double rate) = 0;
  /// Parameters, shared ones once.
  virtual std::size_t parameter_count() const = 0;
  /// Parameter i in PyTorch's order.
  virtual WalledParameter parameter(std::size_t i) const = 0;
  /// See Network::save.
  virtual void save(std::string_view path) const = 0;
  /// See Network::load.
  virtual void load(std::string_view path) = 0;
  /// See Network::bytes.
  virtual std::size_t bytes() const = 0;
};
} // namespace wall

/// A network with its optimiser, owned; moves, does not copy. One that has been moved from may only be
/// assigned to.
class Network {
public:
  /// Takes what `new` gave; wall/define.hpp calls it.
  explicit Network(wall::Interface* made) : made_(made) {}
  Network(Network&& other) noexcept : made_(std::exchange(other.made_, nullptr)) {}
  Network& operator=(Network&& other) noexcept {
    std::swap(made_, other.made_);
    return *this;
  }
  ~Network() { delete made_; }

  /// Inference: `output` gets the network's result for `input`. Where its forward returns several values, as
  /// many outputs follow, in their order. Throws ShapeError, or ValueError for another type of number or
  /// another number of outputs.
  template<class... More>
  void operator()(const Numbers& input, const MutableNumbers& output, More&&... more) {
    const MutableNumbers outputs[]{output, MutableNumbers(std::forward<More>(more))...};
    made_->call(input, outputs, 1 + sizeof...(more));
  }
  /// One step of training: zero_grad, forward, backward, the optimiser's step. Returns the loss. Throws as
  /// above.
  double step(const Numbers& input, const Numbers& target) { return made_->step(input, target); }
  /// Of the optimiser's first group.
  double learning_rate() const { return made_->learning_rate(); }
  /// Of all groups.
  void set_learning_rate(double rate) { made_->set_learning_rate(rate); }

  /// `for (auto [name, values, grad] : network.named_parameters())`, shared ones once.
  auto named_parameters() const {
    struct Range {
      struct Iterator {
        const wall::Interface* of;
        std::size_t at;
        WalledParameter operator*() const { return of->parameter(at); }
        Iterator& operator++() {
          ++at;
          return *this;
        }
        bool operator==(const Iterator&) const = default;
      };
      const wall::Interface* of;
      Iterator begin() const { return {of, 0}; }
      Iterator end() const { return {of, of->parameter_count()}; }
      std::size_t size() const { return of->parameter_count(); }
    };
    return Range{made_};
  }

  /// As stator::save and stator::load: safetensors, or .npz. Throw FileError, FormatError, StateDictError.
  void save(std::string_view path) const { made_->save(path); }
  /// Replaces parameters and buffers by those of a file, all of them or, when it throws, none.
  void load(std::string_view path) { made_->load(path); }
  /// Of parameters, gradients and buffers.
  std::size_t bytes() const { return made_->bytes(); }

private:
  wall::Interface* made_;
};

} // namespace stator::inline v0_2
