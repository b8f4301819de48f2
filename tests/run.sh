#!/bin/bash
# SPDX-License-Identifier: BSL-1.0
# Installs what is missing, builds and runs the tests with g++ and clang, ends with "N passed, N failed".
#   tests/run.sh               every test, most of them with one of the two compilers
#   tests/run.sh --all         every test with both compilers, and the main job in full
#   tests/run.sh --quick       everything with g++ only
#   tests/run.sh --sanitize    the runtime tests under AddressSanitizer and UndefinedBehaviorSanitizer (clang)
#   --sanitize-threads         under ThreadSanitizer (clang, without OpenMP)
#   tests/run.sh --ci          --all but for layers and operations with g++, some folders under both kinds of sanitizers, and the
#                              layout of the sources
#   tests/run.sh --portability one program on other machines and instruction sets, under emulators: tests/portability/run
#   --compiler gcc|clang       only that one
#   --only STAGE[,STAGE...]    only the runtime tests of tests/STAGE (the rest is not even built)
# What each counts is in tests/README.md. Exit code 0 means that something passed and nothing failed.
[ -n "${BASH_VERSION:-}" ] || exec bash "$0" "$@" # when it was started as `sh run.sh`
set -u
root=$(cd "$(dirname "$0")/.." && pwd)
. "$root/tests/setup.sh"

sanitize=no all=no ci=no compilers='gcc clang' only=
while [ $# -gt 0 ]; do
  case $1 in
  --all) all=yes ;;
  --ci) all=yes ci=yes ;;
  --quick) compilers=gcc ;;
  --sanitize) sanitize=address,undefined compilers=clang ;;
  --sanitize-threads) sanitize=thread compilers=clang ;;
  --portability) shift && exec "$root/tests/portability/run" "$@" ;;
  --compiler) compilers=${2:-} && shift ;;
  --only) only=${2:-} && shift ;;
  *) sed -n 's/^# \{0,1\}//p' "$0" | sed -n '2,13p' && exit 2 ;;
  esac
  shift
done

# What one compiler alone builds unless --all is given: clang is the quicker one, most of all without optimising; what is left to g++
# needs no precompiled header there, which takes it ten seconds. What neither
# of them does then: what compiling costs, that every header compiles alone, that no instruction of double comes of float.
by_clang=compile_fail,distributed,expr,graph,hooks,io,kernel,model,module,nn,no_exceptions,ops,optim,run,same_code,single_precision,state,static,structure,subproject,trace,train
by_gcc=compile_time,core,data,examples,headers,lifetime,odr,packages,readme,reflect,single_precision,threads,wall
# What --ci runs under sanitizers: what reads files (with the seeds of the fuzzer), owns or shares memory, or plans it; and
# what uses threads.
memory_stages=core,data,graph,io,lifetime,model,module,run,state thread_stages=core,data,run
# Precompiled headers do not keep ccache from working.
export CCACHE_SLOPPINESS=${CCACHE_SLOPPINESS:-pch_defines,time_macros}

passed=0 failed=0 failures=()
pass() { passed=$((passed + ${1:-1})); }
# miss WHAT [TIMES]
miss() {
  failed=$((failed + ${2:-1}))
  failures+=("$1")
}

# build TARGET...: everything that can be built is; each failed step counts as one.
build() {
  local log=$directory/build.log status step
  ninja -C "$directory" -k 0 -j "$(nproc)" "$@" 2>&1 | tee "$log" | grep --line-buffered -v '^ninja: Entering directory'
  status=${PIPESTATUS[0]}
  while read -r step; do
    miss "$config: build: $step"
  done < <(sed -n 's/^FAILED: \([^ ]*\).*/\1/p' "$log")
  if [ "$status" -ne 0 ] && ! grep -q '^FAILED: ' "$log"; then miss "$config: build"; fi
}

