// SPDX-License-Identifier: BSL-1.0
// Each mistake that a file can have: tests/reference/safetensors_files.py writes them.
#include "catch.hpp"
#include "files.hpp"

#include "stator/io/safetensors.hpp"

#include <map>

using namespace stator;

namespace {
const std::filesystem::path directory = STATOR_TEST_REFERENCE "/data/safetensors/bad";

const std::map<std::string, std::string> complaints{
    {"array", "byte 8: the header does not begin with '{'"},
    {"bytes_behind", "byte 70: 1 bytes after the last tensor"},
    {"bytes_without_tensors", "byte 10: 1 bytes after the last tensor"},
    {"comment", "byte 9: bad JSON or UTF-8 in the header: syntax error"},
    {"deep_arrays", "byte 37: unexpected array for 'a'"},
    {"deep_objects", "byte 16: unknown key 'a' in tensor 'a'"},
    {"dtype_lower_case", "byte 26: tensor 'a' has unknown dtype 'f32'"},
    {"dtype_number", "byte 24: unexpected number for 'a'"},
    {"duplicate_escaped", "byte 75: 'a' is twice in the header"},
    {"duplicate_field", "byte 34: 'dtype' is twice in tensor 'a'"},
    {"duplicate_metadata", "byte 47: '__metadata__' is twice in the header"},
    {"duplicate_metadata_key", "byte 35: 'a' is twice in __metadata__"},
    {"duplicate_tensor", "byte 70: 'a' is twice in the header"},
    {"empty", "byte 0: too short for a safetensors file"},
    {"empty_tensor_inside", "byte 63: tensor 'b' overlaps the one before it in the data"},
    {"extent_2_63", "byte 56: a number of 2^63 or more"},
    {"extent_2_70", "byte 59: a number that is not a 64-bit integer"},
    {"extent_fraction", "byte 40: a number that is not a 64-bit integer"},
    {"extent_minus_zero", "byte 39: a negative number for tensor 'a'"},
    {"extent_negative", "byte 39: a negative number for tensor 'a'"},
    {"hole", "byte 125: a hole before the data of tensor 'b'"},
    {"hole_at_begin", "byte 63: a hole before the data of tensor 'a'"},
    {"leading_space", "byte 8: the header does not begin with '{'"},
    {"length_2_63", "byte 0: a header of 9223372036854775808 bytes, expected at most 100000000"},
    {"length_2_64", "byte 0: a header of 18446744073709551615 bytes, expected at most 100000000"},
    {"length_2_64_minus_8", "byte 0: a header of 18446744073709551608 bytes, expected at most 100000000"},
    {"length_beyond_the_file", "byte 0: the header should have 1000 bytes, but the file ends at 62"},
    {"length_only", "byte 8: the header does not begin with '{'"},
    {"length_over_limit", "byte 0: a header of 100000001 bytes, expected at most 100000000"},
    {"metadata_not_utf8", "byte 30: bad JSON or UTF-8 in the header: syntax error"},
    {"metadata_number", "byte 30: unexpected number in __metadata__"},
    {"metadata_object", "byte 29: unexpected object in __metadata__"},
    {"metadata_text", "byte 27: unexpected string for '__metadata__'"},
    {"misaligned", "byte 62: tensor 'b': begins at byte 1 of the data, no multiple of 4 (F32)"},
    {"name_control", "byte 11: bad JSON or UTF-8 in the header: syntax error"},
    {"name_lone_escape", "byte 17: bad JSON or UTF-8 in the header: syntax error"},
    {"name_not_utf8", "byte 11: bad JSON or UTF-8 in the header: syntax error"},
    {"name_overlong", "byte 11: bad JSON or UTF-8 in the header: syntax error"},
    {"name_surrogate", "byte 11: bad JSON or UTF-8 in the header: syntax error"},
    {"no_dtype", "byte 46: tensor 'a' needs dtype, shape and data_offsets"},
    {"no_json", "byte 8: the header does not begin with '{'"},
    {"no_offsets", "byte 39: tensor 'a' needs dtype, shape and data_offsets"},
    {"no_shape", "byte 48: tensor 'a' needs dtype, shape and data_offsets"},
    {"offsets_2_63", "byte 95: a number of 2^63 or more"},
    {"offsets_beyond", "byte 10: tensor 'a': its data end at byte 16 of the 8 that there are"},
    {"offsets_huge", "byte 10: tensor 'a': its data end at byte 9223372036854775807 of the 8 that there are"},
    {"offsets_negative", "byte 58: a negative number for tensor 'a'"},
    {"offsets_one", "byte 57: tensor 'a' needs two data_offsets"},
    {"offsets_reversed", "byte 10: tensor 'a': data_offsets [8, 0] end before they begin"},
    {"offsets_three", "byte 61: tensor 'a' needs two data_offsets"},
    {"overlapping", "byte 63: tensor 'b' overlaps the one before it in the data"},
    {"product_overflow", "byte 10: tensor 'a': too many elements"},
    {"product_overflow_to_8", "byte 10: tensor 'a': too many elements"},
    {"rank_65", "byte 166: tensor 'a' has more than 64 dimensions"},
    {"same_bytes", "byte 63: tensor 'b' overlaps the one before it in the data"},
    {"seven_bytes", "byte 7: too short for a safetensors file"},
    {"shape_nested", "byte 37: unexpected array for 'a'"},
    {"shape_null", "byte 36: unexpected null for 'a'"},
    {"shape_number", "byte 37: unexpected number for 'a'"},
    {"shape_text", "byte 38: unexpected string for 'a'"},
    {"tensor_bool", "byte 13: unexpected boolean for 'a'"},
    {"tensor_null", "byte 13: unexpected null for 'a'"},
    {"tensor_number", "byte 14: unexpected number for 'a'"},
    {"text_behind", "byte 70: text after the header's object"},
    {"too_few_bytes", "byte 10: tensor 'a': its shape needs 12 bytes, data_offsets give 8"},
    {"too_many_bytes", "byte 10: tensor 'a': its shape needs 4 bytes, data_offsets give 8"},
    {"trailing_comma", "byte 68: bad JSON or UTF-8 in the header: syntax error"},
    {"truncated_data", "byte 10: tensor 'a': its data end at byte 8 of the 7 that there are"},
    {"truncated_header", "byte 59: bad JSON or UTF-8 in the header: incomplete JSON"},
    {"truncated_string", "byte 11: bad JSON or UTF-8 in the header: incomplete JSON"},
    {"unknown_dtype", "byte 26: tensor 'a' has unknown dtype 'F33'"},
    {"unknown_field", "byte 69: unknown key 'strides' in tensor 'a'"},
    {"utf16", "byte 8: the header does not begin with '{'"},
    {"zero_padding", "byte 69: text after the header's object"},
};
} // namespace

