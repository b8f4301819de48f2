// SPDX-License-Identifier: BSL-1.0
// What must hold for any bytes that claim to be an .npy, .npz, gzip or IDX file: they are refused with a
// FormatError that names file and byte, or read within the limit and with as many elements as the shape says.
#pragma once

#include "fuzz/must.hpp"

#include "stator/data/idx.hpp"
#include "stator/io/npy.hpp"
#include "stator/io/state_npz.hpp"

namespace stator::test {

inline constexpr io::ReadOptions fuzz_limit{.max_unpacked = 1 << 20};

inline std::vector<std::byte> copy_of(std::span<const std::byte> bytes) {
  return {bytes.begin(), bytes.end()};
}

inline void check_array(const io::NpyArray& array) {
  const auto size = static_cast<std::size_t>(array.numel()) * array.itemsize();
  must(size == array.bytes.size(), "an array has the bytes of its shape");
  const io::NpyArray rows = array.row_major();
  must(rows.bytes.size() == size && !rows.fortran_order, "column-major arrays become row-major");
  // What was read can be written, and means the same then.
  auto file = io::detail::npy_header(array);
  file.insert(file.end(), array.bytes.begin(), array.bytes.end());
  const io::NpyArray again = io::detail::parse_npy(file, "again");
  must(again.dtype == array.dtype && again.shape == array.shape && again.bytes == array.bytes &&
           again.fortran_order == array.fortran_order,
       "an array is written as it was read");
}

inline void try_npy(std::span<const std::byte> bytes) {
  try {
    check_array(io::detail::parse_npy(bytes, "fuzz"));
  } catch (const FormatError& error) {
    must_name_byte(error);
  }
}

inline void try_npz(std::span<const std::byte> bytes) {
  try {
    const io::ZipReader archive(io::MappedFile(copy_of(bytes)), "fuzz", fuzz_limit);
    std::uint64_t total = 0;
    for (const io::ZipEntry& entry : archive.entries()) total += entry.size;
    must(total <= *fuzz_limit.max_unpacked, "an archive keeps within the limit");
    io::Npz npz = io::detail::parse_npz(archive, "fuzz");
    must(npz.size() == archive.entries().size(), "every entry is an array");
    for (const auto& [name, array] : npz) {
      check_array(array);
      must(&npz[name] == &array, "an array is found by its name");
    }
    try {
      for (const StateTensor& tensor : io::npz_state(npz))
        must(tensor.bytes() == npz[tensor.name].bytes.size(), "state");
    } catch (const FormatError&) { // complex numbers
    }
  } catch (const FormatError& error) {
    must_name_byte(error);
  }
}

inline void try_gzip(std::span<const std::byte> bytes) {
  io::GzipReader file(copy_of(bytes), "fuzz", fuzz_limit);
  try {
    std::array<std::byte, 1000> part;
    std::uint64_t total = 0;
    for (std::size_t n = 1; n > 0; total += n) {
      const std::uint64_t most = file.remaining_at_most();
      n = file.read(part);
      must(n <= most, "there is no more than was said");
    }
    must(total == file.position(), "the position counts what was read");
    must(file.read(part) == 0, "after the end there is nothing");
  } catch (const FormatError& error) {
    must_name_byte(error);
    must(file.position() <= *fuzz_limit.max_unpacked + 1000, "a reader keeps within the limit");
  }
}

inline void try_idx(std::span<const std::byte> bytes) {
  for (const std::size_t rank : {1U, 3U}) {
    try {
      const data::Idx idx = data::read_idx(copy_of(bytes), "fuzz", rank, fuzz_limit);
      must(idx.extents.rank == rank && static_cast<std::size_t>(idx.extents.numel()) == idx.values.size(),
           "there are as many values as the extents say");
    } catch (const FormatError& error) {
      must_name_byte(error);
    }
  }
}

} // namespace stator::test
