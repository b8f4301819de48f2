// SPDX-License-Identifier: BSL-1.0
// pad and interpolate: the trailing dimensions of x to other extents, by rules.
#pragma once

#include "stator/kernel/resample.hpp"
#include "stator/ops/permute.hpp"
#include "stator/ops/slicing.hpp"

namespace stator::inline v0_2 {

namespace nn {

/// What padding is filled with: a number, or elements of the input as PyTorch's modes of these names take
/// them.
enum class PaddingMode { constant, reflect, replicate, circular };
/// PyTorch's word for an interpolation.
struct InterpolationMode {
  std::array<char, 12> text{}; ///< the word and zeros
  constexpr InterpolationMode(const char* word) {
    for (std::size_t i = 0; i + 1 < text.size() && word[i] != 0; ++i) text[i] = word[i];
  }
  /// The word.
  constexpr std::string_view view() const { return text.data(); }
};

/// Options of interpolate, those of torch.nn.functional.interpolate.
struct InterpolateOptions {
  std::array<Index, 3> size{}; ///< of the dimensions after the channel dimension; one number stands for all
  std::array<double, 3> scale_factor{}; ///< where there is no size; one number stands for all
  InterpolationMode mode =
      "nearest";              ///< "nearest", "linear" (1d), "bilinear" (2d), "trilinear" (3d), "bicubic"
  bool align_corners = false; ///< the corner pixels of input and output coincide
};

} // namespace nn

namespace ops {

/// `Rule` says name, dims(x) (how many trailing dimensions change), extent(x, d), taps, tap(x, d, o, k),
/// requirement(x), otherwise (the value of outputs without inputs), and Linear, the same rule with 0 for
/// that.
template<class Rule>
struct Resample {
  static constexpr std::string_view name = Rule::name;
  static constexpr std::string_view backward_name(const Extents&, const Extents& x) {
    return Rule::backward_name(x);
  }
  static constexpr Extents shape(const Extents& x) {
    Extents e = x;
    for (std::size_t d = x.rank - Rule::dims(x); d < x.rank; ++d) e[d] = Rule::extent(x, d);
    return e;
  }
  static constexpr Text requirement(const Extents& x) { return Rule::requirement(x); }

  template<class X>
  struct Plan {
    using T = typename X::scalar;
    static constexpr std::size_t dims = Rule::dims(X::extents), first = X::extents.rank - dims;
    static constexpr std::size_t taps = Rule::taps;
    static constexpr auto in = [] {
      std::array<Index, dims> e{};
      for (std::size_t d = 0; d < dims; ++d) e[d] = X::extents[first + d];
      return e;
    }();
    static constexpr auto out = [] {
      std::array<Index, dims> e{};
      for (std::size_t d = 0; d < dims; ++d) e[d] = Rule::extent(X::extents, first + d);
      return e;
    }();
    static constexpr kernel::Tap tap(std::size_t d, Index o, std::size_t k) {
      return Rule::tap(X::extents, first + d, o, k);
    }
  };

  template<class Out, class X>
  static void run(typename Out::scalar* y, const typename X::scalar* x, Index batch, std::byte*) {
    kernel::resample<Plan<X>>::forward(x, y, detail::blocks<X>(Plan<X>::first, batch),
                                       static_cast<typename X::scalar>(Rule::otherwise));
  }
  /// The last operand gives the shape only.
  struct Backward {
    static constexpr std::string_view name = "ResampleBackward";
    static constexpr Extents shape(const Extents&, const Extents& x) { return x; }
    template<class Out, class G, class X>
    static void run(typename Out::scalar* dx, const typename G::scalar* g, const typename X::scalar*,
                    Index batch, std::byte*) {
      kernel::resample<Plan<X>>::backward(g, dx, detail::blocks<X>(Plan<X>::first, batch));
    }
    template<class GG, class Y, class G, class X>
    static constexpr auto vjp(GG gg, Y, G, X) {
      return gradients(operation<Resample<typename Rule::Linear>>{}(gg), no_gradient);
    }
  };
  template<class G, class Y, class X>
  static constexpr auto vjp(G g, Y, X x) {
    return gradients(operation<Backward>{}(g, x));
  }
};

/// Padding as torch.nn.functional.pad takes it: before and after the last dimension, then the one before, ...
template<nn::PaddingMode Mode, double Value, Index... Pads>
struct PadRule {
  static_assert(sizeof...(Pads) % 2 == 0, "stator: pad: two numbers for each dimension");
  using Linear = PadRule<Mode, 0.0, Pads...>;
  static constexpr std::size_t count = sizeof...(Pads) / 2, taps = 1;
  static constexpr double otherwise = Value;
  static constexpr std::array<Index, 2 * count> pads{Pads...};
  static constexpr std::string_view name = [] {
    constexpr std::string_view reflect[] = {"ReflectionPad1D", "ReflectionPad2D", "ReflectionPad3D"};
    constexpr std::string_view replicate[] = {"ReplicationPad1D", "ReplicationPad2D", "ReplicationPad3D"};
    if (Mode == nn::PaddingMode::constant || count > 3) return std::string_view("ConstantPadNd");
    if (Mode == nn::PaddingMode::circular) return std::string_view("CopySlices");
    return Mode == nn::PaddingMode::reflect ? reflect[count - 1] : replicate[count - 1];
  }();
  static constexpr std::string_view backward_name(const Extents&) {
    constexpr std::string_view reflect[] = {"ReflectionPad1DBackward0", "ReflectionPad2DBackward0",
                                            "ReflectionPad3DBackward0"};
    constexpr std::string_view replicate[] = {"ReplicationPad1DBackward0", "ReplicationPad2DBackward0",
                                              "ReplicationPad3DBackward0"};
    if (Mode == nn::PaddingMode::constant || count > 3) return "ConstantPadNdBackward0";
    if (Mode == nn::PaddingMode::circular) return "CopySlices";
    return Mode == nn::PaddingMode::reflect ? reflect[count - 1] : replicate[count - 1];
  }

