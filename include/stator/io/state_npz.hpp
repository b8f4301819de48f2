// SPDX-License-Identifier: BSL-1.0
// State from .npz files: numpy.savez(path, **{name: tensor.numpy() for name, tensor in
// model.state_dict().items()}).
#pragma once

#include "stator/io/npy.hpp"
#include "stator/io/state_npz_writer.hpp"

namespace stator::io {

/// The arrays as state; they lie in `npz`, whose arrays are converted to row-major order. Throws FormatError
/// for element types that a network cannot hold.
inline std::vector<StateTensor> npz_state(Npz& npz) {
  std::vector<StateTensor> tensors;
  for (auto& [name, array] : npz.arrays) {
    const std::string_view type = std::string_view(array.dtype).substr(1);
    const auto* const known = std::ranges::find(detail::npy_type_names, type, &detail::NpyTypeName::name);
    if (known == std::end(detail::npy_type_names))
      raise(FormatError(npz.path + "(" + name + ".npy): elements of type '" + array.dtype +
                        "' cannot be state"));
    if (array.fortran_order) array = array.row_major();
    tensors.push_back({name, known->type, array.shape, array.bytes.data()});
  }
  return tensors;
}

/// The reader of .npz state, for the registry of formats.
inline constexpr StateFormat npz_to_read{
    .name = "npz",
    .extension = ".npz",
    .matches =
        [](std::span<const std::byte> beginning) {
          return beginning.size() > 2 && beginning[0] == std::byte{'P'} && beginning[1] == std::byte{'K'};
        },
    .read = [](const Path& path, const ReadOptions& options) -> StateFile {
      const auto npz = std::make_shared<Npz>(load_npz(path.string(), options));
      return {.tensors = npz_state(*npz), .memory = npz};
    },
    .read_bytes = [](std::span<const std::byte> bytes, const std::string& name,
                     const ReadOptions& options) -> StateFile {
      const auto npz = std::make_shared<Npz>(load_npz(bytes, name, options));
      return {.tensors = npz_state(*npz), .memory = npz};
    }};

} // namespace stator::io
