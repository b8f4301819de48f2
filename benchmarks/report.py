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
alone, together = "1 thread", "2 threads"
limits = ("peak_flops", "axpy", "copy", "streamed")  # operations, then bytes a second


def merge(files):
    """One result of several processes: medians of their medians, and how far the processes are apart."""
    runs = [json.loads(f.read_text()) for f in files]
    result = {k: runs[0][k] for k in ("instruction_set", "processor")}
    memory = [row for r in runs for row in r.get("memory", [])]
    runs = [r for r in runs if "rows" in r]
    for limit in limits:
        result[limit] = max((r[limit] for r in runs), default=0)
    result["read"] = {size: max(r["read"][size] for r in runs) for size in (runs[0]["read"] if runs else ())}
    result["processes"] = max((sum(r["compiler"] == o["compiler"] for o in runs) for r in runs), default=0)
    rows = {}
    for run in runs:
        for row in run["rows"]:
            key = (row["row"], run["compiler"].split()[0])
            rows.setdefault(key, []).append(row)
    result["rows"] = []
    for (name, compiler), found in rows.items():
        merged = {k: v for k, v in found[0].items() if k != "times"} | {"compiler": compiler, "times": {}}
        if "same_bits" in merged:
            merged["same_bits"] = all(r["same_bits"] for r in found)
        for contender in found[0]["times"]:
            times = [r["times"][contender] for r in found if contender in r["times"]]
            medians = [t["median"] for t in times]
            entry = {"median": statistics.median(medians), "low": min(t["low"] for t in times),
                     "high": max(t["high"] for t in times), "spread": max(medians) / min(medians) - 1}
            if "calls" in times[0]:
                entry["calls"] = [statistics.median(t["calls"][i] for t in times) for i in range(4)]
            merged["times"][contender] = entry
        result["rows"].append(merged)
    if memory:
        result["memory"] = memory
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
    if rival == alone:
        return together
    return prepared if rival == preparing and prepared in row["times"] else ours


def seconds(t):
    for unit, factor in (("s", 1), ("ms", 1e3), ("us", 1e6)):
        if t * factor >= 1:
            return f"{t * factor:.3g} {unit}"
    return f"{t * 1e9:.3g} ns"


def number(x):
    return "" if not x else f"{x:.0f}" if x >= 99.5 else f"{x:.3g}"


def read_speed(size, result):
    """Bytes a second that are read of an array of so many bytes, between those that were measured."""
    speeds = sorted((math.log(float(s)), v) for s, v in result["read"].items())
    at = min(max(math.log(size), speeds[0][0]), speeds[-1][0])
    for (a, fast), (b, slow) in zip(speeds, speeds[1:]):
        if at <= b:
            return fast + (slow - fast) * (at - a) / (b - a)


def least(row, result):
    """Seconds that the machine needs for a row at least. Of products, by the peak or by reading their weights once; without
    products for the bytes that are read, those that are written, which a copy says, and those that are written where they have
    just been read, which y += a x says."""
    if "reads" not in row:  # of an older result
        return row["flops"] / result["peak_flops"] or row["bytes"] / result.get("bandwidth", 1) or None
    if row["flops"]:
        return max(row["flops"] / result["peak_flops"], row["reads"] / read_speed(row["reads"] or 1, result))
    read = 1 / read_speed(1e12, result)
    write, update = max(2 / result["copy"] - read, 0), max(3 / result["axpy"] - 2 * read, 0)
    return row["reads"] * read + row["writes"] * write + row["updates"] * update or None


def by_products(row, result):
    """Whether the peak is a row's limit."""
    return row["flops"] and row["flops"] / result["peak_flops"] == least(row, result)


def share(row, result):
    """Of what the machine can do."""
    t, limit = row["times"].get(own(row, row["rival"])), least(row, result)
    return limit / t["median"] if t and limit else None


def order(row):
    name = row["row"].split("/")
    return [(0, int(p), "") if p.isdigit() else (1, 0, p) for p in name[1:]]


