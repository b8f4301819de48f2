// SPDX-License-Identifier: BSL-1.0
// Writes the weights of the embedded programs as headers, on the machine that compiles for the other one.
#include "embedded.hpp"

#include <stator/core/random.hpp>
#include <stator/io/save_header.hpp>
#include <stator/model/model.hpp>

int main() {
  stator::manual_seed(1);
  const stator::Model<EmbeddedMlp> mlp;
  stator::save_header(mlp, "mlp_weights.hpp");
  stator::Model<EmbeddedCnn> cnn;
  for (int i = 0; i < 4; ++i) // as if it had been trained
    cnn->norm.running_mean(i) = 0.05F * static_cast<float>(i), cnn->norm.running_var(i) = 1.5F;
  stator::save_header(cnn, "cnn_weights.hpp");
}
