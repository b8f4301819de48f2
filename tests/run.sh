#!/bin/bash
# SPDX-License-Identifier: BSL-1.0
# Installs what is missing, builds and runs the tests with g++ and clang, ends with "N passed, N failed".
#   tests/run.sh               every test; the larger ones with one of the two compilers
#   tests/run.sh --all         every test with both compilers
#   tests/run.sh --quick       g++ only, without the long examples
#   tests/run.sh --sanitize    the runtime tests under AddressSanitizer and UndefinedBehaviorSanitizer (g++)
#   --compiler gcc|clang       only that one
#   --only STAGE               only the runtime tests of tests/STAGE (the rest is not even built)
# What each counts is in tests/README.md. Exit code 0 means that something passed and nothing failed.
set -u
root=$(cd "$(dirname "$0")/.." && pwd)
. "$root/tests/setup.sh"

quick=no sanitize=no all=no compilers='gcc clang' only=
while [ $# -gt 0 ]; do
  case $1 in
  --all) all=yes ;;
  --quick) quick=yes compilers=gcc ;;
  --sanitize) sanitize=yes compilers=gcc ;;
  --compiler) compilers=${2:-} && shift ;;
  --only) only=${2:-} && shift ;;
  *) sed -n 's/^# \{0,1\}//p' "$0" | sed -n '2,9p' && exit 2 ;;
  esac
  shift
done

passed=0 failed=0 failures=()
pass() { passed=$((passed + ${1:-1})); }
# miss WHAT [TIMES]
miss() {
  failed=$((failed + ${2:-1}))
  failures+=("$1")
}

# How many files below $1 are called $2.
count() { if [ -d "$root/$1" ]; then find "$root/$1" -name "$2" | wc -l; else echo 0; fi; }

# build TARGET...: everything that can be built is; each failed step counts as one, each static test that is
# built as passed.
build() {
  local log=$directory/build.log status step broken=0 headers=0
  case $config,$skipped, in clang,*,headers,* | clang,headers,*) ;; clang,*) headers=$(count include/stator '*.hpp') ;; esac
  ninja -C "$directory" -k 0 -j "$(nproc)" "$@" 2>&1 | tee "$log" | grep -v '^ninja: Entering directory'
  status=${PIPESTATUS[0]}
  while read -r step; do
    miss "$config: build: $step"
    case $step in tests/libheaders.a.p/* | tests/libstatic.a.p/* | tests/compile_fail-* | tests/same_code-*) broken=$((broken + 1)) ;; esac
  done < <(sed -n 's/^FAILED: \([^ ]*\).*/\1/p' "$log")
  if [ "$status" -ne 0 ] && ! grep -q '^FAILED: ' "$log"; then miss "$config: build"; fi
  [ "$static" = no ] ||
    pass $((headers + $(count tests/static '*.cpp') + $(count tests/compile_fail '*.cpp') + $(count tests/same_code '*.cpp') - broken))
}

# Prints "PASSED FAILED" from the summary that Catch2 writes at the end (versions 2 and 3).
catch_summary() {
  awk '
    /^All tests passed \(.* in [0-9]+ test cases?\)/ { sub(/.* in /, ""); good = $1 + 0; bad = 0; seen = 1 }
    /^No tests ran/ { good = bad = 0; seen = 1 }
    /^test cases:/ {
      good = bad = 0; seen = 1
      n = split($0, part, "|")
      for (i = 2; i <= n; ++i) {
        split(part[i], word, " ")
        if (word[2] == "failed" && part[i] !~ /as expected/) bad += word[1]
        else if (word[2] != "skipped") good += word[1]
      }
    }
    END { if (seen) print good, bad; else print 0, 0 }'
}

# run_catch STAGE PROGRAM
run_catch() {
  local output status good bad
  output=$(cd "$directory" && timeout 900 "$2" 2>&1)
  status=$?
  read -r good bad < <(printf '%s\n' "$output" | catch_summary)
  [ "$status" -eq 0 ] || [ "$bad" -gt 0 ] || bad=1 # died before or after the summary
  if [ "$status" -ne 0 ]; then
    printf '%s\n' "$output"
    miss "$config: $1: $bad test cases (exit code $status)" "$bad"
  fi
  pass "$good"
  echo "$config: $1: $good passed, $bad failed"
}

