// SPDX-License-Identifier: BSL-1.0
// What compiles this library, checked before anything else of it is read. An `#error` would be followed by
// thousands of lines about what an older compiler does not know; a header that does not exist is a fatal
// error in every compiler, and its name is the only thing that is said.
#pragma once

#if !defined(__cplusplus) || __cplusplus < 202002L
#include <stator: needs C++20, compile with -std=c++20 (g++ 12 or later, clang 18 or later)>
#elif defined(__clang__) && !defined(__apple_build_version__) && __clang_major__ < 18
#include <stator: needs clang 18 or later, 19 is tested (floating-point template arguments), or g++ 12 or later>
#elif !defined(__clang__) && defined(__GNUC__) && __GNUC__ < 12
#include <stator: needs g++ 12 or later, or clang 18 or later>
#endif

// The inline namespace keeps two versions of the library apart that one program was put together from. What
// stands in stator::v0_2 is named without it; it is declared here first, so that `namespace stator::ops`
// means the room inside of it everywhere after. It changes with the version that removes names.
namespace stator::inline v0_2 {
namespace data {}
namespace detail {}
namespace distributed {}
namespace expr {}
namespace graph {}
namespace io {}
namespace kernel {}
namespace nn {}
namespace ops {}
namespace optim {}
namespace reflect {}
namespace run {}
namespace unqualified {}
namespace wall {}
} // namespace stator::inline v0_2
