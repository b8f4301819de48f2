// SPDX-License-Identifier: BSL-1.0
// What a control loop or an audio callback may rely on: memory that is known and reserved before, no
// allocation and no system call from the first call on, a bounded stack, new weights without a lock.
#include "allocations.hpp"
#include "catch.hpp"
#include "run/networks.hpp"

#include "stator/core/denormals.hpp"
#include "stator/model/double_buffer.hpp"
#include "stator/run/workspace_bytes.hpp"

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <limits>
#include <mutex>
#include <pthread.h>
#include <thread>
#include <typeinfo>
#include <vector>
#if defined(__linux__)
#include <csignal>
#include <dlfcn.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#endif

using namespace stator;
using namespace stator::test;

namespace real_time_test {
struct Policy {
  nn::Linear<8, 32> fc1;
  nn::LayerNorm<32> norm;
  nn::Linear<32, 2> fc2;
  constexpr auto forward(auto x) const { return x | fc1 | norm | nn::tanh | fc2; }
};
struct Filter {
  nn::Conv1d<1, 8, 3> first;
  nn::Conv1d<8, 1, 3, {.dilation = 4}> second;
  constexpr auto forward(auto x) const { return x | first | nn::tanh | second; }
};
/// All outputs are the value of its weight.
struct Constant {
  nn::Linear<1, 64, {.bias = false}> fc;
  constexpr auto forward(auto x) const { return x | fc; }
};
} // namespace real_time_test

using real_time_test::Constant, real_time_test::Filter, real_time_test::Policy;

namespace {

/// Runs on a thread of its own, which keeps no memory yet.
void on_a_new_thread(const auto& task) {
  std::thread thread([&] { task(); });
  thread.join();
}

template<class Model, class X>
using Output = decltype(std::declval<const Model&>().eval()(std::declval<const X&>()));

/// Allocations of the first inference of a thread.
template<class Net, class X, class Y>
std::size_t first_call(const Model<Net>& model, const X& x, Y& y, std::size_t reserved) {
  std::size_t count = 0;
  on_a_new_thread([&] {
    set_num_threads(1);
    if (reserved > 0) reserve_workspace(reserved);
    const std::size_t before = allocations();
    model.eval()(x).value_into(y);
    count = allocations() - before;
  });
  return count;
}

} // namespace

TEST_CASE("the memory of a call is a constant") {
  using X = Samples<Cnn, 8>;
  using Y = Output<Model<Cnn>, decltype(X::images)>;
  STATIC_REQUIRE(workspace_bytes<Y> >= 8 * 64 * 24 * 24 * sizeof(float) / 4); // the pooled features at least
  STATIC_REQUIRE(workspace_bytes<Y> < 16 << 20);
  using Loss = decltype(nn::cross_entropy(std::declval<const Model<Cnn>&>()(std::declval<const X&>().images),
                                          std::declval<const X&>().labels));
  STATIC_REQUIRE(training_workspace_bytes<Loss> > workspace_bytes<Y>);
  using Dynamic = Output<Model<Cnn>, decltype(Samples<Cnn, dynamic>::images)>;
  STATIC_REQUIRE(forward_workspace<Dynamic>.per_sample > 0);
  STATIC_REQUIRE(forward_workspace<Dynamic>.total(8) >= workspace_bytes<Y> / 2);
}

TEST_CASE("a thread that has reserved its workspace allocates nothing, from the first call on") {
  if (!allocations_are_counted()) return;
  const Model<Cnn> model;
  const Samples<Cnn, 8> samples(8);
  Tensor<float, 8, 10> y;
  constexpr std::size_t bytes = workspace_bytes<Output<Model<Cnn>, decltype(samples.images)>>;
  CHECK(first_call(model, samples.images, y, 0) > 0);
  CHECK(first_call(model, samples.images, y, bytes) == 0);

  const Samples<Cnn, dynamic> some(5);
  Tensor<float, dynamic, 10> z(5);
  using Dynamic = Output<Model<Cnn>, decltype(some.images)>;
  CHECK(first_call(model, some.images, z, forward_workspace<Dynamic>.total(5)) == 0);
}