# run_program WHAT SOURCE PROGRAM: it must exit with 0 and print each TEXT of its source's `// prints: TEXT`.
run_program() {
  local output status text bad=no
  output=$(cd "$directory" && timeout 900 "$3" 2>&1)
  status=$?
  [ "$status" -eq 0 ] || { bad=yes && echo "exit code $status"; }
  while IFS= read -r text; do
    case $output in *"$text"*) ;; *) bad=yes && echo "does not print: $text" ;; esac
  done < <(sed -n 's|^[[:space:]]*// prints: ||p' "$2")
  if [ "$1" = examples/05_train ]; then main_job_reached "$output" || bad=yes; fi
  if [ $bad = no ]; then
    pass
    echo "$config: $1: passed"
  else
    printf '%s\n' "$output" | tail -n 40
    miss "$config: $1"
    echo "$config: $1: failed"
  fi
}

# The last two lines of the main job, and the accuracies that it must reach.
main_job_reached() {
  printf '%s\n' "$1" | tail -n 2
  printf '%s\n' "$1" | tail -n 2 | awk '
    /^mlp: test accuracy 0\.[0-9]+, [0-9]+ images\/s$/ && NR == 1 && $4 + 0 >= 0.86 { ++good }
    /^cnn: test accuracy 0\.[0-9]+, [0-9]+ images\/s$/ && NR == 2 && $4 + 0 >= 0.87 { ++good }
    END { exit good != 2 }' || { echo "does not end with the accuracies of the main job" && return 1; }
}

test_with() { # COMPILER, the name in messages
  config=$1 directory=$root/build/$1 static=yes skipped=
  local options=(-Ddebug=false -Dbenchmarks=disabled)
  case $1 in
  gcc) export CXX=${GXX:-g++} && options+=(-Doptimization=2) && skipped=nn,ops ;;
  clang) export CXX=${CLANGXX:-clang++-19} && options+=(-Doptimization=1) && skipped=headers,io,kernel,module,optim,train ;;
  *) fail "unknown compiler '$1', expected gcc or clang" ;;
  esac
  if [ $sanitize = yes ]; then
    config=$1-sanitize directory=$root/build/$1-sanitize static=no
    # g++ takes much for uninitialised under a sanitizer; warnings are the other builds' task.
    # With its checks of null pointers, g++ takes the address of an object for no constant.
    options+=("-Db_sanitize=address,undefined" -Doptimization=1
      "-Dcpp_args=['-fno-sanitize-recover=all','-fno-sanitize=null,nonnull-attribute,returns-nonnull-attribute']"
      -Dwerror=false -Dwarning_level=0 -Dstatic_tests=false -Dexamples=disabled)
    export UBSAN_OPTIONS=print_stacktrace=1
  fi
  [ "$only" = '' ] || static=no
  # One compiler for the larger stages, unless it is the only one or both are asked for.
  if [ $all = yes ] || [ "$only" != '' ] || [ "$compilers" = "$1" ]; then skipped=; fi
  options+=("-Dskip_stages=$skipped")

  echo "== $config: $($CXX --version | head -n 1)"
  configure "$directory" "${options[@]}" || { miss "$config: configure" && return; }
  if [ "$only" != '' ]; then build "tests/${only}_test"; else build; fi

  local source stage program
  for stage in $(cd "$root/tests" && find . -mindepth 2 -name '*_test.cpp' | cut -d/ -f2 | sort -u); do
    program=$directory/tests/${stage}_test
    case ",$skipped," in *",$stage,"*) continue ;; esac
    [ "$only" = '' ] || [ "$only" = "$stage" ] || continue
    if up_to_date "$stage"_test; then run_catch "$stage" "$program"; fi
  done
  [ "$only" = '' ] || return
  if up_to_date odr_test; then run_program odr /dev/null "$directory/tests/odr_test"; fi
  [ $sanitize = no ] || return
  for source in "$root"/examples/*.cpp; do
    [ -e "$source" ] || continue
    program=$(basename "$source" .cpp)
    # The long one runs once.
    if [ "$program" = 05_train ] && { [ $quick = yes ] || [ "$1" != "${compilers%% *}" ]; }; then continue; fi
    if ! grep -q "^FAILED: examples/$program" "$directory/build.log"; then
      run_program "examples/$program" "$source" "$directory/examples/$program"
    fi
  done
}

# Whether the build of a test program went through: not when it or a part of it failed.
up_to_date() {
  [ -x "$directory/tests/$1" ] && ! grep -q "^FAILED: tests/\($1\|libcatch_main\)" "$directory/build.log"
}

need_to_build
need_dataset
need 'catch2=<catch2/catch.hpp>'
case $compilers in *clang*) need clang-19=clang++-19 libomp-19-dev=/usr/lib/llvm-19/lib/libomp.so ;; esac
for compiler in $compilers; do test_with "$compiler"; done

if [ ${#failures[@]} -gt 0 ]; then
  echo
  printf 'failed: %s\n' "${failures[@]}"
fi
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
