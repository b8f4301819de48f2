// SPDX-License-Identifier: BSL-1.0
// Optimisers as parts of a checkpoint. The keys are those of PyTorch's Optimizer.state_dict, with the
// parameter's name in place of its number:
//   NAME.state.fc1.weight.exp_avg      each state, in the parameter's shape
//   NAME.state.fc1.weight.step         a float32, as in PyTorch
// and, as there, nothing of a parameter that has never had a gradient;
//   NAME.state.fc1.weight.master_weight   with use_master_weights(): the parameter in float
//   NAME.class                         "AdamW", bytes; PyTorch does not say which class wrote a state
//   NAME.param_groups.0.lr             each option: double, bool, or an array of doubles
//   NAME.param_groups.0.params         which parameters, by number
#pragma once

#include "stator/io/checkpoint_parts.hpp"
#include "stator/reflect/names.hpp"

namespace stator::io {

/// The optimisers of optim/: what has a model, parameter groups and states of parameters.
template<class O>
concept IsOptimizer = requires(O& o) {
  o.param_groups();
  o.allocate_states();
  o.set_steps(Index{});
  O::state_names;
};

namespace detail {

/// Calls `f(name, reference)` for each option.
template<class Options, class F>
void for_each_option(Options& options, F&& f) {
  using T = std::remove_const_t<Options>;
  [&]<std::size_t... I>(std::index_sequence<I...>) {
    (f(std::string(reflect::field_name<T, I>), reflect::get<I>(options)), ...);
  }(std::make_index_sequence<reflect::field_count<T>>{});
}

/// Calls `f(state name)` for each state that these groups' options need.
template<class O, class Groups, class F>
void for_each_used_state(const Groups& options, F&& f) {
  using Rule = std::remove_reference_t<decltype(std::declval<O&>().rule(0))>;
  for (std::size_t s = 0; s < O::state_names.size(); ++s)
    if (std::ranges::any_of(options, [&](const auto& o) { return Rule::uses(o)[s]; }))
      f(std::string(O::state_names[s]));
}

/// A file that does not say its class is an older one, or PyTorch's: its options then tell whether it fits.
inline void expect_class(CheckpointReader& reader, const std::string& name, std::string_view expected) {
  if (!reader.contains(name + ".class")) return;
  const auto bytes = reader.values<std::uint8_t>(name + ".class");
  const std::string found(bytes.begin(), bytes.end());
  if (found != expected)
    raise(ValueError(reader.path() + ": '" + name + "' is the state of " + found +
                     ", the optimizer here is " + std::string(expected)));
}

inline std::vector<Index> shape_of(const Extents& e) {
  return {e.dims.begin(), e.dims.begin() + static_cast<std::ptrdiff_t>(e.rank)};
}
/// Whether a parameter has this state: others have no elements of it.
template<class O>
bool has_state(const std::string& state, std::size_t parameter, const LeafEntry& entry) {
  return entry.numel == 0 || O::state_extents(state, parameter).numel() > 0;
}

} // namespace detail

/// Stores the states and options of an optimiser below "name.", with PyTorch's names of states.
template<IsOptimizer O>
void store_part(CheckpointWriter& writer, const std::string& name, O& optimizer) {
  using Table = std::remove_reference_t<decltype(optimizer.model())>;
  using T = arithmetic_of<typename Table::scalar>;
  using Options = std::remove_cvref_t<decltype(optimizer.options())>;
  const auto key = [&](const auto& entry, const std::string& what) {
    return name + ".state." + std::string(entry.name) + "." + what;
  };
  optimizer.allocate_states();
  std::vector<Options> options;
  for (const auto& group : optimizer.param_groups()) options.push_back(group.options);
  for (std::size_t p = 0; p < Table::parameter_table.size(); ++p) {
    const LeafEntry& entry = Table::parameter_table[p];
    if constexpr (requires { optimizer.master_weights(p); })
      if (optimizer.has_master_weights())
        writer.add(key(entry, "master_weight"), StorageType::F32, detail::shape_of(entry.extents),
                   optimizer.master_weights(p).data());
    if (!optimizer.has_state(p)) continue;
    detail::for_each_used_state<O>(options, [&](const std::string& state) {
      if (detail::has_state<O>(state, p, entry))
        writer.add(key(entry, state), storage_of(dtype_of<T>), detail::shape_of(O::state_extents(state, p)),
                   optimizer.state(state, p).data());
    });
    const auto steps = static_cast<double>(optimizer.steps(p));
    if (static_cast<double>(static_cast<float>(steps)) == steps)
      writer.add_number(key(entry, "step"), static_cast<float>(steps));
    else
      writer.add_number(key(entry, "step"), steps);
    if constexpr (HasNumbers<decltype(optimizer.rule(p))>)
      optimizer.rule(p).for_each_number([&](std::string_view what, auto& value) {
        writer.add_number(key(entry, std::string(what)), value);
      });
  }
  std::size_t number = 0;
  for (auto& group : optimizer.param_groups()) {
    const std::string group_name = name + ".param_groups." + std::to_string(number++) + ".";
    detail::for_each_option(group.options, [&](const std::string& option, auto& value) {
      using V = std::remove_cvref_t<decltype(value)>;
      if constexpr (std::is_arithmetic_v<V>)
        store_part(writer, group_name + option, value);
      else
        writer.add_copy(group_name + option, {static_cast<Index>(value.size())},
                        std::span<const double>(value));
    });
    const std::vector<std::int64_t> params(group.parameters.begin(), group.parameters.end());
    writer.add_copy(group_name + "params", {static_cast<Index>(params.size())},
                    std::span<const std::int64_t>(params));
  }
  using Rule = std::remove_cvref_t<decltype(optimizer.rule(0))>;
  if constexpr (requires { Rule::name; })
    writer.add_copy(name + ".class", {static_cast<Index>(Rule::name.size())},
                    std::span(reinterpret_cast<const std::uint8_t*>(Rule::name.data()), Rule::name.size()));
}

/// Throws ValueError for the state of another class of optimiser, and for groups that differ from the
/// optimiser's, as PyTorch does.
template<IsOptimizer O>
void read_part(CheckpointReader& reader, const std::string& name, O& optimizer) {
  using Table = std::remove_reference_t<decltype(optimizer.model())>;
  using T = arithmetic_of<typename Table::scalar>;
  using Options = std::remove_cvref_t<decltype(optimizer.options())>;
  using Rule = std::remove_cvref_t<decltype(optimizer.rule(0))>;
  const auto key = [&](const auto& entry, const std::string& what) {
    return name + ".state." + std::string(entry.name) + "." + what;
  };
  const auto& groups = optimizer.param_groups();
  const auto group_name = [&](std::size_t i) { return name + ".param_groups." + std::to_string(i) + "."; };
  if (!reader.contains(group_name(groups.size() - 1) + "params") ||
      reader.contains(group_name(groups.size()) + "params"))
    raise(ValueError(reader.path() + ": loaded state dict has a different number of parameter groups"));

  for (std::size_t i = 0; i < groups.size(); ++i) {
    const auto params = reader.values<std::int64_t>(group_name(i) + "params");
    if (!std::ranges::equal(params, groups[i].parameters, {}, {},
                            [](std::size_t p) { return static_cast<std::int64_t>(p); }))
      raise(ValueError(reader.path() +
                       ": loaded state dict contains a parameter group that doesn't match the "
                       "optimizer's group " +
                       std::to_string(i)));
  }
  if constexpr (requires { Rule::name; }) detail::expect_class(reader, name, Rule::name);

  std::vector<Options> all_options;
  for (std::size_t i = 0; i < groups.size(); ++i) {
    Options options = groups[i].options;
    detail::for_each_option(options, [&](const std::string& option, auto& value) {
      using V = std::remove_cvref_t<decltype(value)>;
      if constexpr (std::is_arithmetic_v<V>) {
        value = static_cast<V>(reader.number<detail::stored_number<V>>(group_name(i) + option));
      } else {
        const Index shape[] = {static_cast<Index>(value.size())};
        (void)reader.tensor(group_name(i) + option, DType::float64, shape);
        std::ranges::copy(reader.values<double>(group_name(i) + option), value.begin());
      }
    });
    Rule::check(options);
    all_options.push_back(options);
  }

  struct Copy {
    StateTensor from;
    std::string state;
    std::size_t parameter;
  };
  auto copies = std::make_shared<std::vector<Copy>>();
  struct Progress {
    Index steps = 0;
    Rule rule{};
  };
  auto progress = std::make_shared<std::vector<Progress>>(Table::parameter_table.size());
  for (std::size_t p = 0; p < progress->size(); ++p) {
    const LeafEntry& entry = Table::parameter_table[p];
    if constexpr (requires { optimizer.master_weights(p); })
      if (const std::string name_of = key(entry, "master_weight"); reader.contains(name_of))
        reader.later([&optimizer, p,
                      from = reader.tensor(name_of, DType::float32, detail::shape_of(entry.extents))] {
          optimizer.use_master_weights();
          convert_elements(from.type, from.data, StorageType::F32,
                           reinterpret_cast<std::byte*>(optimizer.master_weights(p).data()), from.numel());
        });
    if (!reader.contains(key(entry, "step"))) continue; // it has never had a gradient
    const double step = reader.number<double>(key(entry, "step"));
    if (!(step >= 0 && step <= 0x1p53) || step != std::floor(step))
      raise(ValueError(reader.path() + ": '" + key(entry, "step") + "' is " + std::to_string(step) +
                       ", which is not a count of steps"));
    (*progress)[p].steps = static_cast<Index>(step);
    if constexpr (HasNumbers<Rule>)
      (*progress)[p].rule.for_each_number([&](std::string_view what, auto& value) {
        value = reader.number<std::remove_cvref_t<decltype(value)>>(key(entry, std::string(what)));
      });
    detail::for_each_used_state<O>(all_options, [&](const std::string& state) {
      if (!detail::has_state<O>(state, p, entry)) return;
      const std::vector<Index> shape = detail::shape_of(O::state_extents(state, p));
      copies->push_back({reader.tensor(key(entry, state), dtype_of<T>, shape), state, p});
    });
  }
  reader.later([&optimizer, all_options, progress, copies] {
    for (std::size_t i = 0; i < all_options.size(); ++i) optimizer.param_groups()[i].options = all_options[i];
    optimizer.allocate_states();
    for (std::size_t p = 0; p < progress->size(); ++p) {
      optimizer.reset_state(p);
      optimizer.set_steps(p, (*progress)[p].steps);
      optimizer.rule(p) = (*progress)[p].rule;
    }
    for (const Copy& c : *copies)
      convert_elements(c.from.type, c.from.data, storage_of(dtype_of<T>),
                       reinterpret_cast<std::byte*>(optimizer.state(c.state, c.parameter).data()),
                       c.from.numel());
  });
}

} // namespace stator::io
