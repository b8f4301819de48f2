#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Checks that docstrings.py finds names without a docstring, and none where there is one."""
import pathlib
import subprocess
import sys
import tempfile

CASES = [  # what stands in namespace stator; the names that are said to have no docstring
    ("/// A type.\nstruct Documented {};\nstruct Bare {};", ["Bare"]),
    ("/// Parted by an empty line.\n\nstruct Bare {};", ["Bare"]),
    ("struct Ahead;\ntemplate<class T>\nclass Ahead2;", []),
    ("namespace detail {\nstruct Private {};\n}\nnamespace inner {\nstruct Bare {};\n}", ["inner::Bare"]),
    ("/// Doc.\nclass C {\n  int hidden;\npublic:\n  int bare() const { return f({1}); }\nprivate:\n  int other;\n};", ["C::bare"]),
    ("/// Doc.\nstruct S {\n  S() = default;\n  explicit S(int x) : a{x}, b(x) {}\n  ~S() {}\n  int a{}, b = 0; ///< Both.\n};", []),
    ("/// Doc.\nstruct S {\n  bool operator==(const S&) const = default;\n  friend void swap(S&, S&) {}\n  S& operator=(S&&);\n};", []),
    ("/// One serves all overloads.\nint f(int);\ninline int f(double) { return 1; }\nint g();", ["g"]),
    ("template<class T>\n  requires requires(T t) { t.x(); } && (sizeof(T) > 1)\nconstexpr auto f(T t) -> int {\n  return 1;\n}", ["f"]),
    ("/// Doc.\ntemplate<class T>\nclass C {\npublic:\n  /// Doc.\n  void f()\n    requires(!sizeof(T))\n  {}\nprivate:\n  int hidden;\n};", []),
    ("template<class T>\nconcept C = requires(T t) {\n  { t.x() } -> A<B>;\n};", ["C"]),
    ("template<class T>\ninline constexpr bool v = false;\ntemplate<>\ninline constexpr bool v<int> = true;\nint w = 1;", ["v", "w"]),
    ("/// Doc.\ntemplate<class T>\nstruct S {};\ntemplate<>\nstruct S<int> {\n  int x;\n};", []),
    ("template<Options O = Options{}, class T = float>\nusing Alias = Other<O, T>;\nusing namespace other;\nusing other::name;", ["Alias"]),
    ("/// Serves the enumerators.\nenum class E { a, b };\nenum class F {\n  c, ///< Doc.\n  d\n};", ["F", "F::d"]),
    ("/// Doc.\nstruct S {\n  void (*bare)(int) = nullptr;\n  int (*good)(); ///< Doc.\n};", ["S::bare"]),
    ("/// Doc.\n[[nodiscard]] inline int f() { return 1; }\n[[noreturn]] void g(const A<(1 > 2)>& x);", ["g"]),
    ("inline constexpr auto table = [] {\n  struct Local {};\n  return 1;\n}();", ["table"]),
    ("#define STATOR_BARE 1\n#define STATOR_GONE(x) int x();\nSTATOR_GONE(y)\nint z();\n#undef STATOR_GONE", ["STATOR_BARE", "z"]),
    ("// struct InComment {};\ninline const char* text = \"struct InText {};\"; ///< Doc.\n/* int x; */", []),
    ("int C::outside() { return 1; }\nstd::size_t count = 0;", ["count"]),
    ("namespace ops {\n/// Doc.\nstruct Op {\n  static int vjp();\n  int inside;\n};\nstruct Bare {};\n}", ["ops::Bare"]),
]

failed = 0
for contents, expected in CASES:
    with tempfile.TemporaryDirectory() as directory:
        room = pathlib.Path(directory) / "core"
        room.mkdir()
        (room / "x.hpp").write_text(f"#pragma once\nnamespace stator {{\n{contents}\n}} // namespace stator\n")
        check = subprocess.run([sys.executable, "-B", pathlib.Path(__file__).with_name("docstrings.py"), directory],
                               capture_output=True, text=True)
    found = [line.split()[-4].replace("stator::", "") for line in check.stdout.splitlines()[:-1]]
    if sorted(found) != sorted(expected) or check.returncode != (1 if expected else 0):
        failed += 1
        print(f"{contents}\nexpected: {expected}\nfound: {check.stdout}{check.stderr}")
print(f"{len(CASES)} cases, {failed} failed")
sys.exit(failed > 0)
