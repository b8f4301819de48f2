// SPDX-License-Identifier: BSL-1.0
// What must hold for any bytes that claim to be a safetensors file.
#pragma once

#include "fuzz/must.hpp"

#include "stator/io/checkpoint.hpp"
#include "stator/io/schema.hpp"

namespace stator::test {

/// The network of tests/reference/safetensors_files.py, parameters only: nothing is computed here.
struct FuzzLayer {
  Parameter<float, 8, 4> weight;
  Parameter<float, 8> bias;
};
struct FuzzHead {
  Parameter<float, 3, 8> weight;
  Parameter<float, 3> bias;
};
struct FuzzNet {
  FuzzLayer fc1;
  FuzzHead fc2;
  Buffer<std::int64_t> steps;
  Buffer<bool, 3> mask;
};

/// Whether loading left the network as it was when it threw, and threw one of our errors.
template<class Load>
bool loads_or_leaves(Model<FuzzNet>& model, Load&& load) {
  const auto parameters = model.parameter_arena();
  const auto buffers = model.buffer_arena();
  for (float& p : parameters) p = 0.25F;
  for (std::byte& b : buffers) b = std::byte{1};
  try {
    load();
    for (const bool b : model->mask.values()) must(b == false || b == true, "a bool is a bool");
    return true;
  } catch (const Error&) {
    for (const float p : parameters) must(p == 0.25F, "a refused file leaves the parameters alone");
    for (const std::byte b : buffers) must(b == std::byte{1}, "a refused file leaves the buffers alone");
    return false;
  }
}

/// Reads the bytes as a file; aborts when something does not hold.
inline void try_safetensors(std::span<const std::byte> bytes) {
  std::optional<io::SafetensorsFile> file;
  try {
    file.emplace(std::vector<std::byte>(bytes.begin(), bytes.end()), "fuzz", io::SafetensorsOptions{});
  } catch (const FormatError& error) {
    must_name_byte(error);
    return;
  }
  std::size_t covered = 8 + file->header().size();
  for (const io::TensorInfo& info : file->tensors()) {
    const StateTensor tensor = file->state(info);
    must(tensor.bytes() == file->bytes(info).size(), "a tensor has the bytes of its shape");
    covered += tensor.bytes();
    if (is_convertible(info.type)) (void)file->values<double>(info.name, true);
  }
  must(covered == bytes.size(), "every byte belongs to one tensor");

  // What was read can be written, and means the same then.
  const auto state = file->state();
  const std::string header = io::detail::safetensors_header(state, file->metadata());
  std::vector<io::TensorInfo> tensors;
  io::Metadata metadata;
  io::detail::parse_safetensors_header(header, 8, "again", tensors, metadata);
  must(metadata == file->metadata() && tensors.size() == state.size(),
       "the header is written as it was read");

  static Model<FuzzNet> model;
  const auto load = [&](const LoadOptions& options) {
    return loads_or_leaves(model, [&] { stator::detail::load(state_target(model), file->state(), options); });
  };
  const bool strict = load({});
  load({.strict = false, .allow_lossy = true});
  load({.strict = false, .rename = {{"*.*", "*.weight"}, {"fc*", ""}}});
  load({.strict = false, .only = {"fc1.*"}});
  load({.strict = false, .into = "fc2"});
  if (schema<FuzzNet>.matches(file->header())) must(strict, "a header that matches the schema loads");
}

} // namespace stator::test
