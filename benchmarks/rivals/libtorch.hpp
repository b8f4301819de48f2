// SPDX-License-Identifier: BSL-1.0
// libtorch, as its documentation recommends it (modules that register their children, InferenceMode, eval(),
// tensors that are made once), and as naive users call it (a tensor made from memory at every call, gradients
// left on, the loss read at every step).
#pragma once

#include "../bench.hpp"

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wall"
#pragma GCC diagnostic ignored "-Wextra"
#include <torch/torch.h>
#pragma GCC diagnostic pop

namespace bench {

namespace tn = torch::nn;
using torch::Tensor;
inline constexpr double learning_rate = 1e-9; // of stator.hpp

inline Tensor filled(std::vector<std::int64_t> sizes, std::size_t k) {
  Tensor t = torch::empty(sizes);
  fill({t.data_ptr<float>(), static_cast<std::size_t>(t.numel())}, k);
  return t;
}
inline Tensor labels(std::vector<std::int64_t> sizes) {
  Tensor t = torch::empty(sizes, torch::kInt64);
  for (std::int64_t i = 0; i < t.numel(); ++i)
    t.data_ptr<std::int64_t>()[i] = label(static_cast<std::size_t>(i), 10);
  return t;
}

inline void fill_parameters(const tn::Module& net) {
  std::size_t k = 0;
  for (const auto& p : net.named_parameters())
    fill_parameter({p.value().data_ptr<float>(), static_cast<std::size_t>(p.value().numel())}, k++, p.key(),
                   static_cast<std::size_t>(p.value().dim()), static_cast<std::size_t>(p.value().size(0)));
}
template<class Net, class... A>
std::shared_ptr<Net> made(const A&... arguments) {
  torch::set_num_threads(1);
  const auto net = std::make_shared<Net>(arguments...);
  fill_parameters(*net);
  return net;
}

/// The same elements as a naive user makes a tensor of them, at every call.
inline Tensor made_anew(const Tensor& t) {
  return torch::from_blob(t.data_ptr(), t.sizes(), torch::TensorOptions(t.scalar_type())).clone();
}

inline double digest_of(const Tensor& t) {
  const Tensor c = t.detach().contiguous();
  return digest({c.data_ptr<float>(), static_cast<std::size_t>(c.numel())});
}

template<class Net>
struct TorchInfer {
  std::shared_ptr<Net> net;
  Tensor x, y{};
  bool naive;
  TorchInfer(std::shared_ptr<Net> n, Tensor in, bool is_naive)
      : net(std::move(n)), x(std::move(in)), naive(is_naive) {
    net->eval();
  }
  void operator()() {
    if (naive) {
      y = net->forward(made_anew(x));
    } else {
      c10::InferenceMode guard;
      y = net->forward(x);
    }
  }
  double result() const { return digest_of(y); }
};

/// A row twice: as recommended, and naively.
template<class Net, class... A>
void infer(const std::string& row, const std::function<Tensor()>& x, const A&... arguments) {
  for (const bool naive : {false, true})
    Enter{{row, naive ? "libtorch, naive" : "libtorch",
           [=] { return repeat<TorchInfer<Net>>(made<Net>(arguments...), x(), naive); }}};
}

inline auto floats(std::vector<std::int64_t> sizes, std::size_t k = input_tensor) {
  return [=] { return filled(sizes, k); };
}

} // namespace bench
