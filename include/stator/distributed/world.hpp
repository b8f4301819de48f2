// SPDX-License-Identifier: BSL-1.0
// The processes of a job: `World` starts and ends MPI and is what everything else in this room waits in.
//
// Nothing waits for ever. Before ranks exchange data they exchange what they are about to do (a Call), and
// ranks that differ, by a step more or less, get an error that names both. Whoever waits looks for the clock
// and for an alarm of a rank that failed. So a job ends, with a message on every rank that is left:
//   - a rank throws: `run` (or World's destructor) tells all others, waits `grace` seconds, MPI_Abort;
//   - a rank is killed: mpirun of OpenMPI notices and sends SIGTERM to the others, which print that and their
//     last call; where it does not notice (--enable-recovery), the others time out. MPICH's kills the others
//     by SIGKILL, so that its own message is the only one;
//   - a rank hangs, or takes fewer steps and does not leave: the others time out after `timeout` seconds. The
//     message names the call, its number, who is missing and where all were last together: a rank that has
//     waited for a quarter of that time asks all others where they wait, and only those that wait answer.
// Starting is MPI's affair (MPI_Init, and the first communicator): what goes wrong there, mpirun ends.
#pragma once

#include "stator/distributed/alarms.hpp"
#include "stator/distributed/threads.hpp"

#include <exception>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace stator::distributed {

/// How a World behaves.
struct WorldOptions {
  /// Seconds that a rank waits for the others before it ends the job; 0: the environment variable
  /// STATOR_DISTRIBUTED_TIMEOUT, or 300 where that is not set. Longer than rank 0 needs to write a
  /// checkpoint.
  double timeout = 0;
  double grace = 3; ///< seconds that a failing rank gives the others to print its message
  /// Threads of a rank's kernels; 0: its share of the machine's cores, or OMP_NUM_THREADS where that is set.
  int threads = 0;
};

namespace detail {
/// Without the prefix that every line of a rank begins with.
inline std::string text_of(const std::exception& error) {
  const std::string_view text = error.what();
  return std::string(text.starts_with("stator: ") ? text.substr(8) : text);
}
} // namespace detail

/// The job that this process is a rank of. There is one at a time. It starts MPI, unless that was done
/// before, sets the number of threads, and ends MPI when it goes. To be used by one thread.
class World {
public:
  /// Throws DistributedError when there is a World already, or MPI fails; ValueError for a time-out in the
  /// environment that is none.
  explicit World(const WorldOptions& options = {}) : options_(options) {
    if (the_world != nullptr) raise(DistributedError("World: there is one already"));
    if (!(options_.timeout > 0)) options_.timeout = default_timeout();
    int started = 0;
    MPI_Initialized(&started);
    owns_ = started == 0;
    if (owns_) {
      int provided = 0;
      detail::expect_success(MPI_Init_thread(nullptr, nullptr, MPI_THREAD_FUNNELED, &provided),
                             "MPI_Init_thread");
    }
    detail::expect_success(MPI_Comm_dup(MPI_COMM_WORLD, &beside_), "MPI_Comm_dup");
    MPI_Comm_set_errhandler(beside_, MPI_ERRORS_RETURN);
    MPI_Comm_rank(beside_, &rank_);
    MPI_Comm_size(beside_, &size_);
    alarms_.start(beside_);
    control_ = duplicate();
    data_ = duplicate();
    machine_ = detail::share_cores(control_, options_.threads);
    if (size_ > 1) on_termination_.start(rank_, size_, last_call_);
    the_world = this;
  }
  World(const World&) = delete;
  World& operator=(const World&) = delete;
  /// Waits for all ranks and ends MPI. Where ranks are not all here, or an exception is on its way, the job
  /// ends as `fail` says.
  ~World() {
    if (std::uncaught_exceptions() > exceptions_) fail("left its World by an exception");
    if (const std::string text = leave(); !text.empty()) fail(text);
    the_world = nullptr;
    on_termination_.stop();
    alarms_.stop();
    for (MPI_Comm* c : {&control_, &data_, &beside_}) MPI_Comm_free(c);
    if (owns_) MPI_Finalize();
  }

