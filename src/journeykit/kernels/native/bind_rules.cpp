// Binding: which rules stop a claim, as the row that is being made tells it.

#include "bind_rules.hpp"

#include <algorithm>
#include <cmath>

#include "attention.hpp"
#include "eligibility.hpp"
#include "expiry.hpp"
#include "quota_charges.hpp"

namespace journeykit {
namespace {

// What saved prices add to break ties is less than this share of the dearest, and no reason.
constexpr double TRIFLE = 1e-3;

// By side, what its price takes most from a claim at any instant; the most of all.
double find_dearest(const Rules& rules, int64_t zone, const CandidateArrays& candidates, int64_t candidate,
                    Array1<double> dearest) {
  const Quotas& quotas = *rules.quotas;
  const Claim& claim = candidates.claim[candidate];
  for (int64_t side = 0; side < quotas.unit.size; ++side) dearest[side] = 0.0;
  double most = 0.0;
  for (int64_t at = claim.at_from; at < claim.at_to; ++at) {
    const ClaimTime& time = candidates.time[at];
    if (!time.fits) continue;
    int64_t kind = kind_of(rules, zone, claim.opening, time.at);
    for (int64_t place = quotas.touched[kind]; place < quotas.touched[kind + 1]; ++place) {
      int64_t side = quotas.sides[place];
      dearest[side] = std::max(dearest[side], term_of(quotas, candidates.claim, candidate, kind, side));
      most = std::max(most, dearest[side]);
    }
  }
  return most;
}

// The side that takes most, of those that take more than a trifle; -1 where there is none.
int64_t dearest_side(Array1<double> dearest, int64_t sides, double trifle) {
  int64_t best = -1;
  for (int64_t side = 0; side < sides; ++side) {
    if (dearest[side] > trifle && (best < 0 || dearest[side] > dearest[best])) best = side;
  }
  return best;
}

// Whether a claim uses something of a side of a quota at any of its instants.
bool uses(const Rules& rules, int64_t zone, const CandidateArrays& candidates, int64_t candidate,
          int64_t side) {
  const Claim& claim = candidates.claim[candidate];
  for (int64_t at = claim.at_from; at < claim.at_to; ++at) {
    const ClaimTime& time = candidates.time[at];
    if (!time.fits) continue;
    int64_t kind = kind_of(rules, zone, claim.opening, time.at);
    if (use_of(*rules.quotas, candidates.claim, candidate, kind, side) > 0) return true;
  }
  return false;
}

// Binds all rules of a reason for which an opening fails at an instant.
void bind_reason(const Rules& rules, const Contacts& contacts, int64_t contact, int64_t opening,
                 int64_t reason, int64_t at, SlotPlace slot, const DecisionRows& rows) {
  for (int64_t count = 0;; ++count) {
    int64_t rule = further_rule(rules, opening, contacts, contact, reason, at, slot, count);
    if (rule < 0) return;
    bind(rules, rows, rule);
  }
}

}  // namespace

void note(const Rules& rules, const DecisionWorkspace& workspace, StopKind kind, bool is_past, int64_t rule) {
  int64_t own = rules.same[rule];
  int64_t count = workspace.sizes[FOUND];
  for (int64_t place = 0; place < count; ++place) {
    const Stop& stop = workspace.stop[place];
    if (stop.rule == own && stop.kind == kind && stop.past == is_past) return;
  }
  workspace.stop[count] = {own, kind, is_past};
  workspace.sizes[FOUND] = count + 1;
}

void bind(const Rules& rules, const DecisionRows& rows, int64_t rule) {
  int64_t own = rule < rules.same.size ? rules.same[rule] : rule;
  int64_t row = rows.used[0], bound = rows.used[2];
  for (int64_t place = rows.row[row].bind_from; place < bound; ++place) {
    if (rows.bind[place] == own) return;
  }
  rows.bind[bound] = own;
  rows.used[2] = bound + 1;
}

void bind_stops(const Rules& rules, const DecisionWorkspace& workspace, const DecisionRows& rows,
                StopKind kind) {
  for (bool is_of_kind : {true, false}) {
    for (bool is_past : {true, false}) {
      for (int64_t place = 0; place < workspace.sizes[FOUND]; ++place) {
        const Stop& stop = workspace.stop[place];
        if ((stop.kind == kind) == is_of_kind && stop.past == is_past) bind(rules, rows, stop.rule);
      }
    }
  }
}

void bind_quotas(const Rules& rules, const DecisionWorkspace& workspace, int64_t zone,
                 const CandidateArrays& candidates, int64_t candidate, const DecisionRows& rows) {
  const Quotas& quotas = *rules.quotas;
  Array1<double> dearest = workspace.dearest;
  int64_t sides = quotas.unit.size;
  double most = find_dearest(rules, zone, candidates, candidate, dearest);
  if (most > 0.0) {
    double trifle = TRIFLE * most;
    for (;;) {
      int64_t best = dearest_side(dearest, sides, trifle);
      if (best < 0) return;
      bind(rules, rows, quotas.rule[best]);
      dearest[best] = 0.0;
    }
  }
  for (bool is_hard : {true, false}) {
    for (int64_t side = 0; side < sides; ++side) {
      if (quotas.hard[side] == is_hard && uses(rules, zone, candidates, candidate, side)) {
        bind(rules, rows, quotas.rule[side]);
      }
    }
  }
}

namespace {

// Binds what a claim lacks of its own.
void bind_lacking(const Rules& rules, const CandidateArrays& candidates, int64_t candidate,
                  const DecisionRows& rows) {
  const Claim& claim = candidates.claim[candidate];
  const Opening& opening = rules.openings[claim.opening];
  Told told = told_of(candidates, candidate);
  if (lacks_score(opening, told)) bind(rules, rows, RULE_SCORE);
  bool is_expressed = opening.program_from < opening.program_to && !told.is_given;
  if (is_expressed && std::isnan(claim.lead)) bind(rules, rows, opening.rule_weight);
  if (candidates.risk.size != 0 && std::isnan(candidates.risk[candidate])) {
    bind(rules, rows, RULE_STAGE_VALUE);
  }
}

}  // namespace

void bind_faults(const Rules& rules, const Contacts& contacts, int64_t contact,
                 const CandidateArrays& candidates, int64_t candidate, const DecisionRows& rows) {
  const Claim& claim = candidates.claim[candidate];
  bind(rules, rows, claim.rule);
  if (!rules.explain) return;
  int64_t lasting = lasting_faults(rules, claim.opening, contacts, contact);
  for (int64_t turn = 0; turn <= LAST_REASON; ++turn) {
    // The reason itself, and then all the others in their order.
    int64_t wanted = turn == 0 ? claim.state : turn;
    for (int64_t place = claim.at_from; place < claim.at_to; ++place) {
      int64_t at = candidates.time[place].at;
      int64_t found =
          lasting | timely_faults(rules, claim.opening, contacts, contact, at) |
          outside_then(rules, claim.opening, contacts, contact, claim.kind, place - claim.at_from);
      if (has_bit(found, wanted)) {
        SlotPlace slot{claim.kind, place - claim.at_from};
        bind_reason(rules, contacts, contact, claim.opening, wanted, at, slot, rows);
      }
      if (claim.outside >= 0 && wanted == CLOSED) bind(rules, rows, claim.outside);
      if (wanted == EXPIRED && at > claim.expires) {
        bind(rules, rows, expiry_rule(rules, contacts.person[contact].zone, claim));
      }
    }
    if (wanted == MISSING) bind_lacking(rules, candidates, candidate, rows);
  }
  if (is_below(rules.openings[claim.opening], told_of(candidates, candidate).estimate)) {
    bind(rules, rows, RULE_MIN_UPLIFT);
  }
}

}  // namespace journeykit
