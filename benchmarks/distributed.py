#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""The tables of benchmarks/README.md, "Several processes", from what distributed.sh has measured.

distributed.py MEASURED.jsonl                    prints them
distributed.py --write README.md MEASURED.jsonl  puts them between the marks in README.md as well"""
import argparse
import json
import math
import os
import pathlib
import platform
import statistics
import subprocess

# Of a step's multiplications so many lie behind the first bucket (fc1 and fc2): the backward of the convolutions.
conv1, conv2, fc = 26 * 26 * 32 * 9, 24 * 24 * 64 * 288, 9216 * 128 + 1280
behind_first_bucket = (2 * conv2 + conv1) / (3 * (conv1 + conv2 + fc) - conv1)
second_bucket = 64 * 288 * 4 + 64 * 4 + 32 * 9 * 4 + 32 * 4  # bytes: what the convolutions have
ethernet = {"name": "10 Gbit/s", "latency": 30e-6, "bandwidth": 1.25e9}  # taken, not measured

begin = "<!-- written by benchmarks/distributed.sh --write -->"
end = "<!-- until here -->"


def spread(values, form):
    """The median, and from where to where the rounds go."""
    return f"{form.format(statistics.median(values))} ({form.format(min(values))} to {form.format(max(values))})"


def spaced(n):
    return f"{round(n):,}".replace(",", " ")


def milliseconds(seconds):
    ms = seconds * 1e3
    return f"{ms:.2f} ms" if ms < 10 else f"{ms:.1f} ms"


def duration(seconds):
    return f"{seconds * 1e6:.1f} us" if seconds < 1e-3 else milliseconds(seconds)


class Measured:
    def __init__(self, path):
        self.lines = [json.loads(line) for line in path.read_text().splitlines()]
        self.rounds = len({line["round"] for line in self.lines if "round" in line})
        self.busy = next((line["busy"] for line in self.lines if "busy" in line), 0)

    def rows(self, name, ranks, threads):
        """One line a round, by round."""
        return {r["round"]: r for r in self.lines if r.get("train") == name and r["ranks"] == ranks and r["threads"] == threads}

    def sum(self, order, size):
        """Of the fastest round."""
        return min(r["seconds"] for r in self.lines if r.get("sum") == order and r["bytes"] == size)


def training(m):
    alone = m.rows("Model", 1, 1)
    yield "| | images/s | efficiency | waited after the backward | sent a step: gradients | parameters |"
    yield "|---|---|---|---|---|---|"
    wanted = [("Model", 1, 1), ("Model", 1, 2), ("DataParallel", 2, 1), ("DataParallel, MPI's order", 2, 1),
              ("DataParallel, one bucket", 2, 1), ("ZeroRedundancyOptimizer", 2, 1)]
    for name, ranks, threads in wanted:
        rows = m.rows(name, ranks, threads)
        title = f"{ranks} process{'es' if ranks > 1 else ''} of {threads} thread{'s' if threads > 1 else ''}, {name}"
        speed = spread([r["images"] / r["seconds"] for r in rows.values()], "{:.0f}")
        if (ranks, threads) == (1, 1):
            yield f"| {title} | {speed} | | | | |"
            continue
        # Of two runs of one round.
        efficiency = spread([100 * alone[k]["seconds"] / r["seconds"] / (ranks * threads) for k, r in rows.items()], "{:.0f}") + " %"
        if ranks == 1:
            yield f"| {title} | {speed} | {efficiency} | | | |"
            continue
        waited = spread([r["waited"] * 1e3 for r in rows.values()], "{:.1f}") + " ms"
        one = rows[min(rows)]
        yield f"| {title} | {speed} | {efficiency} | {waited} | {spaced(one['sent'])} | {spaced(one['sent_parameters'])} |"


def overlap(m):
    two = m.rows("DataParallel", 2, 1).values()
    one = m.rows("DataParallel, one bucket", 2, 1).values()

    def share(rows, key):
        return f"{100 * statistics.median(r[key] for r in rows):.0f} %"

    return (f"Bytes a step, of {spaced(next(iter(two))['gradients'])} bytes of parameters and as many of gradients. Overlap: with two buckets "
            f"{share(two, 'begun_early')} of the messages began and {share(two, 'done_early')} were there before the backward had ended, with one "
            f"bucket {share(one, 'done_early')}.")


def sums(m):
    sizes = sorted({r["bytes"] for r in m.lines if "sum" in r})
    yield "| sum over 2 processes, fastest round | " + " | ".join(f"{spaced(s)} bytes" for s in sizes) + " |"
    yield "|---|" + "---|" * len(sizes)
    for order, title in (("ranks", "order of ranks (the default: the same bits with every MPI)"), ("MPI", "MPI_Iallreduce")):
        yield f"| {title} | " + " | ".join(duration(m.sum(order, s)) for s in sizes) + " |"


def constants(m):
    sizes = sorted({r["bytes"] for r in m.lines if "sum" in r})
    latency = m.sum("ranks", sizes[0]) / 2
    return {"name": "as measured", "latency": latency,
            "bandwidth": sizes[-1] / (m.sum("ranks", sizes[-1]) - 2 * latency)}


def time_of_sum(order, machines, size, link):
    steps = 2 * (machines - 1) if order == "ranks" else 2 * math.log2(machines)
    return steps * link["latency"] + 2 * (machines - 1) / machines * size / link["bandwidth"]


def on_paper(m):
    gradients = next(r["gradients"] for r in m.lines if "gradients" in r)
    step = statistics.median(r["seconds"] for r in m.rows("Model", 1, 1).values())
    here = constants(m)
    first = gradients - second_bucket
    yield (f"**On paper.** Each machine has one such process and 64 images a step: C = {milliseconds(step)}. A sum of B bytes takes 2 (N - 1) (a + B / (N b)) in "
           f"the order of ranks and 2 log2(N) a + 2 (N - 1) / N B / b by MPI. Measured here, in shared memory: a = {duration(here['latency'])}, b = "
           f"{here['bandwidth'] / 1e9:.1f} GB/s; a network of 10 Gbit/s is taken as a = 30 us, b = 1.25 GB/s (not measured). Behind the first bucket "
           f"({first / 1e6:.2f} MB) lie {100 * behind_first_bucket:.0f} % of a step's multiplications, {milliseconds(behind_first_bucket * step)}: as much of it is hidden "
           f"if messages go on meanwhile. The second ({second_bucket / 1e3:.0f} kB) never is.")
    yield ""
    yield "| machines | constants | order | sent a step and machine | first bucket | second bucket | efficiency, first bucket hidden | not hidden |"
    yield "|---|---|---|---|---|---|---|---|"
    for link in (here, ethernet):
        for machines in (8, 64, 512):
            for order in ("ranks", "MPI"):
                one, two = (time_of_sum(order, machines, size, link) for size in (first, second_bucket))
                seen = max(0, one - behind_first_bucket * step)
                hidden, plain = (100 * step / (step + t) for t in (seen + two, one + two))
                sent = 2 * (machines - 1) / machines * gradients
                yield (f"| {machines} | {link['name']} | {order} | {spaced(sent)} | {milliseconds(one)} | {milliseconds(two)} | "
                       f"{hidden:.1f} % | {plain:.1f} % |")


def memory(m):
    """Per rank, in bytes."""
    row = next(iter(m.rows("ZeroRedundancyOptimizer", 2, 1).values()))
    gradients = row["gradients"]
    yield "| | parameters | gradients | states | for sums in the order of ranks | sent a step: gradients | parameters |"
    yield "|---|---|---|---|---|---|---|"
    n = spaced(gradients)
    for ranks in (2, 4, 8):
        for name, parts in (("`Adam`", 1), ("`ZeroRedundancyOptimizer`", ranks)):
            part = (ranks - 1) / ranks * gradients
            sent = f"{spaced(part)} | {spaced(part)}" if parts > 1 else f"{spaced(2 * part)} | 0"
            states = row["states"] if parts == 2 else 2 * gradients / parts
            yield f"| {name}, {ranks} ranks | {n} | {n} | {spaced(states)} | {n} | {sent} |"


def processor():
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.machine()


def tables(m):
    mpi = subprocess.run(["mpirun", "--version"], capture_output=True, text=True, check=False).stdout.splitlines()
    version = mpi[0].replace("mpirun ", "").replace("(", "").replace(")", "") if mpi else "MPI"
    yield (f"{processor()}, {version}, {os.cpu_count()} cores of one machine, shared memory. {m.rounds} rounds of all rows in turn; medians, "
           "and in brackets from where to where the rounds go; an efficiency is that of two runs of one round."
           + (f" **Other work took {m.busy} % of the processors' time: times are upper bounds.**" if m.busy > 5 else ""))
    yield ""
    yield from training(m)
    yield ""
    yield overlap(m)
    yield ""
    yield from sums(m)
    yield ""
    yield from on_paper(m)
    yield ""
    yield "**Memory and messages a rank**, the same network with Adam, in bytes (tests add up states and messages):"
    yield ""
    yield from memory(m)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", type=pathlib.Path, metavar="README")
    parser.add_argument("measured", type=pathlib.Path)
    arguments = parser.parse_args()
    text = "\n".join(tables(Measured(arguments.measured))) + "\n"
    print(text)
    if arguments.write:
        before, _, rest = arguments.write.read_text().partition(begin)
        _, mark, after = rest.partition(end)
        if not mark:
            raise SystemExit(f"stator: {arguments.write} has no marks to write between")
        arguments.write.write_text(before + begin + "\n" + text + end + after)


main()
