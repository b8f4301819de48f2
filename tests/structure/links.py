#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Holds that every relative link in the documentation leads to a file, and to a heading of it where it names one.

    tests/structure/links.py [ROOT]
"""
import pathlib
import re
import sys

root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else __file__).resolve()
if root.is_file():
    root = root.parents[2]


def anchors(page):
    """What a heading is called in a link: in small letters, without marks, with hyphens between the words."""
    headings = re.findall(r"^#+ +(.*)$", page.read_text(), re.M)
    return {re.sub(r"[^\w\- ]", "", h.lower()).replace(" ", "-") for h in headings}


problems, count = [], 0
for page in sorted(root.rglob("*.md")):
    if {"build", ".git", "subprojects"} & set(page.relative_to(root).parts):
        continue
    for line, text in enumerate(page.read_text().splitlines(), 1):
        for link in re.findall(r"\]\(([^)\s]+)\)", text):
            if "://" in link:
                continue
            count += 1
            target, _, anchor = link.partition("#")
            path = page.parent / target if target else page
            where = f"{page.relative_to(root)}:{line}: {link}"
            if not path.exists():
                problems.append(f"{where}: there is no such file")
            elif anchor and path.suffix == ".md" and anchor not in anchors(path):
                problems.append(f"{where}: {path.name} has no such heading")
print("\n".join(problems) if problems else f"links: {count}, all of them lead somewhere")
sys.exit(1 if problems or not count else 0)
