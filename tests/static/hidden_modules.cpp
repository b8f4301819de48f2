// SPDX-License-Identifier: BSL-1.0
// Types of fields that hide modules: a network with one is refused, by the words of the error.
#include "stator/model/model.hpp"
#include "stator/nn/linear.hpp"

#include <any>
#include <array>
#include <complex>
#include <deque>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <tuple>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

using Layer = stator::nn::Linear<3, 2>;
using Weight = stator::Parameter<float, 3>;

struct Settings { // plain data around them
  int width = 3;
  std::vector<Layer> layers;
};
struct Plain {
  int width = 3;
  std::string name;
  std::vector<double> rates;
};
struct Tree { // holds itself
  int value = 0;
  std::vector<Tree> children;
};
struct Unknown; // incomplete
struct Release {
  void operator()(Unknown*) const;
};
template<class T>
struct Tag {};
template<class T>
class Box { // of somebody else
public:
  Box() = default;
  T get() const { return x_; }

private:
  T x_{};
};

template<class Field>
struct Net {
  Layer fc;
  Field field;
};

template<class Field>
consteval bool refused(std::string_view why, std::string_view where = "field") {
  const auto text = stator::detail::refusal<Net<Field>>::message();
  std::string_view rest = text.view();
  if (!rest.starts_with("stator: ")) return false;
  rest.remove_prefix(8);
  return rest.starts_with(where) && rest.substr(where.size()).starts_with(why);
}
template<class Field>
constexpr bool counts = refused<Field>(": how many modules it holds is known only at run time");
template<class Field>
constexpr bool hides = refused<Field>(": the modules in it are hidden from the network");
template<class Field>
consteval bool is_allowed() {
  return stator::detail::refusal<Net<Field>>::message().empty();
}
template<class Field>
constexpr bool allowed = is_allowed<Field>();

static_assert(counts<std::vector<Layer>> && counts<std::vector<Weight>>);
static_assert(counts<std::map<std::string, Layer>> && counts<std::unordered_map<std::string, Layer>>);
static_assert(counts<std::multimap<int, Weight>> && counts<std::map<std::string, std::vector<Layer>>>);
static_assert(counts<std::deque<Layer>> && counts<std::list<Layer>> && counts<std::set<Layer>>);
static_assert(counts<std::optional<Layer>> && counts<std::optional<Layer*>> && counts<std::span<Layer>>);
static_assert(counts<std::unique_ptr<Layer>> && counts<std::shared_ptr<Layer>> &&
              counts<std::weak_ptr<Layer>>);
static_assert(counts<std::unique_ptr<Layer[]>> && counts<Layer*> && counts<const Layer*> && counts<Layer**>);
static_assert(counts<std::vector<std::unique_ptr<Layer>>> && counts<std::vector<Settings>>);

static_assert(hides<std::variant<std::monostate, Layer>> && hides<std::pair<Layer, Layer>>);
static_assert(hides<std::pair<int, std::vector<Layer>>>);
static_assert(hides<Box<Layer>> && hides<Settings>);
static_assert(refused<std::tuple<int, std::vector<Layer>>>(": how many modules", "field.1"));
static_assert(refused<std::array<std::pair<int, Layer>, 2>>(": the modules in it are hidden", "field.0"));
static_assert(refused<std::tuple<Layer, std::variant<Layer, int>>>(": the modules in it are hidden",
                                                                   "field.1"));

// What holds no module is a plain field.
static_assert(allowed<int> && allowed<Plain> && allowed<Tree> && allowed<std::any> &&
              allowed<std::complex<float>>);
static_assert(allowed<std::map<std::string, double>> && allowed<std::vector<std::string>> && allowed<void*>);
static_assert(allowed<std::unique_ptr<Unknown, Release>> && allowed<Tag<Layer>>);
static_assert(allowed<std::function<double(double)>> && allowed<std::function<void(Layer&)>>);
static_assert(allowed<std::array<int, 0>> && allowed<std::array<Layer, 2>> &&
              allowed<std::tuple<Layer, int>>);
static_assert(allowed<stator::Absent>);
