// SPDX-License-Identifier: BSL-1.0
// The owner of the memory: copies, moves, memory of the user, handles without storage.
#include "module/nets.hpp"

#include "catch.hpp"

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

using namespace stator;
using namespace stator::test;

namespace {

bool aligned(const void* p) { return reinterpret_cast<std::uintptr_t>(p) % 64 == 0; }

struct alignas(64) Line {
  std::byte bytes[64];
};
struct UserMemory {
  std::vector<Line> parameters, gradients, buffers;
  template<class M>
  static UserMemory of() {
    return {std::vector<Line>(M::parameter_bytes / 64), std::vector<Line>(M::gradient_bytes / 64),
            std::vector<Line>(M::buffer_bytes / 64)};
  }
  static std::span<std::byte> bytes(std::vector<Line>& lines) {
    return std::as_writable_bytes(std::span(lines));
  }
  ModelMemory memory() { return {bytes(parameters), bytes(gradients), bytes(buffers)}; }
};

} // namespace

TEST_CASE("every tensor of a model begins at a multiple of 64 bytes") {
  const Model<Deep> model;
  for (const auto& [name, tensor] : model.named_parameters()) {
    CHECK(aligned(tensor.raw()));
    CHECK(aligned(tensor.raw_grad()));
  }
  for (const auto& [name, tensor] : model.named_buffers()) CHECK(aligned(tensor.raw()));
  CHECK(model.get_parameter("own").raw() == reinterpret_cast<std::byte*>(model.parameter_arena().data()));
}

TEST_CASE("a copy of a model is deep") {
  Model<Deep> model;
  model->own(0) = 1;
  model->blocks[1].scale.running(2) = 5;
  Model<Deep> copy = model;
  CHECK(copy->own(0) == 1);
  CHECK(copy->blocks[1].scale.running(2) == 5);
  copy->own(0) = 2;
  CHECK(model->own(0) == 1);
  CHECK(copy.parameter_arena().data() != model.parameter_arena().data());
  CHECK(copy->own.grad_data() == copy.gradient_arena().data());

  const float* const storage = model.parameter_arena().data();
  model = copy;
  CHECK(model->own(0) == 2);
  CHECK(model.parameter_arena().data() == storage);
  CHECK(model->own.data() == storage);
  CHECK(model.clone()->own(0) == 2);
}

TEST_CASE("a copy keeps ties") {
  Model<Tied> model;
  Model<Tied> copy = model;
  CHECK(copy->lm_head.weight.data() == copy->wte.weight.data());
  CHECK(copy->second.bias.data() == copy->first.bias.data());
  CHECK(copy->wte.weight.data() != model->wte.weight.data());
}

TEST_CASE("a move takes over the memory") {
  Model<Deep> model;
  model->own(0) = 3;
  const float* const storage = model->own.data();
  Model<Deep> moved = std::move(model);
  CHECK(moved->own.data() == storage);
  CHECK(model->own.data() == nullptr);
  CHECK(model.parameter_arena().empty());
  Model<Deep> other;
  other = std::move(moved);
  CHECK(other->own.data() == storage);
  CHECK(other->own(0) == 3);

  // One without storage can be copied and gets storage when it is assigned to.
  const Model<Deep> nothing = moved;
  CHECK(nothing->own.data() == nullptr);
  moved = other;
  CHECK(moved->own(0) == 3);
  CHECK(moved->own.data() != storage);
}

TEST_CASE("a model may be assigned to itself") {
  Model<Deep> model;
  model->own(0) = 4;
  Model<Deep>& same = model;
  model = same;
  CHECK(model->own(0) == 4);
  model = std::move(same);
  CHECK(model->own(0) == 4);
}

TEST_CASE("plain fields are copied with the model") {
  Scale net;
  net.eps = 0.5;
  const Model<Scale> model(net), copy = model;
  CHECK(copy->eps == 0.5);
}

TEST_CASE("a model can live in memory of the user") {
  using M = Model<Deep>;
  auto memory = UserMemory::of<M>();
  {
    M model(memory.memory());
    CHECK(model->own.data() == reinterpret_cast<float*>(memory.parameters.data()));
    CHECK(model->own.grad_data() == reinterpret_cast<float*>(memory.gradients.data()));
    model->own(1) = 7;
    M copy = model;
    CHECK(copy->own.data() != model->own.data());
    copy->own(1) = 8;
    model = copy;
    CHECK(model->own.data() == reinterpret_cast<float*>(memory.parameters.data()));
  }
  CHECK(reinterpret_cast<float*>(memory.parameters.data())[1] == 8);
}

TEST_CASE("memory that does not fit is refused") {
  using M = Model<Deep>;
  auto memory = UserMemory::of<M>();
  ModelMemory small = memory.memory();
  small.gradients = small.gradients.first(M::gradient_bytes - 1);
  CHECK_THROWS_WITH(M(small), "stator: Model: the memory for gradients has " +
                                  std::to_string(M::gradient_bytes - 1) + " bytes, needs " +
                                  std::to_string(M::gradient_bytes));
  memory.parameters.emplace_back();
  ModelMemory crooked = memory.memory();
  crooked.parameters = crooked.parameters.subspan(4);
  CHECK_THROWS_WITH(M(crooked), "stator: Model: the memory for parameters is not aligned to 64 bytes");
  CHECK_THROWS_AS(M(ModelMemory{}), ValueError);
}

TEST_CASE("a network without a model names the parameter that has no storage") {
  const Mlp net;
  const Tensor<float, 2, 784> x;
  const auto y = nn::call(net, x);
  CHECK(thrown<UnboundError>([&] { (void)y.value(); }) ==
        "stator: Mlp: fc1.weight has no storage: give the network to a stator::Model");
}

TEST_CASE("zero_grad clears every gradient") {
  const Model<Mlp> model;
  for (float& g : model.gradient_arena()) g = 1;
  model.zero_grad();
  CHECK(std::ranges::all_of(model.gradient_arena(), [](float g) { return g == 0; }));
}

TEST_CASE("a tied weight starts as its target would alone, and both consume random numbers") {
  struct Untied {
    nn::Linear<4, 6, {.bias = false}> wte;
    nn::Linear<4, 4> first;
    nn::Linear<4, 6, {.bias = false}> lm_head;
  };
  struct Backwards {
    nn::Linear<4, 6, {.bias = false}> wte;
    nn::Linear<4, 4> first;
    nn::Linear<4, 6, {.bias = false}> lm_head;
    using ties = stator::ties<tie<"wte.weight", "lm_head.weight">>;
  };
  manual_seed(1);
  const Model<Untied> plain;
  manual_seed(1);
  const Model<Backwards> backwards;
  manual_seed(1);
  const Model<Tied> tied;
  const auto equal = [](const auto& a, const auto& b) { return std::ranges::equal(a.values(), b.values()); };
  CHECK(equal(tied->wte.weight, plain->wte.weight));
  CHECK(equal(tied->lm_head.weight, plain->wte.weight));
  CHECK(equal(tied->second.weight, plain->first.weight));
  CHECK(equal(backwards->wte.weight, plain->lm_head.weight));
}
