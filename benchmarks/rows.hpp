// SPDX-License-Identifier: BSL-1.0
// The rows of the table: what is measured, against whom, and what is to be reached. A row that contenders
// enter without a line here is measured and printed all the same.
#pragma once

#include <array>
#include <string_view>

namespace bench {

struct Row {
  std::string_view name;  ///< of the row, or "group/" for all rows below it
  std::string_view rival; ///< whose time is divided by ours
  double goal = 0;        ///< of that ratio
  double share =
      0; ///< of the machine's peak (bandwidth where a row counts no operations) that is to be reached
};

inline constexpr std::string_view torch = "libtorch", ort = "onnxruntime", hand = "by hand",
                                  registry = "registry", alone = "1 thread";

inline constexpr std::array rows{
    // Training steps: zero_grad, forward, backward, step.
    Row{"train/mlp_4_8_2/1", torch, 700},
    Row{"train/mlp_4_8_2/32", torch, 180},
    Row{"train/mlp_784_128_10/64", torch, 3},
    Row{"train/mlp_784_1024_1024_10/128", torch, 1.8},
    Row{"train/lenet/64", torch, 3.5},
    Row{"train/cnn/64", torch, 2.5},
    Row{"train/resnet18/8", torch, 2},
    Row{"train/gpt/8", torch, 2},
    Row{"train/lstm_16_64/32", torch, 5},
    // Inference at batch 1.
    Row{"infer/resnet18/1", ort, 1.3},
    Row{"infer/gpt/1", ort, 1.6},
    Row{"infer/cnn/1", ort, 1.5},
    Row{"infer/mlp_784_1024_1024_10/1", ort, 1.3},
    Row{"infer/audio/1", ort, 2.5},
    Row{"infer/lenet/1", ort, 4},
    Row{"infer/mlp_784_128_10/1", ort},
    Row{"infer/identity/1", ort}, // what a call of ONNX Runtime costs by itself
    // The smallest networks, against loops over a struct of arrays. The goal is a time ratio rival / ours: 1
    // is no
    // overhead.
    Row{"small/train/mlp_4_8_2/1", hand, 1 / 0.9},
    Row{"small/train/mlp_4_8_2/8", hand, 1 / 0.4},
    Row{"small/train/mlp_4_8_2/32", hand, 1 / 0.4},
    Row{"small/", hand, 1},
    // What management costs: PyTorch's design on our kernels.
    Row{"registry/", registry},
    // Over the width of a network, and over the size of a batch.
    Row{"width/train/", torch},
    Row{"width/infer/", ort},
    Row{"batch/", ort},
    // Kernels, against the machine. gemm/<transposes>/<size>, conv/<geometry>/<pass>, memory/<what>.
    // libxsmm generates none with B transposed. Of one row OpenBLAS makes a product of blocks; the memory
    // limits
    // it, not the peak.
    Row{"gemm/nt/16", "openblas", 1, 0.85},
    Row{"gemm/nt/32", "openblas", 1, 0.85},
    Row{"gemm/nt/64", "openblas", 1, 0.85},
    Row{"gemm/nn/1x1024x1024", "eigen", 1},
    Row{"gemm/nt/1x1024x1024", "eigen", 1},
    Row{"gemm/nn/16", "libxsmm", 1, 0.85},
    Row{"gemm/nn/32", "libxsmm", 1, 0.85},
    Row{"gemm/nn/64", "libxsmm", 1, 0.85},
    Row{"gemm/tn/16", "libxsmm", 1, 0.85},
    Row{"gemm/tn/32", "libxsmm", 1, 0.85},
    Row{"gemm/tn/64", "libxsmm", 1, 0.85},
    Row{"gemm/", "openblas", 1, 0.92},
    Row{"conv/3x3/", "onednn", 1, 0.85},
    Row{"conv/", "onednn", 1},
    Row{"memory/batch_norm_backward", "", 0, 1}, // statistics included, which libtorch's has from the forward
    Row{"memory/", torch, 1, 1},
    // Single layers: a forward, and a forward with all gradients of sum(y * g).
    Row{"layer/", torch, 1},
    // What a second thread gains; a small network must not lose by it.
    Row{"threads/train/cnn/64", alone, 1.7},
    Row{"threads/train/resnet18/8", alone, 1.7},
    Row{"threads/train/gpt/8", alone, 1.7},
    Row{"threads/train/mlp_784_1024_1024_10/128", alone, 1.7},
    Row{"threads/infer/cnn/1", alone, 1.7},
    Row{"threads/infer/resnet18/1", alone, 1.7},
    Row{"threads/infer/gpt/1", alone, 1.7},
    Row{"threads/infer/mlp_784_1024_1024_10/1", alone, 1.7},
    Row{"threads/", alone, 1},
};

/// The line of a row; a default one where there is none.
constexpr Row row_of(std::string_view name) {
  for (const Row& r : rows)
    if (r.name == name || (r.name.ends_with('/') && name.starts_with(r.name))) return r;
  return {name, {}};
}

} // namespace bench
