#!/bin/sh
# SPDX-License-Identifier: BSL-1.0
# Installs what is missing, builds, and runs the main job: training on Fashion-MNIST. Arguments go to it.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
. "$root/tests/setup.sh"

need_to_build
need_dataset
build=$root/build/release
configure "$build" -Dbuildtype=release -Dtests=disabled -Dbenchmarks=disabled || fail "cannot configure"
ninja -C "$build" examples/05_train || fail "cannot build"
cd "$build"
exec examples/05_train "$@"
