#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Holds the order of the rooms, which is that of the first table of include/stator/README.md.

A header includes only headers of its own room and of rooms above it, and declares nothing ahead that a later room
defines, except for the extension points that the README's second table lists. Each room has a README of at most ten
lines, and is listed. A header has at most 350 lines. The inline namespace that headers open is that of the version in version.hpp, which is also the changelog's
newest and the one that the build files state.

    tests/structure/check.py [INCLUDE_DIRECTORY]      prints what is wrong, one line each; exit code 1 if anything is
"""
import pathlib
import re
import sys

root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parents[2] / "include/stator").resolve()


# Where else the version is stated.
VERSIONS = {
    "include/stator/version.hpp": r'STATOR_VERSION_STRING "([\d.]+)"',
    "CHANGELOG.md": r"^## ([\d.]+)",
    "meson.build": r"^  version: '([\d.]+)'",
    ".packaging/vcpkg/stator/vcpkg.json": r'"version-semver": "([\d.]+)"',
}


def tables(text):
    """The rows of each Markdown table, as lists of cells, without the head."""
    table = []
    for line in text.splitlines() + [""]:
        if line.startswith("|"):
            table.append([cell.strip() for cell in line.strip("|").split("|")])
        elif table:
            yield table[2:]
            table = []


def uncommented(text):
    """Comments and literals blanked, lines kept."""
    token = re.compile(r'//[^\n]*|/\*.*?\*/|R"(\w*)\(.*?\)\1"|"(?:\\.|[^"\\\n])*"|(?<![\w])\'(?:\\.|[^\'\\\n])+\'', re.S)
    return token.sub(lambda m: re.sub(r"[^\n]", " ", m.group()), text)


SCOPE = re.compile(
    r"""(?P<namespace>\b(?:inline\s+)?namespace\s+(?P<path>[\w:]+)\s*\{)
      | (?P<declaration>\b(?:class|struct)\s+(?P<ahead>\w+)\s*;)
      | (?P<definition>\b(?:class|struct)\s+(?:alignas\([^()]*\)\s*|\[\[[^\]]*\]\]\s*)?(?P<defined>\w+)(?:\s+final)?\s*(?::[^:;{][^;{]*)?\{)
      | (?P<function>\b(?P<called>\w+)\s*\((?P<arguments>[^(){};]*(?:\([^(){};]*\)[^(){};]*)*)\)
            \s*(?:const\b|noexcept\b|->[^;{}]*|requires[^;{}]*)*\s*(?P<end>;|\{))
      | (?P<open>\{) | (?P<close>\})""",
    re.X,
)


def names(text):
    """Yields (kind, namespace, name, line) for what a file declares and defines at namespace scope; kind is one of
    declares, defines."""
    text = re.sub(r"::inline v\w+", "", uncommented(text))
    scopes = []  # each open brace: the namespace's path, or None
    at = 0
    while match := SCOPE.search(text, at):
        at = match.end()
        line = text.count("\n", 0, match.start()) + 1
        outside = all(scope is not None for scope in scopes)
        here = "::".join(scope for scope in scopes if scope)
        if match["namespace"]:
            scopes.append(match["path"])
        elif match["declaration"]:
            before = text[max(0, match.start() - 40) : match.start()]
            if outside and not re.search(r"(?:friend|using)\s+$", before):
                yield "declares", here, match["ahead"], line
        elif match["definition"]:
            if outside:
                yield "defines", here, match["defined"], line
            scopes.append(None)
        elif match["function"]:
            if match["end"] == "{":
                if outside:
                    yield "defines", here, match["called"], line
                scopes.append(None)
            elif outside:
                # A declaration has a type before its name; a call, or the initialiser of a variable, has not.
                before = text[max(0, match.start() - 200) : match.start()]
                statement = re.split(r"[;{}]", before)[-1]
                if re.search(r"[\w>&*\]]\s*$", statement) and not re.search(r"[=]|\b(?:return|using|friend|operator|static_assert)\b", statement):
                    yield "declares", here, match["called"], line
        elif match["open"]:
            scopes.append(None)
        elif scopes:
            scopes.pop()


def main():
    problems = []
    version = root / "version.hpp"
    version_parts = dict(re.findall(r"define STATOR_VERSION_(\w+) (\d+)", version.read_text() if version.is_file() else ""))
    opening = f"namespace stator::inline v{version_parts.get('MAJOR', 0)}_{version_parts.get('MINOR', 0)}"
    found = list(tables((root / "README.md").read_text()))
    order = [row[0].strip("`").rstrip("/") for row in found[0]]
    extension_points = {re.sub(r"<.*", "", row[1].strip("`")).split("::")[-1] for row in found[1]} if len(found) > 1 else set()
    place = {room: index for index, room in enumerate(order)}

    for room in sorted(path.name for path in root.iterdir() if path.is_dir()):
        if room not in place:
            problems.append(f"{room}/: is not in the table of README.md")
        readme = root / room / "README.md"
        if not readme.is_file():
            problems.append(f"{room}/README.md: is missing")
        elif (lines := len(readme.read_text().splitlines())) > 10:
            problems.append(f"{room}/README.md: has {lines} lines, at most 10 are allowed")

    headers = sorted(root.rglob("*.hpp"))
    included = {h: re.findall(r'^\s*#\s*include\s*["<]stator/([\w/.]+)[">]', h.read_text(), re.M) for h in headers}
    room_of = {h: place.get(h.relative_to(root).parts[0], len(order)) for h in headers if h.parent != root}
    for h in headers:
        if h.parent == root:  # an umbrella stands after the last room that it includes
            room_of[h] = max([room_of.get(root / i, 0) for i in included[h]], default=0) + 0.5
    title = lambda room: order[room] + "/" if room in range(len(order)) else "an umbrella"
    declared, defined = [], {}
    for header in headers:
        text, room, path = header.read_text(), room_of[header], header.relative_to(root)
        for other in re.finditer(r"^namespace stator(?:::inline \w+)?(?= \{)", text, re.M):
            if other.group() != opening:
                line = text.count("\n", 0, other.start()) + 1
                problems.append(f"{path}:{line}: opens {other.group()}, not the version's inline namespace: {opening} {{")
        if (lines := text.count("\n")) > 350:
            problems.append(f"{path}: has {lines} lines, at most 350 are allowed: a header has one subject")
        for number, line in enumerate(text.splitlines(), 1):
            if re.match(r"[^/\"]*\bthrow\b", line) and path.as_posix() != "core/error.hpp":
                problems.append(f"{path}:{number}: throws by itself: raise() of core/error.hpp does, or calls a handler")
            for file in re.findall(r'^\s*#\s*include\s*["<]stator/([\w/.]+)[">]', line):
                if (root / file) not in room_of:
                    problems.append(f"{path}:{number}: includes stator/{file}, which does not exist")
                elif room_of[root / file] > room:
                    problems.append(f"{path}:{number}: {title(room)} includes stator/{file} of a later room")
        for kind, namespace, name, number in names(text):
            if kind == "defines":
                defined.setdefault((namespace, name), set()).add(room)
            else:
                declared.append((path, number, room, namespace, name))
    for path, number, room, namespace, name in declared:
        rooms = defined.get((namespace, name), set())
        if rooms and min(rooms) > room and name not in extension_points:
            problems.append(f"{path}:{number}: {title(room)} declares {namespace}::{name}, which {title(min(rooms))} defines")

    stated = ".".join(version_parts.get(part, "0") for part in ("MAJOR", "MINOR", "PATCH"))
    for file, pattern in VERSIONS.items():
        path = root.parents[1] / file
        if path.is_file() and (match := re.search(pattern, path.read_text(), re.M)) and match[1] != stated:
            problems.append(f"{file}: is about version {match[1]}, include/stator/version.hpp is {stated}")

    for problem in problems:
        print(problem)
    print(f"structure: {len(headers)} headers in {len(order)} rooms, {len(problems)} problems")
    return 1 if problems or not headers else 0


sys.exit(main())
