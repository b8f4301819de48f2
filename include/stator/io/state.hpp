// SPDX-License-Identifier: BSL-1.0
// stator::save and stator::load: a network's state under PyTorch's names, as a safetensors or .npz file.
// Programs that include this link with -lboost_json.
//
//   stator::save(model, "mlp.safetensors");
//   stator::load(model, "mlp.safetensors");
//   stator::StateDict state = stator::load("mlp.safetensors"); // to look at, change,
//   model.load_state_dict(state)
//
// Shared tensors are written as safetensors.torch.save_model does: once, under the name that sorts first, the
// other names in the metadata. Loading takes any of a shared tensor's names; several must agree.
#pragma once

#include "stator/io/safetensors.hpp"
#include "stator/io/save_state.hpp"
#include "stator/io/state_npz.hpp"

namespace stator {

/// What `save`, PyTorch through safetensors, or numpy.savez wrote; it keeps the file open. Throws FileError,
/// FormatError.
inline StateDict load(const std::filesystem::path& path) {
  if (detail::is_npz(path)) {
    const auto npz = std::make_shared<io::Npz>(io::load_npz(path));
    return {io::npz_state(*npz), npz};
  }
  const auto file = std::make_shared<const io::SafetensorsFile>(path);
  return {file->state(), file};
}

/// `load_state_dict(model, load(path), options)`. Types are converted where every value has its place in the
/// new type. Throws FileError, FormatError for the file; StateDictError with everything that does not fit;
/// then the model is as it was.
template<HasState M>
  requires(!std::is_const_v<M>)
IncompatibleKeys load(M& model, const std::filesystem::path& path, const LoadOptions& options = {}) {
  return detail::load(state_target(model), load(path), options);
}

} // namespace stator
