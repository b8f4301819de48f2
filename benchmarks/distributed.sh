#!/bin/sh
# SPDX-License-Identifier: BSL-1.0
# Builds and runs distributed.cpp with 1 process of 1 thread, 1 process of 2 threads and 2 processes of 1 thread.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
. "$root/tests/setup.sh"
need_to_build
need libopenmpi-dev openmpi-bin=mpirun
build=$root/build/release
configure "$build" -Dbuildtype=release -Dtests=disabled -Dexamples=disabled || fail "cannot configure"
ninja -C "$build" benchmarks/bench_distributed >/dev/null || fail "cannot build"
run() { # THREADS RANKS
  OMP_NUM_THREADS=$1 "$root/tests/distributed/run" "$2" "$build/benchmarks/bench_distributed"
}
run 1 1
run 2 1
run 1 2
