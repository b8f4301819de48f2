// SPDX-License-Identifier: BSL-1.0
// Gradients with respect to values inside of networks, by the path of a module or a tap. The numbers are
// those of PyTorch's torch.autograd.grad(loss, h, create_graph=True) with the intermediate tensors h.
#include "ops/gradient_law.hpp"

#include "stator/hooks/hooked_model.hpp"
#include "stator/model/model.hpp"

using namespace stator;
using test::check_close;

namespace {

struct Block {
  Parameter<double, 3, 3> weight;
  constexpr auto forward(auto x) const { return tanh(mm(x, transpose<>(weight))); }
};

struct Net {
  Parameter<double, 3, 2> in;
  Block block, last;
  Parameter<double, 1, 3> out;
  constexpr auto forward(auto x) const {
    return mm(mm(x, transpose<>(in)) | tap<"hidden"> | block | block | last, transpose<>(out));
  }
};

void start(Model<Net>& model) {
  const auto set = [](auto& parameter, Index offset) {
    for (Index i = 0; i < parameter.numel(); ++i)
      parameter.data()[i] = 0.25 * static_cast<double>((7 * i + offset) % 11) - 1.1;
  };
  set(model->in, 0), set(model->block.weight, 1), set(model->last.weight, 2), set(model->out, 3);
}

Tensor<double, 2, 2> inputs() { return {.3, -.2, .1, .5}; }

void check_value(const auto& expression, const std::vector<double>& expected) {
  const auto value = expression.value();
  check_close(value.values(), expected, 1e-10);
}

} // namespace

TEST_CASE("grad of a path is the gradient of what a module returns, of all its calls, and of a tap") {
  Model<Net> model;
  start(model);
  const auto x = inputs();
  const auto loss = mean(square(model(x)));
  const auto [hidden, block, last, net] = stator::grad<"hidden", "block", "last", "">(loss);
  check_value(hidden, {-0.07344957973831927, 0.0563979934318664, -0.022042856739902042, -0.3329338264952512,
                       0.22103257724387956, -0.09401110067555271});
  check_value(block, {0.1381579528612616, -0.038668459187646255, 0.0316678236232656, 0.57253176979402,
                      -0.11921908116369129, 0.11318604124138837});
  check_value(last, {0.028038520170196778, -0.11215408068078708, -0.03204402305165344, 0.1310259472873972,
                     -0.5241037891495887, -0.1497439397570253});
  check_value(net, {-0.08011005762913363, -0.37435984939256334});

  // And again: a penalty on both.
  const auto penalised = loss + sum(square(hidden)) + sum(square(block));
  penalised.backward();
  check_close(model->in.grad().values(),
              std::vector<double>{-0.4125907037564641, -0.7989033545567356, 0.2787180585007679,
                                  0.40472732523370814, -0.12904698941251164, -0.25349922482309756},
              1e-10);
  check_close(model->block.weight.grad().values(),
              std::vector<double>{2.2535058295481227, 1.3895588532730239, 1.2578144028328837,
                                  -1.4661519680826491, 0.18869464682269066, -0.8269184208360878,
                                  0.4311117977033644, 0.24365726540136673, 0.2068840278483415},
              1e-10);
  check_close(model->last.weight.grad().values(),
              std::vector<double>{-0.057261907775074235, -0.4791281117631545, 0.7636751161989994,
                                  0.22765974094055175, 1.9905630425155314, -3.2244489394555966,
                                  0.0756761584692281, 0.6054116528505057, -0.9446351161879771},
              1e-10);
  check_close(model->out.grad().values(),
              std::vector<double>{1.3657099581498846, 1.5392280506630809, 1.714130325835612}, 1e-10);
}

TEST_CASE("grad of a path does not mix two networks of one type") {
  Model<Net> student, teacher;
  start(student);
  start(teacher);
  const auto x = inputs();
  const auto twice = mean(square(student(x))) + mean(square(student(x)));
  const auto once = stator::grad<"last">(mean(square(student(x)))).value();
  std::vector<double> doubled(once.values().begin(), once.values().end());
  for (double& d : doubled) d *= 2;
  check_value(stator::grad<"last">(twice), doubled);
  const auto both = mean(square(student(x))) + mean(square(teacher(x)));
  CHECK_THROWS_WITH(
      stator::grad<"last">(both).value(),
      "stator: grad: two networks of one type in this expression have the module that is asked for, "
      "each with a parameter in of its own: take the gradient of the part of the loss that calls "
      "one of them");
}
