// SPDX-License-Identifier: BSL-1.0
// A tensor that somebody else owns: a pointer and a shape. Contiguous, row-major.
#pragma once

#include "stator/core/compiler.hpp"
#include "stator/core/error.hpp"
#include "stator/core/shape.hpp"
#include "stator/core/text.hpp"

#include <algorithm>
#include <ostream>
#include <span>
#include <string>
#include <type_traits>

namespace stator::inline v0_2 {

inline std::string to_string(const Extents& e) { return std::string(text(e).view()); }

/// The extents of a tensor at run time; prints as "[64, 784]".
struct Sizes {
  Extents extents; ///< the extents with the batch filled in

  constexpr std::size_t size() const { return extents.rank; }
  constexpr Index operator[](std::size_t i) const { return extents[i]; }
  constexpr const Index* begin() const { return extents.dims.data(); }
  constexpr const Index* end() const { return extents.dims.data() + extents.rank; }
  constexpr bool operator==(const Sizes&) const = default;
  friend std::ostream& operator<<(std::ostream& out, const Sizes& s) { return out << to_string(s.extents); }
};

namespace detail {

[[noreturn]] STATOR_COLD inline void refuse_extents(const Extents& extents, const char* why) {
  std::string shape;
  for (std::size_t i = 0; i < extents.rank; ++i) shape += (i > 0 ? ", " : "") + std::to_string(extents[i]);
  raise(ShapeError("a tensor of shape [" + shape + "] " + why));
}

/// The bytes of a tensor of shape S whose batch is `leading`. Throws ShapeError for a batch that is negative
/// or whose elements no memory can hold.
template<class T, class S>
constexpr std::size_t checked_bytes([[maybe_unused]] Index leading) {
  constexpr std::size_t unit = static_cast<std::size_t>(S::numel) * sizeof(T);
  if constexpr (S::is_dynamic) {
    CheckedSize bytes = unit;
    bytes *= leading;
    if (!bytes.fits()) [[unlikely]] {
      Extents asked = S::extents;
      asked[0] = leading;
      refuse_extents(asked, leading < 0 ? "cannot be: its batch is negative"
                                        : "cannot be: it has more elements than memory can have");
    }
    return bytes.value();
  } else {
    return unit;
  }
}

[[noreturn]] STATOR_COLD inline void refuse_no_memory(const Extents& extents) {
  raise(UnboundError("a tensor of shape " + to_string(extents) +
                     " has no memory: it has been moved from, or belongs to no Model"));
}

/// What every tensor-like class offers on top of `data()` and `leading()`.
template<class Derived, class T, Index... E>
struct tensor_access : unqualified::lookup {
  using scalar = std::remove_const_t<T>;
  using shape_type = Shape<E...>;

  constexpr Index numel() const {
    return shape_type::is_dynamic ? shape_type::numel * self().leading() : shape_type::numel;
  }
  /// Extents, with the batch that the tensor has now.
  constexpr Sizes shape() const {
    Extents e = shape_type::extents;
    if (shape_type::is_dynamic) e[0] = self().leading();
    return {e};
  }
  constexpr Index size(std::size_t dim) const { return shape()[dim]; }
  static constexpr std::size_t dim() { return sizeof...(E); }

  constexpr auto values() const { return std::span(elements(), static_cast<std::size_t>(numel())); }
  constexpr auto begin() const { return elements(); }
  constexpr auto end() const { return elements() + numel(); }
  /// `data()`. Throws UnboundError, as all that looks at elements, where there is no memory: the tensor has
  /// been moved from, the parameter belongs to no Model.
  constexpr auto elements() const {
    const auto first = self().data();
    if (first == nullptr && numel() > 0) [[unlikely]]
      refuse_no_memory(shape().extents);
    return first;
  }

  /// One element. Throws ShapeError when an index is out of range.
  template<class... I>
    requires(sizeof...(I) == sizeof...(E))
  constexpr auto& operator()(I... index) const {
    const Sizes sizes = shape();
    const std::array<Index, sizeof...(E)> at{static_cast<Index>(index)...};
    Index offset = 0;
    for (std::size_t d = 0; d < sizeof...(E); ++d) {
      if (at[d] < 0 || at[d] >= sizes[d])
        raise(ShapeError("index " + std::to_string(at[d]) + " is out of range for dimension " +
                         std::to_string(d) + " of a tensor of shape " + to_string(sizes.extents)));
      offset = offset * sizes[d] + at[d];
    }
    return elements()[offset];
  }

  /// The only element. Throws ShapeError when there are more.
  constexpr scalar item() const {
    if (numel() != 1)
      raise(ShapeError("item() needs a tensor of one element, this one has shape " +
                       to_string(shape().extents)));
    return elements()[0];
  }

private:
  constexpr const Derived& self() const { return static_cast<const Derived&>(*this); }
};
} // namespace detail

/// Elements of type T (may be const) with the extents E, owned elsewhere. The leading extent may be
/// `dynamic`.
template<class T, Index... E>
class TensorView : public detail::tensor_access<TensorView<T, E...>, T, E...> {
public:
  /// Element type, const for a view that is read-only.
  using element = T;

  constexpr TensorView() = default;
  /// `leading`: the batch of a dynamic shape; ignored for a static one. Throws ShapeError when it is
  /// negative, or has more elements than memory can have.
  constexpr explicit TensorView(T* data,
                                Index leading = Shape<E...>::is_dynamic ? 0 : Shape<1, E...>::extents[1])
      : data_(data), leading_(leading) {
    (void)detail::checked_bytes<T, Shape<E...>>(leading);
  }
  template<class U>
    requires(std::is_same_v<const U, T>)
  constexpr TensorView(const TensorView<U, E...>& other) : data_(other.data()), leading_(other.leading()) {}

  /// The first element.
  constexpr T* data() const { return data_; }
  /// The leading extent.
  constexpr Index leading() const { return leading_; }

  /// Sets every element to the value, torch.Tensor.fill_.
  constexpr void fill_(T value) const
    requires(!std::is_const_v<T>)
  {
    std::fill_n(this->elements(), this->numel(), value);
  }

private:
  T* data_ = nullptr;
  Index leading_ = 0;
};

/// "tensor([[1, 2], [3, 4]])", as PyTorch brackets it; meant for small tensors.
template<class Derived, class T, Index... E>
std::ostream& operator<<(std::ostream& out, const detail::tensor_access<Derived, T, E...>& tensor) {
  const auto& self = static_cast<const Derived&>(tensor);
  const Sizes sizes = self.shape();
  const auto* p = self.elements();
  auto print = [&](auto& recurse, std::size_t d) -> void {
    if (d == sizes.size()) {
      out << *p++;
      return;
    }
    out << '[';
    for (Index i = 0; i < sizes[d]; ++i) {
      if (i > 0) out << ", ";
      recurse(recurse, d + 1);
    }
    out << ']';
  };
  out << "tensor(";
  print(print, 0);
  return out << ')';
}

} // namespace stator::inline v0_2
