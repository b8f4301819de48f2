// SPDX-License-Identifier: BSL-1.0
// New weights while other threads infer, without a lock for them: two copies, of which one is read while the
// other is written.
//
//   stator::DoubleBuffer<stator::Model<Net>> policy;
//   auto action = policy.read([&](const auto& model) { return model.eval()(observation).value(); }); // any
//   thread policy.update([&](auto& model) { load(model, "policy.safetensors"); });                        //
//   any thread
#pragma once

#include "stator/expr/expression.hpp"

#include <array>
#include <atomic>
#include <concepts>
#include <functional>
#include <mutex>
#include <thread>
#include <tuple>
#include <type_traits>
#include <utility>

namespace stator::inline v0_2 {

namespace detail {
/// Whether a type is an expression, or a tuple or pair of some.
template<class T>
inline constexpr bool holds_expression = std::is_base_of_v<expr::Evaluated<T>, T>;
template<class... T>
inline constexpr bool holds_expression<std::tuple<T...>> = (holds_expression<T> || ...);
template<class A, class B>
inline constexpr bool holds_expression<std::pair<A, B>> = holds_expression<A> || holds_expression<B>;
} // namespace detail

/// Two copies of a Model (or of anything that can be copied). Readers never wait and never see half an
/// update: they count themselves in and out, two atomic additions. An update waits until no reader is in the
/// copy that it is about to write, so readers must not call `update`, nor keep what refers to the model.
/// Source: Ramalhete and Correia, "Left-Right: A Concurrency Control Technique with Wait-Free Population
/// Oblivious Reads", 2014.
template<std::copyable M>
class DoubleBuffer {
public:
  DoubleBuffer() : DoubleBuffer(M{}) {}
  explicit DoubleBuffer(const M& model) : copies_{model, model} {}
  DoubleBuffer(const DoubleBuffer&) = delete;
  DoubleBuffer& operator=(const DoubleBuffer&) = delete;

  /// `f(model)` with the copy that is not written to; what it returns must not refer to the model, as
  /// expressions do, which do not compile here. Wait-free,
  /// and allocates nothing.
  template<std::invocable<const M&> F>
  decltype(auto) read(F&& f) const {
    static_assert(!detail::holds_expression<std::remove_cvref_t<std::invoke_result_t<F, const M&>>>,
                  "stator: DoubleBuffer::read: the function returns an expression, which would run when the "
                  "model may be written to: return its value(), or write it with value_into(out)");
    const Arrival arrival(readers_[entrance_.load()]);
    return std::invoke(std::forward<F>(f), copies_[current_.load()]);
  }

  /// `f(model)` with the copy that nobody reads, which has the contents of the other; then readers get it.
  /// What `f` throws leaves readers with what they had. One update at a time; the others wait.
  template<std::invocable<M&> F>
  void update(F&& f) {
    const std::lock_guard only(writing_);
    const std::size_t now = current_.load(), next = 1 - now;
    copies_[next] = copies_[now];
    std::invoke(std::forward<F>(f), copies_[next]);
    current_.store(next);
    // Readers that arrived before may still be in the old copy. They are known by the counter they entered
    // through, and each counter is waited for after newcomers have been sent to the other one.
    const std::size_t entrance = entrance_.load();
    wait_for_none(1 - entrance);
    entrance_.store(1 - entrance);
    wait_for_none(entrance);
  }

private:
  struct alignas(64) Counter {
    std::atomic<long> inside{0};
  };
  struct Arrival {
    Counter& counter;
    explicit Arrival(Counter& c) : counter(c) { counter.inside.fetch_add(1); }
    ~Arrival() { counter.inside.fetch_sub(1); }
    Arrival(const Arrival&) = delete;
    Arrival& operator=(const Arrival&) = delete;
  };
  void wait_for_none(std::size_t entrance) const {
    while (readers_[entrance].inside.load() > 0) std::this_thread::yield();
  }

  std::array<M, 2> copies_;
  mutable std::array<Counter, 2> readers_;
  std::atomic<std::size_t> current_{0}, entrance_{0};
  std::mutex writing_;
};

} // namespace stator::inline v0_2
