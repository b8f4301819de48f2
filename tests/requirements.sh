#!/bin/sh
# SPDX-License-Identifier: BSL-1.0
# Checks that an older language, or an older compiler, is answered by one error that says what is needed.
#   tests/requirements.sh INCLUDE_DIRECTORY COMPILER...
# COMPILER is tried with -std=c++17; of the older ones those that are installed.
set -u
export LC_ALL=C
include=$1
shift
failed=0

# expect TEXT HEADER COMMAND...
expect() {
  text=$1 header=$2
  shift 2
  output=$(printf '#include "stator/%s"\n' "$header" | "$@" -I"$include" -fsyntax-only -x c++ - 2>&1)
  # clang 16 crashes after the answer.
  errors=$(printf '%s\n' "$output" | grep -v 'frontend command failed' | grep -c 'error:')
  case $output in
  *"$text"*) [ "$errors" -eq 1 ] && return ;;
  esac
  printf 'requirements: %s with stator/%s: %s errors, expected one: %s\n' "$*" "$header" "$errors" "$text"
  printf '%s\n' "$output" | head -n 5
  failed=1
}

# Any language will do for the macros of version.hpp and for the handle of a wall. The standard library is hidden: clang goes
# on reading after the error, and a header that asks for anything else first is one that fails here.
for header in $(cd "$include/stator" && ls *.hpp */*.hpp | grep -vx -e version.hpp -e wall/network.hpp); do
  expect 'stator: needs C++20, compile with -std=c++20' "$header" "$@" -std=c++17 -nostdinc -nostdinc++
done
for old in g++-11 clang++-14 clang++-15 clang++-16; do
  command -v "$old" >/dev/null 2>&1 || continue
  expect 'stator: needs ' stator.hpp "$old" -std=c++20
done
exit $failed
