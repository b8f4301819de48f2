// SPDX-License-Identifier: BSL-1.0
// The version of the library, for the preprocessor: `#if STATOR_VERSION >= 200`.
//
// A public name is not removed at once: the release that replaces it marks it [[deprecated("use ...")]] and
// lists it in the changelog; it stays for at least one minor release, and is removed with a change of the
// minor version before 1.0, of the major version after. Names in namespaces `detail` have no such promise.
#pragma once

/// Changes with what is removed, from 1.0 on.
#define STATOR_VERSION_MAJOR 0
/// Changes with what is new, before 1.0 also with what is removed.
#define STATOR_VERSION_MINOR 2
/// Changes with repairs.
#define STATOR_VERSION_PATCH 0

/// 10000 * major + 100 * minor + patch.
#define STATOR_VERSION (STATOR_VERSION_MAJOR * 10000 + STATOR_VERSION_MINOR * 100 + STATOR_VERSION_PATCH)

/// "major.minor.patch"; meson.build checks that it is the project's.
#define STATOR_VERSION_STRING "0.2.0"
