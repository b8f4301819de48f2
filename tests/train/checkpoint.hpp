// SPDX-License-Identifier: BSL-1.0
// The networks of tests/reference/checkpoints.py: files of an independent writer load by name and give
// PyTorch's outputs and gradients.
#pragma once

#include "catch.hpp"
#include "reference/reference.hpp"

#include "stator/core/random.hpp"
#include "stator/io/state.hpp"
#include "stator/run/evaluation.hpp"

#include <cmath>

namespace stator::test {

/// Every `stride`-th element is the reference's, within `tolerance` of the largest.
inline void compare_checkpoint(const std::string& key, std::span<const float> found, double tolerance,
                               std::ptrdiff_t stride = 1) {
  INFO(key);
  const auto expected = reference("checkpoints")[key].as<float>();
  check_close(doubles(found, stride), expected, tolerance * largest(expected));
}

template<class M>
M load_checkpoint(const std::string& name) {
  M model;
  load(model, STATOR_TEST_REFERENCE "/data/checkpoints/" + name + ".safetensors");
  return model;
}

void check_output(const std::string& name, const auto& model, const auto& input) {
  compare_checkpoint(name + ".eval", model.eval()(input).value().values(), 1e-5);
}

/// `loss` is what reference/checkpoints.py computes.
void check_gradients(const std::string& name, const auto& model, const auto& loss) {
  loss.backward();
  const auto& expected = reference("checkpoints");
  CHECK(loss.item() == Approx(expected[name + ".loss"].template as<double>()[0]).epsilon(1e-5));
  for (const auto& [parameter, tensor] : model.named_parameters()) {
    const auto grad = tensor.template grad<float>();
    compare_checkpoint(name + ".grad." + std::string(parameter), grad, 1e-4, 5);
    double squares = 0;
    for (const float g : grad) squares += static_cast<double>(g) * static_cast<double>(g);
    const double norm = expected[name + ".norm." + std::string(parameter)].template as<double>()[0];
    CHECK(std::sqrt(squares) == Approx(norm).epsilon(1e-4));
  }
  for (const auto& [buffer, tensor] : model.named_buffers())
    if (buffer.find("running") != std::string_view::npos)
      compare_checkpoint(name + ".after." + std::string(buffer), tensor.template values<float>(), 1e-5);
}

/// For tests/reference/safetensors_check.py: interchange/NAME.safetensors with the weights from
/// manual_seed(7), and NAME.npz with the output. `input` are the first numbers from manual_seed(8).
template<class M>
void write_for_pytorch(const std::string& name, const auto& input) {
  manual_seed(7);
  const M model;
  const std::filesystem::path directory = "interchange";
  std::filesystem::create_directory(directory);
  save(model, directory / (name + ".safetensors"));
  const auto y = model.eval()(input).value();
  const Sizes shape = y.shape();
  io::save_npz(directory / (name + ".npz"),
               {{"y", io::NpyArray::from<float>(y.values(), {shape.begin(), shape.end()})}});
}

} // namespace stator::test
