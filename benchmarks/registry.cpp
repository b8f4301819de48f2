// SPDX-License-Identifier: BSL-1.0
// What management costs: PyTorch's design on Stator's kernels (dynamic_registry/) against Stator, whose
// design resolves it when compiling.
#include "dynamic_registry/functional.hpp"
#include "dynamic_registry/module.hpp"
#include "dynamic_registry/optim.hpp"
#include "stator.hpp"

namespace bench {
namespace {

namespace dr = dynamic_registry;

/// The `k`-th tensor of all contenders.
dr::Tensor filled(std::vector<Index> sizes, std::size_t k) {
  dr::Tensor t = dr::empty(std::move(sizes));
  fill(t->values(), k);
  return t;
}

template<Index Batch, Index In, Index Out>
class Linear : public dr::Module {
public:
  Linear()
      : weight(register_parameter("weight", dr::empty({Out, In}))),
        bias(register_parameter("bias", dr::empty({Out}))) {}
  dr::Tensor forward(const dr::Tensor& x) override { return dr::linear<Batch, In, Out>(x, weight, bias); }

private:
  dr::Tensor weight, bias;
};

template<Index Batch, Index In, Index Hidden, Index Out>
class DynamicMlp : public dr::Module {
public:
  DynamicMlp()
      : fc1(register_module("fc1", std::make_shared<Linear<Batch, In, Hidden>>())),
        fc2(register_module("fc2", std::make_shared<Linear<Batch, Hidden, Out>>())) {
    std::size_t k = 0;
    for (const auto& [name, p] : named_parameters())
      fill_parameter(p->values(), k++, name, p->sizes.size(), static_cast<std::size_t>(p->sizes[0]));
  }
  dr::Tensor forward(const dr::Tensor& x) override { return (*fc2)(dr::relu((*fc1)(x))); }

private:
  std::shared_ptr<dr::Module> fc1, fc2;
};

template<Index Batch, Index In, Index Hidden, Index Out>
struct DynamicInfer {
  DynamicMlp<Batch, In, Hidden, Out> net;
  dr::Tensor x = filled({Batch, In}, input_tensor), y;
  void operator()() {
    dr::NoGrad guard;
    y = net(x);
  }
  double result() const { return digest(y->values()); }
};

/// Labels as `fill_tensor` makes them.
std::shared_ptr<const dr::Labels> labels(std::size_t count) {
  dr::Labels all(count);
  for (std::size_t i = 0; i < count; ++i) all[i] = label(i, 10);
  return std::make_shared<const dr::Labels>(std::move(all));
}

template<class Rule, bool Classes, Index Batch, Index In, Index Hidden, Index Out>
struct DynamicTrain {
  DynamicMlp<Batch, In, Hidden, Out> net;
  dr::Optimizer<Rule> optimizer{net.parameters(), {.lr = learning_rate}};
  dr::Tensor x = filled({Batch, In}, input_tensor), target = filled({Batch, Out}, target_tensor), loss;
  std::shared_ptr<const dr::Labels> classes = labels(Batch);

