// SPDX-License-Identifier: BSL-1.0
// stator::save_header(model, "mlp_weights.hpp"): the weights as a C++ header, for programs that have no file
// system or should not need one.
//
//   #include "mlp_weights.hpp"
//   const stator::ReadOnlyModel<Mlp> model{mlp_weights{}}; // no copy: the weights stay in .rodata
//
// Compilers take about a second for a million weights; for more see io/save_image.hpp.
#pragma once

#include "stator/io/atomic_file.hpp"
#include "stator/model/memory_image.hpp"
#include "stator/module/tensor_ref.hpp"

#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>
#include <string>

namespace stator::inline v0_2 {

/// How a header of weights is written.
struct SaveHeaderOptions {
  /// Name of the struct. Nothing: the file's name without its extension.
  std::string_view name = {};
};

namespace detail {

/// An element as a literal that means exactly this value.
template<class T>
void append_literal(std::string& out, T value) {
  std::array<char, 40> digits{};
  if constexpr (std::is_floating_point_v<T>) {
    using Bits = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;
    if (!std::isfinite(value)) {
      const auto end = std::to_chars(digits.begin(), digits.end(), std::bit_cast<Bits>(value), 16).ptr;
      out.append(sizeof(T) == 4 ? "std::bit_cast<float>(std::uint32_t{0x"
                                : "std::bit_cast<double>(std::uint64_t{0x");
      out.append(digits.begin(), end).append("U})");
      return;
    }
    const auto end = std::to_chars(digits.begin(), digits.end(), std::abs(value), std::chars_format::hex).ptr;
    out.append(std::signbit(value) ? "-0x" : "0x").append(digits.begin(), end);
    if (sizeof(T) == 4) out += 'f';
  } else if constexpr (std::is_same_v<T, bool>) {
    out += value ? '1' : '0';
  } else if (value == std::numeric_limits<T>::min() && std::is_signed_v<T>) {
    append_literal(out, static_cast<T>(value + 1)); // the literal itself would be one too large
    out.append(" - 1");
  } else {
    const auto end = std::to_chars(digits.begin(), digits.end(), value).ptr;
    out.append(digits.begin(), end);
    if (sizeof(T) == 8) out.append("LL");
  }
}

/// The elements of a tensor, up to 100 columns a line.
template<class Tensor>
void append_elements(std::string& out, const Tensor& tensor) {
  const auto append = [&]<class T>(T) {
    std::size_t line = out.size();
    for (const T value : tensor.template values<T>()) {
      if (out.size() - line > 90) out += '\n', line = out.size();
      append_literal(out, value);
      out += ',';
    }
  };
  switch (tensor.dtype()) {
  case DType::float32:
    return append(float{});
  case DType::float64:
    return append(double{});
  case DType::int64:
    return append(std::int64_t{});
  case DType::int32:
    return append(std::int32_t{});
  case DType::uint8:
    return append(std::uint8_t{});
  case DType::boolean:
    return append(bool{});
  case DType::float16:
  case DType::bfloat16:
    break;
  }
  std::size_t line = out.size(); // of 16 bits: the bits
  for (std::size_t i = 0; i < tensor.bytes(); i += 2) {
    if (out.size() - line > 90) out += '\n', line = out.size();
    std::uint16_t bits;
    std::memcpy(&bits, tensor.raw() + i, sizeof bits);
    append_literal(out, bits);
    out += ',';
  }
}

/// Throws ValueError for what cannot be the name of a struct.
inline void expect_identifier(std::string_view name) {
  const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; };
  bool valid = !name.empty() && is_letter(name.front());
  for (const char c : name) valid = valid && (is_letter(c) || (c >= '0' && c <= '9'));
  if (!valid)
    raise(ValueError("save_header: '" + std::string(name) +
                     "' cannot be the name of a struct; SaveHeaderOptions::name gives another"));
}

/// The struct of the parameters, or of the buffers, and its constant.
template<class Table, class M>
void append_block(std::string& out, const M& model, std::string_view type, std::string_view name,
                  std::span<const std::size_t> leaves) {
  if (leaves.empty()) return;
  out.append("  struct ").append(type).append(" {\n");
  for (const std::size_t i : leaves) {
    const LeafEntry& e = Table::leaves[i];
    out.append("    alignas(64) ")
        .append(is_half(e.dtype) ? "std::uint16_t" : scalar_name(e.dtype))
        .append(" t")
        .append(std::to_string(i));
    out.append("[").append(std::to_string(e.numel)).append("]; // ").append(e.name).append(" ");
    out.append(text(e.extents).view()).append(is_half(e.dtype) ? ", the bits\n" : "\n");
  }
  out.append("  };\n  static constexpr ").append(type).append(" ").append(name).append("{\n");
  for (const std::size_t i : leaves) {
    out += '{';
    append_elements(out, model.tensor(Table::leaves[i]));
    out += "},\n";
  }
  out += "  };\n";
}

} // namespace detail

