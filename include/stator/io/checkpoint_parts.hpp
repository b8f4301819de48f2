// SPDX-License-Identifier: BSL-1.0
// How the parts of a training run are written to and read from a checkpoint: one pair of functions,
// store_part and read_part, for each kind of part. Reading happens in two halves: what can fail comes first,
// what changes the part is postponed with `CheckpointReader::later`.
#pragma once

#include "stator/core/generator.hpp"
#include "stator/io/state.hpp"

#include <functional>
#include <memory>

namespace stator::io {

/// Collects the tensors of a checkpoint.
class CheckpointWriter {
public:
  /// Memory that lives until the file is written.
  void add(std::string name, StorageType type, std::vector<Index> shape, const void* data) {
    tensors_.push_back({std::move(name), type, std::move(shape), static_cast<const std::byte*>(data)});
  }
  /// A copy of numbers.
  template<class T>
  void add_copy(std::string name, std::vector<Index> shape, std::span<const T> values) {
    const auto bytes = std::as_bytes(values);
    const auto& kept = kept_.emplace_back(bytes.begin(), bytes.end());
    add(std::move(name), storage_of(dtype_of<T>), std::move(shape), kept.data());
  }
  /// A copy of one number, as a tensor of shape [].
  template<class T>
  void add_number(std::string name, T value) {
    add_copy(std::move(name), {}, std::span<const T>(&value, 1));
  }
  /// What has been collected, in order.
  std::span<const StateTensor> tensors() const { return tensors_; }
  /// Keeps the memory that a state owns.
  void keep(StateDict state) { states_.push_back(std::move(state)); }

private:
  std::vector<StateTensor> tensors_;
  std::vector<StateDict> states_;
  std::deque<std::vector<std::byte>> kept_;
};

/// Finds the tensors of a checkpoint.
class CheckpointReader {
public:
  explicit CheckpointReader(const SafetensorsFile& file) : CheckpointReader(file.path(), file.state()) {}
  /// `path` stands for the file in messages; the tensors' memory must stay.
  CheckpointReader(std::string path, std::vector<StateTensor> tensors)
      : path_(std::move(path)),
        tensors_(std::make_shared<const std::vector<StateTensor>>(std::move(tensors))) {
    for (const StateTensor& t : *tensors_) by_name_.emplace(t.name, &t);
  }

  /// A reader of the same file to which nothing has been postponed yet.
  CheckpointReader again() const {
    CheckpointReader other = *this;
    other.taken_.clear();
    other.changes_.clear();
    other.risks_.clear();
    return other;
  }

  /// Everything below "prefix.", names without it.
  std::vector<StateTensor> below(const std::string& prefix) {
    std::vector<StateTensor> found;
    for (const StateTensor& t : *tensors_)
      if (t.name.starts_with(prefix + ".")) {
        taken_.insert(t.name);
        found.push_back(t);
        found.back().name.erase(0, prefix.size() + 1);
      }
    return found;
  }
  /// Throws KeyError when there is none, ValueError when it does not convert without loss.
  StateTensor tensor(const std::string& name, DType type) {
    const auto at = by_name_.find(name);
    if (at == by_name_.end()) raise(KeyError(path_ + ": has no tensor '" + name + "'"));
    const StateTensor& found = *at->second;
    taken_.insert(name);
    if (!is_lossless(found.type, storage_of(type)))
      raise(ValueError(path_ + ": '" + name + "' holds " + std::string(to_string(found.type)) +
                       ", expected " + std::string(to_string(storage_of(type)))));
    return found;
  }
  /// As above, of this shape. Throws ShapeError.
  StateTensor tensor(const std::string& name, DType type, std::span<const Index> shape) {
    StateTensor found = tensor(name, type);
    if (!std::ranges::equal(found.shape, shape))
      raise(ShapeError(path_ + ": '" + name + "' has shape " +
                       stator::detail::size_text(found.shape.data(), found.shape.size()) + ", expected " +
                       stator::detail::size_text(shape.data(), shape.size())));
    return found;
  }
  /// The elements of a tensor of any shape, converted to T. Throws as `tensor`.
  template<class T>
  std::vector<T> values(const std::string& name) {
    const StateTensor found = tensor(name, dtype_of<T>);
    std::vector<T> values(found.numel());
    convert_elements(found.type, found.data, storage_of(dtype_of<T>),
                     reinterpret_cast<std::byte*>(values.data()), values.size());
    return values;
  }
  /// A tensor of shape [] as a number. Throws as `tensor`.
  template<class T>
  T number(const std::string& name) {
    const StateTensor found = tensor(name, dtype_of<T>, {});
    T value{};
    convert_elements(found.type, found.data, storage_of(dtype_of<T>), reinterpret_cast<std::byte*>(&value),
                     1);
    return value;
  }
  /// Whether the file has a tensor of this name.
  bool contains(const std::string& name) const { return by_name_.contains(name); }
  /// What stands for the file in messages.
  const std::string& path() const { return path_; }

  /// Does this when all parts have been read without an error. It must not throw.
  void later(std::function<void()> change) { changes_.push_back(std::move(change)); }
  /// This may throw, and then leaves the part as it was; `undo` takes it back when another part throws.
  void later(std::function<void()> change, std::function<void()> undo) {
    risks_.emplace_back(std::move(change), std::move(undo));
  }

