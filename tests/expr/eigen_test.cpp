// SPDX-License-Identifier: BSL-1.0
#include "catch.hpp"
#include "stator/eigen.hpp"
#include "stator/stator.hpp"

using namespace stator;

namespace {
struct Net {
  nn::Linear<3, 2> fc;
  constexpr auto forward(auto x) const { return x | fc; }
};
using RowMajor = Eigen::Matrix<float, 2, 3, Eigen::RowMajor>;
} // namespace

TEST_CASE("as_matrix shows a tensor's rows and columns without a copy") {
  Tensor<float, 2, 3> x{1, 2, 3, 4, 5, 6};
  auto m = as_matrix(x);
  STATIC_REQUIRE(m.RowsAtCompileTime == 2);
  STATIC_REQUIRE(m.ColsAtCompileTime == 3);
  CHECK(m(0, 2) == 3);
  CHECK(m(1, 0) == 4);
  m(1, 2) = 60;
  CHECK(x(1, 2) == 60);
  const auto& constant = x;
  STATIC_REQUIRE(std::is_same_v<decltype(as_matrix(constant)), Eigen::Map<const RowMajor>>);
  CHECK(as_matrix(constant).data() == x.data());
  CHECK(as_matrix(x.view()).sum() == 75);
}

TEST_CASE("as_matrix puts the leading extent against all others, and a single one in a column") {
  Tensor<double, dynamic, 2, 2> x(3);
  x(2, 1, 0) = 7;
  const auto m = as_matrix(x);
  STATIC_REQUIRE(decltype(as_matrix(x))::RowsAtCompileTime == Eigen::Dynamic);
  CHECK((m.rows() == 3 && m.cols() == 4));
  CHECK(m(2, 2) == 7);
  Tensor<double, 4> v{1, 2, 3, 4};
  CHECK((as_matrix(v).rows() == 4 && as_matrix(v).cols() == 1));
  CHECK(as_vector(x).size() == 12);
  CHECK(as_vector(x)(10) == 7);
  Tensor<float, 3, 1> column{1, 2, 3};
  CHECK(as_matrix(column)(2, 0) == 3);
}

TEST_CASE("parameters and gradients are mapped, Eigen matrices are inputs") {
  Model<Net> model;
  auto& weight = model.get<"fc.weight">();
  as_matrix(weight) << 1, 2, 3, 4, 5, 6;
  as_matrix(model.get<"fc.bias">()).setZero();
  RowMajor input;
  input << 1, 0, 0, 0, 1, 1;
  const auto x = tensor_view(input);
  STATIC_REQUIRE(std::is_same_v<decltype(x), const TensorView<float, 2, 3>>);
  auto y = model(x);
  const auto value = y.value();
  CHECK(as_matrix(value) == input * as_matrix(weight).transpose());
  sum(y).backward();
  const auto grad = as_matrix(weight.grad());
  CHECK(grad.row(0) == input.colwise().sum());
}

TEST_CASE("matrices with rows known at run time are a dynamic batch, vectors have one extent") {
  Eigen::Matrix<float, Eigen::Dynamic, 3, Eigen::RowMajor> input(5, 3);
  input.setConstant(2);
  const auto x = tensor_view(input);
  STATIC_REQUIRE(std::is_same_v<decltype(x), const TensorView<float, dynamic, 3>>);
  CHECK(x.size(0) == 5);
  const Eigen::Vector3d v(1, 2, 3);
  STATIC_REQUIRE(std::is_same_v<decltype(tensor_view(v)), TensorView<const double, 3>>);
  CHECK(tensor_view(v)(2) == 3);
  Eigen::RowVectorXf row(4);
  row << 1, 2, 3, 4;
  CHECK(tensor_view(row).size(0) == 4);
}

TEST_CASE("tensor_view refuses a map with gaps") {
  float memory[12]{};
  Eigen::Map<RowMajor, 0, Eigen::OuterStride<>> gaps(memory, Eigen::OuterStride<>(4));
  CHECK_THROWS_AS(tensor_view(gaps), ShapeError);
  Eigen::Map<RowMajor, 0, Eigen::OuterStride<>> dense(memory, Eigen::OuterStride<>(3));
  CHECK(tensor_view(dense).data() == memory);
  Eigen::Map<Eigen::Vector3f, 0, Eigen::InnerStride<>> every_second(memory, Eigen::InnerStride<>(2));
  CHECK_THROWS_AS(tensor_view(every_second), ShapeError);
}

TEST_CASE("where a sample is a column, the transpose of the matrix is the batch") {
  Eigen::Matrix<float, 3, Eigen::Dynamic> samples(3, 4);
  samples << 1, 2, 3, 4, 10, 20, 30, 40, 100, 200, 300, 400;
  const auto batch = tensor_view(samples.transpose());
  STATIC_REQUIRE(decltype(batch)::shape_type::rank == 2);
  CHECK((batch.size(0) == 4 && batch.size(1) == 3));
  CHECK(batch(1, 2) == 200);
  CHECK(batch.data() == samples.data());

  Model<Net> model;
  const auto y = model(batch).value();
  RowMajor two;
  two << 3, 30, 300, 4, 40, 400;
  const auto last = model(tensor_view(two)).value();
  CHECK(y(2, 1) == Approx(last(0, 1)));
  CHECK(y(3, 0) == Approx(last(1, 0)));

  const Eigen::Map<const RowMajor> map(two.data());
  CHECK(tensor_view(Eigen::Map<const RowMajor>(two.data()))(1, 1) == map(1, 1));
  CHECK_THROWS_AS(tensor_view(samples.topRows<2>().transpose()), ShapeError);
}
