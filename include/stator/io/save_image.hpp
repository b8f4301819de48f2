// SPDX-License-Identifier: BSL-1.0
// stator::save_image(model, "mlp.img"): the memory of a model as it is, for stator::ReadOnlyModel over a
// mapped file or over bytes that the linker put into the program (.incbin, #embed).
#pragma once

#include "stator/io/atomic_file.hpp"
#include "stator/model/memory_image.hpp"

namespace stator::inline v0_2 {

/// Writes the header, the parameters and the buffers of a Model, `64 + parameter_bytes + buffer_bytes` bytes.
/// It is for programs with the same network and the same byte order; stator::save writes files for others.
/// The file appears under its name only when it is complete. Throws FileError; UnboundError.
template<class M>
  requires requires { typename M::tables; }
void save_image(const M& model, const io::Path& path) {
  io::AtomicFile file(path);
  file.write(std::as_bytes(std::span(&detail::image_header<typename M::tables>, 1)));
  if constexpr (M::parameter_bytes > 0) file.write(std::as_bytes(model.parameter_arena()));
  if constexpr (M::buffer_bytes > 0) file.write(model.buffer_arena());
  file.commit();
}

} // namespace stator::inline v0_2