# run_tests ARGUMENT...: as tests/run_built.py takes them.
run_tests() {
  local good bad name
  python3 "$root/tests/run_built.py" "$directory" "$root" "$directory/counts" "$(meson_program)" "$@" ||
    miss "$config: tests/run_built.py"
  while IFS=$'\t' read -r good bad name; do
    pass "$good"
    [ "$bad" -eq 0 ] || miss "$config: $name: $bad failed" "$bad"
  done <"$directory/counts"
}

test_with() { # COMPILER, the name in messages
  config=$1 directory=$root/build/$1 skipped=
  local options=(-Ddebug=false -Dbenchmarks=disabled -Dstatic_tests=true -Dexamples=auto) tests=()
  case $1 in
  gcc) export CXX=${GXX:-g++} && options+=(-Doptimization=2) && skipped=$by_clang ;;
  clang) export CXX=${CLANGXX:-clang++-19} && options+=(-Doptimization=1) && skipped=$by_gcc ;;
  *) fail "unknown compiler '$1', expected gcc or clang" ;;
  esac
  if [ "$sanitize" != no ]; then
    config=$1-$sanitize directory=$root/build/$1-$sanitize
    options+=("-Db_sanitize=$sanitize" -Db_lundef=false -Doptimization=1 -Dwerror=false -Dwarning_level=0
      -Dstatic_tests=false -Dexamples=disabled)
    case $sanitize in
    thread) options+=(-Dopenmp=disabled "-Dcpp_args=['-fno-sanitize-recover=all']") ;;
    *)
      # clang takes half of g++'s time for it, and checks null pointers, which g++ cannot beside addresses as constants.
      options+=("-Dcpp_args=['-fno-sanitize-recover=all']")
      export UBSAN_OPTIONS=print_stacktrace=1
      ;;
    esac
  fi
  # Each folder with one compiler, unless it is the only one or both are asked for.
  if [ $all = yes ] || [ "$only" != '' ] || [ "$compilers" = "$1" ]; then skipped=; fi
  # For tests that then look at less of what they could look at.
  if [ "$skipped" != '' ]; then export STATOR_TESTS_IN_BRIEF=1; else unset STATOR_TESTS_IN_BRIEF; fi
  # An hour is what CI has: g++ meets layers and operations in everything else that it builds there.
  if [ $ci = yes ] && [ "$sanitize" = no ]; then
    case $1 in gcc) skipped=nn,ops,single_precision ;; clang) skipped=packages ;; esac
  fi
  case ",$skipped," in *,examples,*) options+=(-Dexamples=disabled) ;; esac
  options+=("-Dskip_stages=$skipped")

  echo "== $config: $($CXX --version | head -n 1)"
  configure "$directory" "${options[@]}" || { miss "$config: configure" && return; }
  if [ "$only" != '' ]; then
    local stage targets=()
    for stage in ${only//,/ }; do
      if [ -d "$root/tests/$stage" ]; then tests+=("$stage") targets+=("tests/${stage}_test"); else miss "tests/$stage: there is no such folder"; fi
    done
    [ ${#tests[@]} -gt 0 ] || return
    build "${targets[@]}"
  else
    build
    # The main job in full runs once, with g++, and on request.
    if [ $all = no ] || { [ "$1" = clang ] && [ "$compilers" != clang ]; }; then tests=(--without 'main job'); fi
  fi
  run_tests "${tests[@]}"
}

need_to_build
need_dataset
need 'catch2=<catch2/catch.hpp>' libopenmpi-dev openmpi-bin=mpirun
case $compilers in *clang*) need clang-19=clang++-19 libomp-19-dev=/usr/lib/llvm-19/lib/libomp.so ;; esac
if [ "$ci" = yes ] || [ "$sanitize" != no ]; then need clang-19=clang++-19 libclang-rt-19-dev; fi
for compiler in $compilers; do test_with "$compiler"; done
if [ "$ci" = yes ]; then
  sanitize=address,undefined only=$memory_stages && test_with clang
  sanitize=thread only=$thread_stages && test_with clang
  if "$root/tests/format"; then pass; else miss format; fi
fi

if [ ${#failures[@]} -gt 0 ]; then
  echo
  printf 'failed: %s\n' "${failures[@]}"
fi
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
