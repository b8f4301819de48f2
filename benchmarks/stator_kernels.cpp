// SPDX-License-Identifier: BSL-1.0
// Stator's kernels by themselves: products, convolutions, and what the memory limits.
#include "kernels.hpp"
#include "stator.hpp"

namespace bench {
namespace {

template<std::size_t I>
struct StatorProduct : ProductData {
  static constexpr Product shape = products[I];
  using kernel = stator::kernel::gemm<float, shape.m, shape.n, shape.k, shape.trans_a(), shape.trans_b()>;
  stator::MemoryBlock scratch{kernel::scratch.total(std::max({shape.m, shape.n, shape.k})) + 1};
  StatorProduct() : ProductData(shape) {}
  void operator()() {
    kernel::run(a.data(), b.data(), nullptr, c.data(), false, shape.m, shape.n, shape.k, scratch.data());
  }
};

template<std::size_t I>
struct StatorConvolution : ConvolutionData {
  static constexpr Convolution s = convolutions[I];
  static constexpr stator::kernel::ConvGeometry<2> geometry{.in_channels = s.in,
                                                            .out_channels = s.out,
                                                            .groups = s.groups,
                                                            .input = {s.size, s.size},
                                                            .kernel = {s.kernel, s.kernel},
                                                            .stride = {s.stride, s.stride},
                                                            .padding_begin = {s.padding, s.padding},
                                                            .padding_end = {s.padding, s.padding},
                                                            .dilation = {s.dilation, s.dilation}};
  using kernel = stator::kernel::conv<float, geometry>;
  stator::MemoryBlock scratch{std::max({kernel::forward_scratch(s.batch).total(s.batch),
                                        kernel::backward_input_scratch(s.batch).total(s.batch),
                                        kernel::backward_weight_scratch(s.batch).total(s.batch)}) +
                              1};
  explicit StatorConvolution(Pass p) : ConvolutionData(s, p) {}
  void operator()() {
    if (pass == Pass::forward)
      kernel::forward(x.data(), w.data(), nullptr, y.data(), s.batch, scratch.data());
    else if (pass == Pass::input)
      kernel::backward_input(y.data(), w.data(), x.data(), s.batch, scratch.data());
    else
      kernel::backward_weight(x.data(), y.data(), w.data(), false, s.batch, scratch.data());
  }
};

/// An operation on an array that no cache holds. `Passes`: how often its input must be read.
template<auto Does, class X>
struct Stream {
  X x = filled<X>(input_tensor);
  using Y = decltype(Does(std::declval<X&>()).value());
  Y y{};
  void operator()() { Does(x).value_into(y); }
  double result() const { return digest({y.data(), static_cast<std::size_t>(y.numel())}); }
};
template<auto Does, int Passes, Index... E>
Contender stream(const std::string& what) {
  using S = Stream<Does, Floats<E...>>;
  constexpr double input = sizeof(float) * (E * ...), output = sizeof(float) * S::Y::shape_type::numel;
  return {
      "memory/" + what, "stator", [] { return repeat<S>(); }, {.reads = Passes * input, .writes = output}};
}
/// Its gradient by its input, from that of the result.
template<auto Does, class X>
struct StreamBackward {
  X x = filled<X>(input_tensor), dx{};
  using G = decltype(Does(std::declval<X&>()).value());
  G g = filled<G>(target_tensor);
  void operator()() {
    std::get<1>(stator::vjp([](const auto& in) { return Does(in); }, x, g)).value_into(dx);
  }
  double result() const { return digest({dx.data(), static_cast<std::size_t>(dx.numel())}); }
};
template<auto Does, int Passes, Index... E>
Contender stream_backward(const std::string& what) {
  using S = StreamBackward<Does, Floats<E...>>;
  constexpr double input = sizeof(float) * (E * ...), output = sizeof(float) * S::G::shape_type::numel;
  return {"memory/" + what + "_backward",
          "stator",
          [] { return repeat<S>(); },
          {.reads = Passes * (input + output), .writes = input}};
}

/// dx of a softmax from its result.
struct SoftmaxBackward {
  Buffer y{4096 * 2048, input_tensor}, g{4096 * 2048, target_tensor}, dx{4096 * 2048, 0};
  void operator()() {
    stator::kernel::softmax<false, float, stator::Extents(4096, 2048), 1>::backward(y.data(), g.data(),
                                                                                    dx.data(), 4096);
  }
  double result() { return digest(dx.values()); }
};

/// The gradient of the loss of many logits, by them.
struct CrossEntropy {
  stator::Variable<float, 4096, 2048> x;
  Ints<4096> target = filled<Ints<4096>>(target_tensor);
  Floats<4096, 2048> dx;
  CrossEntropy() { fill_tensor(x, input_tensor); }
  void operator()() { stator::grad(nn::cross_entropy(x, target), x).value_into(dx); }
  double result() const { return digest({dx.data(), static_cast<std::size_t>(dx.numel())}); }
};

/// One pass of Adam over a large arena: reads four arrays, and writes three of them.
struct AdamStep {
  using Net = Mlp<2048, 2048, 2048>;
  stator::Model<Net> model;
  stator::optim::Adam<stator::Model<Net>> adam{model, {.lr = learning_rate}};
  AdamStep() {
    const Floats<1, 2048> x;
    stator::sum(model(x)).backward();
  }
  void operator()() { adam.step(); }
};

constexpr auto relu = [](auto& x) { return nn::relu(x); };
constexpr auto gelu = [](auto& x) { return nn::gelu(x); };
constexpr auto layer_norm = [](auto& x) { return nn::layer_norm<1>(x); };
constexpr auto max_pool = [](auto& x) { return nn::max_pool2d<2>(x); };
constexpr auto max_pool_3 = [](auto& x) { return nn::max_pool2d<3, {.stride = 2, .padding = 1}>(x); };

/// BatchNorm that trains, without what it remembers.
struct BatchNorm {
  nn::BatchNorm2d<64, {.affine = false, .track_running_stats = false}> norm;
  constexpr auto forward(auto x) const { return x | norm; }
};
stator::Model<BatchNorm>& batch_norm_model() {
  static stator::Model<BatchNorm> model;
  return model;
}
constexpr auto batch_norm = [](auto& x) { return batch_norm_model()(x); };

/// A product's operations, and its larger matrix, which is read once at least.
constexpr Work work_of(const Product& p) {
  return {2.0 * static_cast<double>(p.m * p.n * p.k),
          sizeof(float) * static_cast<double>(std::max(p.m * p.k, p.k * p.n))};
}

const bool entered = [] {
  [&]<std::size_t... I>(std::index_sequence<I...>) {
    (Enter{{row_of(products[I]), "stator", [] { return repeat<StatorProduct<I>>(); }, work_of(products[I])}},
     ...);
  }(std::make_index_sequence<products.size()>());
  [&]<std::size_t... I>(std::index_sequence<I...>) {
    for (const Pass p : passes)
      (Enter{{row_of(convolutions[I], p),
              "stator",
              [p] { return repeat<StatorConvolution<I>>(p); },
              {convolutions[I].flops()}}},
       ...);
  }(std::make_index_sequence<convolutions.size()>());
  constexpr double parameters = sizeof(float) * (2 * 2048 * 2049), logits = sizeof(float) * (4096 * 2048);
  Enter{
      stream<relu, 1, 4096, 2048>("relu"),
      stream<gelu, 1, 4096, 2048>("gelu"),
      stream_backward<gelu, 1, 4096, 2048>("gelu"),
      stream<[](auto& x) { return nn::softmax<1>(x); }, 1, 4096, 2048>("softmax"),
      {"memory/softmax_backward",
       "stator",
       [] { return repeat<SoftmaxBackward>(); },
       {.reads = 2 * logits, .writes = logits}},
      {"memory/cross_entropy",
       "stator",
       [] { return repeat<CrossEntropy>(); },
       {.reads = logits, .writes = logits}},
      stream<layer_norm, 1, 4096, 2048>("layer_norm"),
      stream_backward<layer_norm, 1, 4096, 2048>("layer_norm"),
      stream<batch_norm, 2, 64, 64, 56, 56>("batch_norm"),
      stream_backward<batch_norm, 2, 64, 64, 56, 56>("batch_norm"),
      stream<max_pool, 1, 64, 64, 56, 56>("max_pool"),
      stream_backward<max_pool, 1, 64, 64, 56, 56>("max_pool"),
      stream<max_pool_3, 1, 64, 64, 56, 56>("max_pool_3x3"),
      stream_backward<max_pool_3, 1, 64, 64, 56, 56>("max_pool_3x3"),
      stream<[](auto& x) { return stator::transpose<0, 1>(x); }, 1, 4096, 2048>("transpose"),
      {"memory/adam",
       "stator",
       [] { return repeat<AdamStep>(); },
       {.reads = 4 * parameters, .updates = 3 * parameters}},
  };
  return true;
}();

} // namespace
} // namespace bench
