#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Lists the public names of include/stator that have no docstring.

Public is what stands outside of namespaces `detail` and of private and protected parts of classes. A docstring is a
comment `///` before a declaration, or `///<` behind it; one serves all overloads of a name in one class or namespace.
None is needed by what another place documents once: constructors and operators (the class), friends, specialisations
(the primary template), and members that fulfil one of the CONTRACTS below.

    tests/structure/docstrings.py [INCLUDE_DIRECTORY]      prints what is missing, one line each; exit code 1 if anything is
"""
import pathlib
import re
import sys

root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parents[2] / "include/stator").resolve()

# Members that one header, or the standard library, documents for all who have them, by the rooms where that holds.
CONTRACTS = {
    # trace/operation.hpp
    ("trace", "ops", "hooks"): "name called usage shape requirement type_requirement promotion scalar apply run vjp scratch accumulate "
    "is_composite compose multiply_adds can_fold neutral repeats is_view is_store is_unique checked_operand check backward_name",
    # module/structure.hpp
    ("module", "nn"): "forward reset_parameters class_name extra_repr is_container element_names elements",
    # optim/optimizer.hpp and optim/scheduler.hpp
    ("optim",): "Options name state_names uses begin update check initial keeps_zero state_from_the_start o next adjust",
    ("",): "begin end size empty value_type iterator difference_type iterator_category iterator_concept reference pointer",
}

TOKEN = re.compile(
    r"""(?P<doc>///[^\n]*)
      | (?P<comment>//[^\n]*|/\*.*?\*/)
      | (?P<raw>R"(?P<mark>\w*)\(.*?\)(?P=mark)")
      | (?P<text>"(?:\\.|[^"\\\n])*"|(?<!\w)'(?:\\.|[^'\\\n])+')
      | (?P<directive>^[ ]*\#(?:[^\n\\]|\\.|\\\n)*)
      | (?P<word>\w+(?:'\w+)*)
      | (?P<sign>::|->|<=>|&&|\|\||[<>=!]=|\[\[|\]\]|[^\s\w])
      | (?P<line>\n)""",
    re.X | re.S | re.M,
)
OPEN, CLOSE = {"(": ")", "{": "}", "[": "]", "[[": "]]"}, {")", "}", "]", "]]"}


def angle_end(words, at):
    """The index behind the <...> that begins at `at`."""
    depth = 0
    round_depth = 0
    while at < len(words):
        w = words[at]
        if w in ("(", "{", "["):
            round_depth += 1
        elif w in (")", "}", "]"):
            round_depth -= 1
        elif round_depth == 0 and w == "<":
            depth += 1
        elif round_depth == 0 and w == ">":
            depth -= 1
            if depth == 0:
                return at + 1
        at += 1
    return at


class Scanner:
    def __init__(self, text):
        self.tokens = []  # (kind, text, line)
        line = 1
        for m in TOKEN.finditer(text):
            self.tokens.append((m.lastgroup if m.lastgroup != "mark" else "raw", m.group(), line))
            line += m.group().count("\n")
        self.at = 0
        self.inside = "namespace"  # or class, struct, enum: what the declarations are in
        self.found = []  # (scope, name, kind, line, documented, whether a member)
        self.undefined = set(re.findall(r"#\s*undef\s+(\w+)", text))

    def skip_braces(self):
        """At an opening brace: goes behind the closing one, and says what stood between (for a head)."""
        depth = 0
        while self.at < len(self.tokens):
            text = self.tokens[self.at][1] if self.tokens[self.at][0] == "sign" else ""
            self.at += 1
            depth += (text == "{") - (text == "}")
            if depth == 0:
                return

    def scope(self, path, kind, public):
        """Declarations up to the closing brace; kind is namespace, class or enum."""
        access, doc = kind != "class", False
        outer, self.inside = self.inside, kind
        self.declarations(path, kind, public, access, doc)
        self.inside = outer

    def declarations(self, path, kind, public, access, doc):
        while self.at < len(self.tokens):
            token, text, line = self.tokens[self.at]
            if token == "doc" and not text.startswith("///<"):
                doc, self.at = True, self.at + 1
            elif token == "directive":
                if m := re.match(r"\s*#\s*define\s+(\w+)", text):
                    if m[1] not in self.undefined:
                        self.add([], m[1], "macro", line, doc, public)
                    doc = False
                self.at += 1
            elif token in ("comment", "line", "doc"):
                if token == "line" and self.tokens[self.at - 1][0] == "line":
                    doc = False  # an empty line parts a comment from what follows
                self.at += 1
            elif text == "}":
                self.at += 1
                return
            elif text == ";":
                self.at += 1
            elif text in ("public", "private", "protected") and self.word(1) == ":":
                access, self.at = text == "public", self.at + 2
            else:
                self.declaration(path, kind, public and access, doc)
                doc = False

    def word(self, ahead):
        at = self.at
        while ahead:
            at += 1
            while at < len(self.tokens) and self.tokens[at][0] in ("line", "comment"):
                at += 1
            ahead -= 1
        return self.tokens[at][1] if at < len(self.tokens) else ""

    def declaration(self, path, kind, public, doc):
        """One declaration: words of its head, then its body."""
        head, line, depth = [], self.tokens[self.at][2], 0
        angle = 0
        while self.at < len(self.tokens):
            token, text, number = self.tokens[self.at]
            if token in ("doc", "comment", "line", "directive"):
                self.at += 1
                continue
            if depth == 0 and text == "{":
                what = self.body(path, head, line, public, doc)
                if what == "done":
                    return
                head += ["{", "}"]
                continue
            if depth == 0 and text == ";":
                self.at += 1
                self.end(path, head, line, public, doc or self.trailing())
                return
            if depth == 0 and kind == "enum" and text in (",", "}"):
                if text == ",":
                    self.at += 1
                self.end(path, ["enumerator"] + head, line, public, doc or self.trailing())
                return
            if text in OPEN:
                depth += 1
            elif text in CLOSE:
                depth -= 1
            head.append(text if token not in ("text", "raw") else '""')
            self.at += 1

    def trailing(self):
        """Whether a comment ///< follows, in the same line or the next."""
        at = self.at
        while at < len(self.tokens) and self.tokens[at][0] in ("line", "comment"):
            at += 1
        return at < len(self.tokens) and self.tokens[at][1].startswith("///<")

    def plain(self, head):
        """The head without template parameters, attributes and requires clauses in front."""
        words = list(head)
        while words:
            if words[0] == "template" and len(words) > 1 and words[1] == "<":
                words = words[angle_end(words, 1):]
            elif words[0] == "[[":
                words = words[words.index("]]") + 1:]
            elif words[0] == "requires":
                words = self.behind_requirement(words[1:])
            elif words[0] in ("export", "inline", "constexpr", "static", "extern", "consteval", "constinit", "explicit", "mutable", "virtual", "typename"):
                words = words[1:]
            else:
                return words
        return words

    @staticmethod
    def behind_requirement(words):
        """Behind a requires clause: atoms joined by && and ||."""
        at = 0
        while True:
            while at < len(words) and words[at] == "!":
                at += 1
            if at < len(words) and words[at] == "requires":
                at += 1
                if at < len(words) and words[at] == "(":
                    at = Scanner.behind_bracket(words, at)
                at = Scanner.behind_bracket(words, at)
            elif at < len(words) and words[at] == "(":
                at = Scanner.behind_bracket(words, at)
            else:
                while at < len(words):  # a::b<c>::d
                    at += 1
                    if at < len(words) and words[at] == "<":
                        at = angle_end(words, at)
                    if at < len(words) and words[at] == "::":
                        at += 1
                        continue
                    break
            if at < len(words) and words[at] in ("&&", "||"):
                at += 1
                continue
            return words[at:]

    @staticmethod
    def behind_bracket(words, at):
        depth = 0
        while at < len(words):
            depth += (words[at] in OPEN) - (words[at] in CLOSE)
            at += 1
            if depth == 0:
                return at
        return at

    def body(self, path, head, line, public, doc):
        """At the `{` of a declaration: a namespace, a class, an enumeration, or braces to go over. Says `done` when the
        declaration ends with it."""
        words = self.plain(head)
        if words[:1] == ["namespace"] or words[:1] == ["extern"]:
            self.at += 1
            name = "::".join(words[1:]).replace("::::::", "::")
            private = "detail" in words or len(words) == 1
            self.scope(path + [w for w in words[1:] if w != "::"], "namespace", public and not private)
            return "done"
        if words[:1] in (["class"], ["struct"], ["union"]) and "=" not in words and "(" not in self.without_attributes(words):
            words = self.without_attributes(words)
            if len(words) > 2 and re.fullmatch(r"[A-Z_]+", words[1]) and re.fullmatch(r"\w+", words[2]):
                words.pop(1)  # an attribute's macro
            name = words[1] if len(words) > 1 else ""
            special = len(words) > 2 and words[2] in ("<", "::")
            if not special:
                self.add(path, name, "class", line, doc, public)
            self.at += 1
            self.scope(path + [name], "class" if words[0] == "class" else "struct", public and not special)
            if self.word(0) == ";":
                self.at += 1
            return "done"
        if words[:1] == ["enum"]:
            name = next((w for w in words[1:] if w not in ("class", "struct")), "")
            self.add(path, name, "enum", line, doc, public)
            self.at += 1
            self.scope(path + [name], "enum", public and not doc)
            return "done"
        self.skip_braces()
        following = self.word(0) if self.tokens[self.at][0] not in ("line", "comment", "doc") else self.word(1)
        last = head[-1] if head else ""
        if self.in_requirement(head) or following in (";", ",", ">", "{", "&&", "||", ".", "(", "[", "?", "==", "+", "-", "*", "/"):
            return "more"
        self.end(path, head, line, public, doc or self.trailing())
        return "done"

    @staticmethod
    def without_attributes(words):
        out, at = [], 0
        while at < len(words):
            if words[at] == "[[":
                at = words.index("]]", at) + 1
            elif words[at] == "alignas":
                at = Scanner.behind_bracket(words, at + 1)
            else:
                out.append(words[at])
                at += 1
        return out

    def in_requirement(self, head):
        """Whether braces at the end of this head are those of a requires expression or of a lambda before the name."""
        if not head:
            return False
        if head[-1] == "requires":
            return True
        if head[-1] == ")":
            depth, at = 0, len(head) - 1
            while at >= 0:
                depth += (head[at] == ")") - (head[at] == "(")
                if depth == 0:
                    break
                at -= 1
            return at > 0 and head[at - 1] == "requires"
        return False

    def end(self, path, head, line, public, doc):
        """A declaration that is no class, namespace or enumeration with a body."""
        words = self.plain(head)
        template_special = head[:3] == ["template", "<", ">"]
        if not words or words[0] in ("friend", "static_assert", "namespace") or template_special:
            return
        if words[0] == "enumerator":
            if len(words) > 1:
                self.add(path, words[1], "enumerator", line, doc, public)
            return
        if words[0] == "using":
            if "=" in words:
                self.add(path, words[1], "alias", line, doc, public)
            return
        if words[0] == "concept":
            self.add(path, words[1], "concept", line, doc, public)
            return
        if words[0] in ("class", "struct", "union", "enum") and len(words) == 2:
            return  # declared ahead
        # Find the declarator: the word before the first ( { = [ ; or , outside of <>.
        at, name, qualified = 0, "", False
        while at < len(words):
            w = words[at]
            if w == "operator":
                return
            if w == "(" and (not name or name in ("decltype", "noexcept", "alignas", "auto")):
                at = self.behind_bracket(words, at)
                continue
            if w == "[[":
                at = self.behind_bracket(words, at)
                continue
            if w in ("(", "{", "=", "[", ",", ":"):
                break
            if w == "<":
                behind = angle_end(words, at)
                if behind < len(words) and words[behind] in ("=", "(", "{") or behind >= len(words):
                    return  # a specialisation of a variable or function
                at = behind
                continue
            if re.fullmatch(r"[A-Za-z_]\w*", w):
                name, qualified = w, at > 0 and words[at - 1] == "::"
            at += 1
        if at < len(words) and words[at] == "(" and (not path or name == path[-1] or name.startswith("~")):
            return  # a constructor
        if qualified and at < len(words) and words[at] == "(":
            return  # a member, defined outside of its class
        if at > 0 and words[:1] == [name] and at < len(words) and words[at] == "(":
            return  # a constructor or deduction guide: no type before its name
        self.add(path, name, "name", line, doc, public)

    def add(self, path, name, kind, line, doc, public):
        if public and name:
            self.found.append(("::".join(path), name, kind, line, doc, self.inside != "namespace"))


def main():
    missing, count = [], 0
    headers = sorted(root.rglob("*.hpp"))
    documented, all_names = set(), []
    for header in headers:
        scanner = Scanner(header.read_text())
        scanner.scope([], "namespace", True)
        for scope, name, kind, line, doc, member in scanner.found:
            all_names.append((header, scope, name, kind, line, member))
            if doc:
                documented.add((scope, name))
    seen = set()
    for header, scope, name, kind, line, member in all_names:
        if (scope, name) in seen:
            continue
        seen.add((scope, name))
        count += 1
        room = header.relative_to(root).parts[0]
        understood = member and any(name in names.split() for rooms, names in CONTRACTS.items() if {room, ""} & {*rooms})
        # The struct of an operation is documented as a whole: users meet the object that is made of it.
        understood = understood or (member and scope.startswith("stator::ops::"))
        if (scope, name) not in documented and not understood:
            missing.append(f"{header.relative_to(root)}:{line}: {scope + '::' if scope else ''}{name} ({kind})")
    for line in missing:
        print(line)
    print(f"docstrings: {count} public names, {len(missing)} without a docstring")
    return 1 if missing or not headers else 0


if __name__ == "__main__":
    sys.exit(main())
