// SPDX-License-Identifier: BSL-1.0
// The first mistake in an expression. Where a `forward` is not a constant expression, which one that is, and
// why: evaluation cannot be resumed after a failure, so the call that fails is found by letting fewer and
// fewer calls run their forward.
#pragma once

#include "stator/trace/forward_error.hpp"
#include "stator/trace/trace.hpp"

namespace stator::inline v0_2 {

namespace detail {

/// The fields of a module of the prototype that are neither parameters nor modules: "`rate`, `scale`".
struct PlainFieldVisitor : PathVisitor {
  Text fields{};
  template<class M>
  constexpr void module(const M& m) {
    PathVisitor::module(m);
    if (static_cast<const void*>(&m) != address || type_name != &display_name<M>) return;
    if constexpr (reflect::Reflectable<M>)
      for_each_field(m, [&]<class F>(const F&, const auto& name) {
        if constexpr (std::is_arithmetic_v<F> || std::is_enum_v<F>)
          fields += text(fields.empty() ? "`" : ", `", name, "`");
      });
  }
};

/// An object like the prototype whose plain fields have the values that the struct gives them.
template<class Net>
inline constexpr Net with_values{};
template<class Net>
concept HasValues = requires { typename std::bool_constant<(Net{}, true)>; };

/// What to say of an expression that the compiler cannot evaluate.
template<class E>
struct not_constant_error {
  static constexpr Text message() {
    return Text("stator: the compiler cannot evaluate this expression; its own reason follows");
  }
};
template<class Net, class Mode, class... A>
struct not_constant_error<expr::ModuleCall<Net, Mode, A...>> {
  using Trace = tracer<expr::ModuleCall<Net, Mode, A...>>;

  /// Records with the forwards of the first `Calls` calls only; returns the call after them.
  template<int Calls, bool Values = false>
  static constexpr graph::Call recorded() {
    graph::Builder b;
    b.modules.limit = Calls;
    if constexpr (Values)
      Trace::template record<0>(b, [](graph::Builder&) {}, with_values<Net>);
    else
      Trace::template record<0>(b, [](graph::Builder&) {});
    constexpr auto after = static_cast<std::size_t>(Calls);
    return b.modules.list[after < b.modules.list.size() ? after : 0];
  }
  template<int Calls, bool Values = false>
  static constexpr bool can = requires { typename std::bool_constant<(recorded<Calls, Values>(), true)>; };

  /// An evaluation of its own: where a limit was met, it has no room for words.
  template<int Calls>
  static constexpr graph::Call last_call = recorded<Calls>();

  /// The most calls that can run, at least Low and fewer than High.
  template<int Low, int High>
  static constexpr int last() {
    if constexpr (High - Low <= 1)
      return Low;
    else if constexpr (can<(Low + High) / 2>)
      return last<(Low + High) / 2, High>();
    else
      return last<Low, (Low + High) / 2>();
  }
  template<int High = 1>
  static constexpr int find() {
    if constexpr (High < (1 << 16) && can<High>)
      return find<2 * High>();
    else
      return last<High / 2, High>();
  }

  static constexpr Text message() {
    constexpr int culprit = find();
    const graph::Call& call = last_call<culprit>;
    PlainFieldVisitor v;
    v.address = call.address;
    v.type_name = call.type_name;
    walk(reflect::prototype<Net>(), v);
    Text found = text("stator: ", call.type_name());
    if (v.found != not_found && v.found > 0) found += text(", at ", table<Net>::modules[v.found].path);
    if (reads_a_field<culprit>() && !v.fields.empty())
      found += text(": forward reads a plain field, one of ", v.fields,
                    ", which has no value yet while forward is compiled: "
                    "use a stator::Buffer, a template parameter or a static constexpr member");
    else if (culprit >= many_calls)
      found += text(": after ", culprit,
                    " calls of modules the compiler cannot evaluate forward; if that is a limit, raise it (",
                    flags,
                    ") or split the network into several models, or write what it names so that it can; its "
                    "own reason follows");
    else
      found += text(": the compiler cannot evaluate forward: write `constexpr auto forward(auto x) const`, "
                    "copy no module in it (`for (const auto& block : blocks)`), and call nothing in "
                    "it that needs the running program; its own reason follows (a limit is raised with ",
                    flags, ")");
    return found;
  }

private:
  /// From so many calls on the size of a network may be why it cannot be evaluated.
  static constexpr int many_calls = 64;
  static constexpr std::string_view flags =
      "-fconstexpr-steps= of clang, -fconstexpr-ops-limit= and -fconstexpr-loop-limit= of g++";

  template<int Culprit>
  static constexpr bool reads_a_field() {
    if constexpr (HasValues<Net>)
      return can<Culprit + 1, true>;
    else
      return true;
  }
};

} // namespace detail

/// The first mistake in an expression, empty when there is none.
template<class E>
struct trace_error {
  /// The mistake when `forward` is not a constant expression.
  using not_constant = detail::not_constant_error<E>;
  /// The text, empty where there is no mistake.
  static constexpr Text message() {
    graph::Builder b;
    tracer<E>::template symbol<0>(b);
    if (b.mistake.text.empty() || b.mistake.text.view().starts_with("stator: ")) return b.mistake.text;
    Text result("stator: ");
    result += b.mistake.text;
    return result;
  }
};

} // namespace stator::inline v0_2
