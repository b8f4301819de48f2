// SPDX-License-Identifier: BSL-1.0
// Operations of the registry: the kernels that Stator calls for these shapes, with a grad_fn each.
#pragma once

#include "tensor.hpp"

#include <stator/core/workspace.hpp>
#include <stator/kernel/gemm.hpp>
#include <stator/kernel/softmax.hpp>

namespace dynamic_registry {

/// Memory for packing, kept by the thread.
inline std::byte* scratch(std::size_t bytes) {
  thread_local stator::MemoryBlock block;
  if (block.size() < bytes) block = stator::MemoryBlock(bytes);
  return block.data();
}

template<Index M, Index N, Index K, bool TransA, bool TransB>
void multiply(const Tensor& a, const Tensor& b, const float* bias, const Tensor& c) {
  using kernel = stator::kernel::gemm<float, M, N, K, TransA, TransB>;
  kernel::run(a->data(), b->data(), bias, c->data(), false, M, N, K,
              scratch(kernel::scratch.total(std::max({M, N, K}))));
}

template<Index Batch, Index In, Index Out>
class AddmmBackward : public GradFn {
public:
  AddmmBackward(Tensor x, Tensor weight) : x_(std::move(x)), weight_(std::move(weight)) {}
  std::string name() const override { return "AddmmBackward0"; }
  std::vector<Tensor> apply(const Tensor& g) override {
    Tensor dx;
    if (x_->requires_grad) {
      dx = empty({Batch, In});
      multiply<Batch, In, Out, false, false>(g, weight_, nullptr, dx);
    }
    Tensor dw = empty({Out, In}), db = zeros({Out});
    multiply<Out, In, Batch, true, false>(g, x_, nullptr, dw);
    for (Index i = 0; i < Batch; ++i)
      for (Index o = 0; o < Out; ++o) db->data()[o] += g->data()[i * Out + o];
    return {dx, dw, db};
  }

private:
  Tensor x_, weight_;
};

template<Index Batch, Index In, Index Out>
Tensor linear(const Tensor& x, const Tensor& weight, const Tensor& bias) {
  if (x->sizes != std::vector<Index>{Batch, In})
    throw std::invalid_argument("linear: the input has another shape");
  Tensor y = empty({Batch, Out});
  multiply<Batch, Out, In, false, true>(x, weight, bias->data(), y);
  return record(y, {x, weight, bias},
                [&] { return std::make_shared<AddmmBackward<Batch, In, Out>>(x, weight); });
}

class ReluBackward : public GradFn {
public:
  explicit ReluBackward(Tensor y) : y_(std::move(y)) {}
  std::string name() const override { return "ReluBackward0"; }
  std::vector<Tensor> apply(const Tensor& g) override {
    Tensor dx = empty(g->sizes);
    for (Index i = 0; i < g->count; ++i) dx->data()[i] = y_->data()[i] > 0 ? g->data()[i] : 0;
    return {dx};
  }

private:
  Tensor y_;
};

inline Tensor relu(const Tensor& x) {
  Tensor y = empty(x->sizes);
  for (Index i = 0; i < x->count; ++i) y->data()[i] = std::max(x->data()[i], 0.0F);
  // The result without its grad_fn is what is saved, as in PyTorch: a grad_fn that held its own result would
  // never go.
  return record(y, {x}, [&] { return std::make_shared<ReluBackward>(detach(y)); });
}

class MseLossBackward : public GradFn {
public:
  MseLossBackward(Tensor x, Tensor target) : x_(std::move(x)), target_(std::move(target)) {}
  std::string name() const override { return "MseLossBackward0"; }
  std::vector<Tensor> apply(const Tensor& g) override {
    Tensor dx = empty(x_->sizes);
    const float factor = 2 * *g->data() / static_cast<float>(x_->count);
    for (Index i = 0; i < x_->count; ++i) dx->data()[i] = factor * (x_->data()[i] - target_->data()[i]);
    return {dx};
  }

private:
  Tensor x_, target_;
};

inline Tensor mse_loss(const Tensor& x, const Tensor& target) {
  Tensor loss = zeros({});
  for (Index i = 0; i < x->count; ++i) {
    const float d = x->data()[i] - target->data()[i];
    *loss->data() += d * d;
  }
  *loss->data() /= static_cast<float>(x->count);
  return record(loss, {x}, [&] { return std::make_shared<MseLossBackward>(x, target); });
}

using Labels = std::vector<std::int64_t>;

template<Index Batch, Index Classes>
class LogSoftmaxBackward : public GradFn {
public:
  explicit LogSoftmaxBackward(Tensor y) : y_(std::move(y)) {}
  std::string name() const override { return "LogSoftmaxBackward0"; }
  std::vector<Tensor> apply(const Tensor& g) override {
    Tensor dx = empty(g->sizes);
    stator::kernel::softmax<true, float, stator::Extents(Batch, Classes), 1>::backward(y_->data(), g->data(),
                                                                                       dx->data(), Batch);
    return {dx};
  }

private:
  Tensor y_;
};

class NllLossBackward : public GradFn {
public:
  NllLossBackward(std::vector<Index> sizes, std::shared_ptr<const Labels> labels)
      : sizes_(std::move(sizes)), labels_(std::move(labels)) {}
  std::string name() const override { return "NllLossBackward0"; }
  std::vector<Tensor> apply(const Tensor& g) override {
    Tensor dx = zeros(sizes_);
    for (std::size_t i = 0; i < labels_->size(); ++i)
      dx->data()[static_cast<Index>(i) * sizes_[1] + (*labels_)[i]] =
          -*g->data() / static_cast<float>(sizes_[0]);
    return {dx};
  }

private:
  std::vector<Index> sizes_;
  std::shared_ptr<const Labels> labels_;
};

template<Index Batch, Index Classes>
Tensor cross_entropy(const Tensor& x, const std::shared_ptr<const Labels>& labels) {
  Tensor p = empty(x->sizes);
  stator::kernel::softmax<true, float, stator::Extents(Batch, Classes), 1>::forward(x->data(), p->data(),
                                                                                    Batch);
  p = record(p, {x}, [&] { return std::make_shared<LogSoftmaxBackward<Batch, Classes>>(detach(p)); });
  Tensor loss = zeros({});
  for (std::size_t i = 0; i < labels->size(); ++i)
    *loss->data() -= p->data()[static_cast<Index>(i) * Classes + (*labels)[i]] / static_cast<float>(Batch);
  return record(loss, {p}, [&] { return std::make_shared<NllLossBackward>(p->sizes, labels); });
}

} // namespace dynamic_registry
