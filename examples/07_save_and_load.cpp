// SPDX-License-Identifier: BSL-1.0
// The state of a network: a dictionary of tensors under PyTorch's names, and files of it.
#include <stator/io/checkpoint.hpp>
#include <stator/stator.hpp>

#include <iostream>

namespace nn = stator::nn;

struct Encoder {
  nn::Linear<4, 8> fc;
  nn::BatchNorm1d<8> bn;
  std::string language = "en"; // state that is not a tensor: a user's struct says how it is kept

  constexpr auto forward(auto x) const { return x | fc | bn | nn::relu; }
  std::string extra_repr() const { return "language=" + language; }
  const std::string& get_extra_state() const { return language; }
  void set_extra_state(std::string state) { language = std::move(state); }
};

struct Net {
  Encoder encoder;
  nn::Linear<8, 2> head;
  constexpr auto forward(auto x) const { return x | encoder | head; }
};

int main() {
  stator::manual_seed(0);
  stator::Model<Net> model;
  model->encoder.language = "de";
  std::cout << model << '\n';
  // prints:   (encoder): Encoder(
  // prints:     language=de
  // prints:     (bn): BatchNorm1d(8, eps=1e-05, momentum=0.1, affine=True, track_running_stats=True)

  for (const auto& [name, tensor] : model.state_dict())
    std::cout << name << ' ' << to_string(tensor.type) << '\n';
  // prints: encoder._extra_state U8
  // prints: encoder.bn.num_batches_tracked I64
  // prints: head.weight F32

  // The file appears when it is complete. PyTorch reads it (safetensors.torch.load_file).
  save(model, "net.safetensors");
  stator::Model<Net> other;
  load(other, "net.safetensors");
  std::cout << other->encoder.language << ' ' << std::boolalpha
            << std::ranges::equal(other.parameter_arena(), model.parameter_arena()) << '\n';
  // prints: de true

  // A file is a dictionary too. Everything that does not fit is in one error, and then nothing is loaded.
  stator::StateDict state = stator::load("net.safetensors");
  state.rename("encoder.fc.*", "module.encoder.linear.*");
  state.insert_or_assign("head.bias", std::vector<float>(3));
  try {
    other.load_state_dict(state);
  } catch (const stator::StateDictError& error) {
    std::cout << error.what() << '\n';
    // prints: Missing key(s) in state_dict: "encoder.fc.weight", "encoder.fc.bias".
    // prints: Unexpected key(s) in state_dict: "module.encoder.linear.weight", "module.encoder.linear.bias".
    // prints: size mismatch for head.bias: copying a param with shape torch.Size([3])
  }

  // Foreign names, and only a part of the network. What is missing is said.
  const auto keys = other.load_state_dict(
      state,
      {.strict = false, .rename = {{"module.encoder.linear.*", "encoder.fc.*"}}, .only = {"encoder.*"}});
  std::cout << keys.missing_keys.size() << " missing, " << keys.unexpected_keys.size() << " unexpected\n";
  // prints: 0 missing, 0 unexpected

  // A module alone, and a function that makes the files of an older program those of today.
  model.register_load_state_dict_pre_hook<"encoder">([](stator::StateDict& old, std::string_view prefix) {
    old.rename(std::string(prefix) + "linear.*", std::string(prefix) + "fc.*");
  });
  state = stator::state_dict(other->encoder);
  state.rename("fc.*", "linear.*");
  std::cout << model.load_state_dict(state, {.into = "encoder"}).empty() << '\n';
  // prints: true

  // A training run: model, optimiser, random numbers and whatever else belongs to it. It goes on bit for bit.
  stator::optim::Adam optimizer{model, {.lr = 1e-3}};
  int epoch = 3;
  stator::Checkpoint training;
  training.add("model", model).add("optimizer", optimizer).add("epoch", epoch).save("training.safetensors");
  epoch = 0;
  training.load("training.safetensors");
  std::cout << "epoch " << epoch << '\n';
  // prints: epoch 3
}