TEST_CASE("each bad safetensors file is refused for its own reason, at its byte") {
  for (const auto& [name, complaint] : complaints) {
    const auto path = directory / (name + ".safetensors");
    CHECK(test::thrown<FormatError>([&] { io::SafetensorsFile{path}; }) ==
          "stator: " + path.string() + ", " + complaint);
  }
}

TEST_CASE("every bad safetensors file is in the list") {
  for (const auto& entry : std::filesystem::directory_iterator(directory))
    CHECK(complaints.contains(entry.path().stem().string()));
}

TEST_CASE("a misaligned file can be read on request") {
  const io::SafetensorsFile file(directory / "misaligned.safetensors", {.allow_misaligned = true});
  CHECK(file.values<float>("b") == std::vector<float>{0, 0});
}

TEST_CASE("every beginning of a good file is refused, and so is a byte more") {
  const std::string bytes = test::read_bytes(STATOR_TEST_REFERENCE "/data/safetensors/types.safetensors");
  const auto read = [](const std::string& part) {
    const auto span = std::as_bytes(std::span(part));
    io::SafetensorsFile({span.begin(), span.end()}, "part");
  };
  CHECK_NOTHROW(read(bytes));
  for (std::size_t size = 0; size < bytes.size(); ++size)
    if (test::thrown<FormatError>([&] { read(bytes.substr(0, size)); }).empty()) FAIL(size);
  CHECK_THAT(test::thrown<FormatError>([&] { read(bytes + "x"); }),
             test::contains("1 bytes after the last tensor"));
}
