// SPDX-License-Identifier: BSL-1.0
// 17: many machines. The convolutional network of example 05, trained by all processes of a job together:
// each has a copy and a part of each batch, and the gradients are averaged while the backward runs. Needs
// MPI.
//
//   mpirun -n 2 17_many_machines [folder with the four IDX files [images that it is trained on]]
//
// prints: on 2 ranks of
// prints: saved on rank 0, loaded on 2 ranks: the same accuracy
#include <stator/data/fashion_mnist.hpp>
#include <stator/distributed/checkpoint.hpp>
#include <stator/distributed/data_parallel.hpp>
#include <stator/distributed/distributed_batches.hpp>
#include <stator/distributed/zero_redundancy_optimizer.hpp>
#include <stator/io/progress.hpp>
#include <stator/stator.hpp>

#include <algorithm>
#include <chrono>
#include <numeric>
#include <string>
#include <vector>

namespace nn = stator::nn;
namespace data = stator::data;
namespace dist = stator::distributed;

// As in example 05: each example can be read, and copied, alone.
struct Cnn {
  nn::Conv2d<1, 32, 3> conv1;
  nn::Conv2d<32, 64, 3> conv2;
  nn::Linear<9216, 128> fc1;
  nn::Linear<128, 10> fc2;
  constexpr auto forward(auto x) const {
    auto features = x | conv1 | nn::relu | conv2 | nn::relu | nn::max_pool2d<2>;
    return features | stator::flatten<1> | fc1 | nn::relu | fc2;
  }
};
constexpr stator::Index whole_batch = 64; // of one, two or four ranks together

/// Share of the images whose largest logit is that of their label; each rank looks at its part of them.
double accuracy(const auto& model, const auto& test) {
  stator::Index right = 0, seen = 0;
  for (auto [images, labels] : data::distributed_batches<500>(test, {.shuffle = false})) {
    const auto logits = model.eval()(images).value();
    for (stator::Index i = 0; i < images.size(0); ++i, ++seen) {
      const float* row = logits.data() + 10 * i;
      right += std::max_element(row, row + 10) - row == labels(i);
    }
  }
  return static_cast<double>(dist::all_reduce(right)) / static_cast<double>(dist::all_reduce(seen));
}

/// One epoch, with `N` images a rank in each step.
template<stator::Index N>
void train(dist::World& world, auto& model, auto& optimizer, const auto& train_set) {
  auto batches = data::distributed_batches<N>(train_set, {.seed = 5});
  stator::io::Progress progress{batches.samples() * world.size(), "cnn", {.out = &dist::out()}};
  for (auto [images, labels] : batches) {
    auto loss = nn::cross_entropy(model(images), labels);
    optimizer.zero_grad();
    loss.backward(); // gradients are means over all ranks from here on
    optimizer.step();
    progress.update(loss.item(), images.size(0) * world.size());
  }
}

int main(int argc, char** argv) {
  return dist::run([&](dist::World& world) {
    const std::string folder = argc > 1 ? argv[1] : std::string(data::fashion_mnist_root);
    auto train_set = data::fashion_mnist<1, 28, 28>(folder, data::Split::train);
    if (argc > 2) { // the first so many
      std::vector<stator::Index> chosen(std::stoul(argv[2]));
      std::iota(chosen.begin(), chosen.end(), 0);
      train_set = train_set.subset(chosen);
    }
    const auto test_set = data::fashion_mnist<1, 28, 28>(folder, data::Split::test);
    dist::out() << "on " << world.size() << " ranks of " << stator::get_num_threads() << " threads\n";

    stator::manual_seed(0);
    dist::DataParallel model{stator::Model<Cnn>()};
    dist::ZeroRedundancyOptimizer optimizer{stator::optim::Adam{model, {.lr = 1e-3}}};

    // The batch of a rank is a constant as well.
    const auto start = std::chrono::steady_clock::now();
    switch (world.size()) {
    case 1:
      train<whole_batch>(world, model, optimizer, train_set);
      break;
    case 2:
      train<whole_batch / 2>(world, model, optimizer, train_set);
      break;
    default:
      train<whole_batch / 4>(world, model, optimizer, train_set);
      break;
    }
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    const double reached = accuracy(model, test_set);
    dist::out() << "cnn: test accuracy " << reached << ", "
                << static_cast<int>(static_cast<double>(train_set.size()) / seconds) << " images/s\n";

    const dist::Traffic& traffic = model.traffic();
    if (const auto steps = static_cast<std::size_t>(traffic.steps); steps > 0)
      dist::out() << traffic.sent_bytes / steps << " bytes of gradients and "
                  << traffic.parameter_bytes / steps << " of parameters sent a step, of "
                  << model.gradient_bytes << " of each; " << traffic.messages / traffic.steps
                  << " messages of gradients, " << 100 * traffic.started_early / traffic.messages
                  << "% begun, " << 100 * traffic.finished_early / traffic.messages
                  << "% there before the backward had ended\n";

    // Rank 0 saves; the file holds nothing of the number of ranks.
    stator::Checkpoint checkpoint;
    checkpoint.add("model", model).add("optimizer", optimizer);
    optimizer.consolidate_state();
    dist::save(checkpoint, "17_many_machines.safetensors");
    dist::DataParallel other{stator::Model<Cnn>()};
    dist::ZeroRedundancyOptimizer other_optimizer{stator::optim::Adam{other}};
    stator::Checkpoint saved;
    saved.add("model", other).add("optimizer", other_optimizer);
    dist::load(saved, "17_many_machines.safetensors");
    dist::out() << "saved on rank 0, loaded on " << world.size() << " ranks: "
                << (accuracy(other, test_set) == reached ? "the same accuracy" : "another accuracy") << '\n';
  });
}
