// Written by stator::save_header: the weights of Xor, 33 parameters.
#pragma once

#include <bit>
#include <cstdint>
#include <stator/model/embedded.hpp>

struct xor_weights : stator::Embedded {
  static constexpr std::string_view network = "Xor";
  static constexpr stator::EmbeddedTensor tensors[]{
      {"fc1.weight", true, stator::DType::float32, stator::Extents(8, 2), 0},
      {"fc1.bias", true, stator::DType::float32, stator::Extents(8), 64},
      {"fc2.weight", true, stator::DType::float32, stator::Extents(1, 8), 128},
      {"fc2.bias", true, stator::DType::float32, stator::Extents(1), 192},
  };
  struct Parameters {
    alignas(64) float t0[16]; // fc1.weight [8, 2]
    alignas(64) float t1[8];  // fc1.bias [8]
    alignas(64) float t2[8];  // fc2.weight [1, 8]
    alignas(64) float t3[1];  // fc2.bias [1]
  };
  static constexpr Parameters parameters{
      {
          -0x1.ffaf6ap-1f,
          0x1.954e44p-2f,
          -0x1.3dc324p-1f,
          -0x1.49ff6cp-1f,
          0x1.121866p-5f,
          0x1.697adcp-1f,
          0x1.452a3p-2f,
          0x1.532238p-1f,
          -0x1.f8a912p-2f,
          -0x1.868a3cp-4f,
          -0x1.a487f8p-2f,
          -0x1.218816p-1f,
          -0x1.68fe16p+1f,
          -0x1.4fded8p+1f,
          -0x1.34a7fep-6f,
          -0x1.144fc6p-3f,
      },
      {
          -0x1.6bbf38p-3f,
          0x1.fecaaap-2f,
          -0x1.506642p-3f,
          -0x1.da988p-2f,
          0x1.c29ff8p-7f,
          0x1.578b58p-1f,
          0x1.05844ap+0f,
          0x1.81669ap-1f,
      },
      {
          0x1.a203bap-2f,
          0x1.5378a2p-2f,
          -0x1.7f0b44p-2f,
          -0x1.309d9p-1f,
          0x1.abde9p-2f,
          0x1.09edb2p-1f,
          -0x1.2bab86p+0f,
          0x1.643d24p-2f,
      },
      {
          -0x1.dce984p-6f,
      },
  };
};
