// SPDX-License-Identifier: BSL-1.0
#include "stator/reflect/names.hpp"

#include "catch.hpp"

#include <array>
#include <string>
#include <tuple>

namespace reflect = stator::reflect;

namespace {

struct Empty {};
struct Pair {
  int first;
  double second;
};
struct Nested {
  Pair pair;
  Empty empty;
  std::array<Pair, 3> list;
  std::tuple<int> one;
  std::tuple<int, Pair> two;
  std::string text;
  bool flag = true;
};
template<class T>
struct Templated {
  T value;
  std::array<T, 4> values;
};
class Opaque {
public:
  int get() const { return hidden_; }

private:
  int hidden_ = 0;
};
class Virtual {
public:
  virtual ~Virtual() = default;
};
struct Options {
  char name[8];
  int sizes[2];
};

// clang-format off
#define TEN(p) int p##0, p##1, p##2, p##3, p##4, p##5, p##6, p##7, p##8, p##9;
#define HUNDRED(p) TEN(p##0) TEN(p##1) TEN(p##2) TEN(p##3) TEN(p##4) TEN(p##5) TEN(p##6) TEN(p##7) TEN(p##8) TEN(p##9)
// clang-format on
struct Hundred {
  HUNDRED(a)
};
struct HundredAndOne {
  HUNDRED(a)
  double last;
};
struct TwoHundred {
  HUNDRED(a)
  HUNDRED(b)
};
struct TooMany {
  HUNDRED(a)
  HUNDRED(b)
  int one_more;
};

} // namespace

TEST_CASE("field_count counts the fields of plain aggregates") {
  STATIC_REQUIRE(reflect::field_count<Empty> == 0);
  STATIC_REQUIRE(reflect::field_count<Pair> == 2);
  STATIC_REQUIRE(reflect::field_count<const Nested> == 7);
  STATIC_REQUIRE(reflect::field_count<Templated<Pair>> == 2);
  STATIC_REQUIRE(reflect::field_count<Hundred> == 100);
  STATIC_REQUIRE(reflect::field_count<HundredAndOne> == 101);
  STATIC_REQUIRE(reflect::field_count<TwoHundred> == 200);
}

TEST_CASE("a field may have no default constructor") {
  struct Started {
    explicit Started(int) {}
  };
  struct Few {
    int first;
    Started last = Started(1);
  };
  struct Many {
    std::array<int, 2> a, b, c, d, e, f, g, h, i;
    Started j = Started(2);
    int k, l, m, n, o, p, q, r;
  };
  STATIC_REQUIRE(reflect::field_count<Few> == 2);
  STATIC_REQUIRE(reflect::field_count<Many> == 18);
}

TEST_CASE("field names are those of the source") {
  STATIC_REQUIRE(reflect::field_name<Nested, 0> == "pair");
  STATIC_REQUIRE(reflect::field_name<Nested, 1> == "empty");
  STATIC_REQUIRE(reflect::field_name<Nested, 2> == "list");
  STATIC_REQUIRE(reflect::field_name<Nested, 3> == "one");
  STATIC_REQUIRE(reflect::field_name<Nested, 5> == "text");
  STATIC_REQUIRE(reflect::field_name<Templated<Pair>, 1> == "values");
  STATIC_REQUIRE(reflect::field_name<Hundred, 99> == "a99");
  STATIC_REQUIRE(reflect::field_name<HundredAndOne, 100> == "last");
  STATIC_REQUIRE(reflect::field_name<TwoHundred, 199> == "b99");
}

TEST_CASE("a struct inside of a function has field names") {
  struct Local {
    int weight;
    Pair inner;
  };
  STATIC_REQUIRE(reflect::field_count<Local> == 2);
  STATIC_REQUIRE(reflect::field_name<Local, 0> == "weight");
  STATIC_REQUIRE(reflect::field_name<Local, 1> == "inner");
  STATIC_REQUIRE(reflect::class_name<Local>() == "Local");
}

TEST_CASE("get gives a reference to the field") {
  Nested n{};
  reflect::get<0>(n).second = 2.5;
  reflect::get<2>(n)[1].first = 7;
  CHECK(n.pair.second == 2.5);
  CHECK(n.list[1].first == 7);
  const Nested& same = n;
  STATIC_REQUIRE(std::is_same_v<decltype(reflect::get<0>(same)), const Pair&>);
  TwoHundred many{};
  reflect::get<150>(many) = 3;
  CHECK(many.b50 == 3);
}

TEST_CASE("class_name leaves out namespaces and template arguments") {
  STATIC_REQUIRE(reflect::class_name<Pair>() == "Pair");
  STATIC_REQUIRE(reflect::class_name<Templated<Templated<Pair>>>() == "Templated");
  STATIC_REQUIRE(reflect::class_name<std::array<Pair, 3>>() == "array");
}

TEST_CASE("what cannot be reflected is recognised") {
  struct Base {
    int x;
  };
  struct Derived : Base {
    int y;
  };
  struct Constructed {
    Constructed(int) {}
    int x = 0;
  };
  struct CArray {
    Opaque list[3];
    int after;
  };
  using reflect::detail::Fault;
  STATIC_REQUIRE(reflect::Reflectable<Pair>);
  STATIC_REQUIRE(reflect::detail::fault<int> == Fault::not_a_struct);
  STATIC_REQUIRE(reflect::detail::fault<Derived> == Fault::base_class);
  STATIC_REQUIRE(reflect::detail::fault<Constructed> == Fault::not_an_aggregate);
  STATIC_REQUIRE(reflect::detail::fault<Virtual> == Fault::not_an_aggregate);
  STATIC_REQUIRE(reflect::detail::fault<CArray> == Fault::c_array);
  STATIC_REQUIRE(reflect::detail::fault<Options> == Fault::numbers_only_c_array); // no module can be in it
  STATIC_REQUIRE(reflect::detail::fault<TooMany> == Fault::too_many_fields);
}
