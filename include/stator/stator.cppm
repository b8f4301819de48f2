// SPDX-License-Identifier: BSL-1.0
// `import stator;` with clang 19, whose header units are experimental; g++ 12 cannot. From the tree's root, once:
//   clang++-19 FLAGS -x c++-user-header include/stator/stator.hpp --precompile -o stator_hpp.pcm
//   clang++-19 FLAGS -fmodule-file=stator_hpp.pcm --precompile include/stator/stator.cppm -o stator.pcm
//   clang++-19 -fmodule-file=stator_hpp.pcm -c stator.pcm -o stator.o
// and for each source file, to be linked with stator.o:
//   clang++-19 FLAGS -fmodule-file=stator=stator.pcm -fmodule-file=stator_hpp.pcm -c program.cpp
// with the same FLAGS everywhere (-std=c++20 -O2 -Iinclude ... -Wno-experimental-header-units). It gains what a precompiled
// header gains, see benchmarks/README.md.
export module stator;
export import "stator/stator.hpp";
