// SPDX-License-Identifier: BSL-1.0
// The state of a training run in one file, safetensors or another format of tensors: model, optimiser, random
// numbers and whatever else it consists of. Training that is resumed goes on bit for bit as if it had not
// stopped.
//
//   int epoch = 0;
//   stator::Checkpoint checkpoint;
//   checkpoint.add("model", model).add("optimizer", optimizer).add("epoch", epoch);
//   if (std::filesystem::exists("run.safetensors")) checkpoint.load("run.safetensors");
//   for (; epoch < 10;) {
//     train(model, optimizer);
//     ++epoch;
//     checkpoint.save("run.safetensors");
//   }
//
// Programs that include this link with -lboost_json.
#pragma once

#include "stator/io/checkpoint_optimizer.hpp"
#include "stator/io/checkpoint_results.hpp"

namespace stator::inline v0_2 {

/// The named parts of a training run, by reference: the same list saves and loads. The default generator of
/// random numbers is a part from the beginning, "rng".
class Checkpoint {
public:
  Checkpoint() { add("rng", default_generator()); }

  /// A model or module, an optimiser, a generator, a number, a list of floats, a tensor, a std::tuple, an
  /// array or a struct of tensors (io/checkpoint_results.hpp), or anything with `for_each_number`. It must
  /// stay where it is. Throws ValueError when the name is taken, or lies below another.
  template<class T>
  Checkpoint& add(std::string name, T& part) {
    for (const Part& other : parts_)
      if (other.name == name || other.name.starts_with(name + ".") || name.starts_with(other.name + "."))
        raise(ValueError("Checkpoint::add: '" + name + "' and '" + other.name + "' are in each other's way"));
    parts_.push_back(make(std::move(name), part));
    return *this;
  }

  /// From here on this part has the name of one that was added, for what is kept in another way. Throws
  /// KeyError when there is none.
  template<class T>
  Checkpoint& replace(std::string_view name, T& part) {
    for (Part& other : parts_)
      if (other.name == name) {
        other = make(std::string(name), part);
        return *this;
      }
    raise(KeyError("Checkpoint::replace: there is no part '" + std::string(name) + "'"));
  }

  /// Writes all parts, in the format of the path's extension as stator::save; the file appears under its name
  /// only when it is complete. `metadata`: for formats that have a place for texts, safetensors has. Throws
  /// FileError; ValueError for an extension that no format has.
  void save(const io::Path& path, io::Metadata metadata = {}) const {
    io::CheckpointWriter writer;
    for (const Part& part : parts_) part.store(writer);
    metadata.try_emplace("format", "pt");
    detail::write_state(path, writer.tensors(), metadata, {});
  }

  /// Restores all parts and returns the metadata. Whatever is wrong is found before a part is changed. Throws
  /// FileError, FormatError; StateDictError, KeyError, ShapeError, ValueError for a file that does not fit
  /// the parts.
  io::Metadata load(const io::Path& path, const io::ReadOptions& options = {}) const {
    io::StateFile file = detail::read_state(path, options);
    io::CheckpointReader reader(path.string(), std::move(file.tensors));
    for (const Part& part : parts_) part.read(reader);
    reader.expect_all_taken();
    reader.change();
    return file.metadata;
  }

private:
  struct Part {
    std::string name;
    std::function<void(io::CheckpointWriter&)> store;
    std::function<void(io::CheckpointReader&)> read;
  };
  template<class T>
  static Part make(std::string name, T& part) {
    using io::read_part;
    using io::store_part;
    return {name, [&part, name](io::CheckpointWriter& writer) { store_part(writer, name, part); },
            [&part, name](io::CheckpointReader& reader) { read_part(reader, name, part); }};
  }
  std::vector<Part> parts_;
};

} // namespace stator::inline v0_2
