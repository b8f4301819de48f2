// SPDX-License-Identifier: BSL-1.0
// stator::load(model, path) without the header that has it, which stator.hpp leaves out: it needs a library
// to link. With that header, its function is the better match.
#pragma once

#include "stator/core/compile_error.hpp"

#include <type_traits>

namespace stator::inline v0_2 {

namespace detail {
template<class M>
struct load_without_header {
  static constexpr Text message() {
    return Text("stator: load needs #include \"stator/io/state.hpp\", and -lboost_json to link");
  }
};
} // namespace detail

/// Says which header to include.
template<class M>
  requires requires { typename std::remove_cvref_t<M>::module_type; }
auto load(M&&, ...) {
  static_assert(check<detail::load_without_header<M>>());
}

} // namespace stator::inline v0_2
