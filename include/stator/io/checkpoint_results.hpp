// SPDX-License-Identifier: BSL-1.0
// Tensors that a program holds as parts of a checkpoint: one, or several in a tuple, an array or a struct,
// each under its name. What a recurrent network has returned, and begins with again, is such a state:
//   auto state = stator::values(model.eval()(x)).state;
//   checkpoint.add("state", state);                // "state.0", "state.1"; of a struct "state.h", "state.c"
#pragma once

#include "stator/io/checkpoint_parts.hpp"
#include "stator/trace/results.hpp"

namespace stator::io {

namespace detail {
template<class T>
consteval bool holds_tensors() {
  using namespace stator::detail;
  if constexpr (result_kind<T>() == ResultKind::none)
    return false;
  else if constexpr (result_kind<T>() == ResultKind::one)
    return requires { T::owns_elements; };
  else
    return result_count<T>() > 0 && []<std::size_t... I>(std::index_sequence<I...>) {
      return (holds_tensors<result_part<T, I>>() && ...);
    }(std::make_index_sequence<result_parts<T>()>{});
}

/// The tensor of a file in the shape and type of V, a tensor whose batch may be any.
template<class V>
V read_tensor(CheckpointReader& reader, const std::string& name) {
  using S = typename V::shape_type;
  constexpr DType type = dtype_of<typename V::scalar>;
  std::vector<Index> shape(S::extents.dims.begin(), S::extents.dims.begin() + S::extents.rank);
  if constexpr (S::is_dynamic) {
    const StateTensor any = reader.tensor(name, type);
    shape[0] = any.shape.empty() ? 0 : any.shape[0];
  }
  const StateTensor found = reader.tensor(name, type, shape);
  V read = [&] {
    if constexpr (S::is_dynamic)
      return V(shape[0]);
    else
      return V();
  }();
  convert_elements(found.type, found.data, storage_of(type), reinterpret_cast<std::byte*>(read.data()),
                   static_cast<std::size_t>(read.numel()));
  return read;
}
} // namespace detail

/// A tensor, or a std::tuple, an array or a struct of tensors, also inside of each other.
template<class T>
concept HoldsTensors = detail::holds_tensors<T>() && !HasState<T> && !HasNumbers<T>;

template<HoldsTensors T>
void store_part(CheckpointWriter& writer, const std::string& name, const T& part) {
  using namespace stator::detail;
  if constexpr (result_kind<T>() == ResultKind::one) {
    const Extents extents = part.shape().extents;
    writer.add(name, storage_of(dtype_of<typename T::scalar>),
               {extents.dims.begin(), extents.dims.begin() + static_cast<std::ptrdiff_t>(extents.rank)},
               part.data());
  } else {
    [&]<std::size_t... I>(std::index_sequence<I...>) {
      (store_part(writer, name + "." + std::string(result_name<T, I>().view()), get_result_part<I>(part)),
       ...);
    }(std::make_index_sequence<result_parts<T>()>{});
  }
}
template<HoldsTensors T>
void read_part(CheckpointReader& reader, const std::string& name, T& part) {
  using namespace stator::detail;
  if constexpr (result_kind<T>() == ResultKind::one) {
    const auto read = std::make_shared<T>(detail::read_tensor<T>(reader, name));
    reader.later([&part, read] {
      if (part.leading() == read->leading())
        std::copy_n(read->data(), read->numel(), part.data()); // what refers to the tensor stays valid
      else
        part = std::move(*read);
    });
  } else {
    [&]<std::size_t... I>(std::index_sequence<I...>) {
      (read_part(reader, name + "." + std::string(result_name<T, I>().view()), get_result_part<I>(part)),
       ...);
    }(std::make_index_sequence<result_parts<T>()>{});
  }
}

} // namespace stator::io
