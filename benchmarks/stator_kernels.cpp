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

/// An operation on an array that no cache holds.
template<auto Does, class X>
struct Stream {
  X x = filled<X>(input_tensor);
  using Y = decltype(Does(std::declval<X&>()).value());
  Y y{};
  void operator()() { Does(x).value_into(y); }
};
template<auto Does, Index... E>
Contender stream(const std::string& what) {
  using S = Stream<Does, Floats<E...>>;
  constexpr auto floats = (E * ...) + S::Y::shape_type::numel;
  return {"memory/" + what,
          "stator",
          [] { return repeat<S>(); },
          {0, sizeof(float) * static_cast<double>(floats)}};
}

/// One pass of Adam over a large arena: reads four arrays, writes three.
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

const bool entered = [] {
  [&]<std::size_t... I>(std::index_sequence<I...>) {
    (Enter{{row_of(products[I]),
            "stator",
            [] { return repeat<StatorProduct<I>>(); },
            {2.0 * static_cast<double>(products[I].m * products[I].n * products[I].k), 0}}},
     ...);
  }(std::make_index_sequence<products.size()>());
  [&]<std::size_t... I>(std::index_sequence<I...>) {
    for (const Pass p : passes)
      (Enter{{row_of(convolutions[I], p),
              "stator",
              [p] { return repeat<StatorConvolution<I>>(p); },
              {convolutions[I].flops(), 0}}},
       ...);
  }(std::make_index_sequence<convolutions.size()>());
  constexpr double adam_bytes = 7.0 * sizeof(float) * (2 * 2048 * 2049);
  Enter{
      stream<[](auto& x) { return nn::relu(x); }, 4096, 2048>("relu"),
      stream<[](auto& x) { return nn::gelu(x); }, 4096, 2048>("gelu"),
      stream<[](auto& x) { return nn::softmax<1>(x); }, 4096, 2048>("softmax"),
      stream<[](auto& x) { return nn::layer_norm<1>(x); }, 4096, 2048>("layer_norm"),
      stream<[](auto& x) { return nn::max_pool2d<2>(x); }, 64, 64, 56, 56>("max_pool"),
      stream<[](auto& x) { return stator::transpose<0, 1>(x); }, 4096, 2048>("transpose"),
      {"memory/adam", "stator", [] { return repeat<AdamStep>(); }, {0, adam_bytes}},
  };
  return true;
}();

} // namespace
} // namespace bench
