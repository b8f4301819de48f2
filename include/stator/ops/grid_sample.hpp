// SPDX-License-Identifier: BSL-1.0
// affine_grid and grid_sample: an image read at other places.
#pragma once

#include "stator/ops/strided.hpp"

#include <cmath>

namespace stator::inline v0_2 {

namespace ops {

/// theta [N, D, D + 1]: the places in [-1, 1] of a grid with extents E, mapped: [N, E..., D], x first.
template<bool AlignCorners, Index... E>
struct AffineGrid {
  static constexpr std::string_view name = "AffineGridGenerator";
  static constexpr std::string_view backward_name = "AffineGridGeneratorBackward0";
  static constexpr Index dims = sizeof...(E), points = (E * ... * 1);
  static_assert(dims == 2 || dims == 3, "stator: affine_grid: expected two or three extents");
  static constexpr Extents shape(const Extents& theta) { return Extents(theta[0], E..., dims); }
  static constexpr Text requirement(const Extents& theta) {
    if (theta.rank == 3 && theta[1] == dims && theta[2] == dims + 1) return {};
    return text("affine_grid: theta has shape ", theta, ", expected [N, ", dims, ", ", dims + 1, "]");
  }
  /// Calls point(number, place), where place is the homogeneous coordinates of a point of the grid.
  template<class T, class Point>
  static void for_points(const Point& point) {
    constexpr std::array<Index, sizeof...(E)> extent{E...};
    for (Index p = 0; p < points; ++p) {
      std::array<T, sizeof...(E) + 1> place{};
      Index rest = p;
      for (std::size_t d = extent.size(); d-- > 0;) {
        const auto at = static_cast<T>(2 * (rest % extent[d])), n = static_cast<T>(extent[d]);
        rest /= extent[d];
        T& x = place[extent.size() - 1 - d];
        if constexpr (AlignCorners)
          x = extent[d] > 1 ? at / (n - 1) - 1 : 0;
        else
          x = (at + 1) / n - 1;
      }
      place.back() = 1;
      point(p, place);
    }
  }
  template<class Out, class X>
  static void run(typename Out::scalar* out, const typename X::scalar* theta, Index batch, std::byte*) {
    const Index samples = X::extents.is_dynamic() ? batch : X::extents[0];
    for_points<typename X::scalar>([&](Index p, const auto& place) {
      for (Index s = 0; s < samples; ++s)
        for (Index i = 0; i < dims; ++i) {
          typename Out::scalar sum{};
          for (std::size_t j = 0; j < place.size(); ++j)
            sum += theta[(s * dims + i) * (dims + 1) + static_cast<Index>(j)] * place[j];
          out[(s * points + p) * dims + i] = sum;
        }
    });
  }
  struct Backward {
    static constexpr std::string_view name = "AffineGridGeneratorBackward";
    static constexpr Extents shape(const Extents& g) { return Extents(g[0], dims, dims + 1); }
    template<class Out, class G>
    static void run(typename Out::scalar* out, const typename G::scalar* g, Index batch, std::byte*) {
      const Index samples = G::extents.is_dynamic() ? batch : G::extents[0];
      std::fill_n(out, samples * dims * (dims + 1), typename Out::scalar{});
      for_points<typename G::scalar>([&](Index p, const auto& place) {
        for (Index s = 0; s < samples; ++s)
          for (Index i = 0; i < dims; ++i)
            for (std::size_t j = 0; j < place.size(); ++j)
              out[(s * dims + i) * (dims + 1) + static_cast<Index>(j)] +=
                  g[(s * points + p) * dims + i] * place[j];
      });
    }
    template<class GG, class Y, class G>
    static constexpr auto vjp(GG g, Y, G) {
      return gradients(operation<AffineGrid>{}(g));
    }
  };
  template<class G, class Y, class X>
  static constexpr auto vjp(G g, Y, X) {
    return gradients(operation<Backward>{}(g));
  }
};

/// How grid_sample reads between elements.
enum class SampleMode { bilinear, nearest };
/// What grid_sample reads outside of the image: zeros, the nearest element, or its reflection.
enum class SamplePadding { zeros, border, reflection };

/// x [N, C, in...] read at grid [N, out..., D], whose last dimension holds places in [-1, 1], that of the
/// last dimension of x first: [N, C, out...].
template<SampleMode Mode, SamplePadding Padding, bool AlignCorners>
struct GridSample {
  static constexpr std::string_view name = "GridSampler";
  static constexpr std::string_view backward_name(const Extents&, const Extents& x, const Extents&) {
    return x.rank == 4 ? "GridSampler2DBackward0" : "GridSampler3DBackward0";
  }
  static constexpr Extents shape(const Extents& x, const Extents& grid) {
    Extents e(x[0], x[1]);
    for (std::size_t d = 1; d + 1 < grid.rank; ++d) e.push_back(grid[d]);
    return e;
  }
  static constexpr Text requirement(const Extents& x, const Extents& grid) {
    const auto dims = static_cast<Index>(x.rank) - 2;
    if ((dims == 2 || dims == 3) && grid.rank == x.rank && grid.back() == dims && grid[0] == x[0]) return {};
    return text("grid_sample: input ", x, " and grid ", grid,
                " do not fit: expected [N, C, H, W] and [N, h, w, 2], or ",
                "[N, C, D, H, W] and [N, d, h, w, 3]");
  }
  static constexpr Text type_requirement(DType x, DType grid) {
    if (x == grid && is_floating_point(x)) return {};
    return text("grid_sample: the input is ", to_string(x), ", the grid ", to_string(grid),
                ", expected one floating-point type");
  }

