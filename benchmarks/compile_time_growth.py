#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""How compiling grows with the number of layers: benchmarks/compile_time/growth.cpp for 10 to 200 of them, all alike and
all different, as a table and a picture (benchmarks/compile_time/growth.svg).

benchmarks/compile_time_growth.py [--timeout 300] [--flags "-O2"] [--kinds equal different] [--layers 10 50 100 200]
benchmarks/compile_time_growth.py --counts    only the expressions, which a busy machine counts as well as an idle one
benchmarks/compile_time_growth.py --draw      the picture and the table from the measurements that are there

Seconds of the processor (user), from getrusage; expressions of clang's front end, which do not depend on how busy the
machine is. Measurements are kept in benchmarks/compile_time/growth.json; those that are asked for are made anew.
"""
import argparse
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

root = Path(__file__).resolve().parent.parent
folder = root / "benchmarks/compile_time"
compilers = [c for c in (os.environ.get("GXX", "g++"), os.environ.get("CLANGXX", "clang++-19")) if shutil.which(c)]


def run(compiler, kind, layers, flags, timeout):
    """(seconds, stderr), or (None, stderr) where it does not compile or takes too long."""
    command = ["timeout", str(timeout), compiler, "-std=c++20", *flags, f"-DLAYERS={layers}",
               *(["-DDIFFERENT"] if kind == "different" else []), f"-I{root}/include", "-isystem/usr/include/eigen3",
               str(folder / "growth.cpp")]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    errors = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    return (usage.ru_utime if status == 0 else None), errors


def measure(options):
    path = folder / "growth.json"
    measured = json.loads(path.read_text()) if path.exists() else {}
    for kind in options.kinds:
        for layers in options.layers:
            for compiler in compilers:
                name = Path(compiler).name
                if not options.counts:
                    seconds, _ = run(compiler, kind, layers, [*shlex.split(options.flags), "-c", "-o", os.devnull], options.timeout)
                    measured.setdefault(f"{kind} {name}", {})[str(layers)] = seconds and round(seconds, 1)
                    print(kind, layers, name, seconds, flush=True)
                if "clang" in name:
                    done, text = run(compiler, kind, layers, ["-fsyntax-only", "-Xclang", "-print-stats"], options.timeout)
                    count = re.search(r"(\d+) stmts/exprs total", text) if done is not None else None
                    measured.setdefault(f"{kind} expressions", {})[str(layers)] = count and int(count[1])
                path.write_text(json.dumps(measured, indent=1, sort_keys=True) + "\n")
    return measured


def table(measured):
    layers = sorted({int(n) for row in measured.values() for n in row})
    print("| layers |" + "".join(f" {n} |" for n in layers) + "\n|---|" + "---|" * len(layers))
    for name in sorted(measured):
        cells = []
        for n in layers:
            value = measured[name].get(str(n))
            unit = " s" if "expressions" not in name else ""
            cells.append("" if str(n) not in measured[name] else "does not" if value is None else f"{value:,}{unit}")
        print(f"| {name} | " + " | ".join(cells) + " |")


def draw(measured):
    series = {k: {int(n): v for n, v in row.items() if v is not None} for k, row in measured.items() if "expressions" not in k}
    series = {k: row for k, row in series.items() if row}
    most = max(v for row in series.values() for v in row.values())
    widest = max(n for row in series.values() for n in row)
    left, right, top, bottom = 60, 620, 20, 340
    x = lambda n: left + (right - left) * n / widest
    y = lambda s: bottom - (bottom - top) * s / most
    colours = ["#1f77b4", "#d62728", "#2ca02c", "#9467bd"]
    svg = ['<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 800 390" font-family="sans-serif" font-size="12">',
           '<rect width="800" height="390" fill="white"/>',
           f'<path d="M{left} {top}V{bottom}H{right}" fill="none" stroke="black"/>',
           f'<text x="{(left + right) / 2}" y="380" text-anchor="middle">layers</text>',
           f'<text x="18" y="{(top + bottom) / 2}" text-anchor="middle" transform="rotate(-90 18 {(top + bottom) / 2})">'
           "seconds to compile, -O2</text>"]
    for n in sorted({n for row in series.values() for n in row}):
        svg.append(f'<text x="{x(n):.0f}" y="{bottom + 16}" text-anchor="middle">{n}</text>')
    step = next(s for s in (1, 2, 5, 10, 20, 50, 100, 200, 500) if most / s <= 8)
    for tick in range(0, int(most) + 1, step):
        svg.append(f'<text x="{left - 6}" y="{y(tick) + 4:.0f}" text-anchor="end">{tick}</text>')
        svg.append(f'<path d="M{left} {y(tick):.0f}H{right}" stroke="#ddd"/>')
    for i, (name, row) in enumerate(sorted(series.items())):
        points = " ".join(f"{x(n):.1f},{y(v):.1f}" for n, v in sorted(row.items()))
        svg.append(f'<polyline points="{points}" fill="none" stroke="{colours[i % 4]}" stroke-width="2"/>')
        svg += [f'<circle cx="{x(n):.1f}" cy="{y(v):.1f}" r="3" fill="{colours[i % 4]}"/>' for n, v in row.items()]
        svg.append(f'<text x="640" y="{40 + 20 * i}" fill="{colours[i % 4]}">{name}</text>')
    (folder / "growth.svg").write_text("\n".join(svg) + "\n</svg>\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--draw", action="store_true")
    parser.add_argument("--counts", action="store_true")
    parser.add_argument("--timeout", type=int, default=300)
    parser.add_argument("--flags", default="-O2 -fopenmp")
    parser.add_argument("--kinds", nargs="*", default=["equal", "different"], choices=["equal", "different"])
    parser.add_argument("--layers", nargs="*", type=int, default=[10, 50, 100, 200])
    options = parser.parse_args()
    if not options.draw and not compilers:
        sys.exit("no compiler")
    measured = json.loads((folder / "growth.json").read_text()) if options.draw else measure(options)
    table(measured)
    draw(measured)


if __name__ == "__main__":
    main()
