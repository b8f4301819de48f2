// SPDX-License-Identifier: BSL-1.0
// torch.nn.Module: ordered dictionaries of parameters, buffers and submodules, filled by registration under a
// name, walked with prefixes and a memo; hooks around a virtual forward.
#pragma once

#include "tensor.hpp"

namespace dynamic_registry {

/// Insertion order, and the place of each key.
template<class T>
class OrderedDict {
public:
  void insert(std::string key, T value) {
    if (!index_.emplace(key, items_.size()).second)
      throw std::invalid_argument("the key '" + key + "' is there already");
    items_.emplace_back(std::move(key), std::move(value));
  }
  const T& operator[](const std::string& key) const { return items_[index_.at(key)].second; }
  auto begin() const { return items_.begin(); }
  auto end() const { return items_.end(); }
  std::size_t size() const { return items_.size(); }

private:
  std::vector<std::pair<std::string, T>> items_;
  std::unordered_map<std::string, std::size_t> index_;
};

class Module {
public:
  using PreHook = std::function<void(Module&, const Tensor&)>;
  using Hook = std::function<void(Module&, const Tensor&, const Tensor&)>;

  virtual ~Module() = default;
  virtual Tensor forward(const Tensor& x) = 0;

  /// __call__: the hooks, and forward between them.
  Tensor operator()(const Tensor& x) {
    for (const auto& [id, hook] : pre_hooks) hook(*this, x);
    Tensor y = forward(x);
    for (const auto& [id, hook] : hooks) hook(*this, x, y);
    return y;
  }

  OrderedDict<Tensor> named_parameters(bool remove_duplicate = true) const {
    OrderedDict<Tensor> found;
    std::unordered_set<const TensorImpl*> memo;
    for (const auto& [path, module] : named_modules(remove_duplicate))
      for (const auto& [name, p] : module->parameters_)
        if (p && (memo.insert(p.get()).second || !remove_duplicate))
          found.insert(path.empty() ? name : path + "." + name, p);
    return found;
  }
  std::vector<Tensor> parameters() const {
    std::vector<Tensor> list;
    for (const auto& [name, p] : named_parameters()) list.push_back(p);
    return list;
  }
  std::vector<std::pair<std::string, const Module*>> named_modules(bool remove_duplicate = true) const {
    std::vector<std::pair<std::string, const Module*>> found;
    std::unordered_set<const Module*> memo;
    collect("", memo, remove_duplicate, found);
    return found;
  }
  /// Detached parameters and buffers under their paths.
  OrderedDict<Tensor> state_dict() const {
    OrderedDict<Tensor> found;
    save(found, "");
    return found;
  }
  void zero_grad(bool set_to_none = true) const {
    for (const Tensor& p : parameters()) {
      if (!p->grad) continue;
      if (set_to_none)
        p->grad = nullptr;
      else
        std::memset(p->grad->data(), 0, p->grad->values().size_bytes());
    }
  }

  std::vector<std::pair<int, PreHook>> pre_hooks;
  std::vector<std::pair<int, Hook>> hooks;

protected:
  Tensor register_parameter(const std::string& name, Tensor value) {
    value->requires_grad = true;
    parameters_.insert(name, value);
    return value;
  }
  template<class M>
  std::shared_ptr<M> register_module(const std::string& name, std::shared_ptr<M> module) {
    modules_.insert(name, module);
    return module;
  }

private:
  void collect(const std::string& prefix, std::unordered_set<const Module*>& memo, bool remove_duplicate,
               std::vector<std::pair<std::string, const Module*>>& found) const {
    if (!memo.insert(this).second && remove_duplicate) return;
    found.emplace_back(prefix, this);
    for (const auto& [name, m] : modules_)
      m->collect(prefix.empty() ? name : prefix + "." + name, memo, remove_duplicate, found);
  }
  void save(OrderedDict<Tensor>& found, const std::string& prefix) const {
    for (const auto& [name, p] : parameters_)
      if (p) found.insert(prefix + name, detach(p));
    for (const auto& [name, b] : buffers_)
      if (b) found.insert(prefix + name, detach(b));
    for (const auto& [name, m] : modules_) m->save(found, prefix + name + ".");
  }

  OrderedDict<Tensor> parameters_, buffers_;
  OrderedDict<std::shared_ptr<Module>> modules_;
};

} // namespace dynamic_registry
