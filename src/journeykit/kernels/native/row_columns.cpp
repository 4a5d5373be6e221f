// Decision rows as the columns of a table: numbers, codes, validity bitmaps and offsets of lists, as Arrow
// lays them out, so that its arrays need no copy of them.

#include "row_columns.hpp"

#include <algorithm>
#include <cmath>

namespace journeykit {
namespace {

// So many rows are taken at a time: they stay in the closest cache while each column reads its own field.
constexpr int64_t ROWS_AT_ONCE = 256;

// Rows of a block, and where the first of them goes.
struct RowRange {
  const DecisionRow* rows;
  int64_t count, start;
};

// Marks a value as known, without a branch.
void mark(uint8_t* bits, int64_t place, bool is_known) {
  bits[place >> 3] = static_cast<uint8_t>(bits[place >> 3] | is_known << (place & 7));
}

// The validity bitmap of a column that may be null, and how many of its values are known.
class Validity {
 public:
  Validity(const RowColumns& columns, int64_t column)
      : bits_(&columns.known(column, 0)), count_(columns.counts[column]) {}

  bool add(int64_t place, bool is_known) {
    mark(bits_, place, is_known);
    count_ += is_known;
    return is_known;
  }

 private:
  uint8_t* bits_;
  int64_t& count_;
};

void put_codes(const RowRange& given, int64_t DecisionRow::* field, Array1<int32_t> out) {
  if (out.size == 0) return;
  for (int64_t place = 0; place < given.count; ++place) {
    out[given.start + place] = static_cast<int32_t>(given.rows[place].*field);
  }
}

// Where each list begins; what the block has before goes to the end of what is there.
void put_firsts(const RowRange& given, int64_t DecisionRow::* field, int64_t before, Array1<int32_t> out) {
  if (out.size == 0) return;
  for (int64_t place = 0; place < given.count; ++place) {
    out[given.start + place] = static_cast<int32_t>(before + given.rows[place].*field);
  }
}

void put_rules(const RowRange& given, const RowColumns& columns) {
  if (columns.rule.size == 0) return;
  Validity validity(columns, KNOWN_RULE);
  for (int64_t place = 0; place < given.count; ++place) {
    int64_t rule = given.rows[place].rule;
    columns.rule[given.start + place] = validity.add(given.start + place, rule >= 0) ? int32_t(rule) : 0;
  }
}

// Millionths as floats.
void put_weights(const RowRange& given, int64_t DecisionRow::* field, const RowColumns& columns,
                 int64_t column, Array1<double> out) {
  if (out.size == 0) return;
  Validity validity(columns, column);
  for (int64_t place = 0; place < given.count; ++place) {
    int64_t value = given.rows[place].*field;
    bool is_known = validity.add(given.start + place, value != NONE);
    out[given.start + place] = is_known ? static_cast<double>(value) / 1e6 : 0.0;
  }
}

// Chances; NaN is none.
void put_chances(const RowRange& given, const RowColumns& columns) {
  if (columns.chance.size == 0) return;
  Validity validity(columns, KNOWN_CHANCE);
  for (int64_t place = 0; place < given.count; ++place) {
    double chance = given.rows[place].chance;
    bool is_known = validity.add(given.start + place, !std::isnan(chance));
    columns.chance[given.start + place] = is_known ? chance : 0.0;
  }
}

void put_instants(const RowRange& given, int64_t DecisionRow::* field, const RowColumns& columns,
                  int64_t column, Array1<int64_t> out) {
  if (out.size == 0) return;
  Validity validity(columns, column);
  for (int64_t place = 0; place < given.count; ++place) {
    int64_t value = given.rows[place].*field;
    out[given.start + place] = validity.add(given.start + place, value != NONE) ? value : 0;
  }
}

// What each label is called, as codes; one below 0 is no name.
void put_names(const RowRange& given, Array2<const int32_t> names, const RowColumns& columns) {
  for (int64_t own = 0; own < columns.name.rows; ++own) {
    Validity validity(columns, KNOWN_NAMES + own);
    for (int64_t place = 0; place < given.count; ++place) {
      int32_t code = names(own, given.rows[place].label);
      columns.name(own, given.start + place) = validity.add(given.start + place, code >= 0) ? code : 0;
    }
  }
}

// Numbers of campaigns or rules, after those that are there.
void put_members(Array1<const int64_t> members, int64_t count, Array1<int32_t> out, int64_t start) {
  if (out.size == 0) return;
  for (int64_t place = 0; place < count; ++place) out[start + place] = static_cast<int32_t>(members[place]);
}

}  // namespace

void add_rows(const DecisionRows& rows, Array2<const int32_t> names, const RowColumns& columns) {
  int64_t start = columns.used[0], lost = columns.used[1], bind = columns.used[2];
  for (int64_t low = 0; low < rows.used[0]; low += ROWS_AT_ONCE) {
    RowRange given{&rows.row[low], std::min(ROWS_AT_ONCE, rows.used[0] - low), start + low};
    put_codes(given, &DecisionRow::contact, columns.contact);
    put_codes(given, &DecisionRow::label, columns.label);
    put_codes(given, &DecisionRow::outcome, columns.outcome);
    put_codes(given, &DecisionRow::reason, columns.reason);
    put_rules(given, columns);
    put_weights(given, &DecisionRow::weight, columns, KNOWN_WEIGHT, columns.weight);
    put_weights(given, &DecisionRow::price, columns, KNOWN_PRICE, columns.price);
    put_weights(given, &DecisionRow::displaced, columns, KNOWN_DISPLACED, columns.displaced);
    put_weights(given, &DecisionRow::needs, columns, KNOWN_NEEDS, columns.needs);
    put_chances(given, columns);
    put_instants(given, &DecisionRow::send_at, columns, KNOWN_SEND_AT, columns.send_at);
    put_instants(given, &DecisionRow::retry_at, columns, KNOWN_RETRY_AT, columns.retry_at);
    put_firsts(given, &DecisionRow::lost_from, lost, columns.lost_first);
    put_firsts(given, &DecisionRow::bind_from, bind, columns.bind_first);
    put_names(given, names, columns);
  }
  put_members(read_only(rows.lost), rows.used[1], columns.lost, lost);
  put_members(read_only(rows.bind), rows.used[2], columns.bind, bind);
  for (int64_t part = 0; part < 3; ++part) columns.used[part] += rows.used[part];
}

}  // namespace journeykit
