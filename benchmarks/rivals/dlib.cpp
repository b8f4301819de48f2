// SPDX-License-Identifier: BSL-1.0
// dlib: the MLP and LeNet, trained with Adam and evaluated, as its examples do it.
#include "../bench.hpp"

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wall"
#pragma GCC diagnostic ignored "-Wextra"
#include <dlib/dnn.h>
#pragma GCC diagnostic pop

namespace bench {
namespace {

using namespace dlib;

using Pictures = input<matrix<float>>;
using Small = loss_multiclass_log<fc<10, relu<fc<128, Pictures>>>>;
using First = max_pool<2, 2, 2, 2, relu<add_layer<con_<6, 5, 5, 1, 1, 2, 2>, Pictures>>>;
using Second = max_pool<2, 2, 2, 2, relu<con<16, 5, 5, 1, 1, First>>>;
using Lenet = loss_multiclass_log<fc<10, relu<fc<84, relu<fc<120, Second>>>>>>;

template<class Net>
struct Data {
  Net net;
  std::vector<matrix<float>> pictures;
  std::vector<unsigned long> labels;
  explicit Data(std::size_t batch) {
    std::vector<float> numbers(batch * 784);
    fill(numbers, input_tensor);
    for (std::size_t i = 0; i < batch; ++i) {
      matrix<float> picture(28, 28);
      for (long p = 0; p < 784; ++p) picture(p / 28, p % 28) = numbers[i * 784 + static_cast<std::size_t>(p)];
      pictures.push_back(std::move(picture));
      labels.push_back(static_cast<unsigned long>(label(i, 10)));
    }
  }
};

template<class Net>
struct Infer : Data<Net> {
  resizable_tensor x;
  float y = 0;
  explicit Infer(std::size_t batch) : Data<Net>(batch) {
    this->net.to_tensor(this->pictures.begin(), this->pictures.end(), x);
    this->net.subnet().forward(x);
  }
  void operator()() { y = this->net.subnet().forward(x).host()[0]; }
};

/// What dnn_trainer does for one step, without its thread.
template<class Net>
struct Train : Data<Net> {
  resizable_tensor x;
  std::vector<dlib::adam> solvers{Net::num_computational_layers, dlib::adam(0, 0.9F, 0.999F)};
  double loss = 0;
  explicit Train(std::size_t batch) : Data<Net>(batch) {
    this->net.to_tensor(this->pictures.begin(), this->pictures.end(), x);
  }
  void operator()() {
    loss = this->net.compute_parameter_gradients(x, this->labels.begin());
    this->net.update_parameters(make_sstack(solvers), 1e-9);
  }
};

const Enter entries{
    {"infer/mlp_784_128_10/1", "dlib", [] { return repeat<Infer<Small>>(std::size_t{1}); }},
    {"infer/lenet/1", "dlib", [] { return repeat<Infer<Lenet>>(std::size_t{1}); }},
    {"train/mlp_784_128_10/64", "dlib", [] { return repeat<Train<Small>>(std::size_t{64}); }},
    {"train/lenet/64", "dlib", [] { return repeat<Train<Lenet>>(std::size_t{64}); }},
};

} // namespace
} // namespace bench
