// SPDX-License-Identifier: BSL-1.0
// Curves of losses and accuracies as an SVG picture: axes, ticks, legend, several series.
#pragma once

#include "stator/io/atomic_file.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace stator::io {

/// A curve through (x[i], y[i]); without x through (1, y[0]), (2, y[1]), ... Values that are not finite are
/// gaps.
struct Series {
  std::string name;           ///< in the legend
  std::vector<double> y;      ///< values, in the unit of the vertical axis
  std::vector<double> x = {}; ///< as many as `y`, or none
};

/// What is written around the curves of a chart, and its size.
struct ChartOptions {
  std::string title = "";       ///< above the chart
  std::string x_label = "step"; ///< below the horizontal axis
  std::string y_label = "loss"; ///< beside the vertical axis
  int width = 800;              ///< pixels
  int height = 480;             ///< pixels
  /// A curve of more points than this is drawn pale, with its mean over about a `smooth`-th of it on top.
  std::size_t smooth = 100;
};

namespace detail {

struct Point {
  double x, y;
};

/// The finite points of a series, in order.
inline std::vector<Point> finite_points(const Series& series) {
  std::vector<Point> points;
  for (std::size_t i = 0; i < series.y.size(); ++i) {
    const double x = series.x.empty() ? static_cast<double>(i + 1) : series.x[i];
    if (std::isfinite(x) && std::isfinite(series.y[i])) points.push_back({x, series.y[i]});
  }
  return points;
}

/// Of each run of points the lowest and the highest: draws like all of them, with at most 2 * `runs` points.
inline std::vector<Point> decimate(const std::vector<Point>& points, std::size_t runs) {
  if (points.size() <= 2 * runs) return points;
  std::vector<Point> kept;
  for (std::size_t run = 0; run < runs; ++run) {
    const auto first = points.begin() + static_cast<std::ptrdiff_t>(points.size() * run / runs);
    const auto last = points.begin() + static_cast<std::ptrdiff_t>(points.size() * (run + 1) / runs);
    auto [low, high] = std::minmax_element(first, last, [](Point a, Point b) { return a.y < b.y; });
    if (high < low) std::swap(low, high);
    kept.push_back(*low);
    if (high != low) kept.push_back(*high);
  }
  return kept;
}

/// Means over windows of 2 * `radius` + 1 points, shorter at the ends.
inline std::vector<Point> moving_mean(const std::vector<Point>& points, std::size_t radius) {
  std::vector<double> sums(points.size() + 1, 0.0);
  for (std::size_t i = 0; i < points.size(); ++i) sums[i + 1] = sums[i] + points[i].y;
  std::vector<Point> means;
  for (std::size_t i = 0; i < points.size(); ++i) {
    const std::size_t first = i - std::min(i, radius), last = std::min(i + radius + 1, points.size());
    means.push_back({points[i].x, (sums[last] - sums[first]) / static_cast<double>(last - first)});
  }
  return means;
}

/// An axis from `low` to `high` in steps of 1, 2 or 5 times a power of ten.
struct Axis {
  double low = 0, high = 1, step = 0.2;

  static Axis around(double low, double high) {
    if (!(low <= high)) return {};
    if (!(high - low > 1e-9 * std::max(std::abs(low), std::abs(high)))) {
      const double room = low == 0 ? 0.5 : std::abs(low) / 2;
      low -= room;
      high += room;
    }
    const double rough = (high - low) / 5, power = std::pow(10, std::floor(std::log10(rough)));
    const double step = (rough > 5 * power ? 10 : rough > 2 * power ? 5 : rough > power ? 2 : 1) * power;
    return {std::floor(low / step + 1e-9) * step, std::ceil(high / step - 1e-9) * step, step};
  }
  int ticks() const { return static_cast<int>(std::lround((high - low) / step)) + 1; }
  double tick(int i) const {
    const double value = low + i * step;
    return std::abs(value) < step / 2 ? 0 : value;
  }
};

/// Number with at most `digits` significant digits, as printf's %g.
inline std::string number(double value, int digits = 6) {
  char text[32];
  std::snprintf(text, sizeof text, "%.*g", digits, value);
  return text;
}

inline std::string escape_xml(std::string_view text) {
  std::string safe;
  for (const char c : text) {
    if (c == '&')
      safe += "&amp;";
    else if (c == '<')
      safe += "&lt;";
    else if (c == '>')
      safe += "&gt;";
    else if (c == '"')
      safe += "&quot;";
    else if (static_cast<unsigned char>(c) >= 0x20 || c == '\t')
      safe += c;
  }
  return safe;
}

} // namespace detail

