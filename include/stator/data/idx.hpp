// SPDX-License-Identifier: BSL-1.0
// IDX, the files of MNIST and similar data sets: a big-endian header and unsigned bytes, plain or packed with
// gzip. Source: LeCun, Cortes and Burges, "The MNIST database of handwritten digits", section on file
// formats.
#pragma once

#include "stator/core/shape.hpp"
#include "stator/core/view.hpp"
#include "stator/io/gzip.hpp"

#include <algorithm>
#include <array>

namespace stator::data {

/// The contents of an IDX file of unsigned bytes, row-major.
struct Idx {
  Extents extents;                  ///< as the header of the file states them
  std::vector<std::uint8_t> values; ///< the elements in row-major order
  std::size_t header = 0;           ///< bytes before the first value
};

namespace detail {

inline Idx read_idx(io::GzipReader&& file, std::size_t rank) {
  if (rank > max_rank)
    raise(ValueError("read_idx: rank is " + std::to_string(rank) + ", expected at most " +
                     std::to_string(max_rank)));
  auto fail = [&](std::uint64_t byte, const std::string& what) { io::format_error(file.path(), byte, what); };
  auto word = [&](const char* what) {
    std::array<std::byte, 4> bytes{};
    if (file.read(bytes) < bytes.size()) fail(file.position(), std::string("the file ends inside ") + what);
    return bytes;
  };

  const auto magic = word("the IDX mark");
  if (magic[0] != std::byte{0} || magic[1] != std::byte{0})
    fail(0, "not an IDX file: it should begin with 0, 0");
  if (magic[2] != std::byte{0x08})
    fail(2, "IDX type " + std::to_string(std::to_integer<int>(magic[2])) + ", expected 8 (unsigned bytes)");
  if (magic[3] != static_cast<std::byte>(rank))
    fail(3, std::to_string(std::to_integer<int>(magic[3])) + " dimensions, expected " + std::to_string(rank));

  Idx idx;
  CheckedSize product = 1;
  bool empty = false;
  for (std::size_t d = 0; d < rank; ++d) {
    std::uint32_t extent = 0;
    for (const std::byte b : word("an extent")) extent = extent << 8 | std::to_integer<std::uint32_t>(b);
    product *= std::max<std::uint32_t>(extent, 1); // so that no part of the product overflows either
    empty = empty || extent == 0;
    idx.extents.push_back(static_cast<Index>(extent));
  }
  if (!product.fits()) fail(file.position() - 4, "extents whose product is too large");
  const std::size_t count = empty ? 0 : product.value();
  idx.header = static_cast<std::size_t>(file.position());
  if (count > file.remaining_at_most())
    fail(idx.header, "shape " + to_string(idx.extents) + " needs " + std::to_string(count) +
                         " bytes, the file cannot hold more than " +
                         std::to_string(file.remaining_at_most()));

  file.expect_within_limit(count);
  idx.values.resize(count);
  if (file.read(std::as_writable_bytes(std::span(idx.values))) < idx.values.size())
    fail(file.position(), "the file ends here, expected " + std::to_string(idx.header + count) + " bytes");
  std::array<std::byte, 1> more{};
  if (file.read(more) > 0)
    fail(idx.header + count, "more bytes than shape " + to_string(idx.extents) + " has");
  return idx;
}

} // namespace detail

/// Reads a file of exactly `rank` dimensions. Throws FileError, and FormatError with the byte (of the
/// unpacked file) for a wrong mark, type or rank, a file that is too short or too long, a damaged gzip
/// stream, and one that unpacks to more than `options.max_unpacked`; ValueError for a rank above 8.
inline Idx read_idx(const std::filesystem::path& path, std::size_t rank,
                    const io::ReadOptions& options = {}) {
  return detail::read_idx(io::GzipReader(path, options), rank);
}
/// The same for a file that is in memory already; `name` stands for it in messages.
inline Idx read_idx(std::vector<std::byte> bytes, std::string name, std::size_t rank,
                    const io::ReadOptions& options = {}) {
  return detail::read_idx(io::GzipReader(std::move(bytes), std::move(name), options), rank);
}

} // namespace stator::data
