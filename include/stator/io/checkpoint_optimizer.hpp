// SPDX-License-Identifier: BSL-1.0
// Optimisers as parts of a checkpoint. The keys are those of PyTorch's Optimizer.state_dict, with the
// parameter's name in place of its number:
//   NAME.state.fc1.weight.exp_avg      each state, in the parameter's shape
//   NAME.state.fc1.weight.step         a float32, as in PyTorch
//   NAME.param_groups.0.lr             each option: double, bool, or an array of doubles
//   NAME.param_groups.0.params         which parameters, by number
#pragma once

#include "stator/io/checkpoint_parts.hpp"
#include "stator/reflect/names.hpp"

namespace stator::io {

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

/// Calls `f(entry, state name)` for each state of each parameter that these groups' options need.
template<class O, class Groups, class F>
void for_each_used_state(const Groups& options, F&& f) {
  using Rule = decltype(std::declval<O&>().param_groups()[0].rule);
  for (std::size_t s = 0; s < O::state_names.size(); ++s)
    if (std::ranges::any_of(options, [&](const auto& o) { return Rule::uses(o)[s]; }))
      for (const auto& entry : std::remove_reference_t<decltype(std::declval<O&>().model())>::parameter_table)
        f(entry, std::string(O::state_names[s]));
}

template<class T>
std::span<T> state_of(const auto& optimizer_state, const LeafEntry& entry) {
  return optimizer_state.subspan(entry.offset / sizeof(T), static_cast<std::size_t>(entry.numel));
}

inline std::vector<Index> shape_of(const LeafEntry& entry) {
  return {entry.extents.dims.begin(),
          entry.extents.dims.begin() + static_cast<std::ptrdiff_t>(entry.extents.rank)};
}

} // namespace detail

template<IsOptimizer O>
void store_part(CheckpointWriter& writer, const std::string& name, O& optimizer) {
  using Table = std::remove_reference_t<decltype(optimizer.model())>;
  using T = typename Table::scalar;
  using Options = std::remove_cvref_t<decltype(optimizer.options())>;
  const auto key = [&](const auto& entry, const std::string& what) {
    return name + ".state." + std::string(entry.name) + "." + what;
  };
  optimizer.allocate_states();
  std::vector<Options> options;
  for (const auto& group : optimizer.param_groups()) options.push_back(group.options);
  detail::for_each_used_state<O>(options, [&](const LeafEntry& entry, const std::string& state) {
    writer.add(key(entry, state), storage_of(dtype_of<T>), detail::shape_of(entry),
               detail::state_of<T>(optimizer.state(state), entry).data());
  });
  const auto steps = static_cast<double>(optimizer.steps());
  for (const auto& entry : Table::parameter_table)
    if (static_cast<double>(static_cast<float>(steps)) == steps)
      writer.add_number(key(entry, "step"), static_cast<float>(steps));
    else
      writer.add_number(key(entry, "step"), steps);
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
    if constexpr (HasNumbers<decltype(group.rule)>)
      group.rule.for_each_number([&](std::string_view what, auto& value) {
        for (const std::size_t i : group.parameters)
          writer.add_number(key(Table::parameter_table[i], std::string(what)), value);
      });
  }
}

/// Throws ValueError for groups that differ from the optimiser's, as PyTorch does.
template<IsOptimizer O>
void read_part(CheckpointReader& reader, const std::string& name, O& optimizer) {
  using Table = std::remove_reference_t<decltype(optimizer.model())>;
  using T = typename Table::scalar;
  using Options = std::remove_cvref_t<decltype(optimizer.options())>;
  const auto key = [&](const auto& entry, const std::string& what) {
    return name + ".state." + std::string(entry.name) + "." + what;
  };
  const auto groups = optimizer.param_groups();
  const auto group_name = [&](std::size_t i) { return name + ".param_groups." + std::to_string(i) + "."; };
  if (!reader.contains(group_name(groups.size() - 1) + "params") ||
      reader.contains(group_name(groups.size()) + "params"))
    throw ValueError(reader.path() + ": loaded state dict has a different number of parameter groups");

  std::vector<Options> all_options;
  for (std::size_t i = 0; i < groups.size(); ++i) {
    const auto params = reader.values<std::int64_t>(group_name(i) + "params");
    if (!std::ranges::equal(params, groups[i].parameters, {}, {},
                            [](std::size_t p) { return static_cast<std::int64_t>(p); }))
      throw ValueError(reader.path() +
                       ": loaded state dict contains a parameter group that doesn't match the "
                       "optimizer's group " +
                       std::to_string(i));
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
    std::remove_cvref_t<decltype(groups[i].rule)>::check(options);
    all_options.push_back(options);
    if constexpr (HasNumbers<decltype(groups[i].rule)>)
      groups[i].rule.for_each_number([&](std::string_view what, auto& value) {
        using V = std::remove_cvref_t<decltype(value)>;
        for (const std::size_t p : groups[i].parameters) {
          const V number = reader.number<V>(key(Table::parameter_table[p], std::string(what)));
          reader.later([&value, number] { value = number; });
        }
      });
  }

  Index steps = 0;
  for (const auto& entry : Table::parameter_table) {
    const double step = reader.number<double>(key(entry, "step"));
    if (!(step >= 0 && step <= 0x1p53) || step != std::floor(step) ||
        (entry.owner != Table::parameter_table[0].owner && step != static_cast<double>(steps)))
      throw ValueError(reader.path() + ": '" + key(entry, "step") +
                       "' is no count of steps, or not that of the other parameters");
    steps = static_cast<Index>(step);
  }

  struct Copy {
    StateTensor from;
    std::string state;
    const LeafEntry* to;
  };
  auto copies = std::make_shared<std::vector<Copy>>();
  detail::for_each_used_state<O>(all_options, [&](const LeafEntry& entry, const std::string& state) {
    copies->push_back(
        {reader.tensor(key(entry, state), dtype_of<T>, detail::shape_of(entry)), state, &entry});
  });
  reader.later([&optimizer, all_options, steps, copies] {
    for (std::size_t i = 0; i < all_options.size(); ++i) optimizer.param_groups()[i].options = all_options[i];
    optimizer.allocate_states();
    optimizer.set_steps(steps);
    for (const Copy& c : *copies)
      convert_elements(
          c.from.type, c.from.data, storage_of(dtype_of<T>),
          reinterpret_cast<std::byte*>(detail::state_of<T>(optimizer.state(c.state), *c.to).data()),
          c.from.numel());
  });
}

} // namespace stator::io
