// SPDX-License-Identifier: BSL-1.0
// The part of zlib that archives need whose files are stored as they are, for machines that zlib is not
// installed for: the check sum. Nothing is unpacked.
#include <cstdio>
#include <cstdlib>
#include <zlib.h>

namespace {
[[noreturn]] void refuse(const char* name) {
  std::fprintf(stderr, "%s: this archive is compressed\n", name);
  std::abort();
}
} // namespace

uLong crc32_z(uLong before, const Bytef* bytes, z_size_t size) {
  uLong sum = ~before & 0xFFFFFFFFU;
  for (z_size_t i = 0; i < size; ++i) {
    sum ^= bytes[i];
    for (int bit = 0; bit < 8; ++bit) sum = (sum >> 1) ^ (sum % 2 * 0xEDB88320U);
  }
  return ~sum & 0xFFFFFFFFU;
}
int inflateInit2_(z_streamp, int, const char*, int) { refuse("inflateInit2_"); }
int inflate(z_streamp, int) { refuse("inflate"); }
int inflateEnd(z_streamp) { refuse("inflateEnd"); }
