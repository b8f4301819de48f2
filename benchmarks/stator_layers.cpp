// SPDX-License-Identifier: BSL-1.0
// Single layers on Stator: a forward, and a forward with all gradients.
#include "stator.hpp"

namespace bench {
namespace {

struct BatchNorm {
  nn::BatchNorm2d<64> norm;
  constexpr auto forward(auto x) const { return x | norm; }
};
struct LayerNorm {
  nn::LayerNorm<256> norm;
  constexpr auto forward(auto x) const { return x | norm; }
};
struct Pool {
  constexpr auto forward(auto x) const { return x | nn::max_pool2d<3, {.stride = 2, .padding = 1}>; }
};
struct Upsample {
  nn::ConvTranspose2d<64, 32, 4, {.stride = 2, .padding = 1}> conv;
  constexpr auto forward(auto x) const { return x | conv; }
};
template<class Cells>
struct Sequence {
  Cells cells;
  constexpr auto forward(auto x) const { return x | cells; }
};
using Lstm = Sequence<nn::LSTM<64, 128, {.batch_first = true}>>;
using Gru = Sequence<nn::GRU<64, 128, {.batch_first = true}>>;
/// Queries, keys and values beside each other in, [batch, Length, 3 * 128], of four heads.
template<Index Length, bool Causal>
struct Attention {
  constexpr auto forward(auto x) const {
    const auto heads_of = [](auto part) {
      return stator::permute<0, 2, 1, 3>(stator::view<-1, Length, 4, 32>(part));
    };
    const auto [q, k, v] = stator::split<2, 128, 128, 128>(x);
    const auto y = nn::scaled_dot_product_attention<Causal>(heads_of(q), heads_of(k), heads_of(v));
    return stator::view<-1, Length, 128>(stator::permute<0, 2, 1, 3>(y));
  }
};

/// A layer's forward, and the gradients of sum(y * g) by its input and its parameters.
template<class Net, Index... E>
struct Gradients {
  using X = stator::Variable<float, E...>;
  using Y = decltype(std::declval<stator::Model<Net>&>()(std::declval<X&>()).value());
  stator::Model<Net> model;
  X x;
  Y g = filled<Y>(target_tensor);
  static auto loss(stator::Model<Net>& model, X& x, Y& g) { return stator::sum(model(x) * g); }
  using Program = TrainingProgram<decltype(loss(std::declval<stator::Model<Net>&>(), std::declval<X&>(),
                                                std::declval<Y&>()))>;

  Gradients() {
    fill_parameters(model);
    fill_tensor(x, input_tensor);
  }
  void operator()() {
    auto l = loss(model, x, g);
    model.zero_grad();
    l.backward(); // adds to x.grad(), as everybody here
  }
  double result() const { return digest({x.grad().data(), static_cast<std::size_t>(x.numel())}); }
};

template<class Net, Index... E>
void enter(const std::string& what) {
  using S = Gradients<Net, E...>;
  Enter{
      infer<Net, Floats<E...>>("layer/" + what + "/forward"),
      {"layer/" + what + "/gradients",
       "stator",
       [] { return repeat<S>(); },
       {flops_of<typename S::Program>()}},
  };
}

const bool entered = [] {
  enter<BatchNorm, 8, 64, 32, 32>("batch_norm");
  enter<LayerNorm, 512, 256>("layer_norm");
  enter<Pool, 8, 64, 56, 56>("max_pool_3x3");
  enter<Upsample, 8, 64, 16, 16>("conv_transpose");
  enter<Lstm, 32, 50, 64>("lstm_64_128");
  enter<Gru, 32, 50, 64>("gru_64_128");
  enter<Attention<64, true>, 8, 64, 384>("attention_64_causal");
  enter<Attention<512, false>, 2, 512, 384>("attention_512");
  return true;
}();

} // namespace
} // namespace bench
