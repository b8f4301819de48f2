// SPDX-License-Identifier: BSL-1.0
// The progress of a loop: a bar that is redrawn in place on a terminal, a line at every tenth elsewhere.
#pragma once

#include "stator/core/shape.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <string>
#include <string_view>
#include <unistd.h>
#include <utility>

namespace stator::io {

/// Seconds of a monotonic clock.
inline double steady_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

/// Whether standard output is an interactive terminal.
inline bool standard_output_is_terminal() {
  const char* kind = std::getenv("TERM");
  return ::isatty(STDOUT_FILENO) == 1 && kind != nullptr && std::string_view(kind) != "dumb";
}

/// How a Progress is shown.
struct ProgressOptions {
  std::string unit = "images"; ///< what is counted
  /// Redraw one line, as on a terminal; otherwise a line at every tenth.
  bool terminal = standard_output_is_terminal();
  std::ostream* out = &std::cout;       ///< where to, not owned
  double (*seconds)() = steady_seconds; ///< the clock
};

/// `Progress progress{60000, "epoch 1/3"};`, then in the loop `progress.update(loss.item(),
/// images.size(0));`:
///
///     epoch 1/3 [=========>              ]  41%  loss 0.4213  61234 images/s  0:01 left
///
/// The loss is a running mean of about the last 50 updates. update() allocates nothing.
class Progress {
public:
  explicit Progress(Index total, std::string label = "", ProgressOptions options = {})
      : total_(total), label_(std::move(label)), options_(std::move(options)), begin_(options_.seconds()),
        now_(begin_) {}
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  ~Progress() { finish(); }

  /// `count` more of the total are done, with this loss.
  void update(double loss, Index count = 1) {
    done_ += count;
    weight_ = keep * weight_ + (1 - keep);
    loss_ = keep * loss_ + (1 - keep) * loss;
    now_ = options_.seconds();
    if (options_.terminal) {
      if (now_ - drawn_ >= redraw_seconds) draw_bar();
    } else if (done_ * 10 / std::max<Index>(total_, 1) > tenth_) {
      tenth_ = done_ * 10 / std::max<Index>(total_, 1);
      print_line();
    }
  }

  /// Draws the last state and ends the line. The destructor does it too.
  void finish() {
    if (std::exchange(finished_, true) || !options_.terminal || done_ == 0) return;
    draw_bar();
    *options_.out << '\n' << std::flush;
  }

  /// Seconds from the construction to the last update.
  double seconds() const { return now_ - begin_; }
  /// Units per second up to the last update.
  double rate() const { return seconds() > 0 ? static_cast<double>(done_) / seconds() : 0; }
  /// Running mean of the loss.
  double loss() const { return weight_ > 0 ? loss_ / weight_ : 0; }

private:
  static constexpr double keep = 0.98, redraw_seconds = 0.1;
  static constexpr int width = 24;

  double fraction() const {
    return total_ > 0 ? std::min(1.0, static_cast<double>(done_) / static_cast<double>(total_)) : 1.0;
  }
  /// "  41%  loss 0.4213  61234 images/s  0:01 left", in place of "left" the time used when all is done.
  void print_numbers() {
    const bool complete = done_ >= total_;
    const double per_second = rate();
    const double left = per_second > 0 ? static_cast<double>(total_ - done_) / per_second : 0;
    const auto time = static_cast<long>(std::ceil(complete ? seconds() : left));
    char clock[32], line[128];
    if (time >= 3600)
      std::snprintf(clock, sizeof clock, "%ld:%02ld:%02ld", time / 3600, time / 60 % 60, time % 60);
    else
      std::snprintf(clock, sizeof clock, "%ld:%02ld", time / 60, time % 60);
    std::snprintf(line, sizeof line, " %3d%%  loss %.4f  %.*f %s/s  %s %s",
                  static_cast<int>(100 * fraction()), loss(), per_second < 10 ? 2 : 0, per_second,
                  options_.unit.c_str(), clock, complete ? "used" : "left");
    *options_.out << line;
  }
  void draw_bar() {
    drawn_ = now_;
    const int full = static_cast<int>(fraction() * width);
    char bar[width + 1];
    for (int i = 0; i < width; ++i) bar[i] = i < full ? '=' : i == full ? '>' : ' ';
    bar[width] = '\0';
    *options_.out << '\r' << label_ << (label_.empty() ? "[" : " [") << bar << ']';
    print_numbers();
    *options_.out << "\x1B[K" << std::flush; // and clears what a longer line has left
  }
  void print_line() {
    *options_.out << label_ << (label_.empty() ? "" : " ");
    print_numbers();
    *options_.out << '\n' << std::flush;
  }

  Index total_, done_ = 0, tenth_ = 0;
  std::string label_;
  ProgressOptions options_;
  double begin_, now_, drawn_ = -1e300;
  double loss_ = 0, weight_ = 0;
  bool finished_ = false;
};

} // namespace stator::io
