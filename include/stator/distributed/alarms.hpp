// SPDX-License-Identifier: BSL-1.0
// What ranks tell each other beside their data: that one has failed, and, when waiting takes long, where each
// waits. So a time-out names who is missing. Also: what a rank prints when it is told to end (SIGTERM).
#pragma once

#include "stator/distributed/mpi.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <string_view>
#include <thread>
#include <vector>
#if __has_include(<unistd.h>)
#include <unistd.h>
#endif

namespace stator::distributed {

/// What a rank is about to do together with the others; all must say the same.
struct Call {
  char name[48] = {};       ///< "backward()"
  std::int64_t count = 0;   ///< how many of this name came before, from 1
  std::uint64_t detail = 0; ///< whatever else must be equal: sizes, a hash

  Call() = default;
  Call(std::string_view what, std::int64_t number, std::uint64_t more) : count(number), detail(more) {
    std::memcpy(name, what.data(), what.size() < sizeof name ? what.size() : sizeof name - 1);
  }
  bool operator==(const Call& other) const { return is_at(other) && detail == other.detail; }
  /// Whether it is the same call, perhaps with other sizes.
  bool is_at(const Call& other) const { return std::string_view(name) == other.name && count == other.count; }
  /// "backward() number 3"; what happens once, and so has the count 0, without a number.
  std::string text() const { return count > 0 ? name + (" number " + std::to_string(count)) : name; }
};

namespace detail {

/// Seconds since it was made.
class Stopwatch {
public:
  double seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  }

private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

/// While it lives, a process that is sent SIGTERM first prints who it is and what its last call was, unless
/// the program handles that signal itself. mpirun sends it to the ranks that are left when one has died.
class TerminationMessage {
public:
  TerminationMessage() = default;
  TerminationMessage(const TerminationMessage&) = delete;
  TerminationMessage& operator=(const TerminationMessage&) = delete;
  ~TerminationMessage() { stop(); }

  /// From here on; `call` is read when the signal comes.
  void start(int rank, int size, const Call& call) {
    text_ = "stator: rank " + std::to_string(rank) + " of " + std::to_string(size);
    who = text_.c_str();
    last_call = &call;
    const auto before = std::signal(SIGTERM, print);
    started_ = before == SIG_DFL;
    if (!started_) std::signal(SIGTERM, before);
  }
  void stop() {
    if (started_) std::signal(SIGTERM, SIG_DFL);
    started_ = false;
  }
  /// Not 0: this rank has printed already why it ends.
  inline static volatile std::sig_atomic_t silent = 0;

private:
  /// As a signal's handler may: without memory, locks, or streams.
  static void print(int signal) {
#if __has_include(<unistd.h>)
    if (silent != 0) return signal_again(signal);
    std::array<char, 512> line{};
    std::size_t size = 0;
    const auto add = [&](const char* text) {
      while (*text != '\0' && size < line.size() - 1) line[size++] = *text++;
    };
    add(who);
    add(": was told to end (SIGTERM), as mpirun does when another rank has died or ended the job; last "
        "call: ");
    add(last_call->name[0] == '\0' ? "none" : last_call->name);
    if (last_call->count > 0) {
      std::array<char, 24> digits{};
      std::size_t at = digits.size() - 1;
      for (auto left = last_call->count; left > 0; left /= 10)
        digits[--at] = static_cast<char>('0' + left % 10);
      add(" number ");
      add(digits.data() + at);
    }
    add("\n");
    [[maybe_unused]] const auto written = write(STDERR_FILENO, line.data(), size);
#endif
    signal_again(signal);
  }
  /// Ends the process by the signal, when its handler has returned.
  static void signal_again(int signal) {
    std::signal(signal, SIG_DFL);
    std::raise(signal);
  }
  inline static const char* who = "stator";
  inline static const Call* last_call = nullptr;
  std::string text_;
  bool started_ = false;
};

/// The messages of one rank. Nothing here waits for another rank longer than `grace` seconds.
class Alarms {
public:
  /// Before anything else; all ranks have this communicator for alarms alone.
  void start(MPI_Comm c) {
    comm_ = c;
    MPI_Comm_rank(c, &rank_);
    MPI_Comm_size(c, &size_);
    waits_at_.resize(static_cast<std::size_t>(size_));
  }
  /// The communicator is about to be freed.
  void stop() {
    receive_notes({}, false);
    for (Note& note : sent_)
      if (!is_done(note.request)) MPI_Request_free(&note.request);
  }