def head(isa, result):
    speeds = [f"{what} {result[key] / 1e9:.0f} GB/s"
              for what, key in (("y += a x", "axpy"), ("y = x + a", "copy"), ("y = x past the caches", "streamed")) if result.get(key)]
    if result.get("read"):
        sizes = {"512 KiB": 2 ** 19, "8 MiB": 2 ** 23, "64 MiB": 2 ** 26}
        speeds.append("sum of x " + ", ".join(f"{read_speed(size, result) / 1e9:.0f} ({name})" for name, size in sizes.items()) + " GB/s")
    return ", ".join([f"{isa}: {result['processor']}", f"FMA peak {result['peak_flops'] / 1e9:.0f} GFLOP/s", *speeds, "one thread",
                      f"{result['processes']} process(es)"])


def table(results):
    compilers = len({r["compiler"] for result in results.values() for r in result["rows"]}) > 1
    lines = [head(isa, result) for isa, result in results.items()]
    lines.append("Bold: below the goal. *: above the peak, since Winograd's algorithm multiplies less often than is counted.")
    first = next(iter(results.values()))
    others = {isa: {(r["row"], r["compiler"]): r for r in res["rows"]} for isa, res in list(results.items())[1:]}
    kinds = {}
    for row in first["rows"]:
        kinds.setdefault(row["row"].split("/")[0], []).append(row)
    for kind, rows in kinds.items():
        beside = {isa: found for isa, found in others.items() if any((r["row"], r["compiler"]) in found for r in rows)}
        lines += ["", f"| {kind} | | ours | rival | | ratio | goal | share of the limit | to reach | spread |"
                  + "".join(f" ratio, {isa} | share, {isa} |" for isa in beside) + " others |",
                  "|---|---|" + "---|" * (9 + 2 * len(beside))]
        for row in sorted(rows, key=order):
            t, r, s = row["times"].get(own(row, row["rival"])), ratio(row), share(row, first)
            rival = row["times"].get(row["rival"])
            shown = (ours, prepared, together, row["rival"])
            rest = [f"{name} {number(ratio(row, name))}" for name in row["times"] if name not in shown]
            if prepared in row["times"] and ours in row["times"]:
                rest.append(f"{ours} without preparation {seconds(row['times'][ours]['median'])}")
            if "same_bits" in row:
                rest.append("the same bits" if row["same_bits"] else "**other bits**")
            spread = max(t.get("spread", 0) if t else 0, rival.get("spread", 0) if rival else 0)
            cells = ["/".join(row["row"].split("/")[1:]), row["compiler"] if compilers else "", seconds(t["median"]) if t else "",
                     seconds(rival["median"]) if rival else "not here" if row["rival"] else "", row["rival"],
                     marked(number(r), r, row["goal"]), number(row["goal"]), percent(s, row["share"], by_products(row, first)),
                     f"{100 * row['share']:.0f} %" if row["share"] else "",
                     f"{100 * spread:.0f} %" if first["processes"] > 1 else ""]
            for isa, found in beside.items():
                other = found.get((row["row"], row["compiler"]))
                cells += [marked(number(r := ratio(other)), r, row["goal"]),
                          percent(share(other, results[isa]), row["share"], by_products(other, results[isa]))] if other else ["", ""]
            lines.append("| " + " | ".join(cells + [", ".join(rest)]) + " |")
    if "memory" in first:
        lines += memory_table(first["memory"])
    latency = [r for r in first["rows"] if any("calls" in t for t in r["times"].values())]
    if latency:
        lines += ["", "| one call, wall clock | | p50 | p99 | p99.9 | max |", "|---|---|---|---|---|---|"]
        for row in sorted(latency, key=lambda r: r["row"]):
            for name, t in row["times"].items():
                if "calls" in t:
                    lines.append(f"| {row['row']} {row['compiler'] if compilers else ''} | {name} | "
                                 + " | ".join(seconds(c) for c in t["calls"]) + " |")
    return "\n".join(lines)


def marked(text, value, goal):
    """Bold where a goal is missed."""
    return f"**{text}**" if value and goal and value < goal else text


