// SPDX-License-Identifier: BSL-1.0
// The memory of processes: each contender of a row in one of its own.
#pragma once

#include "bench.hpp"

namespace bench {

/// Makes a contender in this process, lets it run three times, and prints what that took, as JSON.
int print_resident(const Contender& contender);

/// The same in a process of its own, by starting this program again; what it printed, "" if it failed.
std::string resident_of(const Contender& contender);

/// Each training row: its plan, and what Stator and libtorch take, as JSON; "" if there is no such row.
std::string memory_of_rows(const std::vector<Contender>& all,
                           const std::function<bool(const std::string&)>& wanted);

} // namespace bench
