// SPDX-License-Identifier: BSL-1.0
// The tensors of a network's file as a constant: names, element types and shapes, to compare the header of a
// safetensors file with, in a static_assert or while the program runs.
#pragma once

#include "stator/core/storage.hpp"
#include "stator/module/tensor_ref.hpp"

#include <array>
#include <cstdint>
#include <string_view>
#include <utility>

namespace stator::inline v0_2 {

/// A tensor as `save` writes it.
struct SchemaEntry {
  std::string_view name; ///< as in the state_dict
  DType dtype{};         ///< element type in the network
  Extents shape{};       ///< static extents
  constexpr bool operator==(const SchemaEntry&) const = default;
};

namespace detail {

/// Reads a safetensors header in constant evaluation. It trusts nothing: what it cannot read is an error.
/// (Files are read by io/safetensors.hpp; this is only for comparing.)
class HeaderScanner {
public:
  explicit constexpr HeaderScanner(std::string_view text) : text_(text) {}

  constexpr bool accept(char c) {
    while (at_ < text_.size() &&
           (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == '\t' || text_[at_] == '\r'))
      ++at_;
    if (at_ == text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  constexpr bool at_end() {
    accept('\0');
    return at_ == text_.size();
  }
  /// The text between quotes, escapes as they stand.
  constexpr bool string(std::string_view& value) {
    if (!accept('"')) return false;
    const std::size_t begin = at_;
    for (; at_ < text_.size() && text_[at_] != '"'; ++at_)
      if (text_[at_] == '\\') ++at_;
    if (at_ >= text_.size()) return false;
    value = text_.substr(begin, at_++ - begin);
    return true;
  }
  /// "[1, 2, 3]"; more than `max_rank` numbers are an unsupported rank.
  constexpr bool numbers(Extents& values) {
    values = {};
    if (!accept('[')) return false;
    if (accept(']')) return true;
    do {
      if (accept('\0') || at_ == text_.size() || values.rank == max_rank) return false;
      accept('\0');
      Index value = 0;
      const std::size_t begin = at_;
      for (; at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9' && at_ - begin < 18; ++at_)
        value = value * 10 + (text_[at_] - '0');
      if (at_ == begin) return false;
      values.push_back(value);
    } while (accept(','));
    return accept(']');
  }
  /// {"key": "text", ...}
  constexpr bool skip_texts() {
    if (!accept('{')) return false;
    if (accept('}')) return true;
    std::string_view ignored;
    do {
      if (!string(ignored) || !accept(':') || !string(ignored)) return false;
    } while (accept(','));
    return accept('}');
  }
  /// {"dtype": "F32", "shape": [..], "data_offsets": [..]}
  constexpr bool tensor(std::string_view& dtype, Extents& shape) {
    bool has_dtype = false, has_shape = false;
    std::string_view key;
    Extents ignored;
    if (!accept('{')) return false;
    do {
      if (!string(key) || !accept(':')) return false;
      if (key == "dtype")
        has_dtype = string(dtype);
      else if (key == "shape")
        has_shape = numbers(shape);
      else if (!numbers(ignored))
        return false;
    } while (accept(','));
    return accept('}') && has_dtype && has_shape;
  }

private:
  std::string_view text_;
  std::size_t at_ = 0;
};

} // namespace detail

/// `schema<Net>`, and whatever is compared with it.
template<std::size_t N>
struct Schema {
  std::array<SchemaEntry, N> tensors{}; ///< in the order of the network
  /// Whether a module has extra state, whose shapes are not constants: it is not compared.
  bool has_extra_state = false;

  constexpr auto begin() const { return tensors.begin(); }
  constexpr auto end() const { return tensors.end(); }
  static constexpr std::size_t size() { return N; }
  constexpr bool operator==(const Schema&) const = default;

  /// Where the entry with a name is, `N` when there is none.
  constexpr std::size_t find(std::string_view name) const {
    std::size_t i = 0;
    while (i < N && tensors[i].name != name) ++i;
    return i;
  }
  /// Whether there is a tensor of this name.
  constexpr bool contains(std::string_view name) const { return find(name) < N; }

  /// A number for the whole, whatever the order: FNV-1a of "name\0dtype\0extent,extent,...," per tensor,
  /// added up.
  constexpr std::uint64_t fingerprint() const {
    std::uint64_t total = 0;
    for (const SchemaEntry& e : tensors) {
      Text line =
          text(e.name, std::string_view("\0", 1), to_string(storage_of(e.dtype)), std::string_view("\0", 1));
      for (std::size_t d = 0; d < e.shape.rank; ++d) line += e.shape[d], line += ",";
      std::uint64_t hash = 0xcbf29ce484222325U;
      for (const char c : line.view()) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
      total += hash;
    }
    return total;
  }

  /// The first difference to the header of a safetensors file (its JSON text), empty when there is none.
  constexpr Text difference(std::string_view header) const {
    detail::HeaderScanner in(header);
    std::array<bool, N + 1> seen{};
    if (!in.accept('{')) return Text("not a header of a safetensors file");
    if (!in.accept('}')) {
      do {
        std::string_view name, dtype;
        Extents shape;
        if (!in.string(name) || !in.accept(':')) return Text("not a header of a safetensors file");
        if (name == "__metadata__") {
          if (!in.skip_texts()) return Text("__metadata__ of the header cannot be read");
          continue;
        }
        if (!in.tensor(dtype, shape)) return text("the header's entry ", name, " cannot be read");
        if (has_extra_state && (name == "_extra_state" || name.ends_with("._extra_state"))) continue;
        const std::size_t at = find(name);
        if (at == N) return text(name, " is in the header only");
        const SchemaEntry& e = tensors[at];
        if (storage_type(dtype) != storage_of(e.dtype))
          return text(name, " is ", to_string(storage_of(e.dtype)), " in the network, ", dtype,
                      " in the header");
        if (!(shape == e.shape))
          return text(name, " is ", e.shape, " in the network, ", shape, " in the header");
        if (std::exchange(seen[at], true)) return text(name, " is twice in the header");
      } while (in.accept(','));
      if (!in.accept('}')) return Text("not a header of a safetensors file");
    }
    if (!in.at_end()) return Text("text after the header's object");
    for (std::size_t i = 0; i < N; ++i)
      if (!seen[i]) return text(tensors[i].name, " is in the network only");
    return {};
  }
  /// Whether a file with this safetensors header holds these tensors and no others; `difference` says what
  /// is wrong.
  constexpr bool matches(std::string_view header) const { return difference(header).empty(); }
};

namespace detail {
/// Whether `save` writes leaf `i` under this name: shared tensors have the name that sorts first.
template<class Net>
constexpr bool is_stored(std::size_t i) {
  using T = table<Net>;
  if (T::leaves[i].kind == LeafKind::non_persistent_buffer) return false;
  for (const LeafEntry& other : T::leaves)
    if (T::leaves[i].numel > 0 && other.owner == T::leaves[i].owner &&
        other.kind != LeafKind::non_persistent_buffer && other.name < T::leaves[i].name)
      return false;
  return true;
}
} // namespace detail

/// The tensors that `save(Model<Net>, path)` writes, in the order of `state_dict`.
template<class Net>
inline constexpr auto schema = [] {
  constexpr auto& leaves = table<Net>::leaves;
  constexpr std::size_t count = [] {
    std::size_t n = 0;
    for (std::size_t i = 0; i < leaves.size(); ++i) n += detail::is_stored<Net>(i) ? 1 : 0;
    return n;
  }();
  Schema<count> result{.has_extra_state = detail::table_sizes<Net>.extra_states > 0};
  std::size_t n = 0;
  for (std::size_t i = 0; i < leaves.size(); ++i)
    if (detail::is_stored<Net>(i)) result.tensors[n++] = {leaves[i].name, leaves[i].dtype, leaves[i].extents};
  return result;
}();

namespace detail {
template<class Net, fixed_string Header>
struct schema_error {
  static consteval Text message() {
    const Text difference = schema<Net>.difference(Header.view());
    if (difference.empty()) return {};
    Text result("stator: ");
    result += text(reflect::class_name<Net>(), " does not fit the file: ", difference.view());
    return result;
  }
};
} // namespace detail

/// For a static_assert on the header of the file that a program will load; when it does not fit, the compiler
/// says which tensor: `static_assert(stator::fits_schema<Mlp, R"({"fc1.weight":...})">());`
template<class Net, fixed_string Header>
consteval bool fits_schema() {
  return check<detail::schema_error<Net, Header>>();
}

} // namespace stator::inline v0_2
