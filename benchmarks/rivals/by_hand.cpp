// SPDX-License-Identifier: BSL-1.0
// The zero that zero overhead is measured from: the smallest networks as structs of arrays, with the loops
// that somebody writes who needs only this network, and the compiler left alone.
#include "../bench.hpp"

#include <cmath>

// Compiled a second time with -ffast-math, which may reorder sums and has vectors of tanh and exp.
#ifndef STATOR_BENCH_BY_HAND
#define STATOR_BENCH_BY_HAND "by hand"
#endif

namespace bench {
namespace {

constexpr float rate = 1e-9F; // learning_rate of stator.hpp

/// The `k`-th parameter, [out, in], into an array [in][out]: so that loops over outputs have their numbers
/// side by side, which compilers vectorise without being told that sums may be reordered.
template<int In, int Out>
void fill_transposed(float (&weight)[In][Out], std::size_t k) {
  float rows[Out][In];
  fill_parameter({&rows[0][0], std::size_t{Out * In}}, k, "", 2, Out);
  for (int o = 0; o < Out; ++o)
    for (int i = 0; i < In; ++i) weight[i][o] = rows[o][i];
}

template<int In, int Out>
void product(const float (&weight)[In][Out], const float (&bias)[Out], const float* x, float* y) {
  float sum[Out];
  for (int o = 0; o < Out; ++o) sum[o] = bias[o];
  for (int i = 0; i < In; ++i)
    for (int o = 0; o < Out; ++o) sum[o] += weight[i][o] * x[i];
  for (int o = 0; o < Out; ++o) y[o] = sum[o];
}

template<int In, int Out>
struct Linear {
  float weight[In][Out];
  float bias[Out];

