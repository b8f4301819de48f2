#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Checks that links.py finds links that lead nowhere, and nothing wrong with those that do not."""
import pathlib
import subprocess
import sys
import tempfile

CASES = [  # what README.md says; what is said of it, nothing if it is right
    ("[a](other.md) and [b](other.md#two-words)", ""),
    ("[a](https://example.org/x) [b](#here)\n\n# Here", ""),
    ("[a](gone.md)", "README.md:1: gone.md: there is no such file"),
    ("\n[a](other.md#three)", "README.md:2: other.md#three: other.md has no such heading"),
    ("no link at all", "links: 0"),
]
failed = 0
for text, expected in CASES:
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        (folder / "README.md").write_text(text)
        (folder / "other.md").write_text("# Other\n\n## Two words\n")
        script = pathlib.Path(__file__).with_name("links.py")
        run = subprocess.run([sys.executable, script, folder], capture_output=True, text=True, check=False)
        if (run.returncode == 0) != (not expected) or expected not in run.stdout:
            failed += 1
            print(f"links.py says of {text!r}:\n{run.stdout}{run.stderr}")
sys.exit(1 if failed else 0)