/// Writes a header with a struct (named by `options.name`, or as the file) whose constants are the parameters
/// and buffers of a Model, bit for bit, aligned to 64 bytes; NaN and infinities included. The file appears
/// under its name only when it is complete. Throws FileError; UnboundError; ValueError for a name that C++
/// does not allow, and for a tensor without elements.
template<class M>
  requires requires { typename M::tables; }
void save_header(const M& model, const io::Path& path, const SaveHeaderOptions& options = {}) {
  using Table = typename M::tables;
  const std::string_view file = path.filename();
  const std::string name(options.name.empty() ? file.substr(0, file.find('.')) : options.name);
  detail::expect_identifier(name);
  std::vector<std::size_t> parameters, buffers;
  for (std::size_t i = 0; i < Table::leaves.size(); ++i) {
    const LeafEntry& e = Table::leaves[i];
    if (e.owner != i) continue;
    if (e.numel == 0)
      raise(
          ValueError("save_header: " + std::string(e.name) + " has no elements, which C++ has no array for"));
    (e.is_parameter() ? parameters : buffers).push_back(i);
  }
  const auto by_offset = [](std::size_t i) { return Table::leaves[i].offset; };
  std::ranges::sort(parameters, {}, by_offset);
  std::ranges::sort(buffers, {}, by_offset);

  std::string out;
  out.append("// Written by stator::save_header: the weights of ").append(Table::modules[0].type);
  out.append(", ").append(std::to_string(M::parameter_count)).append(" parameters.\n#pragma once\n\n");
  out.append("#include <bit>\n#include <cstdint>\n#include <stator/model/embedded.hpp>\n\nstruct ");
  out.append(name).append(" : stator::Embedded {\n  static constexpr std::string_view network = \"");
  out.append(Table::modules[0].type).append("\";\n  static constexpr stator::EmbeddedTensor tensors[]{\n");
  for (const auto* list : {&parameters, &buffers})
    for (const std::size_t i : *list) {
      const LeafEntry& e = Table::leaves[i];
      out.append("      {\"").append(e.name).append("\", ").append(e.is_parameter() ? "true" : "false");
      out.append(", stator::DType::")
          .append(e.dtype == DType::boolean ? "boolean" : to_string(e.dtype))
          .append(", stator::Extents(");
      for (std::size_t d = 0; d < e.extents.rank; ++d)
        out.append(d > 0 ? ", " : "").append(std::to_string(e.extents[d]));
      out.append("), ").append(std::to_string(e.offset)).append("},\n");
    }
  out.append("  };\n");
  detail::append_block<Table>(out, model, "Parameters", "parameters", parameters);
  detail::append_block<Table>(out, model, "Buffers", "buffers", buffers);
  out.append("};\n");

  io::AtomicFile written(path);
  written.write(out);
  written.commit();
}

} // namespace stator::inline v0_2
