// SPDX-License-Identifier: BSL-1.0
// PyTorch's type promotion, in one place. An operation says how it treats the element types of its operands,
// `static constexpr Promotion promotion = Promotion::...`; calling it converts them (trace/convert.hpp), so
// that kernels see the types that they are written for. Source: torch.result_type, PyTorch 1.13.
#pragma once

#include "stator/core/dtype.hpp"
#include "stator/core/text.hpp"

#include <array>
#include <string_view>

namespace stator::ops {

/// How an operation treats the element types of its operands. The common type is that of torch.result_type.
enum class Promotion : std::uint8_t {
  keep,     ///< each operand keeps its own; the default of kernels, views and composites
  common,   ///< all are converted to the common type: a + b
  numeric,  ///< the same, which may not be bool: -a
  widened,  ///< the same, bool becomes int64: square(b)
  signed_,  ///< the same, and no operand may be bool: a - b
  floating, ///< the same, integers become float: exp(i), i / 2
  floats,   ///< the same, integers are refused: mean(i); the default of elementwise operations
  chosen,   ///< as common, without the first operand, which is a condition: where(m, a, b)
  integers, ///< the same, floating point is refused: a & b
  whole,    ///< the same, floating point and bool are refused: a << b
  counted,  ///< bool and integers become int64: sum(i)
};

/// What promotion knows of an operand.
struct OperandType {
  enum class Category : std::uint8_t { tensor, scalar_tensor, number };
  DType dtype{};
  Category category{}; ///< a tensor of one element without dimensions counts less, a number of C++ least
};

/// The type that torch.result_type gives a number of C++: int64 and float32 stand for Python's int and float.
template<class T>
inline constexpr DType number_dtype = std::is_same_v<T, bool> ? DType::boolean
                                      : std::is_integral_v<T> ? DType::int64
                                                              : DType::float32;

namespace detail {
constexpr int kind_of(DType type) { return type == DType::boolean ? 0 : is_floating_point(type) ? 2 : 1; }
} // namespace detail

/// torch.result_type: operands of a category that counts less change the type only when they are of a higher
/// kind, bool before integers before floating point.
template<std::size_t N>
constexpr DType result_type(const std::array<OperandType, N>& operands) {
  DType result{};
  bool found = false;
  using enum OperandType::Category;
  for (const auto category : {tensor, scalar_tensor, number}) {
    DType here{};
    bool any = false;
    for (const OperandType& o : operands)
      if (o.category == category) here = any ? promote_types(here, o.dtype) : o.dtype, any = true;
    if (!any) continue;
    if (!found)
      result = here;
    else if (detail::kind_of(here) > detail::kind_of(result))
      result = promote_types(result, here);
    found = true;
  }
  return result;
}

/// The type that the operands of an operation are converted to.
template<Promotion P, std::size_t N>
constexpr DType promoted_type(std::array<OperandType, N> operands) {
  if constexpr (P == Promotion::chosen) // the condition does not count
    for (std::size_t i = 0; i + 1 < N; ++i) operands[i] = operands[i + 1];
  const DType common = result_type(operands);
  if (P == Promotion::floating && !is_floating_point(common)) return DType::float32;
  if (P == Promotion::widened && common == DType::boolean) return DType::int64;
  if (P == Promotion::counted && !is_floating_point(common)) return DType::int64;
  return common;
}

/// An operation's name in messages: "log_softmax" for "LogSoftmax".
constexpr Text function_name(std::string_view name) {
  Text result;
  for (std::size_t i = 0; i < name.size(); ++i) {
    const bool upper = name[i] >= 'A' && name[i] <= 'Z';
    const bool after_lower = i > 0 && !(name[i - 1] >= 'A' && name[i - 1] <= 'Z');
    if (upper && after_lower) result += "_";
    const char c[] = {upper ? static_cast<char>(name[i] - 'A' + 'a') : name[i], '\0'};
    result += std::string_view(c, 1);
  }
  return result;
}

/// Why an operation does not take operands of these types; empty when it does.
template<Promotion P, std::size_t N>
constexpr Text type_requirement(const Text& called, const std::array<OperandType, N>& operands) {
  const DType type = promoted_type<P>(operands);
  if (P == Promotion::floats && !is_floating_point(type))
    return text(called, ": the input has ", to_string(type),
                " elements, expected floating point: convert it, ", called, "(to<float>(x))");
  if (P == Promotion::integers && is_floating_point(type))
    return text(called, ": the operands have ", to_string(type), " elements, expected integers or bool");
  if (P == Promotion::whole && detail::kind_of(type) != 1)
    return text(called, ": the operands have ", to_string(type), " elements, expected integers");
  bool any_bool = false;
  for (const OperandType& o : operands)
    any_bool = any_bool || (o.dtype == DType::boolean && o.category != OperandType::Category::number);
  if ((P == Promotion::numeric && type == DType::boolean) || (P == Promotion::signed_ && any_bool))
    return text(called, ": bool operands have no ", called,
                ": convert them, to<float>(x) or to<std::int64_t>(x)");
  if (P == Promotion::chosen && operands[0].dtype != DType::boolean)
    return text(called, ": the condition has ", to_string(operands[0].dtype),
                " elements, expected bool: compare it, ", called, "(ne(x, 0), a, b)");
  return {};
}

} // namespace stator::ops
