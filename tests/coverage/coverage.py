#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Says of each public name of PyTorch 1.13.1 where Stator has it, or why it does not: examples/pytorch_coverage.md.

    tests/coverage/coverage.py              fails when the table is not what the headers say
    tests/coverage/coverage.py --update     writes the table: after a layer, loss, optimiser or operation has been added
    tests/coverage/coverage.py --missing    lists what is neither there nor refused

The names are in names.txt (made by tests/reference/names.py); PyTorch is not needed here. A name is covered when a header
declares it in the namespace that answers its module (HOMES), or under the name that other.txt gives; what is refused stands in
refused.txt with its reason. After a conflict in the table write it again. A name that is refused although it is there, or a line of other.txt or refused.txt that serves no
name, is an error.
"""
import pathlib
import re
import sys

here = pathlib.Path(__file__).resolve().parent
root = here.parents[1]
sys.path.insert(0, str(root / "tests/structure"))
sys.argv, arguments = sys.argv[:1], sys.argv[1:]
from docstrings import Scanner  # noqa: E402

TABLE = root / "examples/pytorch_coverage.md"
PYTORCH = "1.13.1"

# module of PyTorch: namespaces that answer it, by preference
TENSOR = ("stator", "stator::nn", "stator::Tensor", "stator::Variable", "stator::Parameter", "stator::TensorView",
          "stator::Dims", "stator::expr::Evaluated", "stator::Sizes")
HOMES = {
    "nn": ("stator::nn", "stator"),
    "nn.functional": ("stator::nn", "stator"),
    "nn.init": ("stator::nn::init",),
    "optim": ("stator::optim",),
    "optim.lr_scheduler": ("stator::optim",),
    "optim.swa_utils": ("stator::optim",),
    "Tensor": TENSOR,
}


def table_of(path):
    """Lines `module: NAME...: text`, for a pattern too, as (module, pattern, text)."""
    rows = []
    for line in path.read_text().splitlines():
        if line and not line.startswith("#"):
            module, names, text = (part.strip() for part in line.split(":", 2))
            rows += [(module, name, text) for name in names.split()]
    return rows


def declared():
    """(scope, name): the header that declares it first. Files and drawings have names of their own: stator::dot draws."""
    found = {}
    for header in sorted((root / "include/stator").rglob("*.hpp")):
        if header.parent.name == "io":
            continue
        for scope, name, *_ in Scanner(header.read_text()).found:
            found.setdefault((scope, name), header.relative_to(root / "include/stator").as_posix())
    return found


class Coverage:
    def __init__(self):
        self.headers, self.used, self.errors = declared(), set(), []
        self.other, self.refused = table_of(here / "other.txt"), table_of(here / "refused.txt")

    def row(self, rows, module, name):
        for i, (m, pattern, text) in enumerate(rows):
            if m == module and re.fullmatch(pattern, name):
                self.used.add((id(rows), i))
                return text
        return None

    def home(self, module, name):
        """Where the headers declare a name; `name` may be qualified."""
        scope, _, last = name.rpartition("::")
        for home in HOMES[module]:
            for candidate in ([f"{home}::{scope}", f"stator::{scope}"] if scope else [home]):
                if (header := self.headers.get((candidate, last))) is not None:
                    short = candidate.removeprefix("stator").removeprefix("::")
                    return (f"{short}::{last}" if short else last), header
        return None

    def state(self, module, name):
        """(state, text) of a name."""
        reason = self.row(self.refused, module, name)
        other = self.row(self.other, module, name) or ""
        where = self.home(module, other[2:] if other.startswith("= ") else name)
        if other and not other.startswith("= "):
            return "covered", other
        if where is None and module == "Tensor" and name.endswith("_") and not reason:
            state, text = self.state(module, name[:-1])
            return (state, f"`x = {name[:-1]}(x)`: results are values") if state == "covered" else (state, text)
        if reason and where:
            self.errors.append(f"refused.txt: {module} {name} is refused, but {where[1]} has it")
        if reason:
            return "refused", reason
        return ("covered", f"`{where[0]}`, {where[1]}") if where else ("missing", "")


def main():
    coverage = Coverage()
    names = [line.split() for line in (here / "names.txt").read_text().splitlines()]
    rows = {}
    for module, name in names:
        rows.setdefault(module, []).append((name, *coverage.state(module, name)))
    for kind, table in (("other.txt", coverage.other), ("refused.txt", coverage.refused)):
        for i, (module, pattern, _) in enumerate(table):
            if (id(table), i) not in coverage.used:
                coverage.errors.append(f"{kind}: {module}: {pattern} matches no name")

    count = {module: {s: sum(state == s for _, state, _ in r) for s in ("covered", "refused", "missing")} for module, r in rows.items()}
    lines = [
        "# PyTorch's names in Stator", "",
        f"Every public class and function of these modules of PyTorch {PYTORCH}, and every attribute of its tensors. Written by",
        "`tests/coverage/coverage.py --update` from the headers; a test holds that it is right. *Refused* is what contradicts what",
        "Stator is: shapes and graphs that the compiler knows.", "",
        "| module | covered | refused | missing |", "|---|---|---|---|",
        *(f"| `torch.{m}` | {c['covered']} | {c['refused']} | {c['missing']} |" for m, c in count.items()),
    ]
    for module, r in rows.items():
        lines += ["", f"## torch.{module}", "", "| name | |", "|---|---|"]
        for name, state, text in r:
            text = text.replace("|", "\\|")
            lines.append(f"| `{name}` | {text if state == 'covered' else f'{state}: {text}' if text else '**missing**'} |")
    text = "\n".join(lines) + "\n"

    if "--missing" in arguments:
        for module, r in rows.items():
            print(f"{module}:", *(name for name, state, _ in r if state == "missing"))
    elif "--update" in arguments:
        TABLE.write_text(text)
    elif not TABLE.exists() or TABLE.read_text() != text:
        coverage.errors.append(f"{TABLE.relative_to(root)} is not what the headers say: tests/coverage/coverage.py --update")
    for error in coverage.errors:
        print(error)
    print("coverage:", ", ".join(f"{sum(c[s] for c in count.values())} {s}" for s in ("covered", "refused", "missing")))
    return 1 if coverage.errors or not names else 0


if __name__ == "__main__":
    sys.exit(main())
