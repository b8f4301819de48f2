// SPDX-License-Identifier: BSL-1.0
// The law of every layer: output, gradients and buffers are PyTorch's, within 1e-5 of the largest element;
// its text and its first parameters are the same to the last bit. The tensors are in
// reference/data/layers/*.npz, whose script says how they are called.
#pragma once

#include "catch.hpp"
#include "reference/reference.hpp"

#include "stator/core/random.hpp"
#include "stator/model/model.hpp"
#include "stator/module/print.hpp"
#include "stator/ops/ops.hpp"
#include "stator/run/evaluation.hpp"

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace stator::test {

inline const References& layers() {
  static const References read("layers");
  return read;
}

/// The texts of the array `key` of every file, each ended by a zero byte.
inline std::vector<std::string> texts(const char* key) {
  std::vector<std::string> result(1);
  for (const io::Npz& file : layers())
    for (const std::uint8_t c : file[key].as<std::uint8_t>())
      if (c == 0)
        result.emplace_back();
      else
        result.back() += static_cast<char>(c);
  result.pop_back();
  return result;
}

/// repr(module) in PyTorch. Throws KeyError for a case that is not known.
inline std::string expected_text(const std::string& name) {
  static const std::vector<std::string> known = texts("repr");
  for (std::size_t i = 0; i < known.size(); i += 2)
    if (known[i] == name) return known[i + 1];
  throw KeyError("reference/data/layers has no text of '" + name + "'");
}

/// Compares repr(module) with PyTorch's.
inline void compare_text(const std::string& name, const std::string& found) {
  CHECK(found == expected_text(name));
}

/// Whether the parameters of the file are those that the module starts with.
inline bool is_initial(const std::string& name) {
  static const std::vector<std::string> known = texts("initial");
  return std::find(known.begin(), known.end(), name) != known.end();
}

/// Copies the array `key`, converted to T.
template<class T>
void load(const std::string& key, std::span<T> to) {
  INFO(key);
  REQUIRE(layers().contains(key));
  const auto from = layers()[key];
  if constexpr (std::is_integral_v<T>) {
    const auto values = from.template as<std::int64_t>();
    REQUIRE(values.size() == to.size());
    std::copy(values.begin(), values.end(), to.begin());
  } else {
    const auto values = from.template as<float>();
    REQUIRE(values.size() == to.size());
    std::copy(values.begin(), values.end(), to.begin());
  }
}

/// Compares with the array `key`, whose size is taken as at least `least`; NaN and infinity must be in the
/// same places.
template<class T>
void compare(const std::string& key, std::span<const T> found, double least = 1e-2) {
  INFO(key);
  REQUIRE(layers().contains(key));
  const auto expected =
      layers()[key].template as<std::conditional_t<std::is_integral_v<T>, std::int64_t, float>>();
  check_close(found, expected, 1e-5 * largest(expected, least), {.equal_nan = true});
}

/// An input of a layer that has a gradient, and its name in the file.
template<Index... E>
struct In {
  const char* name = "x";
};
/// An input that has none: indices, masks.
template<class T, Index... E>
struct Fixed {
  const char* name = "x";
};
template<Index... E>
auto make_input(const std::string& prefix, In<E...> in) {
  Variable<float, E...> x;
  load(prefix + in.name, x.values());
  return x;
}
template<class T, Index... E>
auto make_input(const std::string& prefix, Fixed<T, E...> in) {
  Tensor<T, E...> x;
  load(prefix + in.name, x.values());
  return x;
}
void compare_input(const std::string& prefix, const char* name, const auto& x) {
  if constexpr (requires { x.grad_data(); })
    compare<float>(prefix + "d" + name, {x.grad_data(), static_cast<std::size_t>(x.numel())});
}

/// Checks the expression that `make()` returns against y, and its gradient with respect to `inputs`.
template<class Make>
void check_expression(const std::string& prefix, const Make& make) {
  const auto y = make().value();
  compare<typename decltype(y)::scalar>(prefix + "y", y.values());
  if (!layers().contains(prefix + "dy")) return;
  std::remove_const_t<decltype(y)> dy = y;
  load(prefix + "dy", dy.values());
  sum(mul(make(), dy)).backward();
}

/// A function of operations: `check_function("L1Loss.mean", [](auto& x, auto& t) {...}, In<3, 4>{}, ...)`.
template<class F, class... I>
void check_function(const std::string& name, const F& f, I... in) {
  const std::string prefix = name + ".";
  auto inputs = std::tuple(make_input(prefix, in)...);
  std::apply([&](const auto&... x) { check_expression(prefix, [&] { return f(x...); }); }, inputs);
  if (!layers().contains(prefix + "dy")) return;
  std::apply([&](const auto&... x) { (compare_input(prefix, in.name, x), ...); }, inputs);
}

/// What a range over a model lists, without the model's type: one compiled function serves every layer.
using Tensors = std::vector<std::pair<std::string, TensorRef>>;
template<class Range>
Tensors tensors(const Range& range) {
  Tensors result;
  for (const auto& [name, tensor] : range) result.emplace_back(name, tensor);
  return result;
}

/// Loads parameters, of 16 bits perhaps, which the file may say to be the layer's own initial ones.
inline void load_parameters(const std::string& name, const Tensors& parameters) {
  for (const auto& [key, parameter] : parameters) {
    std::vector<float> first(static_cast<std::size_t>(parameter.numel())), values(first.size());
    const auto bytes = [](std::vector<float>& v) { return reinterpret_cast<std::byte*>(v.data()); };
    const StorageType type = storage_of(parameter.dtype());
    convert_elements(type, parameter.raw(), StorageType::F32, bytes(first), first.size());
    load(name + "." + key, std::span(values));
    convert_elements(StorageType::F32, bytes(values), type, parameter.raw(), values.size());
    INFO(key);
    if (is_initial(name)) CHECK(first == values);
  }
}

inline void load_buffers(const std::string& name, const Tensors& buffers) {
  for (const auto& [key, buffer] : buffers)
    if (buffer.dtype() == DType::int64)
      load(name + "." + key, buffer.values<std::int64_t>());
    else
      load(name + "." + key, buffer.values<float>());
}

inline void compare_gradients(const std::string& name, const Tensors& parameters, double least) {
  for (const auto& [key, parameter] : parameters)
    compare<float>(name + ".grad." + key, parameter.grad<float>(), least);
}

/// Compares buffers with what they are after the call, which is what they were before unless the file says
/// so.
inline void compare_buffers(const std::string& name, const Tensors& buffers) {
  for (const auto& [key, buffer] : buffers) {
    const std::string after = name + ".after." + key;
    const std::string now = layers().contains(after) ? after : name + "." + key;
    if (buffer.dtype() == DType::int64)
      compare<std::int64_t>(now, buffer.values<std::int64_t>());
    else
      compare<float>(now, buffer.values<float>());
  }
}

/// The name of a case in the file. Gradients of parameters that are sums of larger terms count as at least
/// `least`.
struct Case {
  std::string name;
  double least = 1e-2;
};

/// A layer with the parameters of the file, called by `f(model, inputs...)`.
template<class Layer, bool Training = true, class F, class... I>
void check_called(const Case& tested, const F& f, I... in) {
  const std::string& name = tested.name;
  const std::string prefix = name + ".";
  manual_seed(fingerprint(std::span<const char>(name)));
  Model<Layer> model;
  compare_text(name, repr(*model));
  const Tensors parameters = tensors(model.named_parameters()), buffers = tensors(model.named_buffers());
  load_parameters(name, parameters);
  auto inputs = std::tuple(make_input(prefix, in)...);
  std::apply(
      [&](const auto&... x) {
        check_expression(prefix, [&] {
          load_buffers(name, buffers);
          if constexpr (Training)
            return f(model, x...);
          else
            return f(model.eval(), x...);
        });
        if (!layers().contains(prefix + "dy")) return;
        (compare_input(prefix, in.name, x), ...);
      },
      inputs);
  compare_gradients(name, parameters, tested.least);
  compare_buffers(name, buffers);
}

/// A layer with the parameters of the file, called with the inputs.
template<class Layer, bool Training = true, class... I>
void check_layer(const std::string& name, I... in) {
  check_called<Layer, Training>(
      Case{name}, [](const auto& model, const auto&... x) { return model(x...); }, in...);
}

} // namespace stator::test
