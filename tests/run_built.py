#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Runs with `meson test` what has been built, and counts what passed.

    tests/run_built.py BUILD_DIRECTORY TREE COUNTS MESON [--without NAME] [NAME...]

`meson test` itself refuses to start when a program is missing. COUNTS gets a line for each test: passed, failed, name; a
Catch2 program counts its test cases, the headers and the static assertions their files. A test whose program or stamp was
not built counts nothing: its build has failed, and that is counted."""
import json
import os
import pathlib
import re
import subprocess
import sys

build, tree, counts, meson, *names = sys.argv[1:]
build = pathlib.Path(build)
without = {names[1]} if names[:1] == ["--without"] else set()
names = names[2:] if without else names


def catch_summary(output):
    """(passed, failed) test cases from the end of Catch2's output, versions 2 and 3."""
    if found := re.findall(r"^All tests passed \(.* in (\d+) test cases?\)", output, re.M):
        return int(found[-1]), 0
    good = bad = 0
    for line in re.findall(r"^test cases:(.*)", output, re.M)[-1:]:
        for part in line.split("|")[1:]:
            number, kind = part.split()[:2]
            if kind == "failed" and "as expected" not in part:
                bad += int(number)
            elif kind != "skipped":
                good += int(number)
    return good, bad


def count(test, suites, name):
    good = test["returncode"] == 0
    output = test.get("stdout", "")
    if "catch" in suites:
        passed, failed = catch_summary(output)
        return passed, failed if good or failed else 1  # died before or after the summary
    if "was not built" in output:
        library = {"headers alone": "libheaders.a.p", "static": "libstatic.a.p"}.get(name)
        return len(list((build / "tests" / library).glob("*.o"))) if library else 0, 0
    if name == "headers alone":
        return (len(list((pathlib.Path(tree) / "include/stator").rglob("*.hpp"))), 0)
    if name == "static":
        return (len(list((pathlib.Path(tree) / "tests/static").glob("*.cpp"))), 0)
    return int(good), int(not good)


suites, built = {}, []
for test in json.loads((build / "meson-info/intro-tests.json").read_text()):
    name = test["name"]
    suites[name] = {suite.split(":")[-1] for suite in test["suite"]}
    # The paths of what is built are relative, but for a test's own program. Stamps are looked for by tests/passed.
    programs = [build / part for part in test["cmd"] if not part.endswith((".passed", ".a")) and
                (part.startswith(str(build)) or ("/" in part and not part.startswith("/")))]
    if name not in without and (not names or name in names) and all(program.exists() for program in programs):
        built.append(name)
log = build / "meson-logs/testlog.json"
log.unlink(missing_ok=True)
if built:
    # One more than there are cores: some tests wait, for time-outs and for the disk.
    processes = str((os.cpu_count() or 1) + 1)
    # Threads that wait give their core to other tests: where they spin, 05_train takes a core 18 s beside others instead of 3.
    environment = {"OMP_WAIT_POLICY": "passive"} | os.environ | {"PYTHONUNBUFFERED": "1"}
    run = subprocess.Popen([meson, "test", "--no-rebuild", "--num-processes", processes, *built],
                           cwd=build, text=True, stdout=subprocess.PIPE,
                           stderr=subprocess.STDOUT, env=environment)
    for line in run.stdout:
        if re.match(r" *\d+/\d+ ", line):
            print(line, end="", flush=True)
    run.wait()
with open(counts, "w") as out:
    for line in log.read_text().splitlines() if log.exists() else []:
        test = json.loads(line)
        name = test["name"].split(" / ")[-1]
        passed, failed = count(test, suites[name], name)
        out.write(f"{passed}\t{failed}\t{name}\n")
        if failed:
            print(f"-- {name} (exit code {test['returncode']})", test.get("stdout", ""), test.get("stderr", ""), sep="\n")
    missing = len(built) - (len(log.read_text().splitlines()) if log.exists() else 0)
    if missing:
        out.write(f"0\t{missing}\ttests that meson did not run\n")
