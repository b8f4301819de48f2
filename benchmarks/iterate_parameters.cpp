// SPDX-License-Identifier: BSL-1.0
// What walking over the parameters of a network costs: 12 blocks, 148 parameters. The work on each is one
// addition, so that the walk is what is measured. Against a registry as PyTorch keeps one (names in ordered
// dictionaries, children by pointer, a memo set), ours and, where it is installed (libtorch-dev), libtorch's
// own.
//   build/benchmarks/bench_iterate_parameters --benchmark_enable_random_interleaving=true
//   --benchmark_repetitions=9
//     --benchmark_report_aggregates_only=true
#include "stator/model/for_each.hpp"
#include "stator/model/model.hpp"
#include "stator/nn/nn.hpp"

#include <benchmark/benchmark.h>

#include <memory>
#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

#ifdef STATOR_WITH_TORCH
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wall"
#include <torch/torch.h>
#pragma GCC diagnostic pop
#endif

namespace nn = stator::nn;

namespace {

struct Attention {
  nn::Linear<8, 24> qkv;
  nn::Linear<8, 8> proj;
  constexpr auto forward(auto x) const { return x | qkv; }
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
  constexpr auto forward(auto x) const { return x | ln1 | attn; }
};
struct Net {
  nn::Embedding<32, 8> wte;
  std::array<Block, 12> blocks;
  nn::LayerNorm<8> ln;
  nn::Linear<8, 32, {.bias = false}> head;
  constexpr auto forward(auto x) const { return x; }
};
static_assert(stator::Model<Net>::parameter_table.size() == 148);

const stator::Model<Net>& model() {
  static const stator::Model<Net> m;
  return m;
}

/// By hand: every parameter spelled out where it lies.
void by_hand(benchmark::State& state) {
  const Net& net = model().module();
  for (auto _ : state) {
    float total = 0;
    const auto add = [&](const auto& layer) { // in the order of the others: a sum is a chain
      total += layer.weight.data()[0];
      total += layer.bias.data()[0];
    };
    total += net.wte.weight.data()[0];
    for (const Block& b : net.blocks) {
      add(b.ln1);
      add(b.attn.qkv);
      add(b.attn.proj);
      add(b.ln2);
      add(b.mlp.up);
      add(b.mlp.down);
    }
    add(net.ln);
    total += net.head.weight.data()[0];
    benchmark::DoNotOptimize(total);
  }
}
BENCHMARK(by_hand);

void typed(benchmark::State& state) {
  for (auto _ : state) {
    float total = 0;
    stator::for_each_parameter(model(), [&](auto, const auto& p) { total += p.data()[0]; });
    benchmark::DoNotOptimize(total);
  }
}
BENCHMARK(typed);

void range(benchmark::State& state) {
  for (auto _ : state) {
    float total = 0;
    for (const auto& [name, p] : model().named_parameters())
      total += p.template values<float>()[0] + static_cast<float>(name.size());
    benchmark::DoNotOptimize(total);
  }
}
BENCHMARK(range);

/// A registry as PyTorch's, with std::string names, shared children and a memo set.
struct DynamicTensor {
  std::vector<float> data;
};
struct DynamicModule {
  std::vector<std::pair<std::string, std::shared_ptr<DynamicTensor>>> parameters;
  std::vector<std::pair<std::string, std::shared_ptr<DynamicModule>>> modules;

  void named_parameters(const std::string& prefix, std::unordered_set<const DynamicTensor*>& memo,
                        std::vector<std::pair<std::string, std::shared_ptr<DynamicTensor>>>& to) const {
    for (const auto& [name, p] : parameters)
      if (p && memo.insert(p.get()).second) to.emplace_back(prefix + name, p);
    for (const auto& [name, m] : modules) m->named_parameters(prefix + name + ".", memo, to);
  }
};

std::shared_ptr<DynamicModule> dynamic_net() {
  const auto root = std::make_shared<DynamicModule>();
  for (const auto& entry : stator::Model<Net>::tables::leaves) {
    DynamicModule* at = root.get();
    std::string path(entry.name);
    for (std::size_t dot; (dot = path.find('.')) != std::string::npos; path.erase(0, dot + 1)) {
      const std::string name = path.substr(0, dot);
      auto child = std::find_if(at->modules.begin(), at->modules.end(),
                                [&](const auto& m) { return m.first == name; });
      if (child == at->modules.end())
        child = at->modules.emplace(at->modules.end(), name, std::make_shared<DynamicModule>());
      at = child->second.get();
    }
    at->parameters.emplace_back(path, std::make_shared<DynamicTensor>(DynamicTensor{
                                          std::vector<float>(static_cast<std::size_t>(entry.numel))}));
  }
  return root;
}

void dynamic_registry(benchmark::State& state) {
  const auto net = dynamic_net();
  for (auto _ : state) {
    std::unordered_set<const DynamicTensor*> memo;
    std::vector<std::pair<std::string, std::shared_ptr<DynamicTensor>>> list;
    net->named_parameters("", memo, list);
    float total = 0;
    for (const auto& [name, p] : list) total += p->data[0] + static_cast<float>(name.size());
    benchmark::DoNotOptimize(total);
  }
}
BENCHMARK(dynamic_registry);

#ifdef STATOR_WITH_TORCH
struct TorchNet : torch::nn::Module {};

void libtorch(benchmark::State& state) {
  const auto root = std::make_shared<TorchNet>();
  std::unordered_map<std::string, std::shared_ptr<torch::nn::Module>> known{{"", root}};
  for (const auto& entry : stator::Model<Net>::tables::leaves) {
    std::string path, rest(entry.name);
    for (std::size_t dot; (dot = rest.find('.')) != std::string::npos; rest.erase(0, dot + 1)) {
      const std::string name = rest.substr(0, dot), outer = path;
      path += path.empty() ? name : "." + name;
      if (!known.contains(path))
        known[path] = known[outer]->register_module(name, std::make_shared<TorchNet>());
    }
    known[path]->register_parameter(rest, torch::zeros({entry.numel}));
  }
  for (auto _ : state) {
    float total = 0;
    for (const auto& item : root->named_parameters())
      total += *item.value().data_ptr<float>() + static_cast<float>(item.key().size());
    benchmark::DoNotOptimize(total);
  }
}
BENCHMARK(libtorch);
#endif

} // namespace

BENCHMARK_MAIN();