  /// A place in [-1, 1] along n elements as a number of elements, and how it changes with the place.
  template<class T>
  static std::pair<T, T> place(T x, Index n) {
    const auto extent = static_cast<T>(n);
    T slope = AlignCorners ? (extent - 1) / 2 : extent / 2;
    T at = AlignCorners ? (x + 1) * slope : (x + 1) * slope - T{0.5};
    if constexpr (Padding == SamplePadding::reflection) {
      const T low = AlignCorners ? T{0} : T{-0.5}, span = AlignCorners ? extent - 1 : extent;
      if (span == 0) {
        at = slope = 0;
      } else {
        if (at < low) at = 2 * low - at, slope = -slope;
        const T turns = std::floor((at - low) / span), rest = at - low - turns * span;
        const bool back = std::fmod(turns, T{2}) != 0;
        at = low + (back ? span - rest : rest);
        if (back) slope = -slope;
      }
    }
    if constexpr (Padding != SamplePadding::zeros) {
      if (!(at > 0)) at = slope = 0; // NaN too
      if (at >= extent - 1) at = extent - 1, slope = 0;
    }
    return {at, slope};
  }
  /// Calls corner(element of the image's plane, weight, slopes of the weight by the D places) for the
  /// elements around a point.
  template<class X, class T, class Corner>
  static void for_corners(const T* point, const Corner& corner) {
    constexpr std::size_t dims = X::extents.rank - 2;
    std::array<Index, dims> first{};
    std::array<T, dims> part{}, slope{};
    for (std::size_t k = 0; k < dims; ++k) {
      const auto [at, by] = place(point[k], X::extents[X::extents.rank - 1 - k]);
      // Far outside, where the numbers of elements end, there is nothing to read.
      if (!(std::abs(at) < T{1e9})) return;
      const T whole = Mode == SampleMode::nearest ? std::nearbyint(at) : std::floor(at);
      first[k] = static_cast<Index>(whole);
      part[k] = Mode == SampleMode::nearest ? 0 : at - whole;
      slope[k] = Mode == SampleMode::nearest ? 0 : by;
    }
    for (unsigned c = 0; c < (Mode == SampleMode::nearest ? 1u : 1u << dims); ++c) {
      T weight = 1;
      std::array<T, dims> slopes;
      slopes.fill(1);
      Index element = 0, step = 1;
      bool inside = true;
      for (std::size_t k = 0; k < dims; ++k) {
        const bool next = (c >> k & 1u) != 0;
        const Index n = X::extents[X::extents.rank - 1 - k], at = first[k] + (next ? 1 : 0);
        inside = inside && at >= 0 && at < n;
        element += at * step;
        step *= n;
        const T w = next ? part[k] : 1 - part[k];
        for (std::size_t l = 0; l < dims; ++l) slopes[l] *= l != k ? w : next ? slope[k] : -slope[k];
        weight *= w;
      }
      if (inside) corner(element, weight, slopes);
    }
  }
  template<class X, class Grid>
  static constexpr Index points = Grid::extents.product(1, Grid::extents.rank - 1);
  template<class X>
  static constexpr Index plane = X::extents.product(2, X::extents.rank);
  template<class X>
  static constexpr Index channels = X::extents[1];
  /// Calls point(sample, number of the point, its place).
  template<class X, class Grid, class T, class Point>
  static void for_points(const T* grid, Index batch, const Point& point) {
    const Index samples = X::extents.is_dynamic() ? batch : X::extents[0];
    for (Index s = 0; s < samples; ++s)
      for (Index p = 0; p < points<X, Grid>; ++p)
        point(s, p, grid + (s * points<X, Grid> + p) * Grid::extents.back());
  }

