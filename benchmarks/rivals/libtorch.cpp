// SPDX-License-Identifier: BSL-1.0
// The networks on libtorch, and what walking over parameters costs there.
#include "libtorch.hpp"

namespace bench {
namespace {

struct Mlp : tn::Module {
  std::vector<tn::Linear> layers;
  explicit Mlp(const std::vector<std::int64_t>& widths) {
    for (std::size_t i = 0; i + 1 < widths.size(); ++i)
      layers.push_back(register_module("fc" + std::to_string(i + 1), tn::Linear(widths[i], widths[i + 1])));
  }
  Tensor forward(Tensor x) {
    for (std::size_t i = 0; i + 1 < layers.size(); ++i) x = torch::relu(layers[i](x));
    return layers.back()(x);
  }
};

struct Lenet : tn::Module {
  tn::Conv2d conv1 = register_module("conv1", tn::Conv2d(tn::Conv2dOptions(1, 6, 5).padding(2))),
             conv2 = register_module("conv2", tn::Conv2d(6, 16, 5));
  tn::Linear fc1 = register_module("fc1", tn::Linear(400, 120)),
             fc2 = register_module("fc2", tn::Linear(120, 84)),
             fc3 = register_module("fc3", tn::Linear(84, 10));
  Tensor forward(Tensor x) {
    x = torch::max_pool2d(torch::relu(conv1(x)), 2);
    x = torch::max_pool2d(torch::relu(conv2(x)), 2).flatten(1);
    return fc3(torch::relu(fc2(torch::relu(fc1(x)))));
  }
};

struct Cnn : tn::Module {
  tn::Conv2d conv1 = register_module("conv1", tn::Conv2d(1, 32, 3)),
             conv2 = register_module("conv2", tn::Conv2d(32, 64, 3));
  tn::Linear fc1 = register_module("fc1", tn::Linear(9216, 128)),
             fc2 = register_module("fc2", tn::Linear(128, 10));
  Tensor forward(Tensor x) {
    x = torch::max_pool2d(torch::relu(conv2(torch::relu(conv1(x)))), 2).flatten(1);
    return fc2(torch::relu(fc1(x)));
  }
};

tn::Conv2d convolution(std::int64_t in, std::int64_t out, std::int64_t size, std::int64_t stride) {
  return tn::Conv2d(tn::Conv2dOptions(in, out, size).stride(stride).padding(size / 2).bias(false));
}
struct BasicBlockImpl : tn::Module {
  tn::Conv2d conv1, conv2;
  tn::BatchNorm2d bn1, bn2;
  tn::Sequential downsample;
  BasicBlockImpl(std::int64_t in, std::int64_t out, std::int64_t stride)
      : conv1(convolution(in, out, 3, stride)), conv2(convolution(out, out, 3, 1)), bn1(out), bn2(out) {
    register_module("conv1", conv1);
    register_module("bn1", bn1);
    register_module("conv2", conv2);
    register_module("bn2", bn2);
    if (stride != 1 || in != out) {
      downsample = tn::Sequential(convolution(in, out, 1, stride), tn::BatchNorm2d(out));
      register_module("downsample", downsample);
    }
  }
  Tensor forward(const Tensor& x) {
    const Tensor y = bn2(conv2(torch::relu(bn1(conv1(x)))));
    return torch::relu(y + (downsample->is_empty() ? x : downsample->forward(x)));
  }
};
TORCH_MODULE(BasicBlock);
struct Resnet18 : tn::Module {
  tn::Conv2d conv1 = register_module("conv1", convolution(3, 64, 3, 1));
  tn::BatchNorm2d bn1 = register_module("bn1", tn::BatchNorm2d(64));
  tn::Sequential layers;
  tn::Linear fc = nullptr;
  Resnet18() {
    std::int64_t in = 64;
    for (const std::int64_t out : {64, 128, 256, 512}) {
      layers->push_back(BasicBlock(in, out, out == 64 ? 1 : 2));
      layers->push_back(BasicBlock(out, out, 1));
      in = out;
    }
    register_module("layers", layers);
    fc = register_module("fc", tn::Linear(512, 10));
  }
  Tensor forward(const Tensor& x) { return fc(layers->forward(torch::relu(bn1(conv1(x)))).mean({2, 3})); }
};

constexpr std::int64_t tokens = 256, length = 64, width = 128, heads = 4;
struct GptBlockImpl : tn::Module {
  tn::LayerNorm ln_1 = register_module("ln_1", tn::LayerNorm(tn::LayerNormOptions({width})));
  tn::Linear c_attn = register_module("c_attn", tn::Linear(width, 3 * width)),
             attn_proj = register_module("attn_proj", tn::Linear(width, width));
  tn::LayerNorm ln_2 = register_module("ln_2", tn::LayerNorm(tn::LayerNormOptions({width})));
  tn::Linear c_fc = register_module("c_fc", tn::Linear(width, 4 * width)),
             c_proj = register_module("c_proj", tn::Linear(4 * width, width));
  Tensor hidden = torch::ones({length, length}, torch::kBool).triu(1);

