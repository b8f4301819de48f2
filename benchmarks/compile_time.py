#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Seconds and peak memory that it takes to compile typical programs at -O2, as a table in Markdown.

benchmarks/compile_time.py [--flags "-O2 -march=native"] [--runs 1] [NAME...]

Programs: examples/01_define_a_model.cpp and every benchmarks/compile_time/*.cpp, once for each word after "variants:" in
it; growth.cpp has a script of its own. Compilers: $GXX (g++) and
$CLANGXX (clang++-19), those that are there. Compiling only, no linking: the processor's seconds, which on an idle
machine are those of the clock, shortest of the runs; peak memory of the compiler. Both from getrusage.
"""
import argparse
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

root = Path(__file__).resolve().parent.parent


def measure(command):
    """Seconds and peak MiB of a command and its children; None when it fails."""
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    errors = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    if status != 0:
        print(errors[:2000], file=sys.stderr)
        return None
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def variants(source):
    """Flags with which the program is measured: a list for each word after "variants:" in it."""
    found = re.search(r"^// variants: (.*)$", source.read_text(), re.M)
    return [word.split(",") for word in found[1].split()] if found else [[]]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--flags", default="-O2 -march=native -fopenmp")
    parser.add_argument("--runs", type=int, default=1)
    parser.add_argument("names", nargs="*", help="only these programs")
    options = parser.parse_args()

    sources = [root / "examples/01_define_a_model.cpp", *sorted((root / "benchmarks/compile_time").glob("*.cpp"))]
    sources = [s for s in sources if (s.stem in options.names if options.names else s.stem != "growth")]
    compilers = [c for c in (os.environ.get("GXX", "g++"), os.environ.get("CLANGXX", "clang++-19")) if shutil.which(c)]
    if not sources or not compilers:
        sys.exit("nothing to measure: no such program, or no compiler")

    print("| program |" + "".join(f" {c} |" for c in compilers))
    print("|---|" + "---|" * len(compilers))
    failed = False
    with tempfile.TemporaryDirectory() as scratch:
        for source, variant in [(s, v) for s in sources for v in variants(s)]:
            cells = []
            for compiler in compilers:
                command = [compiler, "-std=c++20", *shlex.split(options.flags), f"-I{root}/include",
                           "-isystem/usr/include/eigen3", *variant, "-c", str(source), "-o", f"{scratch}/out.o"]
                runs = [measure(command) for _ in range(options.runs)]
                failed = failed or None in runs
                cells.append("failed" if None in runs else
                             f"{min(r[0] for r in runs):.1f} s, {max(r[1] for r in runs):.0f} MiB")
            print(f"| {' '.join([source.stem, *variant])} | " + " | ".join(cells) + " |", flush=True)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