  /// Throws KeyError when the file holds something that no part has asked for.
  void expect_all_taken() const {
    std::string rest;
    for (const StateTensor& t : *tensors_)
      if (!taken_.contains(t.name)) rest += (rest.empty() ? "'" : ", '") + t.name + "'";
    if (!rest.empty()) raise(KeyError(path_ + ": no part of this checkpoint is named like " + rest));
  }
  /// Makes the postponed changes: all of them, or none when one throws.
  void change() const {
    std::size_t done = 0;
    STATOR_TRY {
      for (; done < risks_.size(); ++done) risks_[done].first();
    }
    STATOR_CATCH_ALL {
      while (done > 0) risks_[--done].second();
      STATOR_RETHROW;
    }
    for (const auto& change : changes_) change();
  }

private:
  std::string path_;
  std::shared_ptr<const std::vector<StateTensor>> tensors_;
  std::map<std::string_view, const StateTensor*> by_name_;
  std::set<std::string> taken_;
  std::vector<std::function<void()>> changes_;
  std::vector<std::pair<std::function<void()>, std::function<void()>>> risks_;
};

namespace detail {
/// Numbers are stored as double or 64-bit integers, so that a program may change its types.
template<class T>
using stored_number =
    std::conditional_t<std::is_same_v<T, bool>, bool,
                       std::conditional_t<std::is_floating_point_v<T>, double, std::int64_t>>;
} // namespace detail

// A model, or a module of one.
template<HasState M>
void store_part(CheckpointWriter& writer, const std::string& name, const M& model) {
  const StateDict state = state_dict(model);
  for (const StateTensor& t : stator::detail::stored_state(state, {}).tensors)
    writer.add(name + "." + t.name, t.type, t.shape, t.data);
  writer.keep(state);
}
template<HasState M>
void read_part(CheckpointReader& reader, const std::string& name, M& model) {
  const auto plan = std::make_shared<LoadPlan>(state_target(model), reader.below(name), LoadOptions{});
  if (plan->may_throw())
    reader.later([plan] { plan->commit(); }, [plan] { plan->undo(); });
  else
    reader.later([plan] { plan->commit(); });
}

// A number: an epoch, the best loss so far.
template<class T>
  requires std::is_arithmetic_v<T>
void store_part(CheckpointWriter& writer, const std::string& name, const T& number) {
  writer.add_number(name, static_cast<detail::stored_number<T>>(number));
}
template<class T>
  requires std::is_arithmetic_v<T>
void read_part(CheckpointReader& reader, const std::string& name, T& number) {
  const auto value = reader.number<detail::stored_number<T>>(name);
  if constexpr (std::is_integral_v<T> && !std::is_same_v<T, bool>)
    if (!std::in_range<T>(value))
      raise(ValueError(reader.path() + ": '" + name + "' is " + std::to_string(value) +
                       ", out of its type's range"));
  reader.later([&number, value] { number = static_cast<T>(value); });
}

// A list of numbers: the losses so far.
template<class T>
  requires std::is_floating_point_v<T>
void store_part(CheckpointWriter& writer, const std::string& name, const std::vector<T>& values) {
  writer.add(name, storage_of(dtype_of<T>), {static_cast<Index>(values.size())}, values.data());
}
template<class T>
  requires std::is_floating_point_v<T>
void read_part(CheckpointReader& reader, const std::string& name, std::vector<T>& values) {
  const auto read = std::make_shared<std::vector<T>>(reader.values<T>(name));
  reader.later([&values, read] { values.swap(*read); });
}

// A generator of random numbers, as torch.get_rng_state gives it. What lies below its name are those of other
// processes (distributed/checkpoint.hpp), which are passed over.
inline void store_part(CheckpointWriter& writer, const std::string& name, const Generator& generator) {
  const auto state = generator.get_state();
  writer.add_copy(name, {static_cast<Index>(state.size())},
                  std::span(reinterpret_cast<const std::uint8_t*>(state.data()), state.size()));
}
inline void read_part(CheckpointReader& reader, const std::string& name, Generator& generator) {
  const auto bytes = reader.values<std::uint8_t>(name);
  (void)reader.below(name);
  Generator restored(0);
  restored.set_state(std::as_bytes(std::span(bytes)));
  reader.later([&generator, restored] { generator = restored; });
}

/// Anything that says which numbers it keeps: `void for_each_number(auto&& f) { f("best", best); f("bad",
/// bad); }`. A part that can be copied may have `void check_state() const`, which throws for numbers that it
/// cannot go on from: then the part is left as it was.
template<class T>
concept HasNumbers = requires(T& part) { part.for_each_number([](std::string_view, auto&) {}); };

template<HasNumbers T>
void store_part(CheckpointWriter& writer, const std::string& name, T& part) {
  part.for_each_number([&](std::string_view key, auto& number) {
    store_part(writer, name + "." + std::string(key), std::as_const(number));
  });
}
namespace detail {
template<class T>
void read_numbers(CheckpointReader& reader, const std::string& name, T& part) {
  part.for_each_number(
      [&](std::string_view key, auto& number) { read_part(reader, name + "." + std::string(key), number); });
}
} // namespace detail

template<HasNumbers T>
void read_part(CheckpointReader& reader, const std::string& name, T& part) {
  if constexpr (requires { std::as_const(part).check_state(); }) {
    T trial = part;
    CheckpointReader trial_reader = reader.again();
    detail::read_numbers(trial_reader, name, trial);
    trial_reader.change();
    trial.check_state();
  }
  detail::read_numbers(reader, name, part);
}

} // namespace stator::io
