// What goes together, among items: the problem of the exact search, whoever asks for it.

#pragma once

#include <bit>
#include <cstdint>
#include <vector>

namespace journeykit {

// Numbers of more than 64 bits: levels put one above the other take them.
#ifdef __SIZEOF_INT128__
__extension__ typedef __int128 Wide;
#else
using Wide = int64_t;
#endif

// Items that use something of a row, and how much there is of it.
struct RowList {
  std::vector<int64_t> first{0};
  std::vector<int32_t> item;
  std::vector<int64_t> use, room;

  int64_t size() const { return static_cast<int64_t>(room.size()); }

  void clear() {
    first.assign(1, 0);
    item.clear();
    use.clear();
    room.clear();
  }

  void add(int64_t own, int64_t used) {
    item.push_back(static_cast<int32_t>(own));
    use.push_back(used);
  }

  void end(int64_t own_room) {
    first.push_back(static_cast<int64_t>(item.size()));
    room.push_back(own_room);
  }
};

// Items of each of which one partner at least must be taken with it.
struct ClauseList {
  std::vector<int32_t> item, partner;
  std::vector<int64_t> first{0};

  int64_t size() const { return static_cast<int64_t>(item.size()); }

  void clear() {
    item.clear();
    partner.clear();
    first.assign(1, 0);
  }

  void end(int64_t own) {
    item.push_back(static_cast<int32_t>(own));
    first.push_back(static_cast<int64_t>(partner.size()));
  }
};

// The problem: values by item; the items that may be taken, in the order of claims, which settles ties; rows;
// by item the group of which one goes, or -1; and clauses. Where values only rank the items, nothing is
// searched: taking the best first must do.
template <class Number>
struct Selection {
  std::vector<Number> value;
  std::vector<int32_t> order;
  RowList rows;
  std::vector<int32_t> group;
  ClauseList clauses;
  bool is_ranked = false;
};

// What a search found: by item, whether it is taken; what these are worth; what no set exceeds; and whether
// the search came to its end: then the two are the same, and of sets of that worth this is the first.
template <class Number>
struct Found {
  std::vector<uint8_t> taken;
  Number value = 0, bound = 0;
  bool is_done = true;
};

// How many bits a number that is not negative takes.
template <class Number>
int64_t bits_of(Number number) {
  int64_t bits = 0;
  for (; number != 0; number >>= 1) ++bits;
  return bits;
}

// The best feasible set; false where the numbers are too large for these. A search visits no more than
// `budget` nodes; then it settles for the best set that it has seen.
template <class Number>
bool find_best(const Selection<Number>& problem, int64_t budget, Found<Number>& found);

}  // namespace journeykit
