// SPDX-License-Identifier: BSL-1.0
// The ranges that walk a model: steps through constant lists of indices into its tables.
#pragma once

#include "stator/module/tensor_ref.hpp"

#include <cstddef>
#include <iterator>
#include <utility>

namespace stator::inline v0_2 {

/// What a listing holds, as PyTorch's arguments of the same names: `model.named_parameters<Listing{.recurse =
/// false}>()`.
struct Listing {
  bool recurse = true;          ///< also what the modules inside hold
  bool remove_duplicate = true; ///< a shared tensor or module once, by its first name
};

/// A constant put before every name, with a dot: `model.named_parameters(prefix<"net">)`.
template<fixed_string Text>
struct prefix_constant {};
/// Makes a `prefix_constant`.
template<fixed_string Text>
inline constexpr prefix_constant<Text> prefix;

namespace detail {

/// A range that makes its elements from those of a constant list.
template<class Item, class Make>
class TableRange {
public:
  class iterator {
  public:
    using iterator_category = std::input_iterator_tag;
    using difference_type = std::ptrdiff_t;
    using value_type = decltype(std::declval<Make>()(std::declval<const Item&>()));
    using reference = value_type;
    using pointer = void;

    iterator() = default;
    iterator(const Item* at, const Make* make) : at_(at), make_(make) {}
    value_type operator*() const { return (*make_)(*at_); }
    iterator& operator++() {
      ++at_;
      return *this;
    }
    iterator operator++(int) {
      iterator before = *this;
      ++at_;
      return before;
    }
    bool operator==(const iterator& other) const { return at_ == other.at_; }

  private:
    const Item* at_ = nullptr;
    const Make* make_ = nullptr;
  };

  TableRange(const Item* first, std::size_t count, Make make) : first_(first), count_(count), make_(make) {}
  iterator begin() const { return {first_, &make_}; }
  iterator end() const { return {first_ + count_, &make_}; }
  std::size_t size() const { return count_; }
  bool empty() const { return count_ == 0; }
  auto operator[](std::size_t i) const { return make_(first_[i]); }

private:
  const Item* first_;
  std::size_t count_;
  Make make_;
};

/// The indices below Count that a predicate selects, as a constant.
template<std::size_t Count>
struct Selection {
  std::array<std::size_t, Count + 1> indices{};
  std::size_t count = 0;
  constexpr std::size_t size() const { return count; }
  constexpr std::size_t operator[](std::size_t i) const { return indices[i]; }
};
template<std::size_t Count, class Predicate>
consteval auto select_indices(Predicate predicate) {
  Selection<Count> list;
  for (std::size_t i = 0; i < Count; ++i)
    if (predicate(i)) list.indices[list.count++] = i;
  return list;
}

/// The rows of the parameters and buffers that a predicate selects of the tables T, as a constant.
template<class T>
struct LeafSelection {
  std::array<LeafRow, T::leaves.size() + 1> rows{};
  std::size_t count = 0;
};
template<class T, class Predicate>
consteval auto select_leaves(Predicate predicate) {
  LeafSelection<T> list;
  for (std::size_t i = 0; i < T::leaves.size(); ++i)
    if (predicate(i)) list.rows[list.count++] = LeafRow(T::leaves[i]);
  return list;
}

/// The lists that the ranges step through, of the tables T.
template<class T>
struct selections {
  static constexpr std::size_t leaf_count = T::leaves.size(), module_count = T::modules.size();

  template<Listing N>
  static constexpr bool listed(std::size_t i) {
    return (!N.remove_duplicate || T::leaves[i].owner == i) && (N.recurse || T::leaves[i].module == 0);
  }
  template<Listing N>
  static constexpr auto parameters =
      select_leaves<T>([](std::size_t i) { return T::leaves[i].is_parameter() && listed<N>(i); });
  template<Listing N>
  static constexpr auto buffers =
      select_leaves<T>([](std::size_t i) { return !T::leaves[i].is_parameter() && listed<N>(i); });
  /// In the order of the arena.
  static constexpr auto trainable = select_indices<leaf_count>(
      [](std::size_t i) { return T::leaves[i].is_trainable() && T::leaves[i].owner == i; });
  template<bool RemoveDuplicate>
  static constexpr auto modules = select_indices<module_count>(
      [](std::size_t i) { return !RemoveDuplicate || T::modules[i].owner == i; });
  /// Directly inside of the network, and no other name of a child before it.
  static constexpr bool is_child(std::size_t i) {
    if (i == 0 || T::modules[i].parent != 0) return false;
    for (std::size_t j = 1; j < i; ++j)
      if (T::modules[j].parent == 0 && T::modules[j].owner == T::modules[i].owner) return false;
    return true;
  }
  static constexpr auto children = select_indices<module_count>([](std::size_t i) { return is_child(i); });

  template<fixed_string Pattern, bool Parameters, bool RemoveDuplicate>
  static constexpr auto matching = select_leaves<T>([](std::size_t i) {
    return T::leaves[i].is_parameter() == Parameters && (!RemoveDuplicate || T::leaves[i].owner == i) &&
           glob_match(Pattern.view(), T::leaves[i].name);
  });
};

/// A pattern that selects nothing is a mistake.
template<class T, fixed_string Pattern, bool Parameters>
struct glob_error {
  static consteval Text message() {
    for (const LeafEntry& leaf : T::leaves)
      if (leaf.is_parameter() == Parameters && glob_match(Pattern.view(), leaf.name)) return {};
    Text found = text("stator: ", T::modules[0].type, " has no ", Parameters ? "parameter" : "buffer",
                      " that matches ", Pattern.view());
    found += nearest(Pattern.view(), T::leaves.size(), [](std::size_t i) { return T::leaves[i].name; });
    return found;
  }
};

/// The names of a table with a prefix, in static storage.
template<class T, fixed_string Prefix>
struct prefixed {
  static constexpr std::size_t added = Prefix.size() + (Prefix.size() > 0 ? 1 : 0);
  static constexpr std::size_t size = [] {
    std::size_t n = 0;
    for (const LeafEntry& e : T::leaves) n += added + e.name.size();
    for (const ModuleEntry& e : T::modules) n += added + e.path.size();
    return n;
  }();
  struct Pool {
    std::array<char, size + 1> characters{};
    std::array<std::size_t, T::leaves.size() + 1> leaf_begin{};
    std::array<std::size_t, T::modules.size() + 1> module_begin{};
  };
  static constexpr Pool pool = [] {
    Pool p;
    std::size_t end = 0;
    const auto put = [&](std::string_view name) {
      for (const char c : Prefix.view()) p.characters[end++] = c;
      if (Prefix.size() > 0 && !name.empty()) p.characters[end++] = '.';
      for (const char c : name) p.characters[end++] = c;
    };
    for (std::size_t i = 0; i < T::leaves.size(); ++i) put(T::leaves[i].name), p.leaf_begin[i + 1] = end;
    p.module_begin[0] = end;
    for (std::size_t i = 0; i < T::modules.size(); ++i) put(T::modules[i].path), p.module_begin[i + 1] = end;
    return p;
  }();
  static constexpr std::string_view part(std::size_t begin, std::size_t end) {
    return {pool.characters.data() + begin, end - begin};
  }
  static constexpr std::string_view leaf(std::size_t i) {
    return part(pool.leaf_begin[i], pool.leaf_begin[i + 1]);
  }
  static constexpr std::string_view module(std::size_t i) {
    return part(pool.module_begin[i], pool.module_begin[i + 1]);
  }
};

} // namespace detail

} // namespace stator::inline v0_2
