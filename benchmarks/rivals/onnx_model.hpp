// SPDX-License-Identifier: BSL-1.0
// ONNX models, written as the bytes of their protobuf messages (onnx.proto of ONNX 1.15, operators of version
// 20): as much as the networks of the benchmarks need.
#pragma once

#include "../bench.hpp"

#include <cstring>

namespace bench::onnx {

/// A protobuf message.
class Message {
public:
  Message& number(int field, std::int64_t value) {
    varint(static_cast<std::uint64_t>(field) << 3);
    varint(static_cast<std::uint64_t>(value));
    return *this;
  }
  Message& bytes(int field, std::string_view value) {
    varint((static_cast<std::uint64_t>(field) << 3) | 2);
    varint(value.size());
    bytes_ += value;
    return *this;
  }
  Message& real(int field, float value) {
    varint((static_cast<std::uint64_t>(field) << 3) | 5);
    char raw[4];
    std::memcpy(raw, &value, 4);
    bytes_.append(raw, 4);
    return *this;
  }
  Message& message(int field, const Message& value) { return bytes(field, value.bytes_); }
  const std::string& str() const { return bytes_; }

private:
  void varint(std::uint64_t value) {
    for (; value >= 128; value >>= 7) bytes_ += static_cast<char>((value & 127) | 128);
    bytes_ += static_cast<char>(value);
  }
  std::string bytes_;
};

using Sizes = std::vector<std::int64_t>;
using Names = std::vector<std::string>;
enum Element { float32 = 1, int64 = 7, boolean = 9 };

/// An attribute of a node: numbers, or one number.
struct Attribute {
  std::string name;
  Sizes ints{};
  float real = 0;
  int type = 7; ///< 1 real, 2 int, 7 ints
};

/// Nodes are added in order; every function returns the name of a result. Parameters are the contenders'
/// numbers, taken in PyTorch's order.
class Model {
public:
  std::string input(const std::string& name, const Sizes& sizes, Element element = float32) {
    graph_.message(11, value(name, sizes, element));
    return name;
  }
  std::string add(const std::string& operation, const Names& inputs,
                  const std::vector<Attribute>& attributes = {}) {
    return add(operation, inputs, attributes, 1)[0];
  }
  Names add(const std::string& operation, const Names& inputs, const std::vector<Attribute>& attributes,
            int outputs) {
    Message node;
    for (const std::string& i : inputs) node.bytes(1, i);
    Names results;
    for (int o = 0; o < outputs; ++o) node.bytes(2, results.emplace_back(fresh("v")));
    node.bytes(4, operation);
    for (const Attribute& a : attributes) {
      Message m;
      m.bytes(1, a.name).number(20, a.type);
      if (a.type == 1) m.real(2, a.real);
      if (a.type == 2) m.number(3, a.ints[0]);
      if (a.type == 7)
        for (const std::int64_t i : a.ints) m.number(8, i);
      node.message(5, m);
    }
    graph_.message(1, node);
    return results;
  }
  /// The next parameter of the network; `name` as in bench::fill_parameter.
  std::string parameter(const Sizes& sizes, std::string_view name = "") {
    std::vector<float> values(count(sizes));
    fill_parameter(values, parameters_++, name, sizes.size(), static_cast<std::size_t>(sizes[0]));
    return constant(sizes, values);
  }
  template<class T>
  std::string constant(const Sizes& sizes, const std::vector<T>& values, Element element = float32) {
    Message tensor;
    for (const std::int64_t s : sizes) tensor.number(1, s);
    const std::string name = fresh("c");
    tensor.number(2, element).bytes(8, name);
    tensor.bytes(9, {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)});
    graph_.message(5, tensor);
    return name;
  }
  std::string constant(const Sizes& values) {
    return constant(Sizes{static_cast<std::int64_t>(values.size())}, values, int64);
  }
  /// The bytes of the model whose result is `name`.
  std::string finish(const std::string& name, const Sizes& sizes) {
    graph_.message(12, value(name, sizes, float32)).bytes(2, "network");
    Message operators;
    operators.bytes(1, "").number(2, 20);
    Message model;
    model.number(1, 9).message(7, graph_).message(8, operators);
    return model.str();
  }
  static std::size_t count(const Sizes& sizes) {
    std::size_t n = 1;
    for (const std::int64_t s : sizes) n *= static_cast<std::size_t>(s);
    return n;
  }

private:
  std::string fresh(std::string prefix) { return prefix.append(std::to_string(values_++)); }
  static Message value(const std::string& name, const Sizes& sizes, Element element) {
    Message shape, tensor, type, info;
    for (const std::int64_t s : sizes) shape.message(1, Message().number(1, s));
    tensor.number(1, element).message(2, shape);
    type.message(1, tensor);
    info.bytes(1, name).message(2, type);
    return info;
  }
  Message graph_;
  int values_ = 0;
  std::size_t parameters_ = 0;
};

} // namespace bench::onnx