  void forward(const float* x, float* y) const { product(weight, bias, x, y); }
  /// Adds this sample's gradients to `g`; dx may be null.
  void backward(const float* x, const float* dy, Linear& g, float* dx) const {
    for (int o = 0; o < Out; ++o) g.bias[o] += dy[o];
    for (int i = 0; i < In; ++i)
      for (int o = 0; o < Out; ++o) g.weight[i][o] += x[i] * dy[o];
    if (dx == nullptr) return;
    for (int i = 0; i < In; ++i) {
      dx[i] = 0;
      for (int o = 0; o < Out; ++o) dx[i] += weight[i][o] * dy[o];
    }
  }
  void fill(std::size_t k) {
    fill_transposed(weight, k);
    fill_parameter(bias, k + 1, "", 1, Out);
  }
};

struct Tiny {
  static constexpr int in = 4, out = 2;
  Linear<4, 8> fc1;
  Linear<8, 2> fc2;
  struct Values {
    float h[8];
  };
  void forward(const float* x, float* y, Values& v) const {
    fc1.forward(x, v.h);
    for (float& h : v.h) h = h > 0 ? h : 0;
    fc2.forward(v.h, y);
  }
  void forward(const float* x, float* y) const {
    Values v;
    forward(x, y, v);
  }
  void backward(const float* x, const Values& v, const float* dy, Tiny& g) const {
    float dh[8];
    fc2.backward(v.h, dy, g.fc2, dh);
    for (int i = 0; i < 8; ++i) dh[i] = v.h[i] > 0 ? dh[i] : 0;
    fc1.backward(x, dh, g.fc1, nullptr);
  }
  void fill() { fc1.fill(0), fc2.fill(2); }
};

struct Policy {
  static constexpr int in = 16, out = 4;
  Linear<16, 64> fc1;
  Linear<64, 64> fc2;
  Linear<64, 4> fc3;
  struct Values {
    float a[64], b[64];
  };
  void forward(const float* x, float* y, Values& v) const {
    fc1.forward(x, v.a);
    for (float& a : v.a) a = std::tanh(a);
    fc2.forward(v.a, v.b);
    for (float& b : v.b) b = std::tanh(b);
    fc3.forward(v.b, y);
  }
  void forward(const float* x, float* y) const {
    Values v;
    forward(x, y, v);
  }
  void backward(const float* x, const Values& v, const float* dy, Policy& g) const {
    float db[64], da[64];
    fc3.backward(v.b, dy, g.fc3, db);
    for (int i = 0; i < 64; ++i) db[i] *= 1 - v.b[i] * v.b[i];
    fc2.backward(v.a, db, g.fc2, da);
    for (int i = 0; i < 64; ++i) da[i] *= 1 - v.a[i] * v.a[i];
    fc1.backward(x, da, g.fc1, nullptr);
  }
  void fill() { fc1.fill(0), fc2.fill(2), fc3.fill(4); }
};

float sigmoid(float x) { return 1 / (1 + std::exp(-x)); }

/// One step of a cell; what comes in is x, h (and c) in a row, what goes out the new h (and c).
template<int In, int Hidden, int Gates>
struct Cell {
  float weight_ih[In][Gates * Hidden], weight_hh[Hidden][Gates * Hidden], bias_ih[Gates * Hidden],
      bias_hh[Gates * Hidden];
  void products(const float* x, const float* h, float* from_x, float* from_h) const {
    product(weight_ih, bias_ih, x, from_x);
    product(weight_hh, bias_hh, h, from_h);
  }
  void fill() {
    fill_transposed(weight_ih, 0);
    fill_transposed(weight_hh, 1);
    fill_parameter(bias_ih, 2, "", 1, Gates * Hidden);
    fill_parameter(bias_hh, 3, "", 1, Gates * Hidden);
  }
};

template<int In, int Hidden>
struct Gru : Cell<In, Hidden, 3> {
  static constexpr int in = In, states = 1, hidden = Hidden, out = Hidden;
  void forward(const float* x, const float* h, const float*, float* y) const {
    float a[3 * Hidden], b[3 * Hidden];
    this->products(x, h, a, b);
    for (int i = 0; i < Hidden; ++i) {
      const float r = sigmoid(a[i] + b[i]), z = sigmoid(a[Hidden + i] + b[Hidden + i]),
                  n = std::tanh(a[2 * Hidden + i] + r * b[2 * Hidden + i]);
      y[i] = (1 - z) * n + z * h[i];
    }
  }
};

template<int In, int Hidden>
struct Lstm : Cell<In, Hidden, 4> {
  static constexpr int in = In, states = 2, hidden = Hidden, out = 2 * Hidden;
  void forward(const float* x, const float* h, const float* c, float* y) const {
    float a[4 * Hidden], b[4 * Hidden];
    this->products(x, h, a, b);
    const auto gate = [&](int g, int i) { return a[g * Hidden + i] + b[g * Hidden + i]; };
    for (int i = 0; i < Hidden; ++i) {
      const float next = sigmoid(gate(1, i)) * c[i] + sigmoid(gate(0, i)) * std::tanh(gate(2, i));
      y[Hidden + i] = next;
      y[i] = sigmoid(gate(3, i)) * std::tanh(next);
    }
  }
};

template<int In, int Out, int Dilation, int Length>
struct Conv1d {
  static constexpr int length = Length - 2 * Dilation;
  float weight[Out][In][3], bias[Out];
  void forward(const float (&x)[In][Length], float (&y)[Out][length]) const {
    for (int o = 0; o < Out; ++o) {
      for (float& v : y[o]) v = bias[o];
      for (int i = 0; i < In; ++i)
        for (int k = 0; k < 3; ++k)
          for (int t = 0; t < length; ++t) y[o][t] += weight[o][i][k] * x[i][t + k * Dilation];
      for (float& v : y[o]) v = std::tanh(v);
    }
  }
  void fill(std::size_t k) {
    fill_parameter({&weight[0][0][0], std::size_t{Out * In * 3}}, k, "", 3, Out);
    fill_parameter({bias, Out}, k + 1, "", 1, Out);
  }
};

struct Audio {
  static constexpr int in = 158, out = 16 * 128;
  Conv1d<1, 16, 1, 158> conv1;
  Conv1d<16, 16, 2, 156> conv2;
  Conv1d<16, 16, 4, 152> conv3;
  Conv1d<16, 16, 8, 144> conv4;
  void forward(const float* x, float* y) const {
    float a[16][156], b[16][152], c[16][144];
    conv1.forward(reinterpret_cast<const float(&)[1][158]>(*x), a);
    conv2.forward(a, b);
    conv3.forward(b, c);
    conv4.forward(c, reinterpret_cast<float(&)[16][128]>(*y));
  }
  void fill() { conv1.fill(0), conv2.fill(2), conv3.fill(4), conv4.fill(6); }
};

template<class Net, int Batch>
struct Infer {
  Net net;
  float x[Batch][Net::in], y[Batch][Net::out];
  Infer() {
    net.fill();
    fill({&x[0][0], std::size_t{Batch * Net::in}}, input_tensor);
  }
  void operator()() {
    for (int b = 0; b < Batch; ++b) net.forward(x[b], y[b]);
  }
  double result() const { return digest({&y[0][0], std::size_t{Batch * Net::out}}); }
};

template<class Net, int Batch>
struct Step {
  Net net;
  float x[Batch][Net::in], h[Batch][Net::hidden], c[Batch][Net::hidden], y[Batch][Net::out];
  Step() {
    net.fill();
    fill({&x[0][0], std::size_t{Batch * Net::in}}, input_tensor);
    fill({&h[0][0], std::size_t{Batch * Net::hidden}}, input_tensor + 1);
    fill({&c[0][0], std::size_t{Batch * Net::hidden}}, input_tensor + 2);
  }
  void operator()() {
    for (int b = 0; b < Batch; ++b) net.forward(x[b], h[b], c[b], y[b]);
  }
  double result() const { return digest({&y[0][0], std::size_t{Batch * Net::out}}); }
};

/// Mean squares with plain gradient descent, or with Adam.
template<class Net, int Batch, bool Adam = false>
struct Train {
  static constexpr int count = sizeof(Net) / sizeof(float);
  Net net, gradient{}, first{}, second{};
  float x[Batch][Net::in], target[Batch][Net::out], loss = 0;
  double first_power = 1, second_power = 1; // of Adam's betas
  Train() {
    net.fill();
    fill({&x[0][0], std::size_t{Batch * Net::in}}, input_tensor);
    fill({&target[0][0], std::size_t{Batch * Net::out}}, target_tensor);
  }
  static float* values(Net& n) { return reinterpret_cast<float*>(&n); }

