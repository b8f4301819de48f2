// SPDX-License-Identifier: BSL-1.0
// The parts of a Model by their paths: get<"fc1.weight">(), checked by the compiler, and the same by names
// that are known when the program runs.
#pragma once

#include "stator/core/error.hpp"
#include "stator/model/bind.hpp"
#include "stator/model/module_ref.hpp"
#include "stator/module/access.hpp"
#include "stator/module/nearest.hpp"

#include <string>
#include <string_view>

namespace stator::detail {

/// What a model inherits its lookups from. `M` has `module()`, `arenas()` and `tensor()`.
template<class M, class Table>
class Paths {
public:
  /// The parameter, buffer or module at a path. A path that is not there does not compile.
  template<fixed_string Path>
  auto& get() {
    return stator::get<Path>(static_cast<M&>(*this).module());
  }
  template<fixed_string Path>
  const auto& get() const {
    return stator::get<Path>(self().module());
  }
  template<fixed_string Path>
  const auto& get_parameter() const {
    static_assert(Leaf<decltype(get<Path>())> && Table::leaves[Table::find_leaf(Path.view())].is_parameter(),
                  "stator: get_parameter: the path is that of a module or buffer");
    return get<Path>();
  }
  /// torch.nn.Module.get_buffer, checked by the compiler.
  template<fixed_string Path>
  const auto& get_buffer() const {
    static_assert(Leaf<decltype(get<Path>())> && !Table::leaves[Table::find_leaf(Path.view())].is_parameter(),
                  "stator: get_buffer: the path is that of a module or parameter");
    return get<Path>();
  }
  /// torch.nn.Module.get_submodule, checked by the compiler.
  template<fixed_string Path>
  const auto& get_submodule() const {
    static_assert(!Leaf<decltype(get<Path>())>,
                  "stator: get_submodule: the path is that of a parameter or buffer");
    return get<Path>();
  }
  /// The same by names that are known at run time. Throw KeyError, with the nearest names.
  TensorRef get_parameter(std::string_view path) const { return self().tensor(find(path, true)); }
  TensorRef get_buffer(std::string_view path) const { return self().tensor(find(path, false)); }
  ModuleRef get_submodule(std::string_view path) const {
    const std::size_t i = Table::find_module(path);
    if (i == not_found) throw_no("module", path);
    return ModuleRef(Table::modules, Table::leaves, self().arenas(), i);
  }

protected:
  /// Throws KeyError.
  [[noreturn]] static void throw_no(const char* what, std::string_view path) {
    raise(KeyError(std::string(Table::modules[0].type) + " has no " + what + " '" + std::string(path) + "'" +
                   std::string(nearest_name(path, Table::leaves, Table::modules).view())));
  }

private:
  const M& self() const { return static_cast<const M&>(*this); }
  static const LeafEntry& find(std::string_view path, bool parameter) {
    const std::size_t i = Table::find_leaf(path);
    if (i == not_found || Table::leaves[i].is_parameter() != parameter)
      throw_no(parameter ? "parameter" : "buffer", path);
    return Table::leaves[i];
  }
};

} // namespace stator::detail