def percent(value, goal, products):
    """A share; one of products above the peak is marked: Winograd's algorithm multiplies less often than is counted."""
    return marked(f"{100 * value:.0f} %", value, goal) + (" *" if products and value > 1.02 else "") if value else ""


def mebibytes(b):
    return f"{b / 2 ** 20:.3g} MiB" if b >= 2 ** 20 else f"{b / 2 ** 10:.3g} KiB"


def memory_table(rows):
    """Memory as it is planned, and what processes take."""
    lines = ["", "| memory of a training step | arena | workspace | live at most | workspace / live | resident, ours | libtorch | ratio |",
             "|---|---|---|---|---|---|---|---|"]
    base = {}
    for row in rows:
        mine, rival = (row["resident"].get(name) for name in (ours, "libtorch"))
        r = row["workspace"] / row["live"] if row["live"] else None
        cells = [row["row"], *(mebibytes(row[k]) for k in ("arena", "workspace", "live")),
                 "" if r is None else f"**{r:.2f}**" if r > 1.1 and row["workspace"] > 2 ** 16 else f"{r:.2f}",
                 *(mebibytes(x["peak"]) if x else "" for x in (mine, rival)),
                 number(rival["peak"] / mine["peak"]) if mine and rival and mine["peak"] else ""]
        lines.append("| " + " | ".join(cells) + " |")
        for name, x in row["resident"].items():
            base[name] = x
    if "libtorch" in base:
        b = base["libtorch"]
        lines += ["", f"Before it begins the program, to which all rivals are linked, has {mebibytes(b['before'])} of data; "
                  f"pages of files {mebibytes(b['code'])}, of which libtorch's {mebibytes(b['torch'])}. None of that is in the table."]
    return lines


