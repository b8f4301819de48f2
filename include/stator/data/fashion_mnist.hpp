// SPDX-License-Identifier: BSL-1.0
// Fashion-MNIST: 60,000 + 10,000 greyscale images of 28x28 pixels in ten classes.
// Source: Xiao, Rasul and Vollgraf 2017, "Fashion-MNIST: a Novel Image Dataset".
#pragma once

#include "stator/data/dataset.hpp"
#include "stator/data/idx.hpp"

#include <string_view>

namespace stator::data {

/// The two parts of a data set: 60,000 samples to train on and 10,000 to test with.
enum class Split { train, test };

/// Where Debian's package dataset-fashion-mnist puts the files.
inline constexpr std::string_view fashion_mnist_root = "/usr/share/datasets/fashion-mnist";

/// Names of the labels 0 to 9.
inline constexpr std::array<std::string_view, 10> fashion_mnist_classes = {
    "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"};

namespace detail {
/// The packed file, or the unpacked one where only that is there.
inline std::filesystem::path packed_or_plain(const std::filesystem::path& root, const std::string& name) {
  std::error_code problem;
  const auto packed = root / (name + ".gz"), plain = root / name;
  return !std::filesystem::exists(packed, problem) && std::filesystem::exists(plain, problem) ? plain
                                                                                              : packed;
}
} // namespace detail

/// Samples [N, Sample...] in [0, 1] (pixel / 255, as torchvision's ToTensor): `fashion_mnist<784>(root,
/// Split::train)` for vectors, `fashion_mnist<1, 28, 28>` for images. Labels are 0 ... 9. Throws FileError or
/// FormatError, naming the file and the byte.
template<Index... Sample>
TensorDataset<float, Sample...> fashion_mnist(const std::filesystem::path& root, Split split) {
  constexpr Index pixels = Index{28} * 28;
  static_assert(
      Shape<Sample...>::numel == pixels,
      "stator: fashion_mnist<...>: the shape of a sample has 784 elements, as in <784> or <1, 28, 28>");
  const std::string name = split == Split::train ? "train" : "t10k";
  const auto images_path = detail::packed_or_plain(root, name + "-images-idx3-ubyte");
  const auto labels_path = detail::packed_or_plain(root, name + "-labels-idx1-ubyte");
  const Idx images = read_idx(images_path, 3);
  const Idx labels = read_idx(labels_path, 1);
  if (images.extents[1] != 28 || images.extents[2] != 28)
    io::format_error(images_path.string(), 8,
                     "images of shape " + to_string(images.extents) + ", expected [N, 28, 28]");
  if (labels.extents[0] != images.extents[0])
    io::format_error(labels_path.string(), 4,
                     std::to_string(labels.extents[0]) + " labels for " + std::to_string(images.extents[0]) +
                         " images");
  for (std::size_t i = 0; i < labels.values.size(); ++i)
    if (labels.values[i] >= fashion_mnist_classes.size())
      io::format_error(labels_path.string(), labels.header + i,
                       "label " + std::to_string(labels.values[i]) + ", expected 0 ... 9");

  AlignedVector<float> values(images.values.size());
  std::ranges::transform(images.values, values.begin(),
                         [](std::uint8_t x) { return static_cast<float>(x) / 255.0f; });
  return {std::move(values), std::vector<std::int64_t>(labels.values.begin(), labels.values.end())};
}

/// From where Debian's package has put the files.
template<Index... Sample>
TensorDataset<float, Sample...> fashion_mnist(Split split) {
  return fashion_mnist<Sample...>(fashion_mnist_root, split);
}

} // namespace stator::data
