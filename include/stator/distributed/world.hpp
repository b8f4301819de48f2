// SPDX-License-Identifier: BSL-1.0
// The processes of a job: `World` starts and ends MPI and is what everything else in this room waits in.
//
// Nothing waits for ever. Before ranks exchange data they exchange what they are about to do (a Call), and
// ranks that differ, by a step more or less, get an error that names both. Whoever waits looks for the clock
// and for an alarm of a rank that failed. So a job ends, with a message on every rank that waits:
//   - a rank throws: `run` (or World's destructor) tells all others, waits `grace` seconds, MPI_Abort;
//   - a rank is killed: mpirun notices and ends the job; where it does not, the others time out;
//   - a rank hangs, or takes fewer steps and does not leave: the others time out after `timeout` seconds.
#pragma once

#include "stator/core/parallel.hpp"
#include "stator/distributed/mpi.hpp"

#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>
#if __has_include(<sched.h>)
#include <sched.h>
#endif

namespace stator::distributed {

/// How a World behaves.
struct WorldOptions {
  double timeout = 300; ///< seconds that a rank waits for the others before it ends the job
  double grace = 3;     ///< seconds that a failing rank gives the others to print its message
  /// Threads of a rank's kernels; 0: its share of the machine's cores, or OMP_NUM_THREADS where that is set.
  int threads = 0;
};

/// What a rank is about to do together with the others; all must say the same.
struct Call {
  char name[48] = {};       ///< "backward()"
  std::int64_t count = 0;   ///< how many of this name came before, from 1
  std::uint64_t detail = 0; ///< whatever else must be equal: sizes, a hash

  Call() = default;
  Call(std::string_view what, std::int64_t number, std::uint64_t more) : count(number), detail(more) {
    std::memcpy(name, what.data(), what.size() < sizeof name ? what.size() : sizeof name - 1);
  }
  bool operator==(const Call& other) const {
    return std::string_view(name) == other.name && count == other.count && detail == other.detail;
  }
};

/// The job that this process is a rank of. There is one at a time. It starts MPI, unless that was done
/// before, sets the number of threads, and ends MPI when it goes. To be used by one thread.
class World {
public:
  /// Throws DistributedError when there is a World already, or MPI fails.
  explicit World(const WorldOptions& options = {}) : options_(options) {
    if (current_ != nullptr) raise(DistributedError("World: there is one already"));
    int started = 0;
    MPI_Initialized(&started);
    owns_ = started == 0;
    if (owns_) {
      int provided = 0;
      detail::expect_success(MPI_Init_thread(nullptr, nullptr, MPI_THREAD_FUNNELED, &provided),
                             "MPI_Init_thread");
    }
    control_ = duplicate();
    data_ = duplicate();
    alarms_ = duplicate();
    MPI_Comm_rank(control_, &rank_);
    MPI_Comm_size(control_, &size_);
    current_ = this;
    share_cores();
  }
  World(const World&) = delete;
  World& operator=(const World&) = delete;
  /// Waits for all ranks and ends MPI. Where ranks are not all here, or an exception is on its way, the job
  /// ends as `fail` says.
  ~World() {
    if (std::uncaught_exceptions() > exceptions_) fail("left its World by an exception");
    if (const std::string text = agree_on(the_end, 0); !text.empty()) fail(text);
    current_ = nullptr;
    if (!owns_) return;
    for (MPI_Comm* c : {&control_, &data_, &alarms_}) MPI_Comm_free(c);
    MPI_Finalize();
  }

  /// This process's number, from 0.
  int rank() const { return rank_; }
  /// Processes of the job.
  int size() const { return size_; }
  /// Its number among the processes of this machine, from MPI's split by shared memory.
  int local_rank() const { return local_rank_; }
  /// How many processes of the job this machine has.
  int local_size() const { return local_size_; }
  /// Whether this is the rank that prints and saves.
  bool is_main() const { return rank_ == 0; }
  /// Cores of this machine that its ranks may use.
  int cores() const { return cores_; }
  /// As they were given.
  const WorldOptions& options() const { return options_; }
  /// Seconds that a rank waits from here on.
  void set_timeout(double seconds) { options_.timeout = seconds; }

  /// The one that there is. Throws DistributedError when there is none.
  static World& current() {
    if (current_ == nullptr)
      raise(DistributedError("there is no World: declare stator::distributed::World world; in main first"));
    return *current_;
  }
  static bool exists() { return current_ != nullptr; } ///< whether there is one

