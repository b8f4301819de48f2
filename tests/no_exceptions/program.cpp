// SPDX-License-Identifier: BSL-1.0
// Training, saving and loading without exceptions and without run-time type information: what would be thrown
// goes to a handler. Built with -fno-exceptions -fno-rtti; ends with 0 when all is as it should be.
#include <stator/io/state.hpp>
#include <stator/stator.hpp>

#include <csetjmp>
#include <cstdio>
#include <cstring>
#include <string_view>

namespace nn = stator::nn;

struct Net {
  nn::Conv2d<1, 4, 3> conv;
  nn::BatchNorm2d<4> norm;
  nn::Linear<144, 10> fc;
  constexpr auto forward(auto x) const { return x | conv | norm | nn::relu | stator::flatten<1> | fc; }
};

namespace {

std::jmp_buf after_error;
char found[400];

void remember(const char* text) {
  std::strncpy(found, text, sizeof found - 1);
  std::longjmp(after_error, 1);
}

int failures = 0;
void check(bool holds, const char* what) {
  if (holds) return;
  ++failures;
  std::printf("failed: %s (the handler got: %s)\n", what, found);
}
bool said(const char* part) { return std::strstr(found, part) != nullptr; }

stator::Model<Net> model, other;
stator::Tensor<float, 2, 1, 8, 8> x;
stator::Tensor<std::int64_t, 2> y{1, 2};

} // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  const std::string path = std::string(argv[1]) + "/net.safetensors";
  for (float& v : x) v = 0.5F;
  static stator::optim::Adam optimizer{model, {.lr = 1e-2}};
  float first = 0, last = 0;
  for (int step = 0; step < 20; ++step) {
    auto loss = nn::cross_entropy(model(x), y);
    optimizer.zero_grad();
    loss.backward();
    optimizer.step();
    (step == 0 ? first : last) = loss.item();
  }
  check(last < first, "the loss falls");
  stator::save(model, path);
  stator::load(other, path);
  check(std::ranges::equal(other.parameter_arena(), model.parameter_arena()), "what was saved is loaded");

  check(stator::set_error_handler(remember) != nullptr, "there is a handler from the beginning");
  if (setjmp(after_error) == 0) {
    y(0) = 77;
    nn::cross_entropy(model(x), y).item();
    check(false, "a label out of range is an error");
  }
  check(said("stator: ") && said("77"), "the text names the label");
  if (setjmp(after_error) == 0) {
    stator::load(other, std::string(argv[1]) + "/there_is_none.safetensors");
    check(false, "a file that is not there is an error");
  }
  check(said("there_is_none.safetensors"), "the text names the file");
  if (setjmp(after_error) == 0) {
    stator::load(other, std::as_bytes(std::span(std::string_view("no file of ours"))));
    check(false, "bytes of no format are an error");
  }
  check(said("no format of files begins like this"), "the text says what was expected");
  std::puts(failures == 0 ? "passed" : "failed");
  return failures;
}
