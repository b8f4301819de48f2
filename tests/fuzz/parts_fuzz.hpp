// SPDX-License-Identifier: BSL-1.0
// What must hold when the parts of a training are read from any safetensors file: a part is refused with one
// of our errors and left as it was, or is read, can go on, and stores what it can read again.
#pragma once

#include "fuzz/must.hpp"

#include "stator/io/checkpoint.hpp"
#include "stator/optim/optim.hpp"

#include <optional>

namespace stator::test {

struct FuzzWords {
  Parameter<float, 2, 3> weight;
  std::string words = "a b";
  std::string get_extra_state() const { return words; }
  void set_extra_state(std::string state) { words = std::move(state); }
};
struct FuzzCounter {
  Parameter<float, 2> bias;
  std::int64_t count = 3;
  std::int64_t get_extra_state() const { return count; }
  void set_extra_state(std::int64_t state) {
    if (state < 0) throw ValueError("a negative count");
    count = state;
  }
};
/// A module with state of its own in two places.
struct FuzzTraining {
  FuzzWords words;
  FuzzCounter counter;
};

/// Parts that say themselves what they keep.
struct FuzzStopping {
  double best = 1e9;
  std::int32_t waited = 0;
  bool stopped = false;
  void for_each_number(auto&& f) {
    f("best", best);
    f("waited", waited);
    f("stopped", stopped);
  }
};

/// The safetensors file of a part alone.
template<class Part>
std::vector<std::byte> stored(Part& part) {
  using io::store_part;
  io::CheckpointWriter writer;
  store_part(writer, "part", part);
  const std::string header = io::detail::safetensors_header(writer.tensors(), {});
  std::vector<std::byte> file;
  io::append_little(file, static_cast<std::uint64_t>(header.size()));
  for (const char c : header) file.push_back(static_cast<std::byte>(c));
  for (const std::size_t i : io::detail::safetensors_data_order(writer.tensors())) {
    const StateTensor& t = writer.tensors()[i];
    file.insert(file.end(), t.data, t.data + t.bytes());
  }
  return file;
}

/// Whether the part was read, by `read_part` and by nothing else.
template<class Part>
bool read_part_of(const io::SafetensorsFile& file, Part& part) {
  using io::read_part;
  const auto before = stored(part);
  io::CheckpointReader reader(file);
  try {
    read_part(reader, "part", part);
    reader.expect_all_taken();
    reader.change();
  } catch (const Error&) {
    must(stored(part) == before, "a refused file leaves the part alone");
    return false;
  }
  return true;
}

template<class Part>
bool try_part(const io::SafetensorsFile& file, Part& part) {
  if (!read_part_of(file, part)) return false;
  const auto after = stored(part);
  must(read_part_of(io::SafetensorsFile(after, "again"), part), "what was stored can be read");
  must(stored(part) == after, "and is the same then");
  return true;
}

inline std::optional<io::SafetensorsFile> open_fuzz(std::span<const std::byte> bytes) {
  try {
    return io::SafetensorsFile(std::vector<std::byte>(bytes.begin(), bytes.end()), "fuzz");
  } catch (const FormatError& error) {
    must_name_byte(error);
    return std::nullopt;
  }
}

/// Every kind of optimiser, in turn: `f(optimizer)`, which is then stepped.
inline void for_each_fuzz_optimizer(auto&& f) {
  using M = Model<FuzzTraining>;
  static M model;
  const auto with = [&](auto optimizer) {
    for (float& g : model.gradient_arena()) g = 0.5F;
    if (f(optimizer)) optimizer.step();
  };
  with(optim::SGD<M>(model, {.lr = 0.1, .momentum = 0.9}));
  with(optim::Adam<M>(model, {.lr = 0.1, .amsgrad = true}));
  with(optim::AdamW<M>(model, {}));
  with(optim::NAdam<M>(model, {}));
  with(optim::Rprop<M>(model, {}));
  with(optim::RMSprop<M>(model, {.momentum = 0.5, .centered = true}));
}

inline void try_optimizer(std::span<const std::byte> bytes) {
  const auto file = open_fuzz(bytes);
  if (file) for_each_fuzz_optimizer([&](auto& optimizer) { return try_part(*file, optimizer); });
}

inline void for_each_fuzz_scheduler(auto&& f) {
  using M = Model<FuzzTraining>;
  static M model;
  optim::SGD<M> sgd(model, {.lr = 0.1, .momentum = 0.9});
  const auto with = [&](auto scheduler, auto... metric) {
    if (!f(scheduler)) return;
    try {
      for (int i = 0; i < 3; ++i) scheduler.step(metric...);
    } catch (const Error&) { // OneCycleLR at its end
    }
  };
  with(optim::StepLR(sgd, {.step_size = 2}));
  with(optim::CosineAnnealingLR(sgd, {.T_max = 5}));
  with(optim::OneCycleLR(sgd, {.max_lr = 1, .total_steps = 10}));
  with(optim::ReduceLROnPlateau(sgd, {.patience = 1}), 1.0);
}

inline void try_scheduler(std::span<const std::byte> bytes) {
  const auto file = open_fuzz(bytes);
  if (file) for_each_fuzz_scheduler([&](auto& scheduler) { return try_part(*file, scheduler); });
}

inline void try_extra_state(std::span<const std::byte> bytes) {
  const auto file = open_fuzz(bytes);
  static Model<FuzzTraining> model;
  if (file) try_part(*file, model);
}

inline void try_parts(std::span<const std::byte> bytes) {
  const auto file = open_fuzz(bytes);
  if (!file) return;
  Generator generator(1);
  if (try_part(*file, generator)) (void)generator.random();
  const auto with = [&](auto part) { try_part(*file, part); };
  with(std::int64_t{7});
  with(std::int32_t{7});
  with(2.5F);
  with(true);
  with(std::vector<double>{1, 2});
  with(FuzzStopping{});
}

} // namespace stator::test
