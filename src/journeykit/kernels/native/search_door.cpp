// The exact search as the row engine calls it: with the lists, tuples and dictionaries that it has.

#include "search_door.hpp"

#include <utility>

#include "search_problem.hpp"

namespace nb = nanobind;

namespace journeykit {
namespace {

constexpr int64_t LOW_BITS = 62;
// What the items of a row use together comes to no more.
constexpr int64_t MOST_USE = int64_t{1} << 60;

// A whole number; its sign where it is too large for 64 bits.
std::pair<int64_t, int> read_whole(PyObject* source) {
  int overflow = 0;
  const int64_t whole = PyLong_AsLongLongAndOverflow(source, &overflow);
  if (whole == -1 && PyErr_Occurred()) throw nb::python_error();
  return {whole, overflow};
}

// Some number of the rows is too large.
struct TooLarge {};

int64_t read_small(PyObject* source) {
  const auto [whole, overflow] = read_whole(source);
  if (overflow != 0) throw TooLarge{};
  return whole;
}

// An item, of so many.
int32_t read_item(PyObject* source, int64_t count) {
  const int64_t item = read_small(source);
  if (item < 0 || item >= count) throw nb::index_error("there is no such item");
  return static_cast<int32_t>(item);
}

// Reads a value of any size; false where it is too large for these numbers.
template <class Number>
bool read_value(PyObject* source, Number& value) {
  const auto [whole, overflow] = read_whole(source);
  value = whole;
  if (overflow == 0) return true;
  if (sizeof(Number) == sizeof(int64_t)) return false;
  const nb::int_ own = nb::borrow<nb::int_>(source), bits(LOW_BITS);
  const nb::object high = own >> bits, low = own - (high << bits);
  const auto [top, is_larger] = read_whole(high.ptr());
  value = static_cast<Number>(top) * (Number{1} << LOW_BITS) + read_small(low.ptr());
  return is_larger == 0;
}

void read_rows(const nb::tuple& rows, int64_t count, RowList& list) {
  list.clear();
  for (const nb::handle row : rows) {
    PyObject *item = nullptr, *use = nullptr;
    const nb::dict members = nb::cast<nb::dict>(row[0]);
    Py_ssize_t at = 0;
    int64_t used = 0;
    while (PyDict_Next(members.ptr(), &at, &item, &use)) {
      const int64_t own = read_small(use);
      if (own < 0 || own > MOST_USE - used) throw TooLarge{};
      used += own;
      list.add(read_item(item, count), own);
    }
    const nb::object room = row[1];
    list.end(read_small(room.ptr()));
  }
}

// Rows of which one item goes.
void add_choice(const nb::handle items, int64_t count, RowList& list) {
  for (const nb::handle item : items) list.add(read_item(item.ptr(), count), 1);
  list.end(1);
}

template <class Number>
void read_rules(const nb::tuple& rows, const nb::tuple& groups, const nb::tuple& pairs,
                const nb::tuple& clauses, Selection<Number>& problem) {
  const auto count = static_cast<int64_t>(problem.value.size());
  read_rows(rows, count, problem.rows);
  problem.group.assign(count, -1);
  for (const nb::handle group : groups) {
    add_choice(group, count, problem.rows);
    int32_t first = -1;
    for (const nb::handle item : group) {
      const int32_t own = read_item(item.ptr(), count);
      if (first < 0) first = own;
      problem.group[own] = first;
    }
  }
  for (const nb::handle pair : pairs) add_choice(pair, count, problem.rows);
  problem.clauses.clear();
  for (const nb::handle clause : clauses) {
    const nb::object partners = clause[1], item = clause[0];
    for (const nb::handle partner : partners) {
      problem.clauses.partner.push_back(read_item(partner.ptr(), count));
    }
    problem.clauses.end(read_item(item.ptr(), count));
  }
}

template <class Number>
bool read_values(const nb::list& values, const nb::list& order, Selection<Number>& problem) {
  problem.value.resize(nb::len(values));
  int64_t at = 0;
  for (const nb::handle value : values) {
    if (!read_value(value.ptr(), problem.value[at++])) return false;
  }
  problem.order.clear();
  for (const nb::handle item : order) problem.order.push_back(read_item(item.ptr(), at));
  return true;
}

template <class Number>
nb::object as_answer(const Found<Number>& found) {
  nb::list items;
  for (size_t item = 0; item < found.taken.size(); ++item) {
    if (found.taken[item] != 0) items.append(item);
  }
  const Number gap = found.bound - found.value;
  return nb::make_tuple(nb::tuple(items), static_cast<int64_t>(gap >> LOW_BITS),
                        static_cast<int64_t>(gap & ((Number{1} << LOW_BITS) - 1)));
}

// The answer with numbers of one size; None where they are too small.
template <class Number>
nb::object answer_with(const nb::tuple& rows, const nb::tuple& groups, const nb::tuple& pairs,
                       const nb::tuple& clauses, const nb::list& values, const nb::list& order,
                       int64_t budget) {
  thread_local Selection<Number> problem;
  thread_local Found<Number> found;
  if (!read_values(values, order, problem)) return nb::none();
  read_rules(rows, groups, pairs, clauses, problem);
  bool is_good = false;
  {
    nb::gil_scoped_release others_go_on;
    is_good = find_best(problem, budget, found);
  }
  return is_good ? as_answer(found) : nb::none();
}

}  // namespace

nb::object find_best_set(nb::tuple rows, nb::tuple groups, nb::tuple pairs, nb::tuple clauses,
                         nb::list values, nb::list order, int64_t budget) {
  try {
    nb::object answer = answer_with<int64_t>(rows, groups, pairs, clauses, values, order, budget);
    if (!answer.is_none()) return answer;
    return answer_with<Wide>(rows, groups, pairs, clauses, values, order, budget);
  } catch (const TooLarge&) {
    return nb::none();
  }
}

}  // namespace journeykit
