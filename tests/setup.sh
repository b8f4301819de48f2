# SPDX-License-Identifier: BSL-1.0
# shellcheck shell=sh
# What examples/run.sh and tests/run.sh share: installs missing Debian packages, configures, builds.
# To be sourced, with `root` set to the tree's root.
: "${root:?}"
export LC_ALL=C

fail() {
  printf 'stator: %s\n' "$*" >&2
  exit 1
}

# Whether a package is there, or what is wanted from it has come some other way.
#   present PACKAGE [PROBE]: PROBE is a program, a path, <header>, or -lLIBRARY.
present() {
  if command -v dpkg-query >/dev/null 2>&1 &&
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; then
    return 0
  fi
  case ${2:-} in
  '') return 1 ;;
  /*) [ -e "$2" ] ;;
  '<'*'>') echo "#include $2" | ${CXX:-g++} -std=c++20 -E -x c++ -I/usr/include/eigen3 - >/dev/null 2>&1 ;;
  -l*) echo 'int main() {}' | ${CXX:-g++} -x c++ - -x none "$2" -o /dev/null >/dev/null 2>&1 ;;
  *) command -v "$2" >/dev/null 2>&1 ;;
  esac
}

# Installs what is missing of the arguments, each PACKAGE or PACKAGE=PROBE. Touches nothing when nothing is.
need() {
  missing=
  for wanted in "$@"; do
    package=${wanted%%=*} probe=
    [ "$package" = "$wanted" ] || probe=${wanted#*=}
    present "$package" "$probe" || missing="$missing $package"
  done
  [ -n "$missing" ] || return 0
  command -v apt-get >/dev/null 2>&1 ||
    fail "missing:$missing (Debian's names; there is no apt-get here: install them some other way)"
  sudo=
  if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null 2>&1 ||
      fail "missing:$missing (not root and no sudo; as root: apt-get install$missing)"
    sudo=sudo
  fi
  printf 'Installing%s\n' "$missing"
  # shellcheck disable=SC2086
  set -- $sudo env DEBIAN_FRONTEND=noninteractive apt-get -q -y --no-install-recommends install $missing
  "$@" 2>/dev/null || { $sudo apt-get -q update && "$@"; } || fail "could not install:$missing"
}

need_to_build() {
  need g++=g++ meson=meson ninja-build=ninja pkg-config=pkg-config 'libboost1.81-dev=<boost/pfr.hpp>' \
    libboost-json1.81-dev=-lboost_json 'libeigen3-dev=<Eigen/Core>' 'zlib1g-dev=<zlib.h>'
}

need_dataset() { need dataset-fashion-mnist=/usr/share/datasets/fashion-mnist/train-images-idx3-ubyte.gz; }

# Debian's own Meson first: another Python in PATH may have another one.
meson_program() { if [ -x /usr/bin/meson ]; then echo /usr/bin/meson; else command -v meson; fi; }
run_meson() { "$(meson_program)" "$@"; }

# configure DIRECTORY [OPTION...]: again on every call, since that finds new files; cheap, rebuilds nothing.
configure() {
  directory=$1
  shift
  if [ -e "$directory/build.ninja" ]; then
    run_meson setup --reconfigure "$@" "$directory" "$root" >"$directory/configure.log" 2>&1 && return 0
    printf 'Configuring %s anew\n' "$directory"
    rm -rf "$directory"
  fi
  mkdir -p "$directory"
  run_meson setup "$@" "$directory" "$root" >"$directory/configure.log" 2>&1 && return 0
  cat "$directory/configure.log" >&2
  return 1
}