TEST_CASE("a thread that has reserved its workspace trains without an allocation, from the first step on") {
  if (!allocations_are_counted()) return;
  Model<Cnn> model;
  optim::Adam optimizer{model, {.lr = 1e-3}};
  const Samples<Cnn, 8> samples(8);
  std::size_t count = 1;
  float loss_value = 0;
  on_a_new_thread([&] {
    set_num_threads(1);
    using Loss = decltype(nn::cross_entropy(model(samples.images), samples.labels));
    reserve_workspace(training_workspace_bytes<Loss>);
    optimizer.allocate_states();
    const std::size_t before = allocations();
    auto loss = nn::cross_entropy(model(samples.images), samples.labels);
    optimizer.zero_grad();
    loss.backward();
    optimizer.step();
    loss_value = loss.item();
    count = allocations() - before;
  });
  CHECK(count == 0);
  CHECK(loss_value > 0);
}

TEST_CASE("calls use memory that the caller lends while it is lent") {
  const Model<Cnn> model;
  const Samples<Cnn, 8> samples(8);
  using Y = Output<Model<Cnn>, decltype(samples.images)>;
  struct alignas(64) Line {
    std::byte bytes[64];
  };
  std::vector<Line> memory(workspace_bytes<Y> / 64 + 1);
  const std::span<std::byte> bytes = std::as_writable_bytes(std::span(memory));
  const auto touched = [&] {
    return std::ranges::any_of(bytes, [](std::byte b) { return b != std::byte{}; });
  };
  const Tensor<float, 8, 10> expected = model.eval()(samples.images).value();
  Tensor<float, 8, 10> y;
  on_a_new_thread([&] {
    set_num_threads(1);
    {
      const WorkspaceScope scope{bytes};
      const std::size_t before = allocations();
      for (int i = 0; i < 3; ++i) model.eval()(samples.images).value_into(y);
      if (allocations_are_counted()) CHECK(allocations() == before);
      CHECK(touched());
      CHECK(std::ranges::equal(y.values(), expected.values()));
    }
    std::ranges::fill(bytes, std::byte{});
    model.eval()(samples.images).value_into(y);
    CHECK_FALSE(touched()); // it has been given back
  });
  CHECK_THROWS_AS(WorkspaceScope{bytes.subspan(1)}, ValueError);
  on_a_new_thread([&] {
    // Eight at a time are lent, and what the thread had kept comes back after them.
    std::vector<std::unique_ptr<WorkspaceScope>> scopes;
    for (std::size_t i = 0; i < 8; ++i)
      scopes.push_back(std::make_unique<WorkspaceScope>(bytes.subspan(i * 64, 64)));
    CHECK_THROWS_AS(WorkspaceScope{bytes.subspan(1024, 64)}, ValueError);
  });
}

#if defined(__linux__)

namespace {

/// How a child process ends that may do nothing but read, write and end after `prepare` (seccomp): any other
/// system call kills it. -1: this machine does not allow such processes.
template<class Prepare>
int status_without_system_calls(Prepare prepare) {
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    const auto loop = prepare();
    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT) != 0) _exit(99);
    const bool well = loop();
    syscall(SYS_exit, well ? 0 : 1); // _exit is exit_group, which is not allowed
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  return WIFEXITED(status) && WEXITSTATUS(status) == 99 ? -1 : status;
}

} // namespace

TEST_CASE("a loop of inferences and training steps makes no system call") {
  if (!allocations_are_counted()) return; // a sanitizer makes its own
  const int forbidden = status_without_system_calls([] { return [] { return getppid() > 0; }; });
  if (forbidden == -1) {
    WARN("this machine does not allow seccomp");
    return;
  }
  CHECK((WIFSIGNALED(forbidden) && WTERMSIG(forbidden) == SIGKILL)); // it would be seen
  const int status = status_without_system_calls([] {
    set_num_threads(1);
    static Model<Policy> policy;
    static Model<Filter> filter;
    static optim::Adam optimizer{policy, {.lr = 1e-3}};
    static Tensor<float, 1, 8> x;
    static Tensor<float, 1, 2> action;
    static Tensor<float, 1, 1, 128> signal;
    static Tensor<float, 1, 1, 118> out;
    x.fill_(0.5F), signal.fill_(0.25F);
    using Loss = decltype(nn::mse_loss(policy(x), action));
    reserve_workspace(training_workspace_bytes<Loss>);
    reserve_workspace(workspace_bytes<decltype(filter.eval()(signal))>);
    return [] {
      for (int i = 0; i < 10'000; ++i) {
        policy.eval()(x).value_into(action);
        filter.eval()(signal).value_into(out);
        auto loss = nn::mse_loss(policy(x), action);
        optimizer.zero_grad();
        loss.backward();
        optimizer.step();
        x(0, 0) += loss.item();
      }
      return action(0, 0) == action(0, 0);
    };
  });
  CHECK(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 0);
}