  /// Prints the text, tells it to all others, which print it too, and ends the job.
  [[noreturn]] void fail(std::string_view text, double grace) {
    std::fprintf(stderr, "stator: rank %d of %d: %.*s\n", rank_, size_, static_cast<int>(text.size()),
                 text.data());
    TerminationMessage::silent = 1;
    Alarm mine{};
    std::memcpy(mine.data(), text.data(), std::min(text.size(), mine.size() - 1));
    std::vector<MPI_Request> sent(static_cast<std::size_t>(size_), MPI_REQUEST_NULL);
    for (int to = 0; to < size_; ++to)
      if (to != rank_)
        MPI_Isend(mine.data(), static_cast<int>(mine.size()), MPI_CHAR, to, alarm, comm_,
                  &sent[static_cast<std::size_t>(to)]);
    std::vector<char> heard(static_cast<std::size_t>(size_), 0);
    int left = size_ - 1;
    for (const Stopwatch watch; left > 0 && watch.seconds() < grace;) {
      Alarm other{};
      if (const int from = receive_alarm(other); from >= 0) {
        left -= heard[static_cast<std::size_t>(from)] == 0 ? 1 : 0;
        heard[static_cast<std::size_t>(from)] = 1;
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    end();
  }

  /// Looks for messages while this rank waits in `here`. Where another rank has failed it prints why,
  /// answers, and is ended by that one.
  void look(const Call& here, double grace) {
    receive_notes(here, true);
    Alarm text{};
    const int from = receive_alarm(text);
    if (from < 0) return;
    std::fprintf(stderr, "stator: rank %d of %d: ends, because rank %d failed: %s\n", rank_, size_, from,
                 text.data());
    TerminationMessage::silent = 1;
    const Alarm answer{};
    MPI_Request sent = MPI_REQUEST_NULL;
    MPI_Isend(answer.data(), static_cast<int>(answer.size()), MPI_CHAR, from, alarm, comm_, &sent);
    for (const Stopwatch watch; watch.seconds() < 2 * grace;) {
      (void)is_done(sent);
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    end();
  }

  /// Tells all others that this rank waits here, and asks where they wait.
  void call_roll(const Call& here) {
    std::ranges::fill(waits_at_, Call());
    for (int to = 0; to < size_; ++to)
      if (to != rank_) send_note(here, to, question);
  }
  /// Since the roll was called: "rank 1", "ranks 1, 5 and 7 more", those that wait elsewhere with their
  /// place. Empty where all have answered that they wait here.
  std::string missing(const Call& here) const {
    constexpr std::size_t most = 8;
    std::vector<std::string> list;
    std::size_t more = 0;
    for (int r = 0; r < size_; ++r) {
      const Call& there = waits_at_[static_cast<std::size_t>(r)];
      if (r == rank_ || there.is_at(here)) continue;
      if (list.size() == most)
        ++more;
      else
        list.push_back(std::to_string(r) +
                       (there.name[0] == '\0' ? "" : " (which waits in " + there.text() + ")"));
    }
    if (list.empty()) return {};
    std::string text = list.size() == 1 ? "rank " : "ranks ";
    for (std::size_t i = 0; i < list.size(); ++i)
      text += (i == 0 ? "" : i + 1 == list.size() && more == 0 ? " and " : ", ") + list[i];
    return more > 0 ? text + " and " + std::to_string(more) + " more" : text;
  }

private:
  using Alarm = std::array<char, 512>;
  enum Tag : int { alarm, question, answer_to_question };
  struct Note {
    Call call;
    MPI_Request request = MPI_REQUEST_NULL;
  };

  static bool is_done(MPI_Request& request) {
    int done = 0;
    MPI_Test(&request, &done, MPI_STATUS_IGNORE);
    return done != 0;
  }
  /// The rank that a message with this tag has come from; -1: none.
  int sender(Tag tag) const {
    int there = 0;
    MPI_Status status;
    MPI_Iprobe(MPI_ANY_SOURCE, tag, comm_, &there, &status);
    return there == 0 ? -1 : status.MPI_SOURCE;
  }
  /// The rank whose alarm, or answer to ours, has come; -1: none.
  int receive_alarm(Alarm& text) const {
    const int from = sender(alarm);
    if (from < 0) return -1;
    MPI_Recv(text.data(), static_cast<int>(text.size()), MPI_CHAR, from, alarm, comm_, MPI_STATUS_IGNORE);
    text.back() = '\0';
    return from;
  }
  void send_note(const Call& here, int to, Tag tag) {
    while (!sent_.empty() && is_done(sent_.front().request)) sent_.pop_front();
    Note& note = sent_.emplace_back(Note{here});
    MPI_Isend(&note.call, sizeof(Call), MPI_BYTE, to, tag, comm_, &note.request);
  }
  void receive_notes(const Call& here, bool answers) {
    for (const Tag tag : {question, answer_to_question})
      for (int from = sender(tag); from >= 0; from = sender(tag)) {
        MPI_Recv(&waits_at_[static_cast<std::size_t>(from)], sizeof(Call), MPI_BYTE, from, tag, comm_,
                 MPI_STATUS_IGNORE);
        if (answers && tag == question) send_note(here, from, answer_to_question);
      }
  }
  [[noreturn]] static void end() {
    MPI_Abort(MPI_COMM_WORLD, 1);
    std::abort();
  }

  MPI_Comm comm_ = MPI_COMM_NULL;
  int rank_ = 0, size_ = 1;
  std::vector<Call> waits_at_; ///< what each rank has said since the roll was called
  std::deque<Note> sent_;      ///< which stay where they are until they are sent
};

} // namespace detail

} // namespace stator::distributed
