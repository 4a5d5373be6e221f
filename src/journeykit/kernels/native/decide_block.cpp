// Deciding over columns: one contact's rounds, and the reason of each claim, as in `journeykit.engine.round`
// and `journeykit.engine.reasons`.

#include "decide_block.hpp"

#include <cmath>

#include "arithmetic.hpp"
#include "eligibility.hpp"
#include "exploration.hpp"
#include "quota_charges.hpp"
#include "settle.hpp"

namespace journeykit {
namespace {

// Adds up what a granted row uses of the quotas once more from the row itself: the run compares it with what
// it meant to grant.
void count_usage(const Rules& rules, int64_t zone, const CandidateArrays& candidates, int64_t candidate,
                 int64_t at, Array1<int64_t> usage) {
  const Quotas& quotas = *rules.quotas;
  int64_t kind = kind_of(rules, zone, candidates.claim[candidate].opening, at);
  for (int64_t place = quotas.touched[kind]; place < quotas.touched[kind + 1]; ++place) {
    int64_t side = quotas.sides[place];
    usage[side] = wrapping_add(usage[side], use_of(quotas, candidates.claim, candidate, kind, side));
  }
}

// Adds up the drafted rows of a contact.
void count_rows(const Rules& rules, const Contacts& contacts, int64_t contact,
                const DecisionWorkspace& workspace, const CandidateArrays& candidates,
                const DecisionCounts& counts) {
  const Person& person = contacts.person[contact];
  const DecisionRows& draft = *workspace.draft;
  for (int64_t place = 0; place < draft.used[0]; ++place) {
    const DecisionRow& row = draft.row[place];
    int64_t candidate = workspace.order[place];
    int64_t opening = candidates.claim[candidate].opening;
    counts.labels(opening, row.reason, row.outcome) += 1;
    counts.stages(person.stage, row.outcome) += 1;
    if (row.outcome == GRANTED_OUTCOME) {
      add_in_parts(row.weight - rules.reserve, counts.sums[0], counts.sums[1]);
      if (rules.quotas->charged) {
        count_usage(rules, person.zone, candidates, candidate, row.send_at, counts.usage);
      }
    } else if (row.reason > NOT_WORTH_IT) {
      for (int64_t bound = row.bind_from; bound < row.bind_to; ++bound) counts.rules[draft.bind[bound]] += 1;
    } else if (row.rule >= 0 && !is_by_opening(rules.openings[opening], row.reason)) {
      counts.rules[row.rule] += 1;
    }
  }
}

// Counts a contact whose weights are drawn, and the claims that are eligible and have no chance.
void count_explored(const Rules& rules, const Contacts& contacts, int64_t contact, const DecisionRows& draft,
                    int64_t drafted, Array1<int64_t> explored) {
  if (!explores(rules) || contacts.person[contact].traits & BAD) return;
  explored[0] += is_drawn(*rules.explore, contact);
  for (int64_t place = 0; place < drafted; ++place) {
    const DecisionRow& row = draft.row[place];
    explored[1] += (row.reason == GRANTED || row.reason > NOT_WORTH_IT) && std::isnan(row.chance);
  }
}

// The order of a contact's rows.
struct RowOrder {
  Array1<Opening> openings;
  const CandidateArrays& candidates;
  Array1<int64_t> order;
  Array1<const int64_t> label_when;
  Array1<DecisionRow> rows;

  // The instant by which rows of one weight are told apart: that of a claim which names one.
  int64_t asks_at(int64_t row, const Claim& claim) const {
    return label_when[rows[row].label] & 1 ? candidates.time[claim.at_from].at : 0;
  }

  // Whether a row comes before another: those with a weight first, in the order of claims.
  bool operator()(int64_t one, int64_t other) const {
    if (rows[one].weight != rows[other].weight) return rows[one].weight > rows[other].weight;
    const Claim& mine = candidates.claim[order[one]];
    const Claim& theirs = candidates.claim[order[other]];
    int64_t asks = asks_at(one, mine), rival = asks_at(other, theirs);
    if (asks != rival) return asks < rival;
    int64_t tie = openings[mine.opening].tie, rival_tie = openings[theirs.opening].tie;
    if (tie != rival_tie) return tie < rival_tie;
    return label_when[rows[one].label] < label_when[rows[other].label];
  }
};

// Gives a drafted row, with the campaigns that won instead and the rules that stop it.
void give_row(const DecisionRows& draft, int64_t own, const DecisionRows& rows) {
  DecisionRow& row = rows.row[rows.used[0]];
  const DecisionRow& drafted = draft.row[own];
  row = drafted;
  row.lost_from = rows.used[1];
  for (int64_t lost = drafted.lost_from; lost < drafted.lost_to; ++lost) {
    rows.lost[rows.used[1]] = draft.lost[lost];
    rows.used[1] += 1;
  }
  row.lost_to = rows.used[1];
  row.bind_from = rows.used[2];
  for (int64_t bound = drafted.bind_from; bound < drafted.bind_to; ++bound) {
    rows.bind[rows.used[2]] = draft.bind[bound];
    rows.used[2] += 1;
  }
  row.bind_to = rows.used[2];
  rows.used[0] += 1;
}

// Gives the rows of a contact in the order of claims, but those that are not asked for.
void put_in_order(const Rules& rules, const DecisionWorkspace& workspace, const CandidateArrays& candidates,
                  Array1<const int64_t> label_when, int64_t last_outcome, const DecisionRows& rows) {
  const DecisionRows& draft = *workspace.draft;
  Array1<int64_t> places = workspace.places;
  RowOrder comes_before{rules.openings, candidates, workspace.order, label_when, draft.row};
  int64_t count = 0;
  for (int64_t place = 0; place < draft.used[0]; ++place) {
    if (draft.row[place].outcome > last_outcome) continue;
    int64_t at = count;
    for (; at > 0 && comes_before(place, places[at - 1]); --at) places[at] = places[at - 1];
    places[at] = place;
    ++count;
  }
  for (int64_t at = 0; at < count; ++at) give_row(draft, places[at], rows);
}

}  // namespace

int64_t decide_block(const Rules& rules, const Contacts& contacts, const TouchArrays& touches,
                     const DecisionWorkspace& workspace, const CandidateArrays& candidates,
                     Array1<const int64_t> candidate_first, int64_t start, int64_t stop, int64_t last_outcome,
                     int64_t derived, const QuotaChoiceArrays& given, Array1<const int64_t> label_when,
                     const DecisionRows& rows, const DecisionCounts& counts, Array1<const bool> doubt,
                     Array1<int64_t> fallback) {
  int64_t count = 0;
  for (int64_t contact = start; contact < stop; ++contact) {
    int64_t low = candidate_first[contact - start], high = candidate_first[contact - start + 1];
    if (low == high) {
      count_explored(rules, contacts, contact, *workspace.draft, 0, counts.explored);
      continue;
    }
    if (doubt[contact - start] ||
        !settle(rules, contacts, contact, touches, workspace, candidates, low, high, derived, given)) {
      fallback[count] = contact;
      ++count;
      continue;
    }
    count_rows(rules, contacts, contact, workspace, candidates, counts);
    count_explored(rules, contacts, contact, *workspace.draft, workspace.draft->used[0], counts.explored);
    put_in_order(rules, workspace, candidates, label_when, last_outcome, rows);
  }
  return count;
}

}  // namespace journeykit
