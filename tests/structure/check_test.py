#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Checks that check.py finds each kind of disorder, and nothing where there is none."""
import pathlib
import subprocess
import sys
import tempfile

README = """| room | what |
|---|---|
| `core/` | first |
| `graph/` | second |

| declared in | name | defined in | contract |
|---|---|---|---|
| `core/` | `allowed<E>` | `graph/` | known |
"""
FILES = {
    "README.md": README,
    "core/README.md": "core\n",
    "graph/README.md": "graph\n",
    "core/a.hpp": "namespace stator::inline v0_0 {\nstruct Own;\nstruct Own { int later(); };\ntemplate<class E> struct allowed;\n}\n",
    "graph/b.hpp": '#include "stator/core/a.hpp"\nnamespace stator::inline v0_0 {\nstruct Later {};\ntemplate<class E> struct allowed {};\n'
    "inline int later() { return 1; }\n}\n",
    "stator.hpp": '#include "stator/graph/b.hpp"\n',
}
CASES = [  # file, its contents, what is said about it
    ("core/x.hpp", "namespace stator {\nstruct Own2 {};\n}\n", "x.hpp:1: opens namespace stator, not the version's inline namespace"),
    ("core/x.hpp", "\nnamespace stator::inline v0_1 {\nstruct Own2 {};\n}\n", "x.hpp:2: opens namespace stator::inline v0_1, not"),
    ("../../CHANGELOG.md", "# Changes\n\n## 0.1.0\n\n## 0.0.0\n", "CHANGELOG.md: is about version 0.1.0, include/stator/version.hpp is 0.0.0"),
    ("../../CHANGELOG.md", "# Changes\n\n## 0.0.0\n\n## 0.1.0\n", None),
    ("core/x.hpp", '#include "stator/graph/b.hpp"\n', "core/ includes stator/graph/b.hpp of a later room"),
    ("graph/x.hpp", '#include "stator/stator.hpp"\n', "graph/ includes stator/stator.hpp of a later room"),
    ("core/x.hpp", '#include "stator/core/none.hpp"\n', "which does not exist"),
    ("core/x.hpp", "namespace stator::inline v0_0 { struct Later; }\n", "declares stator::Later, which graph/ defines"),
    ("core/x.hpp", "namespace stator::inline v0_0 {\ntemplate<class T>\nint later();\n}\n", "x.hpp:3: core/ declares stator::later"),
    ("core/x.hpp", "// struct Later;\nnamespace other { struct Later; }\n", None),
    ("core/x.hpp", "namespace stator::inline v0_0 { struct S { int later(); }; inline void f() { later(); } }\n", None),
    ("core/x.hpp", "inline void f() { throw 1; }\n", "x.hpp:1: throws by itself"),
    ("core/x.hpp", "// f throws\ninline int throws() { return 1; } // never throw\n", None),
    ("graph/README.md", "line\n" * 11, "has 11 lines"),
    ("graph/long.hpp", "// line\n" * 351, "graph/long.hpp: has 351 lines"),
    ("late/README.md", "late\n", "late/: is not in the table"),
    ("README.md", README.replace("| `core/` | `allowed<E>`", "| `core/` | `other`"), "declares stator::allowed"),
]

failed = 0
for name, contents, expected in CASES:
    with tempfile.TemporaryDirectory() as directory:
        include = pathlib.Path(directory) / "include/stator"
        for file, text in {**FILES, name: contents}.items():
            path = include / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        check = subprocess.run([sys.executable, pathlib.Path(__file__).with_name("check.py"), include],
                               capture_output=True, text=True)
    good = expected in check.stdout and check.returncode == 1 if expected else check.returncode == 0
    if not good:
        failed += 1
        print(f"{name}: {contents!r}\nexpected: {expected}\nfound: {check.stdout}{check.stderr}")
print(f"{len(CASES)} cases, {failed} failed")
sys.exit(failed > 0)
