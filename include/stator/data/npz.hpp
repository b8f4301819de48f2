// SPDX-License-Identifier: BSL-1.0
// Arrays of NumPy as a dataset: numpy.savez("data.npz", x=x, y=y).
//
//   auto dataset = stator::data::read_npz<Tensor<float, dynamic, 3>, Tensor<float, dynamic>>("data.npz",
//   {"x", "y"});
#pragma once

#include "stator/data/stack_dataset.hpp"
#include "stator/io/npy.hpp"

namespace stator::data {

namespace detail {
template<class T>
struct FromNpy;
template<class T, Index... E>
struct FromNpy<Tensor<T, dynamic, E...>> {
  static Tensor<T, dynamic, E...> tensor(const io::Npz& npz, std::string_view name) {
    const io::NpyArray& array = npz[name];
    const std::vector<Index> sample{E...};
    if (array.shape.size() != sample.size() + 1 ||
        !std::equal(sample.begin(), sample.end(), array.shape.begin() + 1)) {
      std::string expected = "(N,";
      for (const Index extent : sample) expected += std::to_string(extent) + ",";
      raise(ShapeError(npz.path + "(" + std::string(name) + ".npy): shape " + array.shape_text() +
                       ", expected " + expected + ")"));
    }
    if (array.dtype != io::npy_dtype<T>())
      raise(ValueError(npz.path + "(" + std::string(name) + ".npy): elements of type '" + array.dtype +
                       "', expected '" + io::npy_dtype<T>() + "': in Python, array.astype('" +
                       io::npy_dtype<T>() + "')"));
    Tensor<T, dynamic, E...> result(array.shape.front());
    const io::NpyArray row_major = array.row_major();
    const auto values = row_major.template as<T>();
    std::copy(values.begin(), values.end(), result.begin());
    return result;
  }
};
} // namespace detail

/// A dataset of the arrays with these names. Throws FileError, FormatError; KeyError for a name that is not
/// there; ShapeError, with the name, for arrays of other shapes and for different numbers of samples;
/// ValueError for elements of another type than the tensor's.
template<class... Tensors>
StackDataset<Tensors...> read_npz(const std::filesystem::path& path,
                                  const std::array<std::string_view, sizeof...(Tensors)>& names,
                                  const io::ReadOptions& options = {}) {
  const io::Npz npz = io::load_npz(path, options);
  return [&]<std::size_t... I>(std::index_sequence<I...>) {
    return StackDataset<Tensors...>(detail::FromNpy<Tensors>::tensor(npz, names[I])...);
  }(std::index_sequence_for<Tensors...>{});
}

} // namespace stator::data
