#!/bin/bash
# SPDX-License-Identifier: BSL-1.0
# Installs what is missing, builds, measures every row against every rival, prints the table, draws the pictures.
#   benchmarks/run.sh                 everything, into benchmarks/results/ by instruction set: about half an hour
#   benchmarks/run.sh --quick         a minute of measuring, into build/bench/results/
#   --only PREFIX[,PREFIX...]         only rows that begin so (train/, infer/, small/, registry/, width/, batch/, gemm/,
#                                     conv/, memory/, layer/, threads/); into build/bench/results/
#   --isa avx2                        as on a machine without AVX-512: the programs are built for x86-64-v3 and tell libtorch,
#                                     OpenBLAS, oneDNN and libxsmm to use no more; ONNX Runtime cannot be told and is left out
#   --processes N                     how many processes measure each row; their spread is printed (3, quick: 1)
# How each figure is taken is in benchmarks/README.md. A rival that cannot be installed is skipped with a line.
[ -n "${BASH_VERSION:-}" ] || exec bash "$0" "$@" # when it was started as `sh run.sh`
set -u
root=$(cd "$(dirname "$0")/.." && pwd)
. "$root/tests/setup.sh"

quick= only= isa= processes=3 results=$root/benchmarks/results
while [ $# -gt 0 ]; do
  case $1 in
  --quick) quick=--quick processes=1 results=$root/build/bench/results ;;
  --only) only=${2:?--only needs rows} results=$root/build/bench/results && shift ;;
  --isa) isa=${2:-} && shift && [ "$isa" = avx2 ] || fail "--isa takes avx2, found '$isa'" ;;
  --processes) processes=${2:?--processes needs a number} && shift ;;
  *) sed -n 's/^# \{0,1\}//p' "$0" | sed -n '2,11p' && exit 2 ;;
  esac
  shift
done

need_to_build
need clang-19=clang++-19 libomp-19-dev=/usr/lib/llvm-19/lib/libomp.so
# rival NAME PACKAGE...
rival() {
  local name=$1
  shift
  (need "$@") || echo "skipped: $name could not be installed"
}
rival 'libtorch, OpenBLAS' libtorch-dev libopenblas0-pthread libopenblas-pthread-dev
rival dlib libdlib-dev
rival oneDNN libdnnl-dev
rival libxsmm libxsmm-dev

# ONNX Runtime's CPU library comes inside of its npm package; installing runs no script of the package.
work=$root/build/bench
mkdir -p "$work"
case $(uname -m) in aarch64) machine=arm64 ;; *) machine=x64 ;; esac
find_onnxruntime() { find "$work/onnxruntime" -path "*/linux/$machine/libonnxruntime.so*" 2>/dev/null | head -n 1; }
if [ -z "$(find_onnxruntime)" ]; then
  if command -v npm >/dev/null 2>&1; then
    npm install --ignore-scripts --no-audit --no-fund --prefix "$work/onnxruntime" onnxruntime-node@1.30.0 \
      >"$work/npm.log" 2>&1 || echo "skipped: onnxruntime-node could not be installed, see $work/npm.log"
  else
    echo 'skipped: ONNX Runtime needs npm'
  fi
fi
STATOR_ONNXRUNTIME=$(find_onnxruntime)
suffix= instructions=()
if [ "$isa" = avx2 ]; then
  suffix=-avx2 instructions=(-Dnative=false -Dcpp_args=-march=x86-64-v3)
  if grep -q avx512f /proc/cpuinfo; then
    echo 'skipped: ONNX Runtime cannot be kept from using AVX-512' && STATOR_ONNXRUNTIME=
  fi
fi
export STATOR_ONNXRUNTIME

cached=
if command -v ccache >/dev/null 2>&1; then cached='ccache '; fi
# build COMPILER TARGET OPTION...
build() {
  local directory=$work/$1$suffix target=$2
  shift 2
  configure "$directory" -Ddebug=false -Dtests=disabled -Dexamples=disabled -Dbenchmarks=enabled -Dwerror=false "${instructions[@]}" "$@" &&
    ninja -C "$directory" "benchmarks/$target" | grep --line-buffered -v '^ninja: Entering directory' && [ "${PIPESTATUS[0]}" -eq 0 ]
}
CXX="$cached${GXX:-g++}" build gcc bench -Doptimization=3 || fail 'g++: the benchmarks did not build'
CXX="$cached${CLANGXX:-clang++-19}" build clang bench_small -Doptimization=2 || fail 'clang: the benchmarks did not build'

sed -n 's/^Message: \(skipped: .*\)/\1/p' "$work/gcc$suffix/configure.log"
measured=()
options=($quick)
[ -z "$only" ] || options+=(--only "$only")
rm -f "$work"/measured-*.json
for ((process = 1; process <= processes; ++process)); do
  for program in gcc$suffix/benchmarks/bench clang$suffix/benchmarks/bench_small; do
    "$work/$program" "${options[@]}" --out "$work/measured-${program%%/*}-$process.json"
    case $? in
    0) measured+=("$work/measured-${program%%/*}-$process.json") ;;
    3) ;; # no such row in this program
    *) fail "$program failed" ;;
    esac
  done
done
# The memory of training rows, each contender in a process of its own.
"$work/gcc$suffix/benchmarks/bench" --memory ${only:+--only "$only"} --out "$work/measured-memory.json"
case $? in
0) measured+=("$work/measured-memory.json") ;;
3) ;;
*) fail 'bench --memory failed' ;;
esac
[ ${#measured[@]} -gt 0 ] || fail "no row begins with $only"
mkdir -p "$results"
python3 "$root/benchmarks/report.py" --out "$results" "${measured[@]}"
