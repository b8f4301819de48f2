// SPDX-License-Identifier: BSL-1.0
// stator::save(model, "mlp.safetensors"). Its counterpart needs a JSON library and is in io/state.hpp.
#pragma once

#include "stator/io/format.hpp"
#include "stator/io/safetensors_writer.hpp"
#include "stator/io/state_npz_writer.hpp"
#include "stator/model/model.hpp"

#include <algorithm>
#include <concepts>
#include <deque>
#include <map>
#include <optional>

namespace stator::inline v0_2 {

/// What `save` writes, and how.
struct SaveOptions {
  /// Texts for the file's "__metadata__", beside {"format": "pt"}. Not for .npz.
  io::Metadata metadata = {};
  /// Store floating-point tensors as this type (F64, F32, F16, BF16), rounded to nearest. Nothing: as they
  /// are.
  std::optional<StorageType> dtype = {};
  /// Write shared tensors under every name, for load_state_dict(load_file(path)).
  bool every_name = false;
  /// Name of the format ("safetensors", "npz"), whatever the path's extension is. Nothing: by the extension.
  std::string_view format = {};
};

namespace detail {

/// Tensors ready to be written, with memory for those that were converted.
struct StoredState {
  std::vector<StateTensor> tensors;
  io::Metadata metadata;
  std::deque<std::vector<std::byte>> converted;

  template<std::same_as<StorageType> Type>
  void store_as(Type type) {
    if (!is_floating_point(type) || item_size(type) == 1)
      raise(
          ValueError("save: dtype is " + std::string(to_string(type)) + ", expected F64, F32, F16 or BF16"));
    for (StateTensor& t : tensors) {
      if (!is_floating_point(t.type) || t.type == type) continue;
      auto& bytes = converted.emplace_back(t.numel() * item_size(type));
      convert_elements(t.type, t.data, type, bytes.data(), t.numel());
      t.type = type, t.data = bytes.data();
    }
  }
};

/// What a file of this state holds. A template, as those below, so that programs that save nothing do not pay
/// for it.
template<std::same_as<StateDict> State>
auto stored_state(const State& state, const SaveOptions& options) {
  using Tensor = std::remove_cvref_t<decltype(*state.begin())>;
  StoredState stored{.tensors = {}, .metadata = options.metadata, .converted = {}};
  stored.metadata.try_emplace("format", "pt");
  const auto memory = [](const Tensor& t) { return std::tie(t.data, t.type, t.shape); };
  std::map<std::tuple<decltype(Tensor::data), decltype(Tensor::type), decltype(Tensor::shape)>,
           std::string_view>
      first_name;
  for (const Tensor& tensor : state)
    if (tensor.numel() > 0) {
      const auto [at, fresh] = first_name.try_emplace(memory(tensor), tensor.name);
      at->second = std::min(at->second, std::string_view(tensor.name));
    }
  for (const Tensor& tensor : state) {
    const auto kept = first_name.find(memory(tensor));
    if (options.every_name || kept == first_name.end() || kept->second == tensor.name)
      stored.tensors.push_back(tensor);
    else
      stored.metadata.try_emplace(tensor.name, kept->second);
  }
  if (options.dtype) stored.store_as(*options.dtype);
  return stored;
}

/// The formats that can be written: the user's, then the library's. A format is listed here, and in
/// io/state.hpp with its reader.
template<class Tensors>
std::vector<io::StateFormat> formats_to_write() {
  std::vector<io::StateFormat> formats = io::detail::user_formats();
  formats.push_back(io::safetensors_to_write<Tensors>());
  formats.push_back(io::npz_to_write<Tensors>());
  return formats;
}

/// Writes tensors in the format of `name`, or of the path's extension.
template<class Tensors>
void write_state(const io::Path& path, const Tensors& tensors, const io::Metadata& metadata,
                 std::string_view name) {
  const auto formats = formats_to_write<Tensors>();
  io::detail::format_to_write(formats, path, name).write(path, tensors, metadata);
}

} // namespace detail

/// Writes a state in the format of the path's extension: .safetensors, .npz, or what io/format.hpp has been
/// told; safetensors for a path without one. The file appears under its name only when it is complete. Throws
/// FileError; ValueError for an extension that no format has.
template<std::same_as<StateDict> State>
void save(const State& state, const io::Path& path, const SaveOptions& options = {}) {
  const auto stored = detail::stored_state(state, options);
  detail::write_state(path, stored.tensors, stored.metadata, options.format);
}

/// As above, `model.state_dict()`. Throws UnboundError.
template<HasState M>
void save(const M& model, const io::Path& path, const SaveOptions& options = {}) {
  save(state_dict(model), path, options);
}

} // namespace stator::inline v0_2
