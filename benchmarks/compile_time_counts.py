#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""What clang makes of typical programs, in counts: they say what compiling costs, and do not jitter as seconds do.

benchmarks/compile_time_counts.py              compares with the baseline, fails where a count is more than 10 % above it
benchmarks/compile_time_counts.py --update     writes the baseline anew, with every gain
benchmarks/compile_time_counts.py --show       only prints

Counted after parsing, without optimising and code: specialisations of class and variable templates, declarations and
expressions (functions that are instantiated show up in both), files that are included, and the steps of the longest
constant evaluation, which is what the limit of -fconstexpr-steps is about. The counts depend on the version of clang and
of the standard library: with others than the baseline's nothing is compared, and the exit code is 77 (skipped).
"""
import argparse
import json
import os
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

root = Path(__file__).resolve().parent.parent
baseline_file = root / "benchmarks/compile_time/baseline.json"
tolerance = 1.10
default_limit = 1 << 20

programs = [
    "stator/stator.hpp",
    "examples/01_define_a_model.cpp",
    "benchmarks/compile_time/mlp_trainer.cpp",
    "benchmarks/compile_time/cnn_trainer.cpp",
    "benchmarks/compile_time/residual_50.cpp",
    "benchmarks/compile_time/gpt_trainer.cpp",
]
counted = {
    "specialisations": r"(\d+) (?:Class|Var)TemplateSpecialization decls",
    "declarations": r"(\d+) decls total",
    "expressions": r"(\d+) stmts/exprs total",
}


def front_end(compiler, name, *flags):
    """The finished process of clang's front end on a program."""
    command = [compiler, "-std=c++20", "-O2", "-fopenmp", f"-I{root}/include", "-isystem/usr/include/eigen3",
               "-fsyntax-only", *flags]
    if name.endswith(".hpp"):
        return subprocess.run([*command, "-x", "c++", "-"], input=f"#include <{name}>\n",
                              capture_output=True, text=True)
    return subprocess.run([*command, str(root / name)], capture_output=True, text=True)


def versions(compiler):
    text = subprocess.run([compiler, "-x", "c++", "-std=c++20", "-E", "-dM", "-include", "version", "/dev/null"],
                          capture_output=True, text=True, check=True).stdout
    macros = dict(line.split(" ", 2)[1:] for line in text.splitlines() if line.count(" ") >= 2)
    boost = re.search(r"define BOOST_LIB_VERSION \"(.*)\"", Path("/usr/include/boost/version.hpp").read_text())
    return {"clang": macros.get("__clang_major__"), "libstdc++": macros.get("_GLIBCXX_RELEASE"),
            "boost": boost and boost[1], "machine": os.uname().machine}


def count(compiler, name, limit):
    """The counts, or the compiler's message where it fails."""
    done = front_end(compiler, name, f"-fconstexpr-steps={limit}", "-Xclang", "-print-stats", "-H")
    if done.returncode != 0:
        return "\n".join(line for line in done.stderr.splitlines() if "error" in line or "step limit" in line)[:1500]
    counts = {key: sum(map(int, re.findall(pattern, done.stderr))) for key, pattern in counted.items()}
    counts["files"] = len(set(re.findall(r"^\.+ (.*)$", done.stderr, re.M)))
    return counts


def steps(compiler, name, known):
    """The smallest limit of steps, to 5 %, with which the program compiles."""
    def fits(limit):
        return front_end(compiler, name, f"-fconstexpr-steps={int(limit)}").returncode == 0

    low, high = 20000.0, float(default_limit)
    if known and fits(known):
        high = known
        if not fits(known * 0.95):
            return known
    elif fits(low):
        return int(low)
    while high / low > 1.05:
        middle = (low * high) ** 0.5
        if fits(middle):
            high = middle
        else:
            low = middle
    return int(high)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--update", action="store_true")
    parser.add_argument("--show", action="store_true")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("names", nargs="*", help="only the programs with these words in their names")
    options = parser.parse_args()

    compiler = shutil.which(os.environ.get("CLANGXX", "clang++-19"))
    if not compiler:
        print("no clang: nothing is compared")
        sys.exit(77)
    baseline = json.loads(baseline_file.read_text()) if baseline_file.exists() else {"programs": {}}
    here = versions(compiler)
    if not options.update and not options.show and baseline.get("versions") != here:
        print(f"the baseline was made with {baseline.get('versions')}, this is {here}: nothing is compared")
        sys.exit(77)

    names = [n for n in programs if not options.names or any(word in n for word in options.names)]

    def one(name):
        old = baseline["programs"].get(name, {})
        if options.update:
            counts = count(compiler, name, default_limit)
            if isinstance(counts, dict):
                counts["steps"] = steps(compiler, name, old.get("steps"))
            return counts
        limit = int(old["steps"] * tolerance) if "steps" in old and not options.show else default_limit
        return count(compiler, name, limit)

    with ThreadPoolExecutor(options.jobs) as pool:
        results = dict(zip(names, pool.map(one, names)))

    failed = False
    for name, counts in results.items():
        if isinstance(counts, str):
            failed = True
            print(f"{name}: does not compile within {tolerance - 1:.0%} more steps than the baseline's, or at all:\n{counts}")
            continue
        old = baseline["programs"].get(name, {})
        for key, value in counts.items():
            before = old.get(key)
            change = f"{value / before - 1:+.1%}" if before else "new"
            above = before is not None and value > before * tolerance
            print(f"{name:45} {key:16} {value:9} {change:>8}{'  MORE THAN 10 % ABOVE THE BASELINE' if above else ''}")
            failed = failed or (above and not options.update)
        if not options.update and not options.show and name not in baseline["programs"]:
            failed = True
            print(f"{name}: not in the baseline, run with --update")
    if options.update:
        baseline["versions"] = here
        baseline["programs"].update({n: c for n, c in results.items() if isinstance(c, dict)})
        baseline_file.write_text(json.dumps(baseline, indent=1, sort_keys=True) + "\n")
    if failed and not options.show:
        print("What compiling costs has grown. Where the growth is worth it: --update, and say why in the commit.")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
