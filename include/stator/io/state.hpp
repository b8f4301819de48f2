// SPDX-License-Identifier: BSL-1.0
// stator::save and stator::load: a network's state under PyTorch's names, as a safetensors or .npz file, or
// in a format of your own (io/format.hpp). Programs that include this link with -lboost_json.
//
//   stator::save(model, "mlp.safetensors");
//   stator::load(model, "mlp.safetensors");
//   stator::StateDict state = stator::load("mlp.safetensors"); // to look at and change
//   model.load_state_dict(state);
//   stator::load(model, std::as_bytes(std::span(data)));      // a file that is in memory
//
// Shared tensors are written as safetensors.torch.save_model does: once, under the name that sorts first, the
// other names in the metadata. Loading takes any of a shared tensor's names; several must agree.
#pragma once

#include "stator/io/safetensors.hpp"
#include "stator/io/save_state.hpp"
#include "stator/io/state_npz.hpp"

namespace stator::inline v0_2 {

namespace detail {

/// The formats that can be read: the user's, then the library's.
inline std::vector<io::StateFormat> formats_to_read() {
  std::vector<io::StateFormat> formats = io::detail::user_formats();
  formats.push_back(io::safetensors_to_read);
  formats.push_back(io::npz_to_read);
  return formats;
}

/// Reads a file in the format of its extension, or of its first bytes where no format has the extension.
/// Throws FileError; FormatError, which lists the formats when none fits.
inline io::StateFile read_state(const io::Path& path, const io::ReadOptions& options) {
  const auto can_read = [](const io::StateFormat& format) { return format.read != nullptr; };
  const auto formats = formats_to_read();
  if (const io::StateFormat* format = io::detail::find_format(formats, path, can_read))
    return format->read(path, options);
  const auto beginning = io::read_beginning(path.string(), 16);
  for (const io::StateFormat& format : formats)
    if (can_read(format) && format.matches != nullptr && format.matches(beginning))
      return format.read(path, options);
  io::format_error(path.string(), 0,
                   "no format of files has this extension or begins like this; there are " +
                       io::detail::formats_text(formats, can_read) +
                       ". (What torch.save writes is a pickle: in Python, "
                       "safetensors.torch.save_file(model.state_dict(), \"model.safetensors\"))");
}

/// The same of a file that is in memory; its first bytes say the format.
inline io::StateFile read_state(std::span<const std::byte> bytes, const io::ReadOptions& options) {
  const auto can_read = [](const io::StateFormat& format) { return format.read_bytes != nullptr; };
  const auto formats = formats_to_read();
  for (const io::StateFormat& format : formats)
    if (can_read(format) && format.matches(bytes.first(std::min<std::size_t>(bytes.size(), 16))))
      return format.read_bytes(bytes, "bytes in memory", options);
  io::format_error("bytes in memory", 0,
                   "no format of files begins like this; there are " +
                       io::detail::formats_text(formats, can_read));
}

} // namespace detail

/// What `save`, PyTorch through safetensors, numpy.savez or a format of the user's wrote (io/format.hpp); it
/// keeps the file open. The extension says which format it is, the first bytes where it does not. Throws
/// FileError, FormatError.
inline StateDict load(const io::Path& path, const io::ReadOptions& options = {}) {
  io::StateFile file = detail::read_state(path, options);
  return {std::move(file.tensors), std::move(file.memory)};
}

/// The same of a file that is in memory: part of the program, received, unpacked. The state refers to the
/// bytes where the format allows it (safetensors), so they must outlive it. Throws FormatError.
inline StateDict load(std::span<const std::byte> bytes, const io::ReadOptions& options = {}) {
  io::StateFile file = detail::read_state(bytes, options);
  return {std::move(file.tensors), std::move(file.memory)};
}

/// `load_state_dict(model, load(path, read), options)`. Types are converted where every value has its place
/// in the new type. Throws FileError, FormatError for the file; StateDictError with everything that does not
/// fit; then the model is as it was.
template<HasState M>
  requires(!std::is_const_v<M>)
IncompatibleKeys load(M& model, const io::Path& path, const LoadOptions& options = {},
                      const io::ReadOptions& read = {}) {
  return detail::load(state_target(model), load(path, read), options);
}
/// The same of a file that is in memory; the bytes are needed no longer afterwards.
template<HasState M>
  requires(!std::is_const_v<M>)
IncompatibleKeys load(M& model, std::span<const std::byte> bytes, const LoadOptions& options = {},
                      const io::ReadOptions& read = {}) {
  return detail::load(state_target(model), load(bytes, read), options);
}

} // namespace stator::inline v0_2
