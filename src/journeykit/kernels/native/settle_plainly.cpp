// Settling contacts where rules are plain.
//
// Claims are taken best first. That is what the exact search gives where the rows that bind are nested and
// count all their claims alike; where they are not, the contact is not plain.

#include "settle_plainly.hpp"

#include <algorithm>
#include <initializer_list>
#include <vector>

#include "arithmetic.hpp"
#include "attention.hpp"
#include "barred_word.hpp"
#include "collect_claims.hpp"
#include "denied_counts.hpp"
#include "eligibility.hpp"
#include "exploration.hpp"
#include "history.hpp"
#include "local_time.hpp"
#include "retry.hpp"
#include "weights.hpp"
#include "window_spans.hpp"

namespace journeykit {
namespace {

// A claim that was not granted, and one that does not even fit the history.
constexpr int64_t LOST = -1, SHUT = -2;
// An instant beyond what is known of zones.
constexpr int64_t LEFT_OPEN = NONE + 1;

// A contact that is being settled.
struct PlainContact {
  const PlainBlock& block;
  int64_t contact, zone, stamp;
  int64_t items = 0, spans = 0, winners = 0, binding = 0, members = 0;

  const Rules& rules() const { return block.rules; }
  const PlainWorkspace& work() const { return block.work; }
  bool writes(int64_t outcome) const { return outcome <= block.last_outcome; }
  const Opening& opening_of(const PlainItem& item) const { return block.rules.openings[item.opening]; }
};

CellRoom& room_of(const PlainContact& own, int64_t cell) {
  CellRoom& room = own.work().cell[cell];
  if (room.stamp != own.stamp) {
    room = CellRoom{};
    room.stamp = own.stamp;
    room.limit = limit_of(own.rules().caps[own.rules().cell_cap[cell]], own.block.contacts, own.contact);
  }
  return room;
}

CampaignRoom& campaign_of(const PlainContact& own, int64_t campaign) {
  CampaignRoom& found = own.work().campaign[campaign];
  if (found.stamp != own.stamp) {
    found = CampaignRoom{};
    found.stamp = own.stamp;
  }
  return found;
}

// What winners may use of a cell at most.
int64_t room_in(const CellRoom& room) {
  return std::max<int64_t>(0, room.limit - room.before);
}

// History

// Notes what counts in a cell; false where there is no space.
bool add_span(PlainContact& own, int64_t cell, int64_t at, int64_t points) {
  if (own.spans >= own.work().span.size) return false;
  own.work().span[own.spans++] = {cell, at, points, NONE};
  return true;
}

// Adds points to a sum that stays large once it is: a sum beyond 64 bits exceeds any limit.
void add_points(int64_t& sum, int64_t points) {
  sum = saturating_add(sum, points);
}

// Reads the touches that count; false where one is of the future.
bool read_touches(PlainContact& own) {
  const Rules& rules = own.rules();
  const TouchArrays& touches = own.block.touches;
  for (int64_t place = touches.first[own.contact]; place < touches.first[own.contact + 1]; ++place) {
    int64_t at = touches.at[place];
    const Shape& shape = rules.shapes[touches.shape[place]];
    if (shape.status == COUNTS_NEVER) continue;
    if (shape.status == COUNTS_UNLESS_PAST) {
      bool is_dated = shape.replaced && shape.dated >= 0;
      if (at < rules.now || (shape.campaign >= 0 && shape.replaced && !is_dated)) continue;
      if (is_dated) return false;
    }
    if (at > rules.now) return false;
    if (own.block.plain.repeats && shape.campaign >= 0) campaign_of(own, shape.campaign).touches += 1;
    for (int64_t number = shape.cell_from; number < shape.cell_to; ++number) {
      const Cell& cell = rules.shape_cells[number];
      if (at < own.block.plain.since(own.zone, rules.cell_cap[cell.cell])) continue;
      if (!add_span(own, cell.cell, at, cell.points)) return false;
      CellRoom& room = room_of(own, cell.cell);
      add_points(room.before, cell.points);
      add_points(room.after, cell.points);
      add_points(room.kept, cell.points);
    }
  }
  return true;
}

// Claims in order

// Reads what is in the way of a contact; whether anything may go, now or later.
bool read_faults(const PlainContact& own) {
  int64_t found = 0;
  for (int64_t word = 0; word < own.work().word.size; ++word) {
    BarredWord& faults = own.work().word[word];
    faults =
        barred_word(own.rules(), own.block.barred, own.block.contacts, own.block.scores, own.contact, word);
    found |= own.block.barred.every[word] & ~(faults.lasting() | faults.absent);
  }
  return found != 0;
}

// Adds a claim that may go, now or later.
void add_item(PlainContact& own, int64_t opening, int64_t weight) {
  const BarredWord& faults = own.work().word[opening >> 6];
  int64_t reason = 0;
  if (has_bit(faults.closed | faults.quiet, opening & 63)) {
    reason = has_bit(faults.closed, opening & 63) ? CLOSED : QUIET;
  }
  own.work().item[own.items++] = {opening, weight, reason, SHUT, NONE, own.rules().openings[opening].tie};
}

// The openings of a word that may go, now or later, as bits.
int64_t wanted_of(const PlainContact& own, int64_t word) {
  const BarredWord& faults = own.work().word[word];
  return own.block.barred.every[word] & ~(faults.lasting() | faults.absent);
}

// Lists the claims of a contact of whom nothing but stage and role matters.
bool list_alike(PlainContact& own, int64_t alike) {
  const PlainRules& plain = own.block.plain;
  Array1<int64_t> places = own.work().place;
  if (!plain.weighed[alike]) return false;
  for (int64_t word = 0; word < places.size; ++word) {
    int64_t wanted = wanted_of(own, word);
    for (; wanted; wanted = without_lowest(wanted)) {
      int64_t place = plain.rank(alike, word * 64 + trailing_zeros(wanted));
      places[place >> 6] |= int64_t{1} << (place & 63);
    }
  }
  for (int64_t word = 0; word < places.size; ++word) {
    for (int64_t left = places[word]; left; left = without_lowest(left)) {
      int64_t opening = plain.order(alike, word * 64 + trailing_zeros(left));
      add_item(own, opening, plain.weight(alike, opening));
    }
    places[word] = 0;
  }
  return true;
}

// Lists the claims of a contact with weights of their own; false where one cannot be weighed.
bool list_weighed(PlainContact& own) {
  const ScoreArrays& scores = own.block.scores;
  for (int64_t word = 0; word < own.work().word.size; ++word) {
    int64_t wanted = wanted_of(own, word);
    for (; wanted; wanted = without_lowest(wanted)) {
      int64_t opening = word * 64 + trailing_zeros(wanted);
      Factors factors = factors_of(own.rules(), own.block.contacts, own.contact, opening,
                                   scores.chance[opening], scores.worth[opening], NONE);
      double risk = risk_of(own.rules(), own.block.contacts.person[own.contact],
                            own.rules().openings[opening], told_of(scores, opening));
      int64_t weight = millionths_of(factors.product - risk);
      if (weight == NONE) return false;
      add_item(own, opening, weight);
    }
  }
  auto goes_first = [](const PlainItem& one, const PlainItem& other) {
    if (one.weight != other.weight) return one.weight > other.weight;
    return one.tie != other.tie ? one.tie < other.tie : one.opening < other.opening;
  };
  std::sort(own.work().item.data, own.work().item.data + own.items, goes_first);
  return true;
}

bool list_items(PlainContact& own) {
  const Contacts& contacts = own.block.contacts;
  const Person& person = contacts.person[own.contact];
  Array1<int64_t> scored = own.block.scores.first;
  bool is_alike = !contacts.preference.columns && !contacts.interested.columns && !own.rules().levers.size &&
                  !own.rules().patience.size && scored[own.contact] == scored[own.contact + 1];
  return is_alike ? list_alike(own, person.stage * own.block.plain.roles + person.role) : list_weighed(own);
}

// Choosing

// Counts an open claim where it may be in the way of others.
void add_member(PlainContact& own, const Opening& opening) {
  if (own.block.plain.nested) return;
  int64_t bit = int64_t{1} << own.members;
  CampaignRoom& campaign = campaign_of(own, opening.campaign);
  if (campaign.claims == 0) own.work().binding[own.binding++] = ~opening.campaign;
  campaign.claims += 1;
  campaign.members |= bit;
  for (int64_t place = opening.cell_from; place < opening.cell_to; ++place) {
    const Cell& cell = own.rules().cells[place];
    CellRoom& room = room_of(own, cell.cell);
    if (room.limit == NO_LIMIT || cell.points == 0) continue;
    if (room.total == 0) {
      own.work().binding[own.binding++] = cell.cell;
      room.points = cell.points;
    }
    add_points(room.total, cell.points);
    room.mixed |= room.points != cell.points;
    room.members |= bit;
  }
  own.members += 1;
}

// Whether a claim is worth something, and fits the history.
bool is_open(const PlainContact& own, const PlainItem& item, const Opening& opening, bool obeys) {
  if (item.reason || item.weight <= own.rules().reserve) return false;
  if (opening.repeats >= 0 && opening.repeats <= campaign_of(own, opening.campaign).touches) return false;
  for (int64_t place = opening.cell_from; obeys && place < opening.cell_to; ++place) {
    const Cell& cell = own.rules().cells[place];
    const CellRoom& room = room_of(own, cell.cell);
    if (room.limit != NO_LIMIT && cell.points > room_in(room)) return false;
  }
  return true;
}

// Opens the claims that could be granted; false where there are too many.
bool open_items(PlainContact& own, bool obeys) {
  own.members = own.binding = 0;
  for (int64_t place = 0; place < own.items; ++place) {
    PlainItem& item = own.work().item[place];
    const Opening& opening = own.opening_of(item);
    if (((opening.traits & OBEYS_CAPS) != 0) != obeys || !is_open(own, item, opening, obeys)) continue;
    if (own.members >= MOST_WINNERS) return false;
    item.winner = LOST;
    if (obeys) add_member(own, opening);
  }
  return true;
}

// The open claims of a row that they could overfill, as bits; 0 where they cannot, -1 where they count
// differently.
int64_t binding_members(const PlainContact& own, int64_t row) {
  if (row < 0) {
    const CampaignRoom& campaign = own.work().campaign[~row];
    return campaign.claims > 1 ? campaign.members : 0;
  }
  const CellRoom& room = own.work().cell[row];
  if (room.total <= room_in(room)) return 0;
  return room.mixed ? -1 : room.members;
}

// Whether the rows that bind lie one inside the other, or apart, and count alike.
bool are_nested(const PlainContact& own) {
  Array1<int64_t> binding = own.work().binding;
  int64_t count = 0;
  for (int64_t place = 0; place < own.binding; ++place) {
    int64_t members = binding_members(own, binding[place]);
    if (members < 0) return false;
    if (members == 0) continue;
    for (int64_t other = 0; other < count; ++other) {
      int64_t both = members & binding[other];
      if (both && both != members && both != binding[other]) return false;
    }
    binding[count++] = members;
  }
  return true;
}

bool fits(const PlainContact& own, const Opening& opening) {
  if (campaign_of(own, opening.campaign).winners) return false;
  if (!(opening.traits & OBEYS_CAPS)) return true;
  for (int64_t place = opening.cell_from; place < opening.cell_to; ++place) {
    const Cell& cell = own.rules().cells[place];
    const CellRoom& room = room_of(own, cell.cell);
    if (room.limit != NO_LIMIT && cell.points > room_in(room) - (room.after - room.before)) return false;
  }
  return true;
}

// Grants a claim; false where there is no space.
bool grant(PlainContact& own, PlainItem& item, const Opening& opening) {
  if (own.winners >= MOST_WINNERS) return false;
  int64_t bit = int64_t{1} << own.winners;
  bool obeys = opening.traits & OBEYS_CAPS, counts = opening.traits & COUNTS;
  item.winner = own.winners++;
  campaign_of(own, opening.campaign).winners |= bit;
  if (!obeys && !counts) return true;
  for (int64_t place = opening.cell_from; place < opening.cell_to; ++place) {
    const Cell& cell = own.rules().cells[place];
    CellRoom& room = room_of(own, cell.cell);
    if (!obeys) add_points(room.before, cell.points);
    add_points(room.after, cell.points);
    if (cell.points) room.winners |= bit;
    if (!counts) continue;
    add_points(room.kept, cell.points);
    if (!add_span(own, cell.cell, own.rules().now, cell.points)) return false;
  }
  return true;
}

// Grants the best of the open claims first, tier by tier; false where there is no space.
bool take_best_first(PlainContact& own, bool obeys) {
  Array1<int64_t> tiers = own.block.plain.tier;
  for (int64_t tier : tiers) {
    for (int64_t place = 0; place < own.items; ++place) {
      PlainItem& item = own.work().item[place];
      if (item.winner != LOST) continue;
      const Opening& opening = own.opening_of(item);
      bool is_due = opening.tier == tier && ((opening.traits & OBEYS_CAPS) != 0) == obeys;
      if (is_due && fits(own, opening) && !grant(own, item, opening)) return false;
    }
  }
  return true;
}

// Chances

// Room to find the chances of one contact.
struct PlainDraws {
  Draws draws;
  NestedItems nested;
  // By claim: its place among those that are drawn, -1 for none; how many vectors grant it; and its chance.
  std::vector<int64_t> drawn, times;
  std::vector<double> chance;
  // The claims that could be granted.
  std::vector<int64_t> open;
};

PlainDraws& plain_draws() {
  thread_local PlainDraws room;
  return room;
}

bool obeys_caps(const PlainContact& own, const PlainItem& item) {
  return own.opening_of(item).traits & OBEYS_CAPS;
}

// Lists the claims whose weights are drawn, and those that could be granted, as claims that weigh the same
// go; whether all of these are granted.
bool list_drawn(const PlainContact& own, PlainDraws& room) {
  const Array1<PlainItem> items = own.work().item;
  const ScoreArrays& scores = own.block.scores;
  room.draws.clear();
  room.open.clear();
  room.drawn.assign(own.items, -1);
  room.times.assign(own.items, 0);
  room.chance.resize(own.items);
  bool is_granted = true;
  for (int64_t place = 0; place < own.items; ++place) {
    const PlainItem& item = items[place];
    if (item.reason || item.weight <= own.rules().reserve || !obeys_caps(own, item)) continue;
    const Told told = told_of(scores, item.opening);
    const double risk =
        risk_of(own.rules(), own.block.contacts.person[own.contact], own.opening_of(item), told);
    room.drawn[place] = room.draws.size();
    room.draws.claim.push_back({own.rules().explore->claim[item.opening], item.weight, NONE, item.opening,
                                NONE, told.propensity, told.estimate.spread, told.value, risk});
    if (item.winner == SHUT) continue;
    room.open.push_back(place);
    is_granted = is_granted && item.winner >= 0;
  }
  std::sort(room.open.begin(), room.open.end(), [items](int64_t one, int64_t other) {
    return items[one].tie != items[other].tie ? items[one].tie < items[other].tie
                                              : items[one].opening < items[other].opening;
  });
  ready(own.rules(), own.contact, room.draws);
  return is_granted;
}

// Lays out the claims that could be granted, and the rows that they could overfill; false where these are
// too many.
bool lay_nested(const PlainContact& own, PlainDraws& room) {
  const Array1<PlainItem> items = own.work().item;
  room.nested.clear();
  if (static_cast<int64_t>(room.open.size()) > MOST_NESTED) return false;
  for (const int64_t place : room.open) {
    const Opening& opening = own.opening_of(items[place]);
    room.nested.item.push_back({room.drawn[place], items[place].weight, opening.tier, 0, place, 0});
    campaign_of(own, opening.campaign).members = 0;
    for (int64_t at = opening.cell_from; at < opening.cell_to; ++at) {
      CellRoom& cell = room_of(own, own.rules().cells[at].cell);
      cell.members = cell.total = cell.mixed = 0;
    }
  }
  int64_t bit = 1;
  for (const int64_t place : room.open) {
    const Opening& opening = own.opening_of(items[place]);
    campaign_of(own, opening.campaign).members |= bit;
    for (int64_t at = opening.cell_from; at < opening.cell_to; ++at) {
      const Cell& cell = own.rules().cells[at];
      CellRoom& found = room_of(own, cell.cell);
      if (found.limit == NO_LIMIT || cell.points == 0) continue;
      if (found.total == 0) found.points = cell.points;
      add_points(found.total, cell.points);
      found.mixed |= found.points != cell.points;
      found.members |= bit;
    }
    bit = static_cast<int64_t>(static_cast<uint64_t>(bit) << 1);
  }
  for (const int64_t place : room.open) {
    const Opening& opening = own.opening_of(items[place]);
    CampaignRoom& campaign = campaign_of(own, opening.campaign);
    if (!add_nested_row(room.nested, static_cast<uint64_t>(campaign.members), 1)) return false;
    campaign.members = 0;
    for (int64_t at = opening.cell_from; at < opening.cell_to; ++at) {
      CellRoom& found = room_of(own, own.rules().cells[at].cell);
      // What all of them fit into binds nobody, however they count.
      if (found.members != 0 && found.total > room_in(found)) {
        const uint64_t members = static_cast<uint64_t>(found.members);
        if (found.mixed || !add_nested_row(room.nested, members, room_in(found) / found.points)) return false;
      }
      found.members = 0;
    }
  }
  return true;
}

// Sets the chances with which claims are granted; false where the contact is not plain.
bool set_chances(const PlainContact& own) {
  PlainDraws& room = plain_draws();
  const Array1<PlainItem> items = own.work().item;
  const ExploreArrays& explore = *own.rules().explore;
  const bool is_granted = list_drawn(own, room);
  if (!draws_any(own.rules(), room.draws) || (is_granted && !draws_propensities(own.rules()))) {
    for (const int64_t place : room.open) room.times[place] = items[place].winner >= 0 ? explore.draws : 0;
  } else if (lay_nested(own, room)) {
    count_nested(own.rules(), own.block.contacts, own.contact, room.nested, room.draws, room.times);
  } else {
    return false;
  }
  for (int64_t place = 0; place < own.items; ++place) {
    const PlainItem& item = items[place];
    const bool is_winner = item.winner >= 0;
    const double chance =
        obeys_caps(own, item) ? chance_of(explore, is_winner, room.times[place]) : is_winner;
    room.chance[place] = item.reason ? NO_NUMBER : chance;
  }
  return true;
}

// Later

int64_t leaves_at(const PlainContact& own, PlainSpan& span) {
  if (span.leaves != NONE) return span.leaves;
  const Rules& rules = own.rules();
  int64_t cap = rules.cell_cap[span.cell];
  span.leaves = own.block.plain.leaving(own.zone, cap);
  if (span.leaves == NONE) {
    const Window& window = rules.windows[cap];
    Span placed{};
    placed.start = place_of(window, *rules.zones, own.zone, span.at).start;
    span.leaves = leaves(window, *rules.zones, own.zone, placed);
  }
  return span.leaves;
}

// When a cell has so much room again; FOREVER if never.
int64_t room_again(const PlainContact& own, int64_t cell, const CellRoom& room, int64_t points) {
  Array1<PlainSpan> found = own.work().leaves;
  int64_t count = 0;
  for (int64_t place = 0; place < own.spans; ++place) {
    PlainSpan& span = own.work().span[place];
    if (span.cell != cell) continue;
    int64_t leaves = leaves_at(own, span), at = count++;
    for (; at > 0 && found[at - 1].leaves > leaves; --at) found[at] = found[at - 1];
    found[at] = span;
  }
  if (points > room.limit) return FOREVER;
  // What leaves last is added first: so the sums stay below the limit, however much there is.
  int64_t rest = points;
  for (int64_t place = count - 1; place >= 0; --place) {
    rest = saturating_add(rest, found[place].points);
    if (rest > room.limit) return found[place].leaves;
  }
  return FOREVER;
}

// The first instant from `since` on at which all caps of an opening have room; FOREVER if never.
int64_t room_from(const PlainContact& own, const Opening& opening, int64_t since) {
  if (!(opening.traits & OBEYS_CAPS)) return since;
  int64_t at = since;
  for (int64_t place = opening.cell_from; at != FOREVER && place < opening.cell_to; ++place) {
    const Cell& cell = own.rules().cells[place];
    CellRoom& room = room_of(own, cell.cell);
    if (room.limit == NO_LIMIT || cell.points == 0 || saturating_add(room.kept, cell.points) <= room.limit) {
      continue;
    }
    if (own.rules().windows[own.rules().cell_cap[cell.cell]].kind == DECISION) {
      if (cell.points > room.limit) return FOREVER;
      continue;
    }
    if (room.asked != cell.points) {
      room.later = room_again(own, cell.cell, room, cell.points);
      room.asked = cell.points;
    }
    at = std::max(at, room.later);
  }
  return at;
}

// When an opening may go after all, as far as its campaign, hours and caps say; NONE if never, and LEFT_OPEN
// where that lies beyond what is known of zones.
int64_t find_later(const PlainContact& own, int64_t number) {
  const Opening& opening = own.rules().openings[number];
  int64_t at = own.rules().now + 1, room = room_from(own, opening, at), last = own.rules().zones->high;
  if (room == FOREVER) return NONE;
  for (int64_t step = 0; step < STEPS; ++step) {
    int64_t later = own.block.plain.always[number] ? at : next_open(own.rules(), own.zone, opening, at);
    if (later == FOREVER) return NONE;
    later = std::max(later, room);
    if (later > last) return later < LAST_INSTANT ? LEFT_OPEN : NONE;
    if (later == at) return at;
    at = later;
  }
  return NONE;
}

// Sets when a claim may go after all; false where that lies beyond what is known of zones.
bool set_later(const PlainContact& own, PlainItem& item, const Opening& opening) {
  const CampaignRoom& campaign = campaign_of(own, opening.campaign);
  if (campaign.winners || (opening.repeats >= 0 && campaign.touches >= opening.repeats)) return true;
  Retry& retry = own.work().retry[own.block.plain.alike[item.opening]];
  if (retry.stamp != own.stamp) retry = {own.stamp, find_later(own, item.opening)};
  item.later = retry.later;
  return retry.later != LEFT_OPEN;
}

// Sets when the claims that lost may go after all; false where that takes more than this.
bool set_all_later(const PlainContact& own) {
  for (int64_t place = 0; place < own.items; ++place) {
    PlainItem& item = own.work().item[place];
    if (item.winner >= 0 || item.weight <= own.rules().reserve) continue;
    const Opening& opening = own.opening_of(item);
    if (!own.writes(DENIED_OUTCOME) && !(opening.traits & DEFERS)) continue;
    if (!set_later(own, item, opening)) return false;
    // What stops it then as well is told only in rows of what is denied.
    if (own.writes(DENIED_OUTCOME) && item.reason && item.later == NONE) return false;
  }
  return true;
}

// Rows

// Binds a rule to the row that is being made, once.
void bind(const PlainContact& own, const DecisionRow& row, int64_t rule) {
  const DecisionRows& rows = own.block.rows;
  Array1<int64_t> same = own.rules().same;
  int64_t first = rule < same.size ? same[rule] : rule;
  for (int64_t place = row.bind_from; place < rows.used[2]; ++place) {
    if (rows.bind[place] == first) return;
  }
  rows.bind[rows.used[2]++] = first;
}

// The kinds of rules that stop an eligible claim: rests, others that the history alone does, and all others.
enum class Kind { REST, PAST, NOW };

// Binds the rules of a kind that stop an eligible claim; the winners that take the room, as bits.
int64_t bind_stops(const PlainContact& own, const Opening& opening, const DecisionRow& row, Kind kind) {
  const Rules& rules = own.rules();
  int64_t rivals = 0;
  for (int64_t place = opening.cell_from; opening.traits & OBEYS_CAPS && place < opening.cell_to; ++place) {
    const Cell& cell = rules.cells[place];
    const CellRoom& room = room_of(own, cell.cell);
    if (room.limit == NO_LIMIT || cell.points == 0 || saturating_add(cell.points, room.after) <= room.limit) {
      continue;
    }
    int64_t cap = rules.cell_cap[cell.cell];
    // Nothing but the history fills a rest.
    if (cap < rules.rests) rivals |= room.winners;
    bool is_past = saturating_add(cell.points, room.before) > room.limit;
    Kind found = !is_past ? Kind::NOW : cap >= rules.rests ? Kind::REST : Kind::PAST;
    if (found == kind) bind(own, row, rules.rule[0] + cap);
  }
  const CampaignRoom& campaign = campaign_of(own, opening.campaign);
  if (opening.repeats >= 0) {
    bool is_past = campaign.touches >= opening.repeats;
    // At most one claim of a campaign wins.
    Kind found = is_past ? Kind::PAST : Kind::NOW;
    if (campaign.touches + (campaign.winners != 0) >= opening.repeats && found == kind) {
      bind(own, row, rules.rule[1] + opening.campaign);
    }
  }
  if (campaign.winners && kind == Kind::NOW) bind(own, row, rules.rule[2] + opening.campaign);
  return rivals | campaign.winners;
}

// Adds to a row the campaigns of the winners that take the room, in the order of claims, each once.
void add_lost(const PlainContact& own, DecisionRow& row, int64_t rivals) {
  const DecisionRows& rows = own.block.rows;
  for (int64_t place = 0; rivals && place < own.winners; ++place) {
    const PlainItem& item = own.work().item[own.work().winner[place]];
    if (has_bit(rivals, item.winner)) rows.lost[rows.used[1]++] = own.opening_of(item).campaign;
  }
  row.lost_to = rows.used[1];
}

DecisionRow& start_row(const PlainContact& own, int64_t opening, int64_t weight) {
  const DecisionRows& rows = own.block.rows;
  DecisionRow& row = rows.row[rows.used[0]];
  row = {own.contact, opening, DENIED_OUTCOME, GRANTED,      -1,           weight,       NONE,     NONE, NONE,
         NONE,        NONE,    rows.used[1],   rows.used[1], rows.used[2], rows.used[2], NO_NUMBER};
  return row;
}

// Counts a row that is made, and keeps it where it is asked for.
void end_row(const PlainContact& own, DecisionRow& row) {
  const DecisionRows& rows = own.block.rows;
  const DecisionCounts& counts = own.block.counts;
  row.bind_to = rows.used[2];
  if (row.bind_from < row.bind_to) row.rule = rows.bind[row.bind_from];
  counts.labels(row.label, row.reason, row.outcome) += 1;
  counts.stages(own.block.contacts.person[own.contact].stage, row.outcome) += 1;
  if (row.outcome == GRANTED_OUTCOME) {
    add_in_parts(row.weight - own.rules().reserve, counts.sums[0], counts.sums[1]);
  } else if (row.reason > NOT_WORTH_IT) {
    for (int64_t bound = row.bind_from; bound < row.bind_to; ++bound) counts.rules[rows.bind[bound]] += 1;
  } else if (row.rule >= 0 && !is_by_opening(own.rules().openings[row.label], row.reason)) {
    counts.rules[row.rule] += 1;
  }
  if (own.writes(row.outcome)) {
    rows.used[0] += 1;
  } else {
    rows.used[1] = row.lost_from;
    rows.used[2] = row.bind_from;
  }
}

// Says why a claim lost.
void explain_loss(const PlainContact& own, const PlainItem& item, const Opening& opening, DecisionRow& row) {
  int64_t rivals = bind_stops(own, opening, row, Kind::REST);
  bool rests = row.bind_from < own.block.rows.used[2];
  rivals |= bind_stops(own, opening, row, Kind::PAST);
  row.reason = rests ? RESTING : row.bind_from < own.block.rows.used[2] ? CAPPED : OUTBID;
  rivals |= bind_stops(own, opening, row, Kind::NOW);
  row.retry_at = item.later;
  if (item.later != NONE && opening.traits & DEFERS) row.outcome = DEFERRED_OUTCOME;
  if (own.writes(row.outcome)) add_lost(own, row, rivals);
}

void add_row(const PlainContact& own, const PlainItem& item) {
  const Rules& rules = own.rules();
  const Opening& opening = own.opening_of(item);
  DecisionRow& row = start_row(own, item.opening, item.weight);
  if (explores(rules)) row.chance = plain_draws().chance[&item - own.work().item.data];
  if (item.winner >= 0) {
    row.outcome = GRANTED_OUTCOME;
    row.send_at = rules.now;
  } else if (item.reason) {
    row.reason = item.reason;
    const BarredWord& faults = own.work().word[item.opening >> 6];
    bind(own, row, rule_now(rules, own.block.contacts, faults, own.contact, item.opening, item.reason));
    row.retry_at = item.later;
    if (item.later != NONE && opening.traits & DEFERS) row.outcome = DEFERRED_OUTCOME;
  } else if (item.weight <= rules.reserve) {
    row.reason = NOT_WORTH_IT;
    bind(own, row, RULE_RESERVE);
  } else {
    explain_loss(own, item, opening, row);
  }
  end_row(own, row);
}

// Adds the rows of what may go, now or later: of those that weigh the same, those with dates of their own
// last.
void add_rows(const PlainContact& own) {
  Array1<PlainItem> items = own.work().item;
  for (int64_t low = 0, high = 0; low < own.items; low = high) {
    while (high < own.items && items[high].weight == items[low].weight) ++high;
    for (bool is_dated : {false, true}) {
      for (int64_t place = low; place < high; ++place) {
        if ((own.opening_of(items[place]).own_date >= 0) == is_dated) add_row(own, items[place]);
      }
    }
  }
}

// Adds the rows of what is denied for good.
void add_denied(const PlainContact& own) {
  for (int64_t opening : own.block.plain.tie) {
    const BarredWord& faults = own.work().word[opening >> 6];
    if (!has_bit(faults.lasting(), opening & 63)) continue;
    DecisionRow& row = start_row(own, opening, NONE);
    row.reason = reason_now(faults, opening & 63);
    int64_t rule = rule_now(own.rules(), own.block.contacts, faults, own.contact, opening, row.reason);
    if (rule == RULE_SCORE && has_bit(faults.unvalued, opening & 63)) rule = RULE_STAGE_VALUE;
    bind(own, row, rule);
    count_lacking(own.block.counts, rule, 1);
    end_row(own, row);
  }
}

// Whether there is space for all that a contact may add.
bool has_space(const PlainContact& own) {
  const DecisionRows& rows = own.block.rows;
  int64_t count = own.block.everything ? own.rules().openings.size : own.items;
  return rows.used[0] + count + 1 <= rows.row.size &&
         rows.used[1] + own.items * own.winners <= rows.lost.size &&
         rows.used[2] + (count + 1) * own.block.plain.rules <= rows.bind.size;
}

// Takes back what was counted of claims that there are not.
void take_back_absent(const PlainContact& own) {
  for (int64_t word = 0; word < own.work().word.size; ++word) {
    for (int64_t left = own.work().word[word].absent; left; left = without_lowest(left)) {
      int64_t opening = word * 64 + trailing_zeros(left);
      count_missing(own.rules(), own.block.contacts, own.block.counts, -1, opening, own.contact,
                    own.block.asks[opening]);
    }
  }
}

// Counts the data that openings ask for and a contact lacks.
void count_asked(const PlainContact& own) {
  const Contacts& contacts = own.block.contacts;
  const PlainRules& plain = own.block.plain;
  const Person& person = contacts.person[own.contact];
  Array1<int64_t> missing = own.block.counts.missing;
  if (person.traits & NO_ZONE) missing[0] += plain.asking[0];
  if (person.stage == plain.stages - 1) missing[1] += plain.asking[1];
  if (person.role == plain.roles - 1) missing[2] += plain.asking[2];
  for (int64_t channel = 0; channel < contacts.consent.columns; ++channel) {
    if (contacts.consent(own.contact, channel) == UNKNOWN) missing[3] += plain.asking_consent[channel];
  }
  missing[3] += plain.asking_consent[contacts.consent.columns];
  missing[4] += plain.asking_gain[person.stage];
  missing[MISSING_LOSSES] += plain.asking_loss[person.stage];
  if (contacts.absent.columns) take_back_absent(own);
}

// Chooses among the claims; false where the contact is not plain.
bool choose(PlainContact& own) {
  if (!list_items(own) || !read_touches(own)) return false;
  if (own.block.plain.exempts && (!open_items(own, false) || !take_best_first(own, false))) return false;
  if (!open_items(own, true)) return false;
  if (!own.block.plain.nested && !are_nested(own)) return false;
  if (!take_best_first(own, true) || (explores(own.rules()) && !set_chances(own))) return false;
  return set_all_later(own);
}

}  // namespace

Settled settle_plainly(const PlainBlock& block, int64_t contact) {
  const PlainWorkspace& work = block.work;
  work.used[0] += 1;
  PlainContact own{block, contact, block.contacts.person[contact].zone, work.used[0]};
  if (block.plain.uneven[own.zone]) return Settled::NOT_PLAIN;
  // A contact who is drawn goes the general way.
  if (explores(block.rules) && is_drawn(*block.rules.explore, contact)) return Settled::NOT_PLAIN;
  if (read_faults(own) && !choose(own)) return Settled::NOT_PLAIN;
  if (!has_space(own)) return Settled::NO_SPACE;
  int64_t winners = 0;
  for (int64_t place = 0; place < own.items && winners < own.winners; ++place) {
    if (work.item[place].winner >= 0) work.winner[winners++] = place;
  }
  add_rows(own);
  if (block.everything && own.writes(DENIED_OUTCOME)) {
    add_denied(own);
  } else {
    count_denied(block.rules, block.barred, block.plain, block.contacts, work, block.counts, contact);
  }
  count_asked(own);
  work.used[2] += 1;
  return Settled::PLAINLY;
}

}  // namespace journeykit