namespace {

/// The part of a thread's stack that `task` writes to.
template<class Task>
std::size_t stack_used(Task task) {
  constexpr std::size_t size = std::size_t{1} << 20;
  const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  std::vector<unsigned char> memory(size + page, 0xA5);
  unsigned char* const stack =
      memory.data() + (page - reinterpret_cast<std::uintptr_t>(memory.data()) % page) % page;
  pthread_attr_t attributes;
  REQUIRE(pthread_attr_init(&attributes) == 0);
  REQUIRE(pthread_attr_setstack(&attributes, stack, size) == 0);
  pthread_t thread;
  const auto start = [](void* argument) -> void* {
    (*static_cast<Task*>(argument))();
    return nullptr;
  };
  REQUIRE(pthread_create(&thread, &attributes, start, &task) == 0);
  REQUIRE(pthread_join(thread, nullptr) == 0);
  pthread_attr_destroy(&attributes);
  // The thread's own block lies at the upper end, what was written last at the lower one.
  const auto* const first = std::find_if(stack, stack + size, [](unsigned char c) { return c != 0xA5; });
  return static_cast<std::size_t>(stack + size - first);
}

} // namespace

TEST_CASE("a call takes no more stack than is promised") {
  if (!allocations_are_counted()) return; // a sanitizer puts what it watches there
  Model<Cnn> cnn;
  Model<Policy> policy;
  const Samples<Cnn, 8> samples(8);
  const Tensor<float, 1, 8> x;
  const Tensor<float, 1, 2> y;
  Tensor<float, 8, 10> logits;
  optim::Adam optimizer{cnn, {.lr = 1e-3}};
  const std::size_t nothing = stack_used([] { set_num_threads(1); });
  const auto check = [&](const char* what, auto task) {
    const std::size_t used = stack_used([&] {
      set_num_threads(1);
      task();
    });
    INFO(what << ": " << used - nothing << " bytes");
    CHECK(used - nothing < stack_bytes);
  };
  check("inference of the CNN", [&] { cnn.eval()(samples.images).value_into(logits); });
  check("a training step of the CNN", [&] {
    auto loss = nn::cross_entropy(cnn(samples.images), samples.labels);
    loss.backward();
    optimizer.step();
  });
  check("a training step of a small network", [&] { nn::mse_loss(policy(x), y).backward(); });
}

#endif

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define STATOR_TEST_SANITIZER
#endif
#endif
#if defined(__GLIBC__) && !defined(STATOR_TEST_SANITIZER) && !defined(__SANITIZE_ADDRESS__) &&               \
    !defined(__SANITIZE_THREAD__)

namespace {
thread_local std::size_t locks = 0, throws = 0;
}
/// Every lock of this program, which goes on to the C library's.
extern "C" int pthread_mutex_lock(pthread_mutex_t* mutex) noexcept {
  static const auto next =
      reinterpret_cast<int (*)(pthread_mutex_t*)>(dlsym(RTLD_NEXT, "pthread_mutex_lock"));
  ++locks;
  return next(mutex);
}

/// Every throw of this program, which goes on to the C++ library's. g++ has a declaration of its own of that
/// name.
[[noreturn]] void count_throw(void*, std::type_info*, void (*)(void*)) asm("__cxa_throw");
void count_throw(void* object, std::type_info* type, void (*destroy)(void*)) {
  static const auto next =
      reinterpret_cast<void (*)(void*, std::type_info*, void (*)(void*))>(dlsym(RTLD_NEXT, "__cxa_throw"));
  ++throws;
  next(object, type, destroy);
  std::abort();
}

