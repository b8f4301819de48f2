#!/bin/bash
# SPDX-License-Identifier: BSL-1.0
# What walking a network costs the compiler: seconds and peak memory over the number of parameters.
#   benchmarks/traversal_compile_time.sh [COUNT...]        (default: 10 50 200 800)
# Each row compiles (-O1, no linking) one network of COUNT parameters, in blocks of five layers with a weight and a
# bias, all of different shapes, and
#   tables   takes the number of parameters and the last name from the constexpr tables
#   range    walks named_parameters(), named_buffers(), named_modules() and state_dict()
#   typed    calls for_each_parameter with a generic lambda: one instantiation a parameter
#   get      looks ten parameters up with get<"path">
#   repr     prints the model
# KINDS='tables typed' restricts the rows. Seconds are processor time, so that other work on the machine counts less.
[ -n "${BASH_VERSION:-}" ] || exec bash "$0" "$@" # when it was started as `sh traversal_compile_time.sh`
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# net COUNT: a struct Net with COUNT parameters.
net() {
  local blocks=$(($1 / 10)) i
  echo 'template<stator::Index N> struct Layer { stator::Parameter<float, N, 4> weight; stator::Parameter<float, N> bias; };'
  echo 'template<stator::Index N> struct Block { Layer<N> a; Layer<N + 1> b; Layer<N + 2> c; Layer<N + 3> d; Layer<N + 4> e; };'
  echo 'struct Net {'
  for ((i = 0; i < blocks; ++i)); do echo "  Block<$((5 * i + 1))> block$i;"; done
  echo '};'
}
use() {
  case $1 in
  base) ;;
  tables) echo 'static_assert(stator::Model<Net>::tables::leaves.size() > 0 && stator::Model<Net>::tables::find_leaf("nothing") > 0);' ;;
  range) echo 'void use(stator::Model<Net>& m) {
      for (auto [name, p] : m.named_parameters()) std::cout << name << p.shape();
      for (auto [name, p] : m.named_buffers()) std::cout << name << p.shape();
      for (auto [name, p] : m.state_dict()) std::cout << name << p.shape();
      for (auto [name, type] : m.named_modules()) std::cout << name << type; }' ;;
  typed) echo 'void use(stator::Model<Net>& m) { stator::for_each_parameter(m, [](auto name, auto& p) { std::cout << name << p.shape(); }); }' ;;
  get) echo 'void use(stator::Model<Net>& m) { float sum = 0;'
    for layer in a b c d e; do echo "sum += m.get<\"block0.$layer.weight\">()(0, 0) + m.get<\"block0.$layer.bias\">()(0);"; done
    echo 'std::cout << sum; }' ;;
  repr) echo 'void use(stator::Model<Net>& m) { std::cout << m; }' ;;
  esac
}

printf '%-10s %-8s %10s %9s %9s\n' compiler traversal parameters seconds MiB
for compiler in ${GXX:-g++} ${CLANGXX:-clang++-19}; do
  for kind in ${KINDS:-base tables range typed get repr}; do
    for count in ${*:-10 50 200 800}; do
      [ $kind != base ] || [ "$count" = "${1:-10}" ] || continue
      { echo '#include "stator/model/model.hpp"'; echo '#include <iostream>'; net "$count"; use $kind; } >"$work/net.cpp"
      /usr/bin/time -f '%U %M' -o "$work/time" "$compiler" -std=c++20 -O1 -I"$root/include" -c "$work/net.cpp" -o "$work/net.o"
      read -r seconds kilobytes <"$work/time"
      printf '%-10s %-8s %10s %9s %9s\n' "$compiler" $kind "$([ $kind = base ] && echo - || echo "$count")" "$seconds" $((kilobytes / 1024))
    done
  done
done