  Tensor attention(const Tensor& x) {
    const auto parts = c_attn(x).split(width, 2);
    const auto heads_of = [](const Tensor& t) {
      return t.view({-1, length, heads, width / heads}).transpose(1, 2);
    };
    Tensor scores =
        torch::matmul(heads_of(parts[0]), heads_of(parts[1]).transpose(2, 3)) / std::sqrt(width / heads);
    scores = torch::softmax(scores.masked_fill(hidden, -std::numeric_limits<float>::infinity()), 3);
    const Tensor y = torch::matmul(scores, heads_of(parts[2]));
    return attn_proj(y.transpose(1, 2).contiguous().view({-1, length, width}));
  }
  Tensor forward(const Tensor& x) {
    const Tensor y = x + attention(ln_1(x));
    return y + c_proj(torch::gelu(c_fc(ln_2(y))));
  }
};
TORCH_MODULE(GptBlock);
struct Gpt : tn::Module {
  tn::Embedding wte = register_module("wte", tn::Embedding(tokens, width)),
                wpe = register_module("wpe", tn::Embedding(length, width));
  tn::Sequential h = register_module("h", tn::Sequential(GptBlock(), GptBlock(), GptBlock(), GptBlock()));
  tn::LayerNorm ln_f = register_module("ln_f", tn::LayerNorm(tn::LayerNormOptions({width})));
  Tensor forward(const Tensor& words) {
    return torch::matmul(ln_f(h->forward(wte(words) + wpe->weight)), wte->weight.t());
  }
};

struct Lstm : tn::Module {
  tn::LSTM lstm = register_module("lstm", tn::LSTM(tn::LSTMOptions(16, 64).batch_first(true)));
  Tensor forward(const Tensor& x) { return std::get<0>(lstm(x)); }
};

struct Audio : tn::Module {
  std::vector<tn::Conv1d> convs;
  Audio() {
    for (int i = 0; i < 4; ++i)
      convs.push_back(
          register_module("conv" + std::to_string(i + 1),
                          tn::Conv1d(tn::Conv1dOptions(i == 0 ? 1 : 16, 16, 3).dilation(1 << i))));
  }
  Tensor forward(Tensor x) {
    for (auto& conv : convs) x = torch::tanh(conv(x));
    return x;
  }
};

template<class Optimizer>
using OptionsOf = std::conditional_t<std::is_same_v<Optimizer, torch::optim::SGD>, torch::optim::SGDOptions,
                                     torch::optim::AdamOptions>;

template<class Net, class Optimizer>
struct Train {
  std::shared_ptr<Net> net;
  Tensor x, target, loss{};
  Optimizer optimizer;
  bool classes, naive;
  float value = 0;
  Train(std::shared_ptr<Net> n, Tensor in, Tensor to, bool is_naive)
      : net(std::move(n)), x(std::move(in)), target(std::move(to)),
        optimizer(net->parameters(), OptionsOf<Optimizer>(learning_rate)),
        classes(target.scalar_type() == torch::kInt64), naive(is_naive) {}
  void operator()() {
    optimizer.zero_grad();
    Tensor y = net->forward(naive ? made_anew(x) : x);
    if (classes)
      loss = torch::nn::functional::cross_entropy(y.dim() == 3 ? y.flatten(0, 1) : y,
                                                  naive ? made_anew(target) : target);
    else
      loss = torch::mse_loss(y, naive ? made_anew(target) : target);
    loss.backward();
    optimizer.step();
    if (naive) value = loss.item<float>();
  }
  double result() const { return loss.item<double>(); }
};

template<class Net, class Optimizer, class... A>
void train(const std::string& row, const std::function<Tensor()>& x, const std::function<Tensor()>& target,
           const A&... arguments) {
  for (const bool naive : {false, true})
    Enter{{row, naive ? "libtorch, naive" : "libtorch",
           [=] { return repeat<Train<Net, Optimizer>>(made<Net>(arguments...), x(), target(), naive); }}};
}

auto ints(std::vector<std::int64_t> sizes) {
  return [=] { return labels(sizes); };
}
using Widths = std::vector<std::int64_t>;
using torch::optim::Adam, torch::optim::SGD;

/// What walks over 148 parameters in 12 blocks costs, see registry.cpp: names and sizes alike, no forward.
struct Tree : tn::Module {};
struct Transformer {
  std::shared_ptr<Tree> root = std::make_shared<Tree>();
  std::unique_ptr<Adam> adam;
  std::unique_ptr<SGD> sgd;
  double total = 0;
  Transformer() {
    torch::set_num_threads(1);
    const auto module = [](Tree& in, const std::string& name,
                           std::initializer_list<std::pair<const char*, int>> sizes) {
      const auto m = in.register_module(name, std::make_shared<Tree>());
      for (const auto& [parameter, size] : sizes) m->register_parameter(parameter, torch::zeros({size}));
      return m;
    };
    module(*root, "wte", {{"weight", 256}});
    const auto blocks = root->register_module("blocks", std::make_shared<Tree>());
    for (int i = 0; i < 12; ++i) {
      const auto block = module(*blocks, std::to_string(i), {});
      module(*block, "ln1", {{"weight", 8}, {"bias", 8}});
      const auto attention = module(*block, "attn", {});
      module(*attention, "qkv", {{"weight", 192}, {"bias", 24}});
      module(*attention, "proj", {{"weight", 64}, {"bias", 8}});
      module(*block, "ln2", {{"weight", 8}, {"bias", 8}});
      const auto feed = module(*block, "mlp", {});
      module(*feed, "up", {{"weight", 256}, {"bias", 32}});
      module(*feed, "down", {{"weight", 256}, {"bias", 8}});
    }
    module(*root, "ln", {{"weight", 8}, {"bias", 8}});
    module(*root, "head", {{"weight", 256}});
    for (Tensor& p : root->parameters()) p.mutable_grad() = torch::zeros_like(p);
    adam = std::make_unique<Adam>(root->parameters(), torch::optim::AdamOptions(learning_rate));
    sgd = std::make_unique<SGD>(root->parameters(), torch::optim::SGDOptions(learning_rate));
  }
};
template<auto Does>
struct Walk : Transformer {
  void operator()() { Does(*this); }
};
template<auto Does>
Contender walk(const char* what) {
  return {std::string("registry/") + what + "/transformer", "libtorch", [] { return repeat<Walk<Does>>(); }};
}

const bool entered = [] {
  train<Mlp, SGD>("train/mlp_4_8_2/1", floats({1, 4}), floats({1, 2}, target_tensor), Widths{4, 8, 2});
  train<Mlp, SGD>("train/mlp_4_8_2/32", floats({32, 4}), floats({32, 2}, target_tensor), Widths{4, 8, 2});
  train<Mlp, Adam>("train/mlp_784_128_10/64", floats({64, 784}), ints({64}), Widths{784, 128, 10});
  train<Mlp, Adam>("train/mlp_784_1024_1024_10/128", floats({128, 784}), ints({128}),
                   Widths{784, 1024, 1024, 10});
  train<Lenet, Adam>("train/lenet/64", floats({64, 1, 28, 28}), ints({64}));
  train<Cnn, Adam>("train/cnn/64", floats({64, 1, 28, 28}), ints({64}));
  train<Resnet18, Adam>("train/resnet18/8", floats({8, 3, 32, 32}), ints({8}));
  train<Gpt, Adam>("train/gpt/8", ints({8, length}), ints({8 * length}));
  train<Lstm, Adam>("train/lstm_16_64/32", floats({32, 50, 16}), floats({32, 50, 64}, target_tensor));
  infer<Mlp>("infer/mlp_784_128_10/1", floats({1, 784}), Widths{784, 128, 10});
  infer<Mlp>("infer/mlp_784_1024_1024_10/1", floats({1, 784}), Widths{784, 1024, 1024, 10});
  infer<Lenet>("infer/lenet/1", floats({1, 1, 28, 28}));
  infer<Cnn>("infer/cnn/1", floats({1, 1, 28, 28}));
  infer<Resnet18>("infer/resnet18/1", floats({1, 3, 32, 32}));
  infer<Gpt>("infer/gpt/1", ints({1, length}));
  infer<Audio>("infer/audio/1", floats({1, 1, 158}));
  for (std::int64_t w = 4; w <= 4096; w *= 2) {
    train<Mlp, SGD>("width/train/" + std::to_string(w), floats({32, w}), floats({32, w}, target_tensor),
                    Widths{w, w, w});
    infer<Mlp>("width/infer/" + std::to_string(w), floats({1, w}), Widths{w, w, w});
  }
  for (std::int64_t b = 1; b <= 256; b *= 2) {
    infer<Mlp>("batch/mlp_784_128_10/" + std::to_string(b), floats({b, 784}), Widths{784, 128, 10});
    infer<Lenet>("batch/lenet/" + std::to_string(b), floats({b, 1, 28, 28}));
  }
  Enter{
      walk<[](Transformer& t) {
        float total = 0;
        for (const auto& p : t.root->named_parameters())
          total += *p.value().data_ptr<float>() + static_cast<float>(p.key().size());
        t.total = static_cast<double>(total);
      }>("walk"),
      walk<[](Transformer& t) { t.root->zero_grad(false); }>("zero_grad"),
      walk<[](Transformer& t) { t.adam->step(); }>("adam_step"),
      walk<[](Transformer& t) { t.sgd->step(); }>("sgd_step"),
  };
  return true;
}();

} // namespace
} // namespace bench