  /// This process's number, from 0.
  int rank() const { return rank_; }
  /// Processes of the job.
  int size() const { return size_; }
  /// Its number among the processes of this machine, from MPI's split by shared memory.
  int local_rank() const { return machine_.rank; }
  /// How many processes of the job this machine has.
  int local_size() const { return machine_.size; }
  /// Whether this is the rank that prints and saves.
  bool is_main() const { return rank_ == 0; }
  /// Cores of this machine that its ranks may use.
  int cores() const { return machine_.cores; }
  /// As they were given; the time-out is the one that holds.
  const WorldOptions& options() const { return options_; }
  /// Seconds that a rank waits from here on.
  void set_timeout(double seconds) { options_.timeout = seconds; }

  /// The one that there is. Throws DistributedError when there is none.
  static World& current() {
    if (the_world == nullptr)
      raise(DistributedError("there is no World: declare stator::distributed::World world; in main first"));
    return *the_world;
  }
  static bool exists() { return the_world != nullptr; } ///< whether there is one

  /// Prints the text with the rank's number, tells it to all others, which print it too, and ends the job:
  /// MPI_Abort with code 1 when all have heard, or after `grace` seconds.
  [[noreturn]] void fail(std::string_view text) { alarms_.fail(text, options_.grace); }

  /// Calls `done()` until it is true; meanwhile other processes get the core, alarms are looked for, and the
  /// clock: throws DistributedError after `timeout` seconds, naming the ranks that do not wait for the same.
  template<class Done>
  void wait(std::string_view what, Done&& done) {
    if (done()) return;
    const Call here(what, count_of(what), 0);
    const detail::Stopwatch watch;
    bool called_roll = false;
    for (int turns = 1; !done(); ++turns) {
      std::this_thread::yield();
      if (turns % 64 != 0) continue;
      alarms_.look(here, options_.grace);
      const double waited = watch.seconds();
      if (!called_roll && waited > options_.timeout / 4) {
        alarms_.call_roll(here);
        called_roll = true;
      }
      if (waited > options_.timeout) raise(DistributedError(late(here)));
    }
  }
  /// Waits for a request of MPI.
  void wait(std::string_view what, MPI_Request& request) {
    wait(what, [&] { return test(request); });
  }
  /// Whether a request of MPI is done; asking makes MPI go on with it.
  static bool test(MPI_Request& request) {
    int done = 0;
    detail::expect_success(MPI_Test(&request, &done, MPI_STATUS_IGNORE), "MPI_Test");
    return done != 0;
  }

  /// Calls that are compared: one rank's beside the others'.
  class Agreement {
  public:
    /// Starts to tell the others; `finished` or `wait` before the next start.
    void start(World& world, const Call& mine) {
      calls_.resize(static_cast<std::size_t>(world.size()));
      mine_ = mine;
      world.last_call_ = mine;
      detail::expect_success(MPI_Iallgather(&mine_, sizeof(Call), MPI_BYTE, calls_.data(), sizeof(Call),
                                            MPI_BYTE, world.control_, &request_),
                             "MPI_Iallgather");
    }
    /// Whether all have told; then throws DistributedError for ranks that differ.
    bool finished(World& world) {
      if (!World::test(request_)) return false;
      if (const std::string text = difference(world); !text.empty()) raise(DistributedError(text));
      world.last_together_ = mine_;
      return true;
    }
    /// Waits until it is `finished`.
    void wait(World& world) {
      world.wait(mine_.name, [&] { return finished(world); });
    }
    /// Empty where all say the same, else two that do not.
    std::string difference(const World& world) const {
      for (int r = 0; r < world.size(); ++r)
        if (const Call& other = calls_[static_cast<std::size_t>(r)]; !(other == calls_[0]))
          return "ranks do different things: rank 0 is in " + calls_[0].text() + ", rank " +
                 std::to_string(r) + " in " + other.text() +
                 (other.is_at(calls_[0]) ? " with other sizes or parameters" : "");
      return {};
    }

  private:
    friend World;
    Call mine_;
    std::vector<Call> calls_;
    MPI_Request request_ = MPI_REQUEST_NULL;
  };

  /// Waits until all ranks are here with the same arguments. Throws DistributedError for those that differ.
  void agree(std::string_view name, std::uint64_t detail = 0) {
    if (size_ == 1) return;
    if (const std::string text = agree_on(next_call(name, detail)); !text.empty())
      raise(DistributedError(text));
  }
  /// Waits until all ranks are here: torch.distributed.barrier.
  void barrier() { agree("barrier()"); }
  /// The Call of this name that comes next.
  Call next_call(std::string_view name, std::uint64_t detail) {
    for (auto& [known, count] : counts_)
      if (known == name) return {name, ++count, detail};
    counts_.emplace_back(std::string(name), 1);
    return {name, 1, detail};
  }