  static constexpr std::size_t dims(const Extents&) { return count; }
  static constexpr Index before(const Extents& x, std::size_t d) { return pads[2 * (x.rank - 1 - d)]; }
  static constexpr Index after(const Extents& x, std::size_t d) { return pads[2 * (x.rank - 1 - d) + 1]; }
  static constexpr Index extent(const Extents& x, std::size_t d) { return x[d] + before(x, d) + after(x, d); }
  static constexpr Text requirement(const Extents& x) {
    if (x.rank < count || (x.is_dynamic() && x.rank == count))
      return text("pad: ", x, " has too few dimensions to pad ", count, " of them");
    for (std::size_t d = x.rank - count; d < x.rank; ++d) {
      const Index most = std::max(before(x, d), after(x, d));
      const bool fits =
          Mode == nn::PaddingMode::reflect ? most < x[d] : Mode != nn::PaddingMode::circular || most <= x[d];
      if (!fits || extent(x, d) < 0)
        return text("pad: dimension ", d, " of ", x, " cannot be padded by ", before(x, d), " and ",
                    after(x, d));
    }
    return {};
  }
  static constexpr kernel::Tap tap(const Extents& x, std::size_t d, Index o, std::size_t) {
    const Index n = x[d];
    Index i = o - before(x, d);
    if (Mode == nn::PaddingMode::constant)
      i = i < 0 || i >= n ? -1 : i;
    else if (Mode == nn::PaddingMode::reflect)
      i = i < 0 ? -i : i >= n ? 2 * (n - 1) - i : i;
    else if (Mode == nn::PaddingMode::replicate)
      i = std::clamp<Index>(i, 0, n - 1);
    else
      i = (i + n) % n;
    return {i, 1};
  }
};

/// Interpolation of the dimensions after the channel dimension.
template<nn::InterpolateOptions Options>
struct InterpolateRule {
  using Linear = InterpolateRule;
  static constexpr bool nearest = Options.mode.view() == "nearest";
  static constexpr bool cubic = Options.mode.view() == "bicubic";
  static constexpr std::size_t taps = nearest ? 1 : cubic ? 4 : 2;
  static constexpr double otherwise = 0;
  static constexpr std::string_view name = nearest ? "UpsampleNearest"
                                           : cubic ? "UpsampleBicubic2D"
                                                   : "UpsampleLinear";
  static constexpr std::string_view backward_name(const Extents& x) {
    constexpr std::string_view nearest_names[] = {"UpsampleNearest1DBackward1", "UpsampleNearest2DBackward1",
                                                  "UpsampleNearest3DBackward1"};
    constexpr std::string_view linear_names[] = {"UpsampleLinear1DBackward1", "UpsampleBilinear2DBackward1",
                                                 "UpsampleTrilinear3DBackward1"};
    if (cubic) return "UpsampleBicubic2DBackward1";
    return nearest ? nearest_names[x.rank - 3] : linear_names[x.rank - 3];
  }

