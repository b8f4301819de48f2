#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Lists the public names of include/stator that have no docstring.

Public is what stands outside of namespaces `detail` and of private and protected parts of classes. A docstring is a
comment `///` before a declaration, without an empty line between them, or `///<` after it; one serves all overloads of a
name in one class or namespace, all names of one declaration, and the enumerators of an enumeration. None is needed by
what another place documents once: constructors and operators (the class), friends, specialisations (the primary
template), members of the structs in stator::ops (the operation that is made of them), and the members of CONTRACTS.

    tests/structure/docstrings.py [INCLUDE_DIRECTORY]      prints what is missing, one line each; exit code 1 if anything is

This is not a compiler: it relies on the layout that clang-format gives, and on macros that are called one a line.
"""
import pathlib
import re
import sys

root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parents[2] / "include/stator").resolve()

# Members that one header, or the standard library, documents for all who have them; and the rooms where that holds.
CONTRACTS = [
    ("trace/operation.hpp", {"trace", "hooks"}, "name shape requirement scalar apply run vjp"),
    ("module/structure.hpp", {"module", "nn"}, "forward reset_parameters class_name extra_repr is_container element_names elements"),
    ("optim/optimizer.hpp", {"optim"}, "Options name state_names uses begin update check initial keeps_zero state_from_the_start"),
    ("optim/scheduler.hpp", {"optim"}, "o next adjust"),
    ("the standard library", None, "begin end size empty value_type iterator difference_type iterator_category iterator_concept "
     "reference pointer"),
]

TOKEN = re.compile(
    r"""(?P<docstring>///[^\n]*)
      | (?P<comment>//[^\n]*|/\*.*?\*/)
      | (?P<directive>^[ ]*\#(?:[^\n\\]|\\.|\\\n)*)
      | (?P<literal>R"(?P<mark>\w*)\(.*?\)(?P=mark)"|"(?:\\.|[^"\\\n])*"|(?<!\w)'(?:\\.|[^'\\\n])+')
      | (?P<word>\w+(?:'\w+)*)
      | (?P<sign>::|->|<=>|&&|\|\||[<>=!]=|[^\s\w])
      | (?P<line>\n)""",
    re.X | re.S | re.M,
)
SPACE = {"docstring", "comment", "directive", "line"}
BRACKETS = {"(": ")", "{": "}", "[": "]"}
DECORATION = {"inline", "constexpr", "static", "extern", "consteval", "constinit", "explicit", "mutable", "virtual", "typename"}


def closing(words, at):
    """The index after the bracket that closes the one at `at`, which may be <."""
    pairs = {**BRACKETS, "<": ">"} if words[at : at + 1] == ["<"] else BRACKETS
    wanted = []
    while at < len(words):
        if words[at] in BRACKETS or (words[at] == "<" and wanted in ([], [">"] * len(wanted)) and "<" in pairs):
            wanted.append(pairs[words[at]])
        elif wanted and words[at] == wanted[-1]:
            wanted.pop()
        at += 1
        if not wanted:
            break
    return at


def without_introduction(words):
    """A declaration without template parameters, attributes, requires clause and decoration in front."""
    while words:
        if words[0] == "template":
            words = words[closing(words, 1) :]
        elif words[:2] == ["[", "["] or words[0] == "[":
            words = words[closing(words, 0) :]
        elif words[0] == "alignas":
            words = words[closing(words, 1) :]
        elif words[0] == "requires":
            words = words[after_requirement(words, 1) :]
        elif words[0] in DECORATION:
            words = words[1:]
        else:
            break
    return words


def after_requirement(words, at):
    """The index after the terms, joined by && and ||, of the requires clause that begins at `at`."""
    while at < len(words):
        while words[at : at + 1] == ["!"]:
            at += 1
        if words[at : at + 1] == ["requires"]:
            at += 1
            at = closing(words, at) if words[at : at + 1] == ["("] else at
            at = closing(words, at)
        elif words[at : at + 1] == ["("]:
            at = closing(words, at)
        else:
            at += 1
            while words[at : at + 1] in (["::"], ["<"]):
                at = at + 2 if words[at] == "::" else closing(words, at)
        if words[at : at + 1] not in (["&&"], ["||"]):
            break
        at += 1
    return at


def declared(words, scope):
    """(name, kind) of a declaration that is neither a namespace nor a class nor an enumeration; None when it needs no
    docstring."""
    if words[:3] == ["template", "<", ">"]:
        return None
    words = without_introduction(words)
    if not words or words[0] in ("friend", "static_assert", "return") or "operator" in words:
        return None
    if words[0] in ("using", "concept"):
        return (words[1], "alias" if words[0] == "using" else words[0]) if "=" in words else None
    if words[0] in ("class", "struct", "enum", "union") and len(words) == 2:
        return None  # declared ahead
    at, name, qualified = 0, None, False
    while at < len(words):
        word = words[at]
        if word == "(" and words[at + 1 : at + 2] == ["*"]:
            return words[at + 2], "function pointer"
        if word == "(" and name in (None, "decltype", "noexcept", "alignas", "auto"):
            at = closing(words, at)
        elif word == "<":
            at = closing(words, at)
            if at == len(words) or words[at] in ("=", "(", "{"):
                return None  # a specialisation
        elif word in ("(", "{", "=", "[", ",", ":"):
            break
        else:
            if re.fullmatch(r"[A-Za-z_]\w*", word):
                name, qualified = word, words[at - 1] == "::" if at else False
            at += 1
    function = at < len(words) and words[at] == "("
    # A constructor or deduction guide has no type before its name; a member of another class is documented there.
    if function and (words[0] == name or words[0] == "~" or name == scope or qualified):
        return None
    return (name, "function" if function else "object") if name else None


class Scanner:
    """Collects (scope, name, kind, line, documented, whether a member) of what a header declares in public."""

    def __init__(self, text):
        self.undefined = set(re.findall(r"#\s*undef\s+(\w+)", text))
        self.tokens, self.at, self.found = [], 0, []
        self.member = False  # whether a class is open
        line = 1
        for match in TOKEN.finditer(text):
            kind = "literal" if match["literal"] else match.lastgroup
            self.tokens.append((kind, match.group(), line))
            line += match.group().count("\n")
        self.scope([], "namespace", True)

    def next_word(self, at):
        while at < len(self.tokens) and self.tokens[at][0] in SPACE:
            at += 1
        return self.tokens[at][1] if at < len(self.tokens) else ""

    def add(self, scope, name, kind, line, documented, member):
        self.found.append(("::".join(scope), name, kind, line, documented, member))

    def scope(self, path, kind, public):
        """The declarations up to the brace that closes a namespace, class, struct or enumeration."""
        accessible, documented = kind != "class", False
        while self.at < len(self.tokens):
            token, text, line = self.tokens[self.at]
            if token in SPACE:
                if token == "docstring":
                    documented = not text.startswith("///<")
                elif token == "line" and self.tokens[self.at - 1][0] == "line":
                    documented = False
                elif token == "directive":
                    if (macro := re.match(r" *#\s*define\s+(\w+)", text)) and macro[1] not in self.undefined:
                        self.add([], macro[1], "macro", line, documented, False)
                    documented = False
                self.at += 1
            elif text in ("}", ";"):
                self.at += 1
                if text == "}":
                    return
            elif text in ("public", "private", "protected") and self.next_word(self.at + 1) == ":":
                accessible, self.at = text == "public", self.at + 2
            elif re.fullmatch(r"STATOR_\w+", text) and self.next_word(self.at + 1) == "(":
                while self.tokens[self.at][0] != "line":  # the call of a macro
                    self.at += 1
            else:
                self.declaration(path, kind, public and accessible, documented)
                documented = False

    def declaration(self, path, kind, public, documented):
        words, depth, line = [], 0, self.tokens[self.at][2]
        while self.at < len(self.tokens):
            token, text, _ = self.tokens[self.at]
            if token not in SPACE:
                ends = depth == 0 and (text == ";" or (kind == "enum" and text in (",", "}")))
                if ends:
                    self.at += text != "}"
                    break
                if depth == 0 and text == "{":
                    if self.body(path, words, line, public, documented):
                        return
                    continue
                depth += (text in BRACKETS) - (text in BRACKETS.values())
                words.append(text if token != "literal" else '""')
            self.at += 1
        self.end(path, kind, words, line, public, documented)

    def body(self, path, words, line, public, documented):
        """At an opening brace outside of other brackets. Returns whether the declaration ends with the closing one."""
        head = without_introduction(words)
        if head[:1] in (["namespace"], ["extern"]):
            self.at += 1
            names = [word for word in head[1:] if word != "::"]
            if "inline" in names:  # what stands in an inline namespace is named without it
                at = names.index("inline")
                del names[at : at + 2]
            self.scope(path + names, "namespace", public and names != [] and "detail" not in names)
            return True
        if head[:1] in (["class"], ["struct"], ["union"], ["enum"]) and "=" not in head:
            kind, head = head[0], without_introduction(head[2:] if head[1:2] in (["class"], ["struct"]) else head[1:])
            special = head[1:2] in (["<"], ["::"])
            if public and head and not special:
                self.add(path, head[0], kind, line, documented, self.member)
            self.at += 1
            member, self.member = self.member, True
            self.scope(path + head[:1], kind, public and not special and not (kind == "enum" and documented))
            self.member = member
            return True
        depth = 0
        while True:
            text = self.tokens[self.at][1] if self.tokens[self.at][0] == "sign" else ""
            depth += (text == "{") - (text == "}")
            self.at += 1
            if depth == 0:
                break
        # What follows shows whether these were braces of an initialiser or of a requires expression.
        requires = words[-1:] == ["requires"] or self.opens_requirement(words)
        words += ["{", "}"]
        if requires or self.next_word(self.at) in (";", ",", ">", "{", "&&", "||", ".", "(", "?", "==", "+", "-", "*", "/"):
            return False
        self.end(path, "", words, line, public, documented)
        return True

    @staticmethod
    def opens_requirement(words):
        """Whether words end in `requires (...)` of an expression, not of a clause after a function's parameters."""
        at, depth = len(words), 0
        while at > 0 and (at == len(words) or depth > 0):
            at -= 1
            depth += (words[at] == ")") - (words[at] == "(")
        return words[at - 1 : at] == ["requires"] and words[at - 2 : at - 1] not in ([")"], ["const"], ["noexcept"], [">"])

    def end(self, path, kind, words, line, public, documented):
        at = self.at
        while at < len(self.tokens) and self.tokens[at][0] in ("line", "comment"):
            at += 1
        documented = documented or (at < len(self.tokens) and self.tokens[at][1].startswith("///<"))
        found = (words[0], "enumerator") if kind == "enum" and words else declared(words, path[-1] if path else "")
        if public and found:
            self.add(path, *found, line, documented, self.member)


def understood(room, scope, name):
    """Whether another place documents a member."""
    if scope.startswith("stator::ops::"):
        return True
    return any(name in names.split() and (rooms is None or room in rooms) for _, rooms, names in CONTRACTS)


def main():
    names = {}  # (scope, name): [where, kind, documented or understood]
    headers = sorted(root.rglob("*.hpp"))
    for header in headers:
        path = header.relative_to(root)
        for scope, name, kind, line, documented, member in Scanner(header.read_text()).found:
            entry = names.setdefault((scope, name), [f"{path}:{line}", kind, False])
            entry[2] = entry[2] or documented or (member and understood(path.parts[0], scope, name))
    missing = [(where, scope, name, kind) for (scope, name), (where, kind, good) in names.items() if not good]
    for where, scope, name, kind in missing:
        print(f"{where}: {kind} {scope + '::' if scope else ''}{name} has no docstring")
    print(f"docstrings: {len(names)} public names, {len(missing)} without")
    return 1 if missing or not headers else 0


if __name__ == "__main__":
    sys.exit(main())
