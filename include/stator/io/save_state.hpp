// SPDX-License-Identifier: BSL-1.0
// stator::save(model, "mlp.safetensors"). Its counterpart needs a JSON library and is in io/state.hpp.
#pragma once

#include "stator/io/safetensors_writer.hpp"
#include "stator/io/state_npz_writer.hpp"
#include "stator/model/model.hpp"

#include <algorithm>
#include <concepts>
#include <deque>
#include <map>
#include <optional>

namespace stator {

struct SaveOptions {
  /// Texts for the file's "__metadata__", beside {"format": "pt"}. Not for .npz.
  io::Metadata metadata = {};
  /// Store floating-point tensors as this type (F64, F32, F16, BF16), rounded to nearest. Nothing: as they
  /// are.
  std::optional<StorageType> dtype = {};
  /// Write shared tensors under every name, for load_state_dict(load_file(path)).
  bool every_name = false;
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
      throw ValueError("save: dtype is " + std::string(to_string(type)) + ", expected F64, F32, F16 or BF16");
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

inline bool is_npz(const io::Path& path) { return path.has_extension(".npz"); }

} // namespace detail

/// Writes a state: an .npz file where the name ends in .npz, otherwise safetensors. The file appears under
/// its name only when it is complete. Throws FileError.
template<std::same_as<StateDict> State>
void save(const State& state, const io::Path& path, const SaveOptions& options = {}) {
  const auto stored = detail::stored_state(state, options);
  if (detail::is_npz(path))
    io::save_npz_state(path, stored.tensors);
  else
    io::save_safetensors(path, stored.tensors, stored.metadata);
}

/// As above, `model.state_dict()`. Throws UnboundError.
template<HasState M>
void save(const M& model, const io::Path& path, const SaveOptions& options = {}) {
  save(state_dict(model), path, options);
}

} // namespace stator
