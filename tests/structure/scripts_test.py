#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Scripts of bash that are started as `sh script` start themselves again: sh is another shell on Debian."""
import pathlib
import subprocess
import sys

root = pathlib.Path(__file__).parents[2]
AGAIN = '[ -n "${BASH_VERSION:-}" ] || exec bash "$0" "$@"'
problems = []
scripts = [path for folder in ("tests", "examples", "benchmarks") for path in (root / folder).rglob("*")
           if path.is_file() and path.suffix in ("", ".sh") and path.read_bytes().startswith(b"#!/bin/bash\n")]
for script in scripts:
    first = next((line for line in script.read_text().splitlines() if line and not line.startswith("#")), "")
    if not first.startswith(AGAIN):
        problems.append(f"{script.relative_to(root)}: begins with {first}, not with {AGAIN}")
for script in ("tests/run.sh", "benchmarks/run.sh"):
    usage = subprocess.run(["sh", root / script, "--help"], capture_output=True, text=True)
    if usage.returncode != 2 or script not in usage.stdout or usage.stderr:
        problems.append(f"sh {script} --help: {usage.stdout}{usage.stderr}")
print("\n".join([*problems, f"scripts: {len(scripts)}, {len(problems)} problems"]))
sys.exit(1 if problems or not scripts else 0)
