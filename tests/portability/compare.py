#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Compares the numbers of two runs of program.cpp: the same lines, each number within 1e-4 of the other's.

Ten steps of training grow what the last bits differ by: sums are added up in another order by vectors of another width."""
import sys

ours, theirs = (open(path).read().splitlines() for path in sys.argv[1:3])
if len(ours) != len(theirs):
    sys.exit(f"{len(theirs)} lines, expected {len(ours)}")
worst = 0.0
for a, b in zip(ours, theirs):
    *name, x = a.split()
    *other, y = b.split()
    if name != other:
        sys.exit(f"found '{b}', expected '{a}'")
    difference = abs(float(x) - float(y)) / max(1.0, abs(float(x)))
    if not difference < 1e-4:
        sys.exit(f"{' '.join(name)}: {y}, expected {x}")
    worst = max(worst, difference)
print(f"{len(ours)} numbers, largest difference {worst:.1e}")
