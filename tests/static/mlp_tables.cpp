// SPDX-License-Identifier: BSL-1.0
// The tables of a network are constants: names, counts, offsets, shapes, bytes.
#include "stator/model/model.hpp"
#include "stator/nn/linear.hpp"
#include "stator/ops/activation.hpp"

namespace {

using namespace stator;

struct Mlp {
  nn::Linear<784, 128> fc1;
  nn::Linear<128, 10> fc2;
  constexpr auto forward(auto x) const { return x | fc1 | nn::relu | fc2; }
};

using M = Model<Mlp>;
using T = M::tables;

static_assert(M::parameter_count == 101'770);
static_assert(T::leaves.size() == 4 && T::modules.size() == 3);
static_assert(T::leaves[0].name == "fc1.weight" && T::leaves[1].name == "fc1.bias");
static_assert(T::leaves[2].name == "fc2.weight" && T::leaves[3].name == "fc2.bias");
static_assert(T::leaves[0].extents == Extents(128, 784) && T::leaves[3].extents == Extents(10));
static_assert(T::modules[0].path == "" && T::modules[0].type == "Mlp");
static_assert(T::modules[2].path == "fc2" && T::modules[2].type == "Linear");

// Each tensor begins at a multiple of 64 bytes.
static_assert(M::offset<"fc1.weight"> == 0);
static_assert(M::offset<"fc1.bias"> == 784 * 128 * 4);
static_assert(M::offset<"fc2.weight"> == 784 * 128 * 4 + 128 * 4);
static_assert(M::offset<"fc2.bias"> == 784 * 128 * 4 + 128 * 4 + 128 * 10 * 4);
static_assert(M::parameter_bytes == 784 * 128 * 4 + 128 * 4 + 128 * 10 * 4 + 64);
static_assert(M::gradient_bytes == M::parameter_bytes && M::buffer_bytes == 0);
static_assert(M::parameter_table.size() == 4 && M::parameter_table[2].offset == M::offset<"fc2.weight">);

// A handle points to its elements, its gradient, and whether that is there.
static_assert(sizeof(Mlp) == 4 * 3 * sizeof(void*), "a network is a few handles");
static_assert(std::is_trivially_destructible_v<Mlp> && std::is_aggregate_v<Mlp>);

// Parameters come before buffers, and both before children, wherever they are declared.
struct Leaf {
  Buffer<float, 2> state;
  Parameter<float, 2> weight;
};
struct Mixed {
  Leaf first;
  NonPersistentBuffer<std::int64_t> count;
  Parameter<float> scale;
  Absent bias;
  std::array<Leaf, 2> list;
};
using X = Model<Mixed>::tables;
static_assert(X::leaves.size() == 8);
static_assert(X::leaves[0].name == "scale" && X::leaves[1].name == "count" &&
              X::leaves[2].name == "first.weight");
static_assert(X::leaves[3].name == "first.state" && X::leaves[7].name == "list.1.state");
static_assert(X::leaves[1].kind == LeafKind::non_persistent_buffer && X::leaves[1].dtype == DType::int64);
static_assert(X::modules[2].path == "list" && X::modules[2].type == "ModuleList" &&
              X::modules[2].parent == 0);
static_assert(X::modules[2].end == 5 && X::modules[2].first_leaf == 4 && X::modules[2].end_leaf == 8);

// Ties are aliases in the table: a chain of them, into an array, across levels.
struct Tied {
  Leaf a;
  std::array<Leaf, 2> list;
  Leaf b;
  using ties = stator::ties<tie<"b.weight", "list.1.weight">, tie<"list.1.weight", "a.weight">>;
};
using Y = Model<Tied>::tables;
static_assert(Y::leaves[Y::find_leaf("b.weight")].owner == 0 &&
              Y::leaves[Y::find_leaf("list.1.weight")].owner == 0);
static_assert(Y::leaves[Y::find_leaf("list.0.weight")].owner == Y::find_leaf("list.0.weight"));
static_assert(Model<Tied>::parameter_count == 4 && Model<Tied>::parameter_bytes == 128);
static_assert(Model<Tied>::offset<"b.weight"> == 0);

// Frozen parameters lie after the others and have no gradient.
using F = Model<Mlp, freeze<"fc1.*">>;
static_assert(F::gradient_bytes == 128 * 10 * 4 + 64 && F::parameter_bytes == M::parameter_bytes);
static_assert(F::offset<"fc2.weight"> == 0 && F::offset<"fc1.weight"> == F::gradient_bytes);
static_assert(F::trainable_count == 1290 && F::parameter_count == 101'770);
static_assert(F::parameter_table.size() == 2 && F::parameter_table[0].name == "fc2.weight");
static_assert(Model<Mlp, freeze<"fc1">>::gradient_bytes == F::gradient_bytes);
static_assert(Model<Mlp, freeze<"*">>::gradient_bytes == 0);
static_assert(Model<Tied, freeze<"b.weight">>::gradient_bytes == 64,
              "a shared parameter is frozen under any name");

// A net in double.
template<class T>
struct Scaled {
  nn::Linear<4, 3, {}, T> fc;
};
static_assert(std::is_same_v<Model<Scaled<double>>::scalar, double> &&
              Model<Scaled<double>>::parameter_bytes == 128 + 64);

} // namespace
