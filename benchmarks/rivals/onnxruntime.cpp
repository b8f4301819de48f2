// SPDX-License-Identifier: BSL-1.0
// ONNX Runtime through its C interface. The library comes without headers (in an npm package): what is called
// is declared here, as documented: a table of functions whose places never change. $STATOR_ONNXRUNTIME is the
// library's path.
#include "onnx_model.hpp"

#include <cstdio>
#include <cstdlib>
#include <dlfcn.h>
#include <stdexcept>

namespace bench {
namespace {

using namespace onnx;

/// Places in OrtApi (onnxruntime_c_api.h, version 1 and all later ones).
enum Place {
  get_error_message = 2,
  create_env = 3,
  create_session_from_array = 8,
  run_session = 9,
  create_session_options = 10,
  set_graph_optimization_level = 23,
  set_intra_op_threads = 24,
  create_tensor = 49,
  create_cpu_memory_info = 69,
};
struct ApiBase {
  void** (*get)(std::uint32_t version);
  const char* (*version)();
};

class Runtime {
public:
  Runtime() {
    const char* path = std::getenv("STATOR_ONNXRUNTIME");
    if (path == nullptr || *path == 0) return;
    void* const library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr) std::fprintf(stderr, "skipped: ONNX Runtime: %s\n", dlerror());
    if (library == nullptr) return;
    const auto base = reinterpret_cast<ApiBase* (*)()>(dlsym(library, "OrtGetApiBase"));
    if (base == nullptr) return;
    api_ = base()->get(1);
    call(create_env, 3, "bench", &env_); // errors only
    call(create_cpu_memory_info, 1, 0, &memory_);
  }
  bool here() const { return api_ != nullptr; }

  /// Throws what the library answers.
  template<class... A>
  void call(Place place, A... arguments) const {
    const auto function = reinterpret_cast<void* (*)(A...)>(api_[place]);
    if (void* const status = function(arguments...))
      throw std::runtime_error(
          reinterpret_cast<const char* (*)(const void*)>(api_[get_error_message])(status));
  }
  void* session(const std::string& model) const {
    void *options = nullptr, *session = nullptr;
    call(create_session_options, &options);
    call(set_graph_optimization_level, options, 99); // all of them
    call(set_intra_op_threads, options, 1);
    call(create_session_from_array, env_, static_cast<const void*>(model.data()), model.size(),
         static_cast<const void*>(options), &session);
    return session;
  }
  void* tensor(void* data, std::size_t bytes, const Sizes& sizes, Element element) const {
    void* value = nullptr;
    call(create_tensor, memory_, data, bytes, sizes.data(), sizes.size(), static_cast<int>(element), &value);
    return value;
  }

private:
  void** api_ = nullptr;
  void *env_ = nullptr, *memory_ = nullptr;
};

const Runtime& runtime() {
  static const Runtime r;
  return r;
}

/// A network: the bytes of its model, the name of its result (its input is x), and its shapes.
struct Network {
  std::string model, result;
  Sizes in, out;
  bool tokens;
};

/// Tensors for input and output are made once, and the session writes to ours.
struct Infer {
  Network net;
  std::vector<float> x, y;
  std::vector<std::int64_t> words;
  void *session, *in, *out = nullptr;