  /// The communicator of calls that wait for their result.
  MPI_Comm data() const { return data_; }
  /// A communicator of all ranks; MPI's errors come back from it. All ranks must ask for it. To be freed.
  MPI_Comm duplicate() {
    MPI_Comm c = MPI_COMM_NULL;
    MPI_Request request = MPI_REQUEST_NULL;
    detail::expect_success(MPI_Comm_idup(MPI_COMM_WORLD, &c, &request), "MPI_Comm_idup");
    wait("a new communicator", request);
    MPI_Comm_set_errhandler(c, MPI_ERRORS_RETURN);
    return c;
  }

private:
  static constexpr std::string_view the_end = "the end of its World";
  static double default_timeout() {
    const char* const text = std::getenv("STATOR_DISTRIBUTED_TIMEOUT");
    if (text == nullptr || *text == '\0') return 300;
    char* end = nullptr;
    const double seconds = std::strtod(text, &end);
    if (*end != '\0' || !(seconds > 0))
      raise(ValueError("World: STATOR_DISTRIBUTED_TIMEOUT is '" + std::string(text) +
                       "', expected a number of seconds above 0"));
    return seconds;
  }

  /// Waits for all ranks; empty, or why they are not all here.
  std::string leave() {
#if STATOR_HAS_EXCEPTIONS
    try {
      return agree_on({the_end, 0, 0});
    } catch (const std::exception& error) {
      return detail::text_of(error);
    }
#else
    return agree_on({the_end, 0, 0});
#endif
  }
  std::string agree_on(const Call& mine) {
    if (size_ == 1) return {};
    Agreement agreement;
    agreement.start(*this, mine);
    wait(mine.name, [&] { return test(agreement.request_); });
    last_together_ = mine;
    return agreement.difference(*this);
  }
  std::int64_t count_of(std::string_view name) const {
    for (const auto& [known, count] : counts_)
      if (known == name) return count;
    return 0;
  }
  /// What a rank says that has waited too long.
  std::string late(const Call& here) const {
    const std::string who = alarms_.missing(here);
    std::array<char, 32> seconds{};
    std::snprintf(seconds.data(), seconds.size(), "%g", options_.timeout);
    std::string text = "waited " + std::string(seconds.data()) + " s in " + here.text() + " for ";
    text += who.empty() ? "messages of MPI, though all other ranks wait for the same"
                        : who + ": hanging, dead, or slower than that";
    if (last_together_.name[0] != '\0') text += "; all ranks were last together in " + last_together_.text();
    return text + ". How long ranks wait: WorldOptions::timeout, or STATOR_DISTRIBUTED_TIMEOUT";
  }

  inline static World* the_world = nullptr;
  WorldOptions options_;
  bool owns_ = false;
  int exceptions_ = std::uncaught_exceptions();
  int rank_ = 0, size_ = 1;
  detail::Machine machine_;
  MPI_Comm control_ = MPI_COMM_NULL, data_ = MPI_COMM_NULL, beside_ = MPI_COMM_NULL; // for alarms
  detail::Alarms alarms_;
  Call last_call_;     ///< that this rank has begun
  Call last_together_; ///< in which all ranks were seen
  detail::TerminationMessage on_termination_;
  std::vector<std::pair<std::string, std::int64_t>> counts_;
};

/// `int main() { return stator::distributed::run([](stator::distributed::World& world) { ... }); }`: the body
/// of a program as a rank of a job. What it throws ends the job on every rank with that text. Returns 0, or 1
/// where there is no World to begin with.
template<class Body>
int run(Body&& body, const WorldOptions& options = {}) {
#if STATOR_HAS_EXCEPTIONS
  std::optional<World> world;
  std::string text;
  try {
    world.emplace(options);
    std::forward<Body>(body)(*world);
    return 0;
  } catch (const std::exception& error) {
    text = detail::text_of(error);
  } catch (...) {
    text = "an exception of unknown type";
  }
  if (world) world->fail(text);
  std::fprintf(stderr, "stator: %s\n", text.c_str());
  return 1;
#else
  World world(options);
  std::forward<Body>(body)(world);
  return 0;
#endif
}

} // namespace stator::distributed
