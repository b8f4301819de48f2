// SPDX-License-Identifier: BSL-1.0
// std::mutex where the standard library has threads.
#pragma once

#include "stator/core/thread_local.hpp"

#include <mutex>

namespace stator::inline v0_2 {

#if STATOR_HAS_THREADS
/// Waits for other threads; where the standard library has none it does nothing.
using Mutex = std::mutex;
#else
class Mutex {
public:
  void lock() {}                   ///< Returns at once.
  void unlock() {}                 ///< Returns at once.
  bool try_lock() { return true; } ///< Always has it.
};
#endif

} // namespace stator::inline v0_2