TEST_CASE("a loop of inferences and training steps takes no lock and throws nothing") {
  std::mutex mutex;
  const std::size_t before_one = locks;
  {
    const std::lock_guard lock(mutex);
  }
  CHECK(locks == before_one + 1); // it would be seen
  const std::size_t thrown = throws;
  try {
    throw 1;
  } catch (int) {
  }
  CHECK(throws == thrown + 1); // so would that
  on_a_new_thread([] {
    set_num_threads(1);
    Model<Policy> policy;
    DoubleBuffer<Model<Constant>> buffer;
    optim::Adam optimizer{policy, {.lr = 1e-3}};
    optimizer.allocate_states();
    Tensor<float, 1, 8> x;
    Tensor<float, 1, 2> action;
    const Tensor<float, 1, 1> one{1};
    Tensor<float, 1, 64> y;
    using Loss = decltype(nn::mse_loss(policy(x), action));
    reserve_workspace(training_workspace_bytes<Loss>);
    const std::size_t before = locks, thrown_before = throws;
    for (int i = 0; i < 1000; ++i) {
      policy.eval()(x).value_into(action);
      buffer.read([&](const Model<Constant>& model) { model.eval()(one).value_into(y); });
      auto loss = nn::mse_loss(policy(x), action);
      optimizer.zero_grad();
      loss.backward();
      optimizer.step();
    }
    CHECK(locks == before);
    CHECK(throws == thrown_before);
  });
}

#endif

TEST_CASE("readers of a double buffer never see half an update, and updates never wait for ever") {
  DoubleBuffer<Model<Constant>> buffer;
  const auto write = [&](float value) {
    buffer.update([&](Model<Constant>& model) { std::ranges::fill(model.parameter_arena(), value); });
  };
  write(0);
  std::atomic<bool> done = false;
  std::atomic<int> torn = 0, backwards = 0, seen = 0;
  std::vector<std::thread> readers;
  for (int t = 0; t < 3; ++t)
    readers.emplace_back([&] {
      const Tensor<float, 1, 1> one{1};
      Tensor<float, 1, 64> y;
      float last = 0;
      while (!done) {
        buffer.read([&](const Model<Constant>& model) { model.eval()(one).value_into(y); });
        torn += !std::ranges::all_of(y.values(), [&](float v) { return v == y(0, 0); });
        backwards += y(0, 0) < last;
        seen += y(0, 0) != last;
        last = y(0, 0);
      }
    });
  for (int i = 1; i <= 2000; ++i) write(static_cast<float>(i));
  while (seen == 0) std::this_thread::yield();
  done = true;
  for (std::thread& t : readers) t.join();
  CHECK(torn == 0);
  CHECK(backwards == 0);
  CHECK(buffer.read([](const Model<Constant>& m) { return m->fc.weight(0, 0); }) == 2000);
}

TEST_CASE("an update that fails leaves readers with what they had") {
  DoubleBuffer<Model<Constant>> buffer;
  buffer.update([](Model<Constant>& model) { std::ranges::fill(model.parameter_arena(), 3.0F); });
  CHECK_THROWS_AS(buffer.update([](Model<Constant>& model) {
    std::ranges::fill(model.parameter_arena(), 4.0F);
    throw ValueError("no such file");
  }),
                  ValueError);
  const auto first = [](const Model<Constant>& m) { return m->fc.weight(0, 0); };
  CHECK(buffer.read(first) == 3);
  buffer.update([](Model<Constant>& model) { model->fc.weight(1, 0) = 5; });
  CHECK(buffer.read(first) == 3); // the failed one is not in the way of the next
}

TEST_CASE("denormal numbers are flushed in a scope, and only there") {
  volatile float tiny = std::numeric_limits<float>::min();
  const auto half = [&] { return tiny * 0.5F; };
  CHECK(half() > 0);
  if (FlushDenormals::is_supported) {
    const FlushDenormals scope;
    CHECK(half() == 0);
    {
      const FlushDenormals nested;
      CHECK(half() == 0);
    }
    CHECK(half() == 0);
  }
  CHECK(half() > 0);
}
