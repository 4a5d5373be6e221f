// The chances with which the claims of one contact are granted: by deciding with every numbered vector.

#include "chances.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "choose.hpp"
#include "exploration.hpp"
#include "problem.hpp"
#include "weights.hpp"
#include "workspace.hpp"

namespace journeykit {
namespace {

// Room to find the chances of one contact.
struct ChanceRoom {
  Draws draws;
  NestedItems nested;
  // By candidate: its place among those that are drawn, -1 for none; how many vectors grant it; and whether
  // it is granted undrawn.
  std::vector<int64_t> drawn, times;
  std::vector<uint8_t> granted;
  // By item, its bit among those that compete, -1 for none; and bits in their order.
  std::vector<int64_t> bit, order;
  std::vector<uint8_t> chosen;
};

ChanceRoom& chance_room() {
  thread_local ChanceRoom room;
  return room;
}

// Whether a candidate's weight is drawn: it competes, and its weight is the policy's and worth it.
bool takes_part(const Rules& rules, const Claim& claim) {
  return claim.state == 0 && rules.openings[claim.opening].traits & OBEYS_CAPS && std::isnan(claim.given) &&
         claim.weight > rules.reserve;
}

// Lists the candidates that take part.
void list_drawn(const Rules& rules, int64_t contact, const CandidateArrays& candidates, int64_t low,
                int64_t high, ChanceRoom& room) {
  room.draws.clear();
  room.drawn.assign(high - low, -1);
  for (int64_t candidate = low; candidate < high; ++candidate) {
    const Claim& claim = candidates.claim[candidate];
    if (!takes_part(rules, claim)) continue;
    const double spread = candidates.estimate.size ? candidates.estimate[candidate].spread : NO_NUMBER;
    room.drawn[candidate - low] = room.draws.size();
    room.draws.claim.push_back({rules.explore->claim[claim.label], claim.weight, candidate, claim.opening,
                                claim.asked, claim.propensity, spread, claim.value,
                                candidates.risk.size ? candidates.risk[candidate] : 0.0});
  }
  ready(rules, contact, room.draws);
}

// Gives the candidates that take part the weights of a vector; of none, their own.
void put_weights(const ChanceRoom& room, Array1<Claim> claims, int64_t low, bool is_drawn) {
  for (size_t place = 0; place < room.drawn.size(); ++place) {
    const int64_t drawn = room.drawn[place];
    if (drawn < 0) continue;
    claims[low + static_cast<int64_t>(place)].weight =
        is_drawn ? room.draws.drawn[drawn].weight : room.draws.claim[drawn].weight;
  }
}

// Gives the candidates that take part the weights of a vector, or their own, and charges the items for them.
void weigh_items(const Rules& rules, const Contacts& contacts, int64_t contact, const ChanceRoom& room,
                 Array1<Claim> claims, int64_t low, const SearchProblem& problem, bool is_drawn) {
  put_weights(room, claims, low, is_drawn);
  if (rules.quotas->charged) charge_items(rules, contacts.person[contact].zone, claims, problem);
}

// Whether what prices take from a claim depends on its weight.
bool charges_weight(const Quotas& quotas) {
  return quotas.charged &&
         std::find(quotas.source.begin(), quotas.source.end(), WEIGHT) != quotas.source.end();
}

// Whether all that is worth something is granted undrawn: then it fits together, whatever it weighs.
bool grants_all(const Rules& rules, const SearchProblem& problem, const ChanceRoom& room, int64_t low) {
  if (draws_propensities(rules)) return false;
  for (int64_t number = 0; number < problem.size[ITEMS]; ++number) {
    const SearchItem& item = problem.items[number];
    if (item.shut) continue;
    if (item.charge != 0 || (item.value > 0 && !room.granted[item.entry - low])) return false;
  }
  return true;
}

// Sorts the items that may be granted, as claims that weigh the same go, and lists them.
void list_nested_items(const Rules& rules, Array1<Claim> claims, const SearchProblem& problem, int64_t low,
                       ChanceRoom& room) {
  const Array1<SearchItem> items = problem.items;
  const auto goes_first = [&](int64_t one, int64_t other) {
    const Claim &mine = claims[items[one].entry], &theirs = claims[items[other].entry];
    if (items[one].at != items[other].at) return items[one].at < items[other].at;
    const int64_t tie = rules.openings[mine.opening].tie, rival = rules.openings[theirs.opening].tie;
    if (tie != rival) return tie < rival;
    return mine.own != theirs.own ? mine.own < theirs.own : one < other;
  };
  std::sort(room.order.begin(), room.order.end(), goes_first);
  for (size_t at = 0; at < room.order.size(); ++at) {
    const SearchItem& item = items[room.order[at]];
    const Claim& claim = claims[item.entry];
    room.bit[room.order[at]] = static_cast<int64_t>(at);
    int64_t level = 0;
    for (const int64_t other : room.order) {
      level += level_before(rules.openings, claims[items[other].entry], claim);
    }
    room.nested.item.push_back(
        {room.drawn[item.entry - low], claim.weight, level, item.charge, item.entry - low, 0});
  }
}

// Lays out the items and rows of a problem as nested ones; false where they are not.
bool lay_nested(const Rules& rules, Array1<Claim> claims, const SearchProblem& problem, int64_t low,
                ChanceRoom& room) {
  if (problem.size[CLAUSES] != 0 || charges_weight(*rules.quotas)) return false;
  const int64_t count = problem.size[ITEMS];
  room.nested.clear();
  room.bit.assign(count, 0);
  for (int64_t item = 0; item < count; ++item) {
    if (problem.items[item].shut) room.bit[item] = -1;
  }
  for (int64_t number = 0; number < problem.size[LINES]; ++number) {
    const SearchRow& row = problem.rows[number];
    for (int64_t place = row.start; place < row.stop; ++place) {
      const SearchMember& member = problem.members[place];
      if (member.use > row.room) room.bit[member.pick] = -1;
    }
  }
  room.order.clear();
  for (int64_t item = 0; item < count; ++item) {
    if (room.bit[item] >= 0) room.order.push_back(item);
  }
  if (static_cast<int64_t>(room.order.size()) > MOST_NESTED) return false;
  list_nested_items(rules, claims, problem, low, room);
  for (int64_t number = 0; number < problem.size[LINES]; ++number) {
    const SearchRow& row = problem.rows[number];
    uint64_t members = 0;
    int64_t use = 0, total = 0;
    bool is_mixed = false;
    for (int64_t place = row.start; place < row.stop; ++place) {
      const SearchMember& member = problem.members[place];
      if (room.bit[member.pick] < 0 || member.use == 0) continue;
      is_mixed = is_mixed || (use != 0 && member.use != use);
      use = member.use;
      total = saturating_add(total, member.use);
      members |= uint64_t{1} << room.bit[member.pick];
    }
    if (total <= row.room) continue;
    if (is_mixed || !add_nested_row(room.nested, members, row.room / use)) return false;
  }
  return true;
}

// Counts how many vectors grant each candidate, by solving the problem with each; false where a search was
// given up.
bool count_by_search(const Rules& rules, const Contacts& contacts, int64_t contact,
                     const DecisionWorkspace& workspace, Array1<Claim> claims, int64_t low,
                     const SearchProblem& problem, ChanceRoom& room) {
  bool is_done = true;
  for (int64_t vector = 0; is_done && vector < rules.explore->draws; ++vector) {
    draw_weights(rules, contacts, contact, vector, room.draws);
    weigh_items(rules, contacts, contact, room, claims, low, problem, true);
    is_done = answer(rules, workspace, claims, problem, workspace.chosen, NOBODY, NOBODY);
    for (int64_t item = 0; is_done && item < problem.size[ITEMS]; ++item) {
      if (workspace.chosen[item]) room.times[problem.items[item].entry - low] += 1;
    }
  }
  weigh_items(rules, contacts, contact, room, claims, low, problem, false);
  return is_done;
}

}  // namespace

void start_chances(const DecisionWorkspace& workspace, Array1<Claim> claims, int64_t low, int64_t high) {
  for (int64_t candidate = low; candidate < high; ++candidate) {
    workspace.chance[candidate - low] = claims[candidate].state == 0 ? 0.0 : NO_NUMBER;
  }
}

void set_exempt_chances(const DecisionWorkspace& workspace, int64_t low) {
  for (int64_t winner = 0; winner < workspace.sizes[EXEMPTS]; ++winner) {
    workspace.chance[workspace.winner[winner].entry - low] = 1.0;
  }
}

bool set_chances(const Rules& rules, const Contacts& contacts, int64_t contact,
                 const DecisionWorkspace& workspace, const CandidateArrays& candidates, int64_t low,
                 int64_t high, const SearchProblem& problem) {
  ChanceRoom& room = chance_room();
  const Array1<Claim> claims = candidates.claim;
  list_drawn(rules, contact, candidates, low, high, room);
  if (!answer(rules, workspace, claims, problem, workspace.chosen, NOBODY, NOBODY)) return false;
  const int64_t items = problem.size[ITEMS];
  room.granted.assign(high - low, 0);
  room.times.assign(high - low, 0);
  room.chosen.assign(items, 0);
  for (int64_t item = 0; item < items; ++item) {
    room.chosen[item] = workspace.chosen[item];
    if (workspace.chosen[item]) room.granted[problem.items[item].entry - low] = 1;
  }
  if (!draws_any(rules, room.draws) || grants_all(rules, problem, room, low)) {
    for (int64_t place = 0; place < high - low; ++place) {
      room.times[place] = room.granted[place] ? rules.explore->draws : 0;
    }
  } else if (lay_nested(rules, claims, problem, low, room)) {
    count_nested(rules, contacts, contact, room.nested, room.draws, room.times);
  } else if (!count_by_search(rules, contacts, contact, workspace, claims, low, problem, room)) {
    return false;
  }
  for (int64_t candidate = low; candidate < high; ++candidate) {
    const Claim& claim = claims[candidate];
    if (claim.state != 0 || !(rules.openings[claim.opening].traits & OBEYS_CAPS)) continue;
    const int64_t place = candidate - low;
    workspace.chance[place] = chance_of(*rules.explore, room.granted[place], room.times[place]);
  }
  for (int64_t item = 0; item < items; ++item) workspace.chosen[item] = room.chosen[item];
  if (is_drawn(*rules.explore, contact) && draws_any(rules, room.draws)) {
    draw_weights(rules, contacts, contact, vector_of(*rules.explore, contact), room.draws);
    weigh_items(rules, contacts, contact, room, claims, low, problem, true);
    workspace.sizes[DRAWN] = 1;
  }
  return true;
}

void forget_chances(const Rules& rules, const DecisionWorkspace& workspace, Array1<Claim> claims, int64_t low,
                    int64_t high, bool every) {
  for (int64_t candidate = low; candidate < high; ++candidate) {
    const bool obeys = rules.openings[claims[candidate].opening].traits & OBEYS_CAPS;
    if (every || obeys) workspace.chance[candidate - low] = NO_NUMBER;
  }
}

bool is_by_prices(const Rules& rules, const DecisionWorkspace& workspace, Array1<Claim> claims,
                  const SearchProblem& problem, bool& found) {
  std::vector<uint8_t>& chosen = chance_room().chosen;
  const int64_t items = problem.size[ITEMS];
  chosen.assign(items, 0);
  for (int64_t item = 0; item < items; ++item) chosen[item] = workspace.chosen[item];
  const bool is_done = answer(rules, workspace, claims, problem, workspace.chosen, NOBODY, NOBODY);
  found = true;
  for (int64_t item = 0; item < items; ++item) {
    found = found && workspace.chosen[item] == (chosen[item] != 0);
    workspace.chosen[item] = chosen[item];
  }
  return is_done;
}

void draw_candidates(const Rules& rules, const Contacts& contacts, int64_t contact,
                     const CandidateArrays& candidates, int64_t low, int64_t high) {
  if (!is_drawn(*rules.explore, contact)) return;
  ChanceRoom& room = chance_room();
  list_drawn(rules, contact, candidates, low, high, room);
  draw_weights(rules, contacts, contact, vector_of(*rules.explore, contact), room.draws);
  put_weights(room, candidates.claim, low, true);
}

void draw_propensities(const Rules& rules, const Contacts& contacts, const CandidateArrays& candidates,
                       Array1<const int64_t> candidate_first, int64_t start, int64_t stop, int64_t vector) {
  ChanceRoom& room = chance_room();
  for (int64_t contact = start; contact < stop; ++contact) {
    list_drawn(rules, contact, candidates, candidate_first[contact - start],
               candidate_first[contact - start + 1], room);
    draw_numbers(rules, vector, room.draws);
    for (int64_t place = 0; place < room.draws.size(); ++place) {
      const DrawnClaim& own = room.draws.claim[place];
      if (!has_spread(own)) continue;
      Claim& claim = candidates.claim[own.place];
      claim.propensity = propensity_drawn(rules, own, room.draws.drawn[place].number);
      const Factors found =
          factors_of(rules, contacts, contact, claim.opening, claim.propensity, claim.value, claim.asked);
      claim.product = found.product;
      claim.lead = found.lead;
      claim.patience = found.patience;
    }
  }
}

}  // namespace journeykit
