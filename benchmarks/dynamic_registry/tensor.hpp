// SPDX-License-Identifier: BSL-1.0
// Tensors with sizes known at run time, counted references, and the tape: each result remembers the grad_fn
// that made it, and backward() walks the grad_fns in the order of their dependencies, as PyTorch's engine
// does.
#pragma once

#include "../bench.hpp"

#include <stator/core/bytes.hpp>
#include <stator/core/shape.hpp>

#include <cstring>
#include <new>
#include <queue>
#include <stdexcept>
#include <unordered_map>
#include <unordered_set>

namespace dynamic_registry {

using stator::Index;
class GradFn;
struct TensorImpl;
using Tensor = std::shared_ptr<TensorImpl>;

/// What a grad_fn hands its gradients to: another one, and which of its results they are of.
struct Edge {
  std::shared_ptr<GradFn> function;
  std::size_t slot = 0;
};

class GradFn {
public:
  virtual ~GradFn() = default;
  virtual std::string name() const = 0;
  /// The gradients of the operands from that of the result.
  virtual std::vector<Tensor> apply(const Tensor& gradient) = 0;
  std::vector<Edge> next;
};

/// Memory that several tensors may share.
class Storage {
public:
  explicit Storage(std::size_t bytes)
      : data_(static_cast<float*>(::operator new(bytes + 1, std::align_val_t{stator::alignment}))) {}
  ~Storage() { ::operator delete(data_, std::align_val_t{stator::alignment}); }
  Storage(const Storage&) = delete;
  Storage& operator=(const Storage&) = delete;
  float* data() const { return data_; }

private:
  float* data_;
};

struct TensorImpl {
  explicit TensorImpl(std::vector<Index> extents, std::shared_ptr<Storage> memory = nullptr)
      : sizes(std::move(extents)), storage(std::move(memory)) {
    for (const Index e : sizes) count *= e;
    if (!storage) storage = std::make_shared<Storage>(static_cast<std::size_t>(count) * sizeof(float));
  }
  float* data() const { return storage->data(); }
  std::span<float> values() const { return {data(), static_cast<std::size_t>(count)}; }

  std::vector<Index> sizes;
  Index count = 1;
  std::shared_ptr<Storage> storage;
  bool requires_grad = false;
  Tensor grad{};
  std::shared_ptr<GradFn> grad_fn{};          ///< null: a leaf
  std::weak_ptr<GradFn> gradient_collector{}; ///< of a leaf: what adds to `grad`
};

inline Tensor empty(std::vector<Index> sizes) { return std::make_shared<TensorImpl>(std::move(sizes)); }
inline Tensor zeros(std::vector<Index> sizes) {
  Tensor t = empty(std::move(sizes));
  std::memset(t->data(), 0, t->values().size_bytes());
  return t;
}

/// The same elements without the tape.
inline Tensor detach(const Tensor& t) { return std::make_shared<TensorImpl>(t->sizes, t->storage); }

inline bool& grad_enabled() {
  thread_local bool enabled = true;
  return enabled;
}
/// torch.no_grad().
class NoGrad {
public:
  NoGrad() : before_(std::exchange(grad_enabled(), false)) {}
  ~NoGrad() { grad_enabled() = before_; }
  NoGrad(const NoGrad&) = delete;
  NoGrad& operator=(const NoGrad&) = delete;

private:
  bool before_;
};

inline Tensor sum_of(const Tensor& a, const Tensor& b) {
  Tensor s = empty(a->sizes);
  for (Index i = 0; i < a->count; ++i) s->data()[i] = a->data()[i] + b->data()[i];
  return s;
}

/// The end of the tape: adds to the gradient of a leaf, or becomes it.
class AccumulateGrad : public GradFn {
public:
  explicit AccumulateGrad(const Tensor& leaf) : leaf_(leaf) {}
  std::string name() const override { return "AccumulateGrad"; }
  std::vector<Tensor> apply(const Tensor& gradient) override {
    if (!leaf_->grad)
      leaf_->grad = gradient;
    else
      for (Index i = 0; i < gradient->count; ++i) leaf_->grad->data()[i] += gradient->data()[i];
    return {};
  }

private:
  Tensor leaf_;
};

inline Edge edge_of(const Tensor& t) {
  if (t->grad_fn) return {t->grad_fn, 0};
  if (!t->requires_grad) return {};
  auto collector = t->gradient_collector.lock();
  if (!collector) t->gradient_collector = collector = std::make_shared<AccumulateGrad>(t);
  return {collector, 0};
}

/// Writes to the tape that `make()` computes the gradients of `operands` from that of `result`.
template<class Make>
Tensor record(Tensor result, std::initializer_list<Tensor> operands, Make&& make) {
  if (!grad_enabled() ||
      std::none_of(operands.begin(), operands.end(), [](const Tensor& t) { return t->requires_grad; }))
    return result;
  std::shared_ptr<GradFn> function = make();
  for (const Tensor& t : operands) function->next.push_back(edge_of(t));
  result->grad_fn = std::move(function);
  result->requires_grad = true;
  return result;
}

/// loss.backward()
inline void backward(const Tensor& loss) {
  if (!loss->grad_fn)
    throw std::logic_error("element 0 of tensors does not require grad and does not have a grad_fn");
  std::unordered_map<GradFn*, int> dependencies;
  std::unordered_set<GradFn*> seen{loss->grad_fn.get()};
  std::vector<GradFn*> stack{loss->grad_fn.get()};
  while (!stack.empty()) {
    GradFn* const f = stack.back();
    stack.pop_back();
    for (const Edge& e : f->next)
      if (e.function) {
        ++dependencies[e.function.get()];
        if (seen.insert(e.function.get()).second) stack.push_back(e.function.get());
      }
  }
  std::unordered_map<GradFn*, Tensor> buffers;
  std::queue<std::shared_ptr<GradFn>> ready;
  Tensor one = empty({});
  *one->data() = 1;
  buffers[loss->grad_fn.get()] = std::move(one);
  ready.push(loss->grad_fn);
  while (!ready.empty()) {
    const std::shared_ptr<GradFn> f = ready.front();
    ready.pop();
    const auto gradients = f->apply(buffers.extract(f.get()).mapped());
    for (std::size_t i = 0; i < f->next.size(); ++i) {
      const Edge& e = f->next[i];
      if (!e.function) continue;
      Tensor& buffer = buffers[e.function.get()];
      buffer = buffer ? sum_of(buffer, gradients[i]) : gradients[i];
      if (--dependencies[e.function.get()] == 0) ready.push(e.function);
    }
  }
}

} // namespace dynamic_registry
