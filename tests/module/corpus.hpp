// SPDX-License-Identifier: BSL-1.0
// Compares what a model says about itself with what PyTorch said about the same model:
// tests/reference/corpus.py.
#pragma once

#include "stator/model/model.hpp"
#include "stator/module/containers.hpp"

#include "catch.hpp"

#include <fstream>
#include <map>
#include <sstream>
#include <string>

namespace stator::test {

/// The lines that PyTorch wrote, by the name of the model.
inline const std::string& reference_text(const std::string& name) {
  static const std::map<std::string, std::string> texts = [] {
    std::map<std::string, std::string> all;
    std::ifstream file(STATOR_TEST_REFERENCE "/data/corpus.txt");
    std::string line, current;
    while (std::getline(file, line))
      if (line.starts_with("== "))
        current = line.substr(3);
      else
        all[current] += line + '\n';
    return all;
  }();
  const auto found = texts.find(name);
  if (found == texts.end()) throw KeyError("the corpus has no model " + name);
  return found->second;
}

template<class Net>
std::string corpus_text() {
  Model<Net> model;
  std::ostringstream out;
  const auto dtype = [](DType type) {
    return type == DType::boolean ? std::string_view("bool") : to_string(type);
  };
  const auto tensors = [&](const char* title, const auto& range) {
    out << '[' << title << "]\n";
    for (const auto& [name, tensor] : range)
      out << name << ' ' << tensor.shape() << ' ' << dtype(tensor.dtype()) << '\n';
  };
  const auto modules = [&](const char* title, const auto& range) {
    out << '[' << title << "]\n";
    for (const auto& [name, type] : range) out << name << ' ' << type << '\n';
  };
  tensors("named_parameters", model.named_parameters());
  tensors("named_parameters, duplicates", model.named_parameters(false));
  tensors("named_parameters, not recursive", model.template named_parameters<Listing{.recurse = false}>());
  tensors("named_parameters, prefix", model.named_parameters(prefix<"net">));
  tensors("named_buffers", model.named_buffers());
  tensors("named_buffers, duplicates", model.named_buffers(false));
  tensors("named_buffers, not recursive", model.template named_buffers<Listing{.recurse = false}>());
  tensors("named_buffers, prefix", model.named_buffers(prefix<"net">));
  modules("named_modules", model.named_modules());
  modules("named_modules, duplicates", model.named_modules(false));
  modules("named_modules, prefix", model.named_modules(prefix<"net">));
  modules("named_children", model.named_children());
  out << "[children of every module]\n";
  for (const auto& [path, type] : model.named_modules(false)) {
    out << path << ':';
    for (const ModuleRef& child : model.get_submodule(path).children())
      out << ' ' << child.name() << ' ' << child.type();
    out << '\n';
  }
  out << "[parameters and buffers of every module]\n";
  for (const auto& [path, type] : model.named_modules(false)) {
    out << path << ':';
    for (const auto& [name, tensor] : model.get_submodule(path).named_parameters()) out << ' ' << name;
    out << " |";
    for (const auto& [name, tensor] : model.get_submodule(path).named_buffers({.recurse = false}))
      out << ' ' << name;
    out << '\n';
  }
  out << "[state_dict]\n";
  for (const StateTensor& t : model.state_dict()) {
    const TensorRef tensor = model.tensor(Model<Net>::tables::leaves[Model<Net>::tables::find_leaf(t.name)]);
    out << t.name << ' ' << tensor.shape() << ' ' << dtype(tensor.dtype()) << '\n';
    CHECK(t.data == tensor.raw());
    CHECK(std::ranges::equal(t.shape, tensor.shape()));
    CHECK(t.type == storage_of(tensor.dtype()));
  }
  out << "[apply]\n";
  model.apply([&]<class M>(M&) { out << detail::FillVisitor::type_name<M>() << '\n'; });
  out << "[repr]\n" << model << '\n';
  return out.str();
}

/// Equal but for nothing; says the first line that differs.
template<class Net>
void check_corpus() {
  const std::string name(detail::FillVisitor::type_name<Net>());
  std::istringstream ours(corpus_text<Net>()), theirs(reference_text(name));
  std::string a, b, section;
  for (;;) {
    const bool more_a = static_cast<bool>(std::getline(ours, a)),
               more_b = static_cast<bool>(std::getline(theirs, b));
    if (!more_a && !more_b) break;
    if (a.starts_with("[")) section = a;
    INFO(name << ' ' << section);
    REQUIRE((more_a ? a : "(end)") == (more_b ? b : "(end)"));
  }
}

} // namespace stator::test
