// SPDX-License-Identifier: BSL-1.0
#include "catch.hpp"
#include "stator/expr/variable.hpp"

#include <cstdint>
#include <sstream>
#include <type_traits>

using stator::dynamic;
using stator::ShapeError;
using stator::Tensor;
using stator::TensorView;
using stator::Variable;
using stator::test::contains;
using stator::test::thrown;

TEST_CASE("a new tensor holds zeros at a 64-byte boundary") {
  const Tensor<float, 3, 5> x;
  for (const float v : x) CHECK(v == 0);
  CHECK(reinterpret_cast<std::uintptr_t>(x.data()) % 64 == 0);
  CHECK(x.numel() == 15);
  CHECK(x.dim() == 2);
  CHECK(x.size(1) == 5);
}

TEST_CASE("elements are listed in row-major order") {
  const Tensor<float, 2, 3> x{1, 2, 3, 4, 5, 6};
  CHECK(x(0, 2) == 3);
  CHECK(x(1, 0) == 4);
  Tensor<std::int64_t, dynamic> labels{7, 8, 9};
  CHECK(labels.size(0) == 3);
  CHECK(labels(2) == 9);
  labels(2) = -1;
  CHECK(labels(2) == -1);
}

TEST_CASE("the number of listed elements must fit the shape") {
  using Matrix = Tensor<float, 2, 3>;
  CHECK(thrown<ShapeError>([] { Matrix{1, 2, 3, 4, 5}; }) ==
        "stator: a tensor of shape [2, 3] cannot hold 5 elements");
  using Batch = Tensor<float, dynamic, 3>;
  CHECK_NOTHROW(Batch{1, 2, 3, 4, 5, 6});
  CHECK_THAT(thrown<ShapeError>([] { Batch{1, 2, 3, 4}; }), contains("cannot hold 4 elements"));
}

TEST_CASE("an index out of range is a ShapeError that names dimension and shape") {
  Tensor<float, 2, 3> x;
  CHECK(thrown<ShapeError>([&] { x(0, 3) = 1; }) ==
        "stator: index 3 is out of range for dimension 1 of a tensor of shape [2, 3]");
  CHECK_THAT(thrown<ShapeError>([&] { x(-1, 0) = 1; }), contains("index -1 is out of range for dimension 0"));
  Tensor<float, dynamic, 3> batch(4);
  CHECK_NOTHROW(batch(3, 2) = 1);
  CHECK_THAT(thrown<ShapeError>([&] { batch(4, 0) = 1; }), contains("of shape [4, 3]"));
}

TEST_CASE("item is the only element") {
  CHECK(Tensor<float, 1, 1>{5}.item() == 5);
  CHECK(Tensor<double>{2.5}.item() == 2.5);
  CHECK_THAT(thrown<ShapeError>([] { static_cast<void>(Tensor<float, 2>{1, 2}.item()); }),
             contains("this one has shape [2]"));
}

TEST_CASE("copies of a tensor are deep, moves take the memory over") {
  Tensor<float, dynamic, 2> a{1, 2, 3, 4};
  auto b = a;
  b(0, 0) = 9;
  CHECK(a(0, 0) == 1);
  const float* memory = b.data();
  auto c = std::move(b);
  CHECK(c.data() == memory);
  c = a;
  CHECK(c.data() != a.data());
  CHECK(c(1, 1) == 4);
  a = Tensor<float, dynamic, 2>(1);
  CHECK(a.shape()[0] == 1);
}

TEST_CASE("views refer to memory of others") {
  Tensor<float, 2, 2> x{1, 2, 3, 4};
  const TensorView<float, 2, 2> view = x.view();
  view.fill_(7);
  CHECK(x(1, 0) == 7);
  const TensorView<const float, 2, 2> constant = view; // from mutable to const, not back
  static_assert(!std::is_constructible_v<TensorView<float, 2, 2>, TensorView<const float, 2, 2>>);
  const Tensor<float, 2, 2> copy(constant);
  x.fill_(0);
  CHECK(copy(1, 1) == 7);
  float plain[6] = {1, 2, 3, 4, 5, 6};
  const TensorView<const float, dynamic, 3> rows(plain, 2);
  CHECK(rows(1, 2) == 6);
  CHECK(rows.numel() == 6);
}

TEST_CASE("a tensor prints as PyTorch brackets it") {
  std::ostringstream out;
  out << Tensor<float, 2, 1, 2>{1, 2, 3, 4} << Tensor<float>{5} << ' ' << Tensor<float, 2, 1, 2>().shape();
  CHECK(out.str() == "tensor([[[1, 2]], [[3, 4]]])tensor(5) [2, 1, 2]");
}

TEST_CASE("a Variable is a leaf with a gradient of zeros and no grad_fn") {
  Variable<float, 2> a{1, 2};
  CHECK(a.grad()(0) == 0);
  CHECK(a.grad()(1) == 0);
  STATIC_REQUIRE(Variable<float, 2>::is_leaf());
  STATIC_REQUIRE(Variable<float, 2>::requires_grad());
  STATIC_REQUIRE(Variable<float, 2>::grad_fn().empty());
  Variable<float, dynamic, 2> batch(3);
  CHECK(batch.grad().shape()[0] == 3);
  Variable<float, dynamic, 2> made(Tensor<float, dynamic, 2>{1, 2, 3, 4});
  CHECK(made.grad().numel() == 4);
  made.grad().fill_(3);
  auto copy = made;
  made.zero_grad();
  CHECK(made.grad()(1, 1) == 0);
  CHECK(copy.grad()(1, 1) == 3);
}