  explicit Infer(Network network)
      : net(std::move(network)), x(net.tokens ? 0 : Model::count(net.in)), y(Model::count(net.out)),
        words(net.tokens ? Model::count(net.in) : 0), session(runtime().session(net.model)) {
    fill(x, input_tensor);
    for (std::size_t i = 0; i < words.size(); ++i) words[i] = label(i, 10);
    in = net.tokens ? runtime().tensor(words.data(), words.size() * sizeof(std::int64_t), net.in, int64)
                    : runtime().tensor(x.data(), x.size() * sizeof(float), net.in, float32);
    out = runtime().tensor(y.data(), y.size() * sizeof(float), net.out, float32);
    net.model.clear();
  }
  void operator()() {
    const char *const input = "x", *output = net.result.c_str();
    runtime().call(run_session, session, static_cast<void*>(nullptr), &input, &in, std::size_t{1}, &output,
                   std::size_t{1}, &out);
  }
  double result() const { return digest(y); }
};

Attribute ints(const char* name, Sizes values) { return {name, std::move(values)}; }
Attribute one(const char* name, std::int64_t value) { return {name, {value}, 0, 2}; }

/// A fully connected layer, exported as PyTorch does.
std::string linear(Model& m, const std::string& x, std::int64_t in, std::int64_t out) {
  const std::string weight = m.parameter({out, in}), bias = m.parameter({out}, "bias");
  return m.add("Gemm", {x, weight, bias}, {one("transB", 1)});
}
/// The same over the last dimension of several.
std::string linear_last(Model& m, const std::string& x, std::int64_t in, std::int64_t out) {
  const std::string weight = m.parameter({out, in}), bias = m.parameter({out}, "bias");
  return m.add("Add", {m.add("MatMul", {x, m.add("Transpose", {weight}, {ints("perm", {1, 0})})}), bias});
}
Network finish(Model& m, const std::string& result, Sizes in, Sizes out, bool tokens = false) {
  return {m.finish(result, out), result, std::move(in), std::move(out), tokens};
}

Network identity() {
  Model m;
  return finish(m, m.add("Identity", {m.input("x", {1, 4})}), {1, 4}, {1, 4});
}

Network mlp(std::int64_t batch, Sizes widths) {
  Model m;
  std::string x = m.input("x", {batch, widths[0]});
  for (std::size_t i = 0; i + 1 < widths.size(); ++i) {
    if (i > 0) x = m.add("Relu", {x});
    x = linear(m, x, widths[i], widths[i + 1]);
  }
  return finish(m, x, {batch, widths[0]}, {batch, widths.back()});
}

Network lenet(std::int64_t batch) {
  Model m;
  std::string x = m.input("x", {batch, 1, 28, 28});
  const auto pooled = [&](const std::string& v) {
    return m.add("MaxPool", {m.add("Relu", {v})}, {ints("kernel_shape", {2, 2}), ints("strides", {2, 2})});
  };
  const auto conv = [&](std::int64_t in, std::int64_t out, std::int64_t pad) {
    const std::string w = m.parameter({out, in, 5, 5}), b = m.parameter({out}, "bias");
    x = pooled(m.add("Conv", {x, w, b}, {ints("kernel_shape", {5, 5}), ints("pads", {pad, pad, pad, pad})}));
  };
  conv(1, 6, 2);
  conv(6, 16, 0);
  x = linear(m, m.add("Flatten", {x}), 400, 120);
  x = linear(m, m.add("Relu", {x}), 120, 84);
  x = linear(m, m.add("Relu", {x}), 84, 10);
  return finish(m, x, {batch, 1, 28, 28}, {batch, 10});
}

Network cnn() {
  Model m;
  std::string x = m.input("x", {1, 1, 28, 28});
  for (const auto& [in, out] : {std::pair<std::int64_t, std::int64_t>{1, 32}, {32, 64}}) {
    const std::string w = m.parameter({out, in, 3, 3}), b = m.parameter({out}, "bias");
    x = m.add("Relu", {m.add("Conv", {x, w, b}, {ints("kernel_shape", {3, 3})})});
  }
  x = m.add("MaxPool", {x}, {ints("kernel_shape", {2, 2}), ints("strides", {2, 2})});
  x = m.add("Relu", {linear(m, m.add("Flatten", {x}), 9216, 128)});
  return finish(m, linear(m, x, 128, 10), {1, 1, 28, 28}, {1, 10});
}

Network resnet18() {
  Model m;
  std::string x = m.input("x", {1, 3, 32, 32});
  const auto conv = [&](const std::string& v, std::int64_t in, std::int64_t out, std::int64_t size,
                        std::int64_t stride) {
    const std::int64_t pad = size / 2;
    const std::string y = m.add("Conv", {v, m.parameter({out, in, size, size})},
                                {ints("kernel_shape", {size, size}), ints("strides", {stride, stride}),
                                 ints("pads", {pad, pad, pad, pad})});
    const auto channels = static_cast<std::size_t>(out);
    const std::string scale = m.parameter({out}, "weight"), shift = m.parameter({out}, "bias");
    return m.add("BatchNormalization",
                 {y, scale, shift, m.constant(Sizes{out}, std::vector<float>(channels, 0)),
                  m.constant(Sizes{out}, std::vector<float>(channels, 1))});
  };
  x = m.add("Relu", {conv(x, 3, 64, 3, 1)});
  std::int64_t in = 64;
  for (const std::int64_t out : {64, 128, 256, 512})
    for (int i = 0; i < 2; ++i) {
      const std::int64_t stride = out > 64 && i == 0 ? 2 : 1;
      const std::string y = conv(m.add("Relu", {conv(x, in, out, 3, stride)}), out, out, 3, 1);
      if (stride != 1 || in != out) x = conv(x, in, out, 1, stride);
      x = m.add("Relu", {m.add("Add", {y, x})});
      in = out;
    }
  x = m.add("Flatten", {m.add("GlobalAveragePool", {x})});
  return finish(m, linear(m, x, 512, 10), {1, 3, 32, 32}, {1, 10});
}

Network gpt() {
  constexpr std::int64_t tokens = 256, length = 64, width = 128, heads = 4;
  Model m;
  const std::string words = m.input("x", {1, length}, int64);
  const std::string wte = m.parameter({tokens, width}), wpe = m.parameter({length, width});
  std::string x = m.add("Add", {m.add("Gather", {wte, words}), wpe});
  const auto norm = [&](const std::string& v) {
    const std::string scale = m.parameter({width}, "weight"), shift = m.parameter({width}, "bias");
    return m.add("LayerNormalization", {v, scale, shift}, {one("axis", -1), {"epsilon", {}, 1e-5F, 1}});
  };
  std::vector<float> mask(length * length);
  for (std::size_t i = 0; i < mask.size(); ++i) mask[i] = i % length > i / length ? -1e9F : 0.0F;
  const std::string causal = m.constant({length, length}, mask);
  const std::string scale = m.constant(Sizes{}, std::vector<float>{1 / __builtin_sqrtf(width / heads)});
  for (int layer = 0; layer < 4; ++layer) {
    const Names parts =
        m.add("Split", {linear_last(m, norm(x), width, 3 * width), m.constant({width, width, width})},
              {one("axis", 2)}, 3);
    const auto heads_of = [&](const std::string& v, Sizes order) {
      return m.add("Transpose", {m.add("Reshape", {v, m.constant({1, length, heads, width / heads})})},
                   {ints("perm", std::move(order))});
    };
    const std::string q = heads_of(parts[0], {0, 2, 1, 3}), k = heads_of(parts[1], {0, 2, 3, 1}),
                      v = heads_of(parts[2], {0, 2, 1, 3});
    const std::string scores = m.add("Add", {m.add("Mul", {m.add("MatMul", {q, k}), scale}), causal});
    const std::string mixed = m.add("MatMul", {m.add("Softmax", {scores}, {one("axis", -1)}), v});
    const std::string joined = m.add("Reshape", {m.add("Transpose", {mixed}, {ints("perm", {0, 2, 1, 3})}),
                                                 m.constant({1, length, width})});
    x = m.add("Add", {x, linear_last(m, joined, width, width)});
    const std::string up = m.add("Gelu", {linear_last(m, norm(x), width, 4 * width)});
    x = m.add("Add", {x, linear_last(m, up, 4 * width, width)});
  }
  x = m.add("MatMul", {norm(x), m.add("Transpose", {wte}, {ints("perm", {1, 0})})});
  return finish(m, x, {1, length}, {1, length, tokens}, true);
}

Network audio() {
  Model m;
  std::string x = m.input("x", {1, 1, 158});
  for (std::int64_t i = 0; i < 4; ++i) {
    const std::string w = m.parameter({16, i == 0 ? 1 : 16, 3}), b = m.parameter({16}, "bias");
    x = m.add("Tanh", {m.add("Conv", {x, w, b},
                             {ints("kernel_shape", {3}), ints("dilations", {std::int64_t{1} << i})})});
  }
  return finish(m, x, {1, 1, 158}, {1, 16, 128});
}

template<class... A>
void enter(const std::string& row, Network (*make)(A...), const std::type_identity_t<A>&... arguments) {
  Enter{{row, "onnxruntime", [=] { return repeat<Infer>(make(arguments...)); }}};
}

const bool entered = [] {
  if (!runtime().here()) return false;
  enter("infer/mlp_784_128_10/1", mlp, 1, Sizes{784, 128, 10});
  enter("infer/mlp_784_1024_1024_10/1", mlp, 1, Sizes{784, 1024, 1024, 10});
  enter("infer/lenet/1", lenet, 1);
  enter("infer/cnn/1", cnn);
  enter("infer/resnet18/1", resnet18);
  enter("infer/gpt/1", gpt);
  enter("infer/audio/1", audio);
  enter("infer/identity/1", identity); // what a call costs
  for (std::int64_t w = 4; w <= 4096; w *= 2)
    enter("width/infer/" + std::to_string(w), mlp, 1, Sizes{w, w, w});
  for (std::int64_t b = 1; b <= 256; b *= 2) {
    enter("batch/mlp_784_128_10/" + std::to_string(b), mlp, b, Sizes{784, 128, 10});
    enter("batch/lenet/" + std::to_string(b), lenet, b);
  }
  return true;
}();

} // namespace
} // namespace bench
