// SPDX-License-Identifier: BSL-1.0
// Whether there are threads at all: not on a microcontroller without an operating system, nor in WebAssembly
// as WASI has it.
#pragma once

#include "stator/core/requirements.hpp"

#include <cstddef>

#if defined(_LIBCPP_HAS_NO_THREADS) || (defined(__GLIBCXX__) && !defined(_GLIBCXX_HAS_GTHREADS))
/// Whether the standard library has threads.
#define STATOR_HAS_THREADS 0
/// thread_local where there are threads. Without them it would ask the system for what it does not have.
#define STATOR_THREAD_LOCAL
#else
#define STATOR_HAS_THREADS 1
#define STATOR_THREAD_LOCAL thread_local
#endif
