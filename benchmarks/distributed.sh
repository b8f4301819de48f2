#!/bin/bash
# SPDX-License-Identifier: BSL-1.0
# What training with several processes costs: builds distributed.cpp and runs it in rounds, each with 1 process of 1 thread, 2
# processes of 1 thread and 1 process of 2 threads, so that what disturbs the machine for a while disturbs all three.
#   benchmarks/distributed.sh [--rounds N] [--write]
# prints the tables of benchmarks/README.md, "Several processes"; --write puts them there. 7 rounds, two and a half minutes.
# CXX: which compiler.
[ -n "${BASH_VERSION:-}" ] || exec bash "$0" "$@" # when it was started as `sh distributed.sh`
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
. "$root/tests/setup.sh"
rounds=7 write=()
while [ $# -gt 0 ]; do
  case $1 in
  --rounds) rounds=$2 && shift ;;
  --write) write=(--write "$root/benchmarks/README.md") ;;
  *) fail "unknown argument '$1'" ;;
  esac
  shift
done
# Per cent of the processors' time that goes to other work, over two seconds.
processor_time() { # busy, and all
  local user nice system idle wait
  read -r _ user nice system idle wait _ </proc/stat
  echo "$((user + nice + system)) $((user + nice + system + idle + wait))"
}
read -r busy_before all_before <<<"$(processor_time)"
sleep 2
read -r busy all <<<"$(processor_time)"
busy=$((100 * (busy - busy_before) / (all - all_before)))
need_to_build
need libopenmpi-dev openmpi-bin=mpirun
build=$root/build/release
configure "$build" -Dbuildtype=release -Ddebug=false -Dtests=disabled -Dexamples=disabled || fail "cannot configure"
ninja -C "$build" benchmarks/bench_distributed >/dev/null || fail "cannot build"
measured=$build/distributed.jsonl
printf '{"busy": %s}\n' "$busy" >"$measured"
run() { # RANKS THREADS
  OMP_NUM_THREADS=$2 "$root/tests/distributed/run" "$1" "$build/benchmarks/bench_distributed" | sed "s/^{/{\"round\": $round, /" >>"$measured"
}
for ((round = 1; round <= rounds; ++round)); do
  # Each of them is the first as often as the others.
  case $((round % 3)) in
  1) order='1:1 2:1 1:2' ;;
  2) order='2:1 1:2 1:1' ;;
  0) order='1:2 1:1 2:1' ;;
  esac
  for one in $order; do run "${one%:*}" "${one#*:}" || fail "a run of $one failed"; done
done
exec python3 "$root/benchmarks/distributed.py" "${write[@]}" "$measured"