  void operator()() {
    optimizer.zero_grad();
    if constexpr (Classes)
      loss = dr::cross_entropy<Batch, Out>(net(x), classes);
    else
      loss = dr::mse_loss(net(x), target);
    dr::backward(loss);
    optimizer.step();
  }
  float result() const { return *loss->data(); }
};

/// 148 parameters in 12 blocks, of which the walk is measured.
struct Transformer {
  struct Attention {
    nn::Linear<8, 24> qkv;
    nn::Linear<8, 8> proj;
    constexpr auto forward(auto x) const { return stator::narrow<1, 0, 8>(x | qkv) | proj; }
  };
  struct Feed {
    nn::Linear<8, 32> up;
    nn::Linear<32, 8> down;
    constexpr auto forward(auto x) const { return x | up | down; }
  };
  struct Block {
    nn::LayerNorm<8> ln1;
    Attention attn;
    nn::LayerNorm<8> ln2;
    Feed mlp;
    constexpr auto forward(auto x) const { return x | ln1 | attn | ln2 | mlp; }
  };
  nn::Embedding<32, 8> wte;
  std::array<Block, 12> blocks;
  nn::LayerNorm<8> ln;
  nn::Linear<8, 32, {.bias = false}> head;
  constexpr auto forward(auto words) const {
    auto x = words | wte;
    for (const Block& block : blocks) x = x | block;
    return x | ln | head;
  }
};
static_assert(stator::Model<Transformer>::parameter_table.size() == 148);

/// The same names and sizes in dictionaries.
struct DynamicTree : dr::Module {
  DynamicTree() = default;
  dr::Tensor forward(const dr::Tensor& x) override { return x; }
  std::unordered_map<std::string, std::shared_ptr<DynamicTree>> children;
  void add(std::string_view path, Index count) {
    const std::size_t dot = path.find('.');
    if (dot == std::string_view::npos) {
      register_parameter(std::string(path), dr::zeros({count}));
      return;
    }
    auto& child = children[std::string(path.substr(0, dot))];
    if (!child) child = register_module(std::string(path.substr(0, dot)), std::make_shared<DynamicTree>());
    child->add(path.substr(dot + 1), count);
  }
};

struct Ours {
  stator::Model<Transformer> model;
  stator::optim::Adam<stator::Model<Transformer>> adam{model, {.lr = learning_rate}};
  stator::optim::SGD<stator::Model<Transformer>> sgd{model, {.lr = learning_rate}};
  double total = 0;
  Ours() {
    const stator::Tensor<std::int64_t, 4> words;
    stator::sum(model(words)).backward(); // every gradient is there
  }
};
struct Theirs {
  std::shared_ptr<DynamicTree> tree = std::make_shared<DynamicTree>();
  dr::Optimizer<stator::optim::AdamRule> adam;
  dr::Optimizer<stator::optim::SGDRule> sgd;
  double total = 0;
  Theirs() : adam(build(), {.lr = learning_rate}), sgd(tree->parameters(), {.lr = learning_rate}) {
    give_gradients();
  }
  void give_gradients() {
    for (const dr::Tensor& p : tree->parameters()) p->grad = dr::zeros(p->sizes);
  }

private:
  std::vector<dr::Tensor> build() {
    for (const auto& entry : stator::Model<Transformer>::tables::leaves) tree->add(entry.name, entry.numel);
    return tree->parameters();
  }
};

/// What is done with a network, once for each of them.
template<class Net, auto Does>
struct Work1 : Net {
  void operator()() { Does(static_cast<Net&>(*this)); }
};
template<class Net, auto Does>
Contender of(const char* what, const char* name) {
  return {std::string("registry/") + what + "/transformer", name, [] { return repeat<Work1<Net, Does>>(); }};
}

/// One addition for each parameter, so that the walk is what is measured.
constexpr auto by_hand = [](Ours& o) {
  float total = 0;
  const auto add = [&](const auto& layer) {
    total += layer.weight.data()[0];
    total += layer.bias.data()[0];
  };
  const Transformer& net = o.model.module();
  total += net.wte.weight.data()[0];
  for (const auto& b : net.blocks)
    add(b.ln1), add(b.attn.qkv), add(b.attn.proj), add(b.ln2), add(b.mlp.up), add(b.mlp.down);
  add(net.ln);
  o.total = total + net.head.weight.data()[0];
};
constexpr auto typed = [](Ours& o) {
  float total = 0;
  stator::for_each_parameter(std::as_const(o.model), [&](auto, const auto& p) { total += p.data()[0]; });
  o.total = total;
};
/// The same work, the names left alone, and one conversion and addition more, from each name's length.
constexpr auto range = [](Ours& o) {
  float total = 0;
  for (const auto& [name, p] : std::as_const(o.model).named_parameters())
    total += p.template values<float>()[0];
  o.total = total;
};
constexpr auto names = [](Ours& o) {
  float total = 0;
  for (const auto& [name, p] : std::as_const(o.model).named_parameters())
    total += p.template values<float>()[0] + static_cast<float>(name.size());
  o.total = total;
};
constexpr auto dictionaries = [](Theirs& t) {
  float total = 0;
  for (const auto& [name, p] : t.tree->named_parameters())
    total += p->data()[0] + static_cast<float>(name.size());
  t.total = total;
};
constexpr auto zero = [](auto& n) {
  if constexpr (requires { n.model; })
    n.model.zero_grad({.set_to_none = false});
  else
    n.tree->zero_grad(false);
};
constexpr auto adam_step = [](auto& n) { n.adam.step(); };
constexpr auto sgd_step = [](auto& n) { n.sgd.step(); };
constexpr auto state = [](auto& n) {
  if constexpr (requires { n.model; })
    n.total += static_cast<double>(n.model.state_dict().size());
  else
    n.total += static_cast<double>(n.tree->state_dict().size());
};

template<Index Batch, Index In, Index Hidden, Index Out, class Rule, class Optimizer, bool Classes>
void enter(const std::string& net) {
  using Net = Mlp<In, Hidden, Out>;
  using Target = std::conditional_t<Classes, Ints<Batch>, Floats<Batch, Out>>;
  constexpr auto loss = [](auto y, auto& target) {
    if constexpr (Classes)
      return classes(y, target);
    else
      return mean_squares(y, target);
  };
  Enter{
      infer<Net, Floats<Batch, In>>("registry/infer/" + net),
      train<Net, Optimizer, loss, Floats<Batch, In>, Target>("registry/train/" + net),
      {"registry/infer/" + net, "registry", [] { return repeat<DynamicInfer<Batch, In, Hidden, Out>>(); }},
      {"registry/train/" + net, "registry",
       [] { return repeat<DynamicTrain<Rule, Classes, Batch, In, Hidden, Out>>(); }},
  };
}

const bool entered = [] {
  using stator::optim::AdamRule, stator::optim::SGDRule;
  Enter{
      of<Ours, typed>("walk", "stator"),
      of<Ours, by_hand>("walk", "by hand"),
      of<Ours, range>("walk", "stator, range"),
      of<Ours, names>("walk", "stator, range and names"),
      of<Theirs, dictionaries>("walk", "registry"),
      of<Ours, zero>("zero_grad", "stator"),
      of<Theirs, zero>("zero_grad", "registry"),
      of<Ours, adam_step>("adam_step", "stator"),
      of<Theirs, adam_step>("adam_step", "registry"),
      of<Ours, sgd_step>("sgd_step", "stator"),
      of<Theirs, sgd_step>("sgd_step", "registry"),
      of<Ours, state>("state_dict", "stator"),
      of<Theirs, state>("state_dict", "registry"),
  };
  enter<1, 4, 8, 2, SGDRule, Sgd, false>("mlp_4_8_2/1");
  enter<32, 4, 8, 2, SGDRule, Sgd, false>("mlp_4_8_2/32");
  enter<64, 784, 128, 10, AdamRule, Adam, true>("mlp_784_128_10/64");
  return true;
}();

} // namespace
} // namespace bench