  void operator()() {
    float* const g = values(gradient);
    float* const p = values(net);
    for (int i = 0; i < count; ++i) g[i] = 0;
    float sum = 0;
    for (int b = 0; b < Batch; ++b) {
      typename Net::Values v;
      float y[Net::out], dy[Net::out];
      net.forward(x[b], y, v);
      for (int o = 0; o < Net::out; ++o) {
        const float d = y[o] - target[b][o];
        sum += d * d;
        dy[o] = 2.0F / (Batch * Net::out) * d;
      }
      net.backward(x[b], v, dy, gradient);
    }
    loss = sum / (Batch * Net::out);
    if constexpr (Adam) {
      float* const m = values(first);
      float* const s = values(second);
      if (first_power > 1e-30) first_power *= 0.9; // not to denormal numbers
      if (second_power > 1e-30) second_power *= 0.999;
      const float size = static_cast<float>(rate / (1 - first_power)),
                  root = static_cast<float>(1 / std::sqrt(1 - second_power));
      for (int i = 0; i < count; ++i) {
        m[i] = 0.9F * m[i] + 0.1F * g[i];
        s[i] = 0.999F * s[i] + 0.001F * g[i] * g[i];
        p[i] -= size * m[i] / (std::sqrt(s[i]) * root + 1e-8F);
      }
    } else {
      for (int i = 0; i < count; ++i) p[i] -= rate * g[i];
    }
  }
  float result() const { return loss; }
};

template<class S>
Contender entry(const char* kind, const std::string& net, int batch) {
  return {std::string("small/") + kind + "/" + net + "/" + std::to_string(batch), STATOR_BENCH_BY_HAND,
          [] { return repeat<S>(); }};
}

template<int B>
bool enter() {
  Enter{
      entry<Infer<Tiny, B>>("infer", "mlp_4_8_2", B),
      entry<Train<Tiny, B>>("train", "mlp_4_8_2", B),
      entry<Infer<Policy, B>>("infer", "policy_16_64_64_4", B),
      entry<Step<Gru<1, 8>, B>>("infer", "gru_1_8", B),
      entry<Step<Lstm<1, 16>, B>>("infer", "lstm_1_16", B),
      entry<Step<Lstm<1, 40>, B>>("infer", "lstm_1_40", B),
      entry<Infer<Audio, B>>("infer", "audio", B),
  };
  if constexpr (B == 1)
    Enter{entry<Train<Tiny, B, true>>("train", "mlp_4_8_2_adam", B),
          entry<Train<Policy, B, true>>("train", "policy_16_64_64_4_adam", B)};
  return true;
}
const bool entered = enter<1>() && enter<8>() && enter<32>();

} // namespace
} // namespace bench