  template<class Out, class X, class Grid>
  static void run(typename Out::scalar* out, const typename X::scalar* x, const typename Grid::scalar* grid,
                  Index batch, std::byte*) {
    std::fill_n(out, detail::elements(Out::extents, batch), typename Out::scalar{});
    for_points<X, Grid>(grid, batch, [=](Index s, Index p, const auto* at) {
      for_corners<X>(at, [=](Index element, auto weight, const auto&) {
        for (Index c = s * channels<X>; c < (s + 1) * channels<X>; ++c)
          out[c * points<X, Grid> + p] += weight * x[c * plane<X> + element];
      });
    });
  }
  /// The gradient of the image.
  struct InputBackward {
    static constexpr std::string_view name = "GridSamplerBackward";
    static constexpr Extents shape(const Extents&, const Extents& x, const Extents&) { return x; }
    template<class Out, class G, class X, class Grid>
    static void run(typename Out::scalar* dx, const typename G::scalar* g, const typename X::scalar*,
                    const typename Grid::scalar* grid, Index batch, std::byte*) {
      std::fill_n(dx, detail::elements(X::extents, batch), typename Out::scalar{});
      for_points<X, Grid>(grid, batch, [=](Index s, Index p, const auto* at) {
        for_corners<X>(at, [=](Index element, auto weight, const auto&) {
          for (Index c = s * channels<X>; c < (s + 1) * channels<X>; ++c)
            dx[c * plane<X> + element] += weight * g[c * points<X, Grid> + p];
        });
      });
    }
  };
  /// The gradient of the places.
  struct GridBackward {
    static constexpr std::string_view name = "GridSamplerGridBackward";
    static constexpr Extents shape(const Extents&, const Extents&, const Extents& grid) { return grid; }
    template<class Out, class G, class X, class Grid>
    static void run(typename Out::scalar* dgrid, const typename G::scalar* g, const typename X::scalar* x,
                    const typename Grid::scalar* grid, Index batch, std::byte*) {
      std::fill_n(dgrid, detail::elements(Grid::extents, batch), typename Out::scalar{});
      for_points<X, Grid>(grid, batch, [=](Index s, Index p, const auto* at) {
        for_corners<X>(at, [=](Index element, auto, const auto& slopes) {
          typename Out::scalar sum{};
          for (Index c = s * channels<X>; c < (s + 1) * channels<X>; ++c)
            sum += g[c * points<X, Grid> + p] * x[c * plane<X> + element];
          for (std::size_t k = 0; k < slopes.size(); ++k)
            dgrid[at - grid + static_cast<Index>(k)] += sum * slopes[k];
        });
      });
    }
  };
  template<class G, class Y, class X, class Grid>
  static constexpr auto vjp(G g, Y, X x, Grid grid) {
    return gradients(operation<InputBackward>{}(g, x, grid), operation<GridBackward>{}(g, x, grid));
  }
};

} // namespace ops

namespace nn {
/// `nn::affine_grid<AlignCorners, H, W>(theta)`: theta [N, 2, 3] gives [N, H, W, 2], [N, 3, 4] with three
/// extents [N, D, H, W, 3]; the places that grid_sample reads. torch.nn.functional.affine_grid.
template<bool AlignCorners, Index... E>
inline constexpr operation<ops::AffineGrid<AlignCorners, E...>> affine_grid;

/// How grid_sample reads between elements.
using ops::SampleMode;
/// What grid_sample reads outside.
using ops::SamplePadding;
/// `nn::grid_sample<nn::SampleMode::bilinear, nn::SamplePadding::border, AlignCorners>(x, grid)`: x [N, C, H,
/// W] at the places grid [N, h, w, 2], or of three dimensions; [N, C, h, w]. Has a first derivative only. No
/// bicubic mode. torch.nn.functional.grid_sample.
template<SampleMode Mode = SampleMode::bilinear, SamplePadding Padding = SamplePadding::zeros,
         bool AlignCorners = false>
inline constexpr operation<ops::GridSample<Mode, Padding, AlignCorners>> grid_sample;
} // namespace nn

} // namespace stator::inline v0_2
