// SPDX-License-Identifier: BSL-1.0
// Links two translation units that both use the library: every function in a header must be inline, and every
// table is one object.
const void* one();
const void* two();

int main() { return one() != nullptr && one() == two() ? 0 : 1; }
