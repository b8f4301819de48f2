// SPDX-License-Identifier: BSL-1.0
// State as .npz files, for numpy.load(path).
#pragma once

#include "stator/io/format.hpp"
#include "stator/io/npy_writer.hpp"
#include "stator/state/state_tensor.hpp"

#include <algorithm>

namespace stator::io {

namespace detail {
struct NpyTypeName {
  StorageType type;
  std::string_view name; // without the byte order
};
inline constexpr NpyTypeName npy_type_names[] = {
    {StorageType::F64, "f8"}, {StorageType::F32, "f4"}, {StorageType::F16, "f2"}, {StorageType::I64, "i8"},
    {StorageType::I32, "i4"}, {StorageType::I16, "i2"}, {StorageType::I8, "i1"},  {StorageType::U64, "u8"},
    {StorageType::U32, "u4"}, {StorageType::U16, "u2"}, {StorageType::U8, "u1"},  {StorageType::BOOL, "b1"}};
} // namespace detail

/// As numpy.savez. Throws FileError; ValueError for bfloat16, which NumPy does not have.
template<class Tensors>
void save_npz_state(const Path& path, const Tensors& tensors) {
  BasicNpzWriter<std::conditional_t<(sizeof(Tensors) > 0), ZipWriter, void>> npz(path);
  for (const auto& tensor : tensors) {
    const auto* const known =
        std::ranges::find(detail::npy_type_names, tensor.type, &detail::NpyTypeName::type);
    if (known == std::end(detail::npy_type_names))
      raise(
          ValueError("save: .npz files do not hold " + std::string(to_string(tensor.type)) +
                     (tensor.type == StorageType::BF16
                          ? ", NumPy has no bfloat16: {.dtype = StorageType::F32} stores its values as floats"
                          : "")));
    const char order = item_size(tensor.type) == 1                  ? '|'
                       : std::endian::native == std::endian::little ? '<'
                                                                    : '>';
    npz.add(tensor.name, {.dtype = order + std::string(known->name),
                          .shape = tensor.shape,
                          .bytes = {tensor.data, tensor.data + tensor.bytes()}});
  }
  npz.close();
}

/// The writer of .npz state, for the registry of formats.
template<class Tensors>
constexpr StateFormat npz_to_write() {
  return {.name = "npz",
          .extension = ".npz",
          .write = [](const Path& path, std::span<const StateTensor> tensors, const Metadata&) {
            save_npz_state<std::conditional_t<(sizeof(Tensors) > 0), decltype(tensors), void>>(path, tensors);
          }};
}

} // namespace stator::io
