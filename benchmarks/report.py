#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Makes one result of what several processes of `bench` measured, prints the table and draws the pictures.

report.py --out FOLDER MEASURED.json...   writes FOLDER/<instruction set>.json and the pictures, prints the table
report.py --out FOLDER                    draws and prints what FOLDER has
Where FOLDER has results of machines with other instruction sets, their ratios stand beside each other."""
import argparse
import json
import math
import pathlib
import statistics

ours = "stator"
prepared = "stator, prepared"  # against rivals that prepare a network too, when they load it
preparing = "onnxruntime"


def merge(files):
    """One result of several processes: medians of their medians, and how far the processes are apart."""
    runs = [json.loads(f.read_text()) for f in files]
    result = {k: runs[0][k] for k in ("instruction_set", "processor")}
    result["peak_flops"] = max(r["peak_flops"] for r in runs)
    result["bandwidth"] = max(r["bandwidth"] for r in runs)
    result["processes"] = max(sum(r["compiler"] == o["compiler"] for o in runs) for r in runs)
    rows = {}
    for run in runs:
        for row in run["rows"]:
            key = (row["row"], run["compiler"].split()[0])
            rows.setdefault(key, []).append(row)
    result["rows"] = []
    for (name, compiler), found in rows.items():
        merged = {k: found[0][k] for k in ("row", "rival", "goal", "share", "flops", "bytes")} | {"compiler": compiler, "times": {}}
        for contender in found[0]["times"]:
            times = [r["times"][contender] for r in found if contender in r["times"]]
            medians = [t["median"] for t in times]
            entry = {"median": statistics.median(medians), "low": min(t["low"] for t in times),
                     "high": max(t["high"] for t in times), "spread": max(medians) / min(medians) - 1}
            if "calls" in times[0]:
                entry["calls"] = [statistics.median(t["calls"][i] for t in times) for i in range(4)]
            merged["times"][contender] = entry
        result["rows"].append(merged)
    return result


def ratio(row, rival=None):
    times = row["times"]
    rival = rival or row["rival"]
    mine = own(row, rival)
    if mine in times and rival in times:
        return times[rival]["median"] / times[mine]["median"]
    return None


def own(row, rival):
    """Which of our contenders a rival is compared with."""
    return prepared if rival == preparing and prepared in row["times"] else ours


def seconds(t):
    for unit, factor in (("s", 1), ("ms", 1e3), ("us", 1e6)):
        if t * factor >= 1:
            return f"{t * factor:.3g} {unit}"
    return f"{t * 1e9:.3g} ns"


def number(x):
    return "" if not x else f"{x:.0f}" if x >= 99.5 else f"{x:.3g}"


def share(row, result):
    """Of the measured peak, or of the bandwidth where a row counts no operations."""
    t = row["times"].get(own(row, row["rival"]))
    if not t:
        return None
    if row["flops"]:
        return row["flops"] / t["median"] / result["peak_flops"]
    return row["bytes"] / t["median"] / result["bandwidth"] if row["bytes"] else None


def order(row):
    name = row["row"].split("/")
    return [(0, int(p), "") if p.isdigit() else (1, 0, p) for p in name[1:]]


def table(results, compilers):
    lines = []
    for isa, result in results.items():
        lines.append(f"{isa}: {result['processor']}, FMA peak {result['peak_flops'] / 1e9:.0f} GFLOP/s, axpy "
                     f"{result['bandwidth'] / 1e9:.0f} GB/s, one thread, {result['processes']} process(es)")
    first = next(iter(results.values()))
    others = {isa: {(r["row"], r["compiler"]): r for r in res["rows"]} for isa, res in list(results.items())[1:]}
    kinds = {}
    for row in first["rows"]:
        kinds.setdefault(row["row"].split("/")[0], []).append(row)
    for kind, rows in kinds.items():
        lines += ["", f"| {kind} | | ours | rival | | ratio | goal | share of the limit | to reach | spread |"
                  + "".join(f" ratio, {isa} |" for isa in others) + " others |", "|---|---|" + "---|" * (9 + len(others))]
        for row in sorted(rows, key=order):
            t, r, s = row["times"].get(own(row, row["rival"])), ratio(row), share(row, first)
            rival = row["times"].get(row["rival"])
            rest = ", ".join(f"{name} {number(ratio(row, name))}" for name in row["times"] if name not in (ours, prepared, row["rival"]))
            if prepared in row["times"] and ours in row["times"]:
                rest += f"{', ' if rest else ''}{ours} without preparation {seconds(row['times'][ours]['median'])}"
            spread = max(t.get("spread", 0) if t else 0, rival.get("spread", 0) if rival else 0)
            missed = r and row["goal"] and r < row["goal"] or s and row["share"] and s < row["share"]
            cells = ["/".join(row["row"].split("/")[1:]), row["compiler"] if compilers else "", seconds(t["median"]) if t else "",
                     seconds(rival["median"]) if rival else "not here" if row["rival"] else "", row["rival"],
                     ("**" + number(r) + "**" if missed else number(r)) if r else "", number(row["goal"]),
                     f"{100 * s:.0f} %" if s else "", f"{100 * row['share']:.0f} %" if row["share"] else "", f"{100 * spread:.0f} %"]
            cells += [number(ratio(o[key])) if (key := (row["row"], row["compiler"])) in o else "" for o in others.values()]
            lines.append("| " + " | ".join(cells + [rest]) + " |")
    latency = [r for r in first["rows"] if any("calls" in t for t in r["times"].values())]
    if latency:
        lines += ["", "| one call, wall clock | | p50 | p99 | p99.9 | max |", "|---|---|---|---|---|---|"]
        for row in sorted(latency, key=lambda r: r["row"]):
            for name, t in row["times"].items():
                if "calls" in t:
                    lines.append(f"| {row['row']} {row['compiler'] if compilers else ''} | {name} | "
                                 + " | ".join(seconds(c) for c in t["calls"]) + " |")
    return "\n".join(lines)


class Chart:
    """Axes with logarithmic scales, and what is drawn on them."""
    colours = ["#1f77b4", "#d62728", "#2ca02c", "#9467bd", "#ff7f0e", "#8c564b", "#17becf"]
    left, right, top, bottom = 70, 600, 30, 380

    def __init__(self, title, x_label, y_label, xs, ys):
        self.x0, self.x1 = math.log(min(xs)), math.log(max(xs)) + 1e-9
        self.y0, self.y1 = math.floor(math.log10(min(ys))), math.ceil(math.log10(max(ys)) + 1e-9)
        self.svg = ['<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 820 430" font-family="sans-serif" font-size="12">',
                    '<rect width="820" height="430" fill="white"/>',
                    f'<text x="335" y="18" text-anchor="middle" font-size="14">{title}</text>',
                    f'<text x="335" y="420" text-anchor="middle">{x_label}</text>',
                    f'<text x="16" y="205" text-anchor="middle" transform="rotate(-90 16 205)">{y_label}</text>',
                    f'<path d="M{self.left} {self.top}V{self.bottom}H{self.right}" fill="none" stroke="black"/>']
        for e in range(self.y0, self.y1 + 1):
            y = self.y(10.0 ** e)
            self.svg += [f'<path d="M{self.left} {y:.1f}H{self.right}" stroke="#ddd"/>',
                         f'<text x="{self.left - 6}" y="{y + 4:.1f}" text-anchor="end">{10.0 ** e:g}</text>']
        self.series = 0

    def x(self, v):
        return self.left + (self.right - self.left) * (math.log(v) - self.x0) / (self.x1 - self.x0)

    def y(self, v):
        return self.bottom - (self.bottom - self.top) * (math.log10(v) - self.y0) / max(self.y1 - self.y0, 1)

    def ticks(self, values, texts=None):
        for v, t in zip(values, texts or [f"{v:g}" for v in values]):
            self.svg.append(f'<text x="{self.x(v):.1f}" y="{self.bottom + 16}" text-anchor="middle">{t}</text>')

    def add(self, name, points, line=True):
        colour = self.colours[self.series % len(self.colours)]
        points = sorted(points)
        if line:
            path = " ".join(f"{self.x(a):.1f},{self.y(b):.1f}" for a, b in points)
            self.svg.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        self.svg += [f'<circle cx="{self.x(a):.1f}" cy="{self.y(b):.1f}" r="3" fill="{colour}"/>' for a, b in points]
        self.svg.append(f'<text x="{self.right + 12}" y="{self.top + 20 + 18 * self.series}" fill="{colour}">{name}</text>')
        self.series += 1

    def save(self, path):
        path.write_text("\n".join(self.svg) + "\n</svg>\n")


def by_last(rows, prefix):
    """{middle: {number: row}} of rows prefix/middle/number."""
    found = {}
    for row in rows:
        name = row["row"].split("/")
        if name[0] == prefix and row["compiler"] == "g++":
            found.setdefault("/".join(name[1:-1]), {})[int(name[-1])] = row
    return found


def draw(isa, result, folder):
    widths = by_last(result["rows"], "width")
    lines = {f"{kind}, {rival}": {n: ratio(row, rival) for n, row in rows.items() if ratio(row, rival)}
             for kind, rows in widths.items() for rival in sorted({c for r in rows.values() for c in r["times"]} - {ours})}
    lines = {k: v for k, v in lines.items() if v}
    if lines:
        xs = sorted({n for v in lines.values() for n in v})
        chart = Chart(f"Rival's time / ours over the width of a network ({isa})", "width of an MLP of three equal layers", "ratio",
                      xs, [1] + [r for v in lines.values() for r in v.values()])
        chart.ticks(xs)
        for name, v in lines.items():
            chart.add(name, v.items())
        chart.save(folder / f"{isa}-width.svg")
    for net, rows in by_last(result["rows"], "batch").items():
        names = sorted({c for r in rows.values() for c in r["times"]})
        lines = {name: {n: row["times"][name]["median"] * 1e6 for n, row in rows.items() if name in row["times"]} for name in names}
        chart = Chart(f"Inference of {net} over the batch ({isa})", "samples in a batch", "microseconds", list(rows),
                      [v for line in lines.values() for v in line.values()])
        chart.ticks(sorted(rows))
        for name, line in lines.items():
            chart.add(name, line.items())
        chart.save(folder / f"{isa}-batch-{net}.svg")
    calls = [(row["row"].split("/")[-2], name, t["calls"]) for row in result["rows"] if row["row"].startswith("infer/")
             for name, t in row["times"].items() if "calls" in t]
    if calls:
        nets, names = sorted({c[0] for c in calls}), sorted({c[1] for c in calls})
        place = {net: 10.0 ** (i + 1) for i, net in enumerate(nets)}
        chart = Chart(f"One call at batch 1: p50, p99, p99.9, max ({isa})", "network", "microseconds",
                      [3, 10.0 ** (len(nets) + 0.5)], [v * 1e6 for c in calls for v in c[2]])
        chart.ticks(place.values(), [n.replace("mlp_", "") for n in nets])
        for i, name in enumerate(names):
            shift = 10 ** (0.16 * (i - (len(names) - 1) / 2))
            chart.add(name, [(place[net] * shift, v * 1e6) for net, n, vs in calls if n == name for v in vs], line=False)
        chart.save(folder / f"{isa}-latency.svg")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("measured", type=pathlib.Path, nargs="*")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    results = {}
    if options.measured:
        result = merge(options.measured)
        results[result["instruction_set"]] = result
        text = json.dumps(result, indent=1).replace("\n   ", " ").replace("\n  }", " }")
        (options.out / f"{result['instruction_set']}.json").write_text(text + "\n")
    for file in sorted(options.out.glob("*.json")):
        results.setdefault(file.stem, json.loads(file.read_text()))
    if not options.measured:
        results = dict(sorted(results.items(), key=lambda item: -len(item[1]["rows"])))
    for isa, result in results.items():
        draw(isa, result, options.out)
    text = table(results, len({r["compiler"] for r in next(iter(results.values()))["rows"]}) > 1)
    (options.out / "table.md").write_text(text + "\n")
    print(text)


if __name__ == "__main__":
    main()