  /// Prints the text with the rank's number, tells it to all others, which print it too, and ends the job:
  /// MPI_Abort with code 1 when all have heard, or after `grace` seconds.
  [[noreturn]] void fail(std::string_view text) {
    std::fprintf(stderr, "stator: rank %d of %d: %.*s\n", rank_, size_, static_cast<int>(text.size()),
                 text.data());
    Alarm mine{};
    std::memcpy(mine.data(), text.data(), std::min(text.size(), mine.size() - 1));
    std::vector<MPI_Request> sent(static_cast<std::size_t>(size_), MPI_REQUEST_NULL);
    for (int to = 0; to < size_; ++to)
      if (to != rank_)
        MPI_Isend(mine.data(), static_cast<int>(mine.size()), MPI_CHAR, to, 0, alarms_,
                  &sent[static_cast<std::size_t>(to)]);
    std::vector<char> heard(static_cast<std::size_t>(size_), 0);
    int left = size_ - 1;
    const Clock::time_point start = Clock::now();
    while (left > 0 && seconds_since(start) < options_.grace) {
      Alarm other{};
      if (const int from = receive_alarm(other); from >= 0) {
        left -= heard[static_cast<std::size_t>(from)] == 0 ? 1 : 0;
        heard[static_cast<std::size_t>(from)] = 1;
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    MPI_Abort(MPI_COMM_WORLD, 1);
    std::abort();
  }

  /// Calls `done()` until it is true; meanwhile other processes get the core, alarms are looked for, and the
  /// clock: throws DistributedError after `timeout` seconds.
  template<class Done>
  void wait(std::string_view what, Done&& done) {
    if (done()) return;
    const Clock::time_point start = Clock::now();
    for (int turns = 1; !done(); ++turns) {
      std::this_thread::yield();
      if (turns % 64 != 0) continue;
      look_for_alarm();
      if (seconds_since(start) > options_.timeout)
        raise(DistributedError("waited " + std::to_string(static_cast<int>(options_.timeout)) + " s in " +
                               std::string(what) + " for the other ranks: one of them hangs, or is dead"));
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
      detail::expect_success(MPI_Iallgather(&mine_, sizeof(Call), MPI_BYTE, calls_.data(), sizeof(Call),
                                            MPI_BYTE, world.control_, &request_),
                             "MPI_Iallgather");
    }
    /// Whether all have told; then throws DistributedError for ranks that differ.
    bool finished(World& world) {
      if (!World::test(request_)) return false;
      if (const std::string text = difference(world); !text.empty()) raise(DistributedError(text));
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
          return "ranks do different things: rank 0 is in " + describe(calls_[0]) + ", rank " +
                 std::to_string(r) + " in " + describe(other) +
                 (std::string_view(other.name) == calls_[0].name && other.count == calls_[0].count
                      ? " with other sizes or parameters"
                      : "");
      return {};
    }

  private:
    friend World;
    static std::string describe(const Call& call) {
      return call.name + (std::string_view(call.name) == the_end ? std::string()
                                                                 : " number " + std::to_string(call.count));
    }
    Call mine_;
    std::vector<Call> calls_;
    MPI_Request request_ = MPI_REQUEST_NULL;
  };

  /// Waits until all ranks are here with the same arguments. Throws DistributedError for those that differ.
  void agree(std::string_view name, std::uint64_t detail = 0) {
    if (const std::string text = agree_on(name, detail); !text.empty()) raise(DistributedError(text));
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
  static MPI_Comm duplicate() {
    MPI_Comm c = MPI_COMM_NULL;
    detail::expect_success(MPI_Comm_dup(MPI_COMM_WORLD, &c), "MPI_Comm_dup");
    MPI_Comm_set_errhandler(c, MPI_ERRORS_RETURN);
    return c;
  }

private:
  static constexpr std::string_view the_end = "the end of its World";
  using Clock = std::chrono::steady_clock;
  using Alarm = std::array<char, 512>;
  static double seconds_since(Clock::time_point start) {
    return std::chrono::duration<double>(Clock::now() - start).count();
  }

  std::string agree_on(std::string_view name, std::uint64_t detail) {
    if (size_ == 1) return {};
    Agreement agreement;
    agreement.start(*this, next_call(name, detail));
    wait(name, [&] { return test(agreement.request_); });
    return agreement.difference(*this);
  }

  /// The rank whose alarm, or answer to ours, has come; -1: none.
  int receive_alarm(Alarm& text) {
    int there = 0;
    MPI_Status status;
    MPI_Iprobe(MPI_ANY_SOURCE, 0, alarms_, &there, &status);
    if (there == 0) return -1;
    MPI_Recv(text.data(), static_cast<int>(text.size()), MPI_CHAR, status.MPI_SOURCE, 0, alarms_,
             MPI_STATUS_IGNORE);
    text.back() = '\0';
    return status.MPI_SOURCE;
  }
  /// Ends this rank when another one has failed: it prints why, answers, and is ended by that one.
  void look_for_alarm() {
    Alarm text{};
    const int from = receive_alarm(text);
    if (from < 0) return;
    std::fprintf(stderr, "stator: rank %d of %d: ends, because rank %d failed: %s\n", rank_, size_, from,
                 text.data());
    const Alarm answer{};
    MPI_Request sent = MPI_REQUEST_NULL;
    MPI_Isend(answer.data(), static_cast<int>(answer.size()), MPI_CHAR, from, 0, alarms_, &sent);
    const Clock::time_point start = Clock::now();
    for (int done = 0; seconds_since(start) < 2 * options_.grace;) {
      MPI_Test(&sent, &done, MPI_STATUS_IGNORE);
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    MPI_Abort(MPI_COMM_WORLD, 1);
    std::abort();
  }

  /// Gives each rank of a machine its share of the cores that they may use together.
  void share_cores() {
    MPI_Comm here = MPI_COMM_NULL;
    MPI_Comm_split_type(control_, MPI_COMM_TYPE_SHARED, rank_, MPI_INFO_NULL, &here);
    MPI_Comm_rank(here, &local_rank_);
    MPI_Comm_size(here, &local_size_);
    int mine = std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
    cores_ = mine;
#ifdef CPU_COUNT
    // mpirun may have bound each rank to cores of its own.
    cpu_set_t own, all;
    CPU_ZERO(&own);
    if (sched_getaffinity(0, sizeof own, &own) == 0) {
      mine = CPU_COUNT(&own);
      MPI_Allreduce(&own, &all, sizeof own, MPI_BYTE, MPI_BOR, here);
      cores_ = CPU_COUNT(&all);
    }
#endif
    MPI_Comm_free(&here);
    const bool by_environment = std::getenv("OMP_NUM_THREADS") != nullptr;
    if (options_.threads > 0)
      set_num_threads(options_.threads);
    else if (!by_environment && size_ > 1)
      set_num_threads(std::max(1, std::min(mine, cores_ / local_size_)));
    const int threads = get_num_threads();
    if (local_rank_ == 0 && (threads * local_size_ > cores_ || threads > mine))
      std::fprintf(
          stderr,
          "stator: ranks on this machine: %d, threads of each: %d, cores: %d, of which this rank may use %d: "
          "threads wait for each other; start fewer, or let mpirun bind ranks to more cores\n",
          local_size_, threads, cores_, mine);
  }

  inline static World* current_ = nullptr;
  WorldOptions options_;
  bool owns_ = false;
  int exceptions_ = std::uncaught_exceptions();
  int rank_ = 0, size_ = 1, local_rank_ = 0, local_size_ = 1, cores_ = 1;
  MPI_Comm control_ = MPI_COMM_NULL, data_ = MPI_COMM_NULL, alarms_ = MPI_COMM_NULL;
  std::vector<std::pair<std::string, std::int64_t>> counts_;
};

/// `int main() { return stator::distributed::run([](stator::distributed::World& world) { ... }); }`: the body
/// of a program as a rank of a job. What it throws ends the job on every rank with that text. Returns 0.
template<class Body>
int run(Body&& body, const WorldOptions& options = {}) {
  World world(options);
#if STATOR_HAS_EXCEPTIONS
  try {
    std::forward<Body>(body)(world);
  } catch (const std::exception& error) {
    std::string_view text = error.what();
    if (text.starts_with("stator: ")) text.remove_prefix(8);
    world.fail(text);
  } catch (...) {
    world.fail("an exception of unknown type");
  }
#else
  std::forward<Body>(body)(world);
#endif
  return 0;
}

} // namespace stator::distributed