  static constexpr std::size_t dims(const Extents& x) { return x.rank - 2; }
  static constexpr double factor(std::size_t k) {
    return k > 0 && Options.scale_factor[k] == 0 ? Options.scale_factor[0] : Options.scale_factor[k];
  }
  static constexpr Index size(std::size_t k) {
    return k > 0 && Options.size[k] == 0 ? Options.size[0] : Options.size[k];
  }
  static constexpr Index extent(const Extents& x, std::size_t d) {
    return size(d - 2) > 0 ? size(d - 2) : static_cast<Index>(static_cast<double>(x[d]) * factor(d - 2));
  }
  static constexpr Text requirement(const Extents& x) {
    if (x.rank < 3 || x.rank > 5)
      return text("interpolate: input ", x, ", expected [N, C, L], [N, C, H, W] or [N, C, D, H, W]");
    constexpr std::string_view words[] = {"linear", "bilinear", "trilinear"};
    if (!(nearest || (cubic && x.rank == 4) || Options.mode.view() == words[x.rank - 3]))
      return text("interpolate: there is no mode ", Options.mode.view(), " for an input of shape ", x);
    if (size(0) <= 0 && factor(0) <= 0) return text("interpolate: needs a size or a scale_factor");
    return {};
  }
  static constexpr Index floor(double v) {
    const auto i = static_cast<Index>(v);
    return static_cast<double>(i) > v ? i - 1 : i;
  }
  static constexpr kernel::Tap tap(const Extents& x, std::size_t d, Index o, std::size_t k) {
    const Index n = x[d], m = extent(x, d);
    const auto in = static_cast<double>(n), out = static_cast<double>(m), at = static_cast<double>(o);
    const double scale = Options.align_corners ? (m > 1 ? (in - 1) / (out - 1) : 0)
                         : size(d - 2) > 0     ? in / out
                                               : 1 / factor(d - 2);
    if (nearest) return {std::min(floor(at * scale), n - 1), 1};
    double real = Options.align_corners ? at * scale : scale * (at + 0.5) - 0.5;
    if (!cubic) {
      real = std::max(real, 0.0);
      const Index i = std::min(floor(real), n - 1);
      const double t = real - static_cast<double>(i);
      return k == 0 ? kernel::Tap{i, 1 - t} : kernel::Tap{std::min(i + 1, n - 1), t};
    }
    // Keys' cubic convolution with a = -3/4; the borders repeat.
    constexpr double a = -0.75;
    const Index i = floor(real);
    const double t = real - static_cast<double>(i);
    const auto inner = [](double v) { return ((a + 2) * v - (a + 3)) * v * v + 1; };
    const auto outer = [](double v) { return ((a * v - 5 * a) * v + 8 * a) * v - 4 * a; };
    const double weight = k == 0 ? outer(t + 1) : k == 1 ? inner(t) : k == 2 ? inner(1 - t) : outer(2 - t);
    return {std::clamp<Index>(i - 1 + static_cast<Index>(k), 0, n - 1), weight};
  }
};

/// x [N, C r^2, H, W] as [N, C, H r, W r], and back.
template<Index R>
struct PixelShuffle {
  static constexpr std::string_view name = "PixelShuffle";
  static constexpr bool is_composite = true;
  template<class X>
  static constexpr auto compose(X x) {
    constexpr Extents e = X::extents;
    static_assert(e.rank == 4 && e[1] % (R * R) == 0,
                  "stator: pixel_shuffle: needs [N, C, H, W] with C a multiple of r^2");
    const auto cut = reshape_to<Extents(e[0], e[1] / (R * R), R, R, e[2], e[3])>(x);
    return reshape_to<Extents(e[0], e[1] / (R * R), e[2] * R, e[3] * R)>(
        operation<Permute<0, 1, 4, 2, 5, 3>>{}(cut));
  }
};
/// x [N, C, H * R, W * R], returns [N, C * R * R, H, W].
template<Index R>
struct PixelUnshuffle {
  static constexpr std::string_view name = "PixelUnshuffle";
  static constexpr bool is_composite = true;
  template<class X>
  static constexpr auto compose(X x) {
    constexpr Extents e = X::extents;
    static_assert(e.rank == 4 && e[2] % R == 0 && e[3] % R == 0,
                  "stator: pixel_unshuffle: needs [N, C, H, W] with H and W multiples of r");
    const auto cut = reshape_to<Extents(e[0], e[1], e[2] / R, R, e[3] / R, R)>(x);
    return reshape_to<Extents(e[0], e[1] * R * R, e[2] / R, e[3] / R)>(
        operation<Permute<0, 1, 3, 5, 2, 4>>{}(cut));
  }
};

} // namespace ops

namespace nn {
/// `pad<1, 1, 2, 2>(x)`: torch.nn.functional.pad with zeros: before and after the last dimension, then the
/// one before.
template<Index... Pads>
inline constexpr operation<ops::Resample<ops::PadRule<PaddingMode::constant, 0.0, Pads...>>> pad;
/// The same with another mode, and for the constant mode another value.
template<PaddingMode Mode, double Value, Index... Pads>
inline constexpr operation<ops::Resample<ops::PadRule<Mode, Value, Pads...>>> pad_with;
/// x [N, C, ...] with the dimensions after the channel dimension resized, torch.nn.functional.interpolate.
template<InterpolateOptions Options>
inline constexpr operation<ops::Resample<ops::InterpolateRule<Options>>> interpolate;
/// torch.nn.functional.pixel_shuffle: x [N, C * R * R, H, W], returns [N, C, H * R, W * R].
template<Index R>
inline constexpr operation<ops::PixelShuffle<R>> pixel_shuffle;
/// torch.nn.functional.pixel_unshuffle, the inverse of pixel_shuffle: x [N, C, H * R, W * R], returns [N, C
/// * R * R, H, W].
template<Index R>
inline constexpr operation<ops::PixelUnshuffle<R>> pixel_unshuffle;
} // namespace nn

} // namespace stator::inline v0_2
