#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Compares the numbers of two runs of a program: the same lines, each number within 1e-4 of the other's, or within what the third
argument says. A number that begins with 0x is the bits of a float.

Ten steps of training grow what the last bits differ by: sums are added up in another order by vectors of another width."""
import struct
import sys


def number(text):
    return struct.unpack(">f", bytes.fromhex(text[2:]))[0] if text.startswith("0x") else float(text)


tolerance = float(sys.argv[3]) if len(sys.argv) > 3 else 1e-4
ours, theirs = (open(path).read().splitlines() for path in sys.argv[1:3])
if len(ours) != len(theirs):
    sys.exit(f"{len(theirs)} lines, expected {len(ours)}")
worst = 0.0
for a, b in zip(ours, theirs):
    *name, x = a.split()
    *other, y = b.split()
    if name != other:
        sys.exit(f"found '{b}', expected '{a}'")
    difference = abs(number(x) - number(y)) / max(1.0, abs(number(x)))
    if not difference < tolerance:
        sys.exit(f"{' '.join(name)}: {y}, expected {x}")
    worst = max(worst, difference)
print(f"{len(ours)} numbers, largest difference {worst:.1e}")