class Chart:
    """Axes with logarithmic scales, and what is drawn on them."""
    colours = {ours: "#d62728", prepared: "#ff7f0e", "onnxruntime": "#1f77b4", "libtorch": "#2ca02c", "libtorch, naive": "#9467bd",
               "dlib": "#8c564b", "registry": "#7f7f7f"}
    left, right, top, bottom = 70, 600, 30, 380

    def __init__(self, title, x_label, y_label, xs, ys, even=None):
        self.x0, self.x1 = math.log(min(xs)), math.log(max(xs)) + 1e-9
        # Up to the next 1, 2 or 5.
        marks = [m * 10.0 ** e for e in range(-12, 13) for m in (1, 2, 5)]
        low, high = max(m for m in marks if m <= min(ys)), min(m for m in marks if m >= max(ys))
        self.y0, self.y1 = math.log10(low), math.log10(high)
        self.svg = ['<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 820 430" font-family="sans-serif" font-size="12">',
                    '<rect width="820" height="430" fill="white"/>',
                    f'<text x="335" y="18" text-anchor="middle" font-size="14">{title}</text>',
                    f'<text x="335" y="424" text-anchor="middle">{x_label}</text>',
                    f'<text x="16" y="205" text-anchor="middle" transform="rotate(-90 16 205)">{y_label}</text>']
        few = self.y1 - self.y0 < 2.5
        for m in [m for m in marks if low <= m <= high]:
            whole = f"{m:e}"[0] == "1"
            self.svg.append(f'<path d="M{self.left} {self.y(m):.1f}H{self.right}" stroke="{"#ccc" if whole else "#eee"}"/>')
            if whole or few:
                self.svg.append(f'<text x="{self.left - 6}" y="{self.y(m) + 4:.1f}" text-anchor="end">{m:g}</text>')
        self.svg.append(f'<path d="M{self.left} {self.top}V{self.bottom}H{self.right}" fill="none" stroke="black"/>')
        if even is not None:
            self.svg += [f'<path d="M{self.left} {self.y(1):.1f}H{self.right}" stroke="black" stroke-dasharray="6 4"/>',
                         f'<text x="{self.right + 12}" y="{self.y(1) + 4:.1f}">{even}</text>']
        self.series = 0

    def x(self, v):
        return self.left + (self.right - self.left) * (math.log(v) - self.x0) / (self.x1 - self.x0)

    def y(self, v):
        return self.bottom - (self.bottom - self.top) * (math.log10(v) - self.y0) / max(self.y1 - self.y0, 1e-9)

    def ticks(self, values, texts=None):
        """A text has a line for each word."""
        for v, t in zip(values, texts or [f"{v:g}" for v in values]):
            for i, line in enumerate(t.split()):
                self.svg.append(f'<text x="{self.x(v):.1f}" y="{self.bottom + 15 + 12 * i}" text-anchor="middle">{line}</text>')

    def legend(self, name, colour, dashes=""):
        y = self.top + 16 + 20 * self.series
        self.svg += [f'<path d="M{self.right + 12} {y}h22" stroke="{colour}" stroke-width="2"{dashes}/>',
                     f'<text x="{self.right + 40}" y="{y + 4}">{name}</text>']
        self.series += 1

    def colour(self, name):
        return next((c for n, c in sorted(self.colours.items(), key=lambda item: -len(item[0])) if name.endswith(n)), "#17becf")

    def add(self, name, points, dashed=False):
        colour, dashes = self.colour(name), ' stroke-dasharray="4 3"' if dashed else ""
        points = [(self.x(a), self.y(b)) for a, b in sorted(points)]
        path = " ".join(f"{a:.1f},{b:.1f}" for a, b in points)
        self.svg.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"{dashes}/>')
        self.svg += [f'<circle cx="{a:.1f}" cy="{b:.1f}" r="3" fill="{colour}"/>' for a, b in points]
        self.legend(name, colour, dashes)

    def spans(self, name, spans):
        """From the first to the last of some values at one place, each marked: the first as a dot."""
        colour = self.colour(name)
        for place, values in spans:
            x, ys = self.x(place), [self.y(v) for v in values]
            self.svg += [f'<path d="M{x:.1f} {ys[0]:.1f}V{ys[-1]:.1f}" stroke="{colour}" stroke-width="1.5"/>',
                         f'<circle cx="{x:.1f}" cy="{ys[0]:.1f}" r="3.5" fill="{colour}"/>']
            self.svg += [f'<path d="M{x - 4:.1f} {y:.1f}h8" stroke="{colour}" stroke-width="1.5"/>' for y in ys[1:]]
        self.legend(name, colour)

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
             for kind, rows in widths.items() for rival in sorted({c for r in rows.values() for c in r["times"]} - {ours, prepared})}
    lines = {k: v for k, v in lines.items() if v}
    if lines:
        xs = sorted({n for v in lines.values() for n in v})
        chart = Chart(f"Rival's time / ours over the width of a network ({isa})", "width of an MLP of three equal layers",
                      "ratio: above 1 Stator is faster", xs, [1] + [r for v in lines.values() for r in v.values()], "1: as fast")
        chart.ticks(xs)
        for name, v in lines.items():
            chart.add(name, v.items(), dashed=name.startswith("train"))
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
        chart = Chart(f"One call at batch 1: p50 (dot), p99, p99.9, max ({isa})", "", "microseconds", [4, 10.0 ** (len(nets) + 0.4)],
                      [v * 1e6 for c in calls for v in c[2]])
        chart.ticks(place.values(), [n.replace("mlp_", "mlp ").replace("_1024_1024_10", "-1024 -1024-10").replace("_", "-") for n in nets])
        for i, name in enumerate(names):
            shift = 10 ** (0.13 * (i - (len(names) - 1) / 2))
            chart.spans(name, [(place[net] * shift, [v * 1e6 for v in vs]) for net, n, vs in calls if n == name])
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
    # What was measured now comes first on the screen, what has most rows (and the widest vectors) in the file.
    in_file = dict(sorted(results.items(), key=lambda item: (-len(item[1]["rows"]), -len(item[0]))))
    (options.out / "table.md").write_text(table(in_file) + "\n")
    print(table(results))


if __name__ == "__main__":
    main()
