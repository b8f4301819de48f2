// SPDX-License-Identifier: BSL-1.0
// stator::save and stator::load: a network's state under PyTorch's names, as a safetensors or .npz file.
// Programs that include this link with -lboost_json.
//
//   stator::save(model, "mlp.safetensors");
//   stator::load(model, "mlp.safetensors");
//
// Shared tensors are written as safetensors.torch.save_model does: once, under the name that sorts first, the
// other names in the metadata. Loading takes any of a shared tensor's names; several must agree.
#pragma once

#include "stator/io/safetensors.hpp"
#include "stator/io/save_state.hpp"
#include "stator/io/state_npz.hpp"
#include "stator/module/load_state.hpp"


namespace stator {

namespace detail {

inline IncompatibleKeys load(StateTarget target, std::vector<StateTensor> tensors,
                             const LoadOptions& options) {
  const LoadPlan plan(std::move(target), std::move(tensors), options);
  plan.commit();
  return plan.keys();
}

inline IncompatibleKeys load(StateTarget target, const std::filesystem::path& path,
                             const LoadOptions& options) {
  if (is_npz(path)) {
    io::Npz npz = io::load_npz(path);
    return load(std::move(target), io::npz_state(npz), options);
  }
  const io::SafetensorsFile file(path);
  return load(std::move(target), file.state(), options);
}

} // namespace detail

/// Reads what `save`, PyTorch through safetensors, or numpy.savez wrote. Types are converted where every
/// value has its place in the new type. Returns the names without a partner (none when `strict`). Throws
/// FileError, FormatError for the file; StateDictError with everything that does not fit; then the model is
/// as it was.
template<HasState M>
IncompatibleKeys load(M& model, const std::filesystem::path& path, const LoadOptions& options = {}) {
  return detail::load(state_target(model), path, options);
}

} // namespace stator