/// The picture as text. Throws ValueError for a series whose x and y differ in length.
inline std::string line_chart(std::span<const Series> series, const ChartOptions& options = {}) {
  using namespace detail;
  // Source of the colours: Okabe and Ito 2008, "Color Universal Design".
  static constexpr std::string_view colours[] = {"#0072b2", "#d55e00", "#009e73",
                                                 "#cc79a7", "#e69f00", "#56b4e9"};
  const double left = 70, right = options.width - 20, top = options.title.empty() ? 20 : 44,
               bottom = options.height - 52;

  std::vector<std::vector<Point>> curves;
  constexpr double infinity = std::numeric_limits<double>::infinity();
  double x_low = infinity, x_high = -infinity, y_low = infinity, y_high = -infinity;
  for (const Series& one : series) {
    if (!one.x.empty() && one.x.size() != one.y.size())
      raise(ValueError("line_chart: series '" + one.name + "' has " + std::to_string(one.x.size()) +
                       " x for " + std::to_string(one.y.size()) + " y"));
    curves.push_back(finite_points(one));
    for (const Point p : curves.back()) {
      x_low = std::min(x_low, p.x), x_high = std::max(x_high, p.x);
      y_low = std::min(y_low, p.y), y_high = std::max(y_high, p.y);
    }
  }
  const Axis x = Axis::around(x_low, x_high), y = Axis::around(y_low, y_high);
  const auto across = [&](double value) {
    return left + (value - x.low) / (x.high - x.low) * (right - left);
  };
  const auto up = [&](double value) { return bottom - (value - y.low) / (y.high - y.low) * (bottom - top); };

  std::string svg;
  const auto line = [&](double x1, double y1, double x2, double y2, const char* colour) {
    svg += "<line x1=\"" + number(x1) + "\" y1=\"" + number(y1) + "\" x2=\"" + number(x2) + "\" y2=\"" +
           number(y2) + "\" stroke=\"" + colour + "\"/>\n";
  };
  const auto words = [&](double px, double py, const char* attributes, std::string_view words_) {
    svg += "<text x=\"" + number(px) + "\" y=\"" + number(py) + "\" " + attributes + ">" +
           escape_xml(words_) + "</text>\n";
  };
  const auto curve = [&](const std::vector<Point>& points, std::string_view colour, const char* attributes) {
    svg += "<polyline fill=\"none\" stroke=\"" + std::string(colour) + "\" " + attributes + " points=\"";
    for (const Point p : decimate(points, static_cast<std::size_t>(std::max(options.width, 1))))
      svg += number(across(p.x), 5) + "," + number(up(p.y), 5) + " ";
    svg += "\"/>\n";
  };

  const std::string size =
      "width=\"" + std::to_string(options.width) + "\" height=\"" + std::to_string(options.height) + "\"";
  svg +=
      "<svg xmlns=\"http://www.w3.org/2000/svg\" " + size + " font-family=\"sans-serif\" font-size=\"13\">\n";
  svg += "<rect " + size + " fill=\"white\"/>\n";
  if (!options.title.empty())
    words((left + right) / 2, 26, "text-anchor=\"middle\" font-size=\"16\"", options.title);
  for (int i = 0; i < x.ticks(); ++i) {
    line(across(x.tick(i)), top, across(x.tick(i)), bottom + 5, "#e4e4e4");
    words(across(x.tick(i)), bottom + 20, "text-anchor=\"middle\"", number(x.tick(i)));
  }
  for (int i = 0; i < y.ticks(); ++i) {
    line(left - 5, up(y.tick(i)), right, up(y.tick(i)), "#e4e4e4");
    words(left - 9, up(y.tick(i)) + 4, "text-anchor=\"end\"", number(y.tick(i)));
  }
  line(left, bottom, right, bottom, "#333333");
  line(left, top, left, bottom, "#333333");
  words((left + right) / 2, options.height - 12, "text-anchor=\"middle\"", options.x_label);
  const std::string turned =
      "text-anchor=\"middle\" transform=\"rotate(-90 18 " + number((top + bottom) / 2) + ")\"";
  words(18, (top + bottom) / 2, turned.c_str(), options.y_label);

  for (std::size_t i = 0; i < curves.size(); ++i) {
    const std::string_view colour = colours[i % std::size(colours)];
    if (curves[i].size() > std::max<std::size_t>(options.smooth, 1)) {
      curve(curves[i], colour, "opacity=\"0.25\"");
      curve(moving_mean(curves[i], curves[i].size() / std::max<std::size_t>(options.smooth, 1) / 2 + 1),
            colour, "stroke-width=\"2\"");
    } else {
      curve(curves[i], colour, "stroke-width=\"2\"");
    }
    const double at = top + 18 + 20 * static_cast<double>(i);
    svg += "<rect x=\"" + number(right - 150) + "\" y=\"" + number(at - 6) +
           "\" width=\"22\" height=\"4\" fill=\"" + std::string(colour) + "\"/>\n";
    words(right - 122, at, "", series[i].name);
  }
  return svg + "</svg>\n";
}

/// Writes the picture; the file appears when it is complete. Throws FileError, or ValueError as line_chart.
inline void save_line_chart(const Path& path, std::span<const Series> series,
                            const ChartOptions& options = {}) {
  const std::string svg = line_chart(series, options);
  AtomicFile file(path);
  file.write(svg);
  file.commit();
}

} // namespace stator::io
