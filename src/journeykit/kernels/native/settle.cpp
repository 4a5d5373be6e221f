// The answers of one contact.

#include "settle.hpp"

#include "bind_rules.hpp"
#include "chances.hpp"
#include "choose.hpp"
#include "counterfactual.hpp"
#include "exploration.hpp"
#include "history.hpp"
#include "problem.hpp"
#include "quota_charges.hpp"
#include "reasons.hpp"
#include "retry.hpp"
#include "workspace.hpp"

namespace journeykit {
namespace {

// Writes the row that is being made, but for what is not known of all rows; its rules are bound already.
DecisionRow& add_row(const DecisionRows& rows, int64_t contact, int64_t label, int64_t outcome,
                     int64_t reason, int64_t weight) {
  DecisionRow& row = rows.row[rows.used[0]];
  row.contact = contact;
  row.label = label;
  row.outcome = outcome;
  row.reason = reason;
  row.bind_to = rows.used[2];
  row.rule = row.bind_from < rows.used[2] ? rows.bind[row.bind_from] : -1;
  row.weight = weight;
  row.price = row.send_at = row.retry_at = row.displaced = row.needs = NONE;
  row.lost_from = row.lost_to = rows.used[1];
  row.chance = NO_NUMBER;
  rows.used[0] += 1;
  return row;
}

// Adds to a row the campaigns of the winners that take the room, in the order of claims, each once.
void add_lost(const Rules& rules, const DecisionWorkspace& workspace, Array1<Claim> claims,
              const DecisionRows& rows, DecisionRow& row) {
  int64_t winners = workspace.sizes[WINNERS];
  int64_t start = rows.used[1];
  for (int64_t number = 0; number < winners; ++number) {
    for (int64_t winner = 0; winner < winners; ++winner) {
      const Grant& grant = workspace.winner[winner];
      if (!grant.crowded || grant.number != number) continue;
      int64_t campaign = rules.openings[claims[grant.entry].opening].campaign;
      bool is_known = false;
      for (int64_t other = start; other < rows.used[1]; ++other) {
        is_known = is_known || rows.lost[other] == campaign;
      }
      if (is_known) continue;
      rows.lost[rows.used[1]] = campaign;
      rows.used[1] += 1;
    }
  }
  row.lost_to = rows.used[1];
}

// Settles the contests of a contact, that of the exempt claims first; false where the row engine
// must.
bool choose_winners(const Rules& rules, const Contacts& contacts, int64_t contact, const TouchArrays& touches,
                    const DecisionWorkspace& workspace, const CandidateArrays& candidates, int64_t low,
                    int64_t high, int64_t derived, const QuotaChoiceArrays& given) {
  int64_t eligible = 0, exempts = 0, timed = 0;
  for (int64_t candidate = low; candidate < high; ++candidate) {
    const Claim& claim = candidates.claim[candidate];
    timed += claim.timed;
    if (claim.state != 0) continue;
    eligible += 1;
    exempts += !(rules.openings[claim.opening].traits & OBEYS_CAPS);
  }
  if (eligible || timed) {
    int64_t zone = contacts.person[contact].zone;
    read_history(rules, touches, contact, zone, workspace, candidates, low, high, derived);
  }
  workspace.exempt->size[ITEMS] = workspace.main->size[ITEMS] = 0;
  bool by_prices[2] = {true, true};
  if (explores(rules)) start_chances(workspace, candidates.claim, low, high);
  for (int64_t obeys = 0; obeys < 2; ++obeys) {
    if ((obeys ? eligible - exempts : exempts) == 0) continue;
    const SearchProblem& problem = obeys ? *workspace.main : *workspace.exempt;
    if (!contest(rules, contacts, contact, workspace, candidates, low, high, obeys, problem)) return false;
    const bool draws = obeys && explores(rules);
    if (draws && !set_chances(rules, contacts, contact, workspace, candidates, low, high, problem)) {
      return false;
    }
    const bool is_chosen = draws && !workspace.sizes[DRAWN] && given.known <= obeys;
    if (!is_chosen && !pick_given(rules, workspace, candidates.claim, problem, given, contact, obeys)) {
      return false;
    }
    grant(rules, contacts, contact, workspace, candidates, problem, workspace.chosen, obeys);
    if (explores(rules)) {
      if (!obeys) set_exempt_chances(workspace, low);
      bool is_known = true;
      if (given.known > obeys && !is_by_prices(rules, workspace, candidates.claim, problem, is_known)) {
        return false;
      }
      by_prices[obeys] = is_known;
    }
    if (rules.quotas->charged && !choose_freely(rules, workspace, candidates.claim, problem)) return false;
  }
  if (!by_prices[0] || !by_prices[1]) {
    // What was settled otherwise than prices alone would has no chance that anybody knows.
    forget_chances(rules, workspace, candidates.claim, low, high, !by_prices[0]);
  }
  return !workspace.sizes[LEFT];
}

// Drafts the row of a winner; false where the row engine must.
bool add_winner(const Rules& rules, int64_t contact, const DecisionWorkspace& workspace, Array1<Claim> claims,
                const Grant& grant, int64_t total) {
  const Claim& claim = claims[grant.entry];
  DecisionRow& row = add_row(*workspace.draft, contact, claim.label, GRANTED_OUTCOME, GRANTED, claim.weight);
  row.send_at = grant.at;
  if (rules.quotas->charged) row.price = grant.charge;
  // What was drawn has no value of its own.
  if (!rules.explain || workspace.sizes[DRAWN]) return true;
  if (!(rules.openings[claim.opening].traits & OBEYS_CAPS)) return false;
  int64_t others = wrapping_subtract(total, worth_of(rules, claims, grant));
  row.displaced = displaced(rules, workspace, claims, grant.entry, others);
  return true;
}

// Why an eligible claim lost, what it would have taken, and what prices take from it.
struct Loss {
  int64_t reason;
  bool has_rivals;
  int64_t price, needs;
};

Loss explain_loss(const Rules& rules, const Contacts& contacts, int64_t contact,
                  const DecisionWorkspace& workspace, const CandidateArrays& candidates, int64_t candidate) {
  const DecisionRows& rows = *workspace.draft;
  bool obeys = rules.openings[candidates.claim[candidate].opening].traits & OBEYS_CAPS;
  int64_t wanted = NONE;
  if (rules.explain && !workspace.sizes[DRAWN]) {
    const SearchProblem& problem = obeys ? *workspace.main : *workspace.exempt;
    wanted = needs(rules, workspace, candidates.claim, candidate, problem);
  }
  auto [is_hopeless, price] = verdict(rules, contacts.person[contact].zone, candidates, candidate);
  if (is_hopeless) {
    bind(rules, rows, RULE_RESERVE);
    return {NOT_WORTH_IT, false, price, wanted};
  }
  int64_t reason = why(rules, contacts, contact, workspace, candidates, candidate, rows);
  return {reason, true, price, wanted};
}

// Drafts the row of a claim that does not go; false where the row engine must.
bool add_loser(const Rules& rules, const Contacts& contacts, int64_t contact,
               const DecisionWorkspace& workspace, const CandidateArrays& candidates, int64_t candidate) {
  const DecisionRows& rows = *workspace.draft;
  const Claim& claim = candidates.claim[candidate];
  Loss loss{claim.state, false, NONE, NONE};
  bool has_hope = false;
  if (claim.state == 0) {
    loss = explain_loss(rules, contacts, contact, workspace, candidates, candidate);
    has_hope = loss.has_rivals && (loss.reason == RESTING || loss.reason == CAPPED ||
                                   loss.reason == CONFLICT || loss.reason == OUTBID);
    // A step whose turn comes once the gap is over goes then.
    has_hope = has_hope || (loss.reason == REQUIRES && claim.before >= 0);
  } else {
    bind_faults(rules, contacts, contact, candidates, candidate, rows);
    has_hope = claim.timed && claim.weight > rules.reserve;
  }
  int64_t later = NONE;
  if (has_hope) {
    later = retry(rules, contacts, contact, workspace, candidates, candidate);
    if (later == NONE && !loss.has_rivals && !workspace.sizes[LEFT]) {
      bind_rest(rules, contacts, contact, workspace, candidates, candidate, rows);
    }
  }
  if (workspace.sizes[LEFT]) return false;
  bool is_deferred = later != NONE && rules.openings[claim.opening].traits & DEFERS;
  int64_t outcome = is_deferred ? DEFERRED_OUTCOME : DENIED_OUTCOME;
  int64_t weight = claim.state == 0 || claim.timed ? claim.weight : NONE;
  DecisionRow& row = add_row(rows, contact, claim.label, outcome, loss.reason, weight);
  row.price = loss.price;
  row.retry_at = later;
  row.needs = loss.needs;
  if (loss.has_rivals) add_lost(rules, workspace, candidates.claim, rows, row);
  return true;
}

}  // namespace

bool settle(const Rules& rules, const Contacts& contacts, int64_t contact, const TouchArrays& touches,
            const DecisionWorkspace& workspace, const CandidateArrays& candidates, int64_t low, int64_t high,
            int64_t derived, const QuotaChoiceArrays& given) {
  clear_workspace(rules, workspace);
  if (!choose_winners(rules, contacts, contact, touches, workspace, candidates, low, high, derived, given)) {
    return false;
  }
  const DecisionRows& rows = *workspace.draft;
  for (int64_t& used : rows.used) used = 0;
  number_winners(rules, workspace, candidates.claim);
  for (int64_t candidate = low; candidate < high; ++candidate) workspace.won[candidate - low] = -1;
  int64_t total = 0;
  for (int64_t winner = 0; winner < workspace.sizes[WINNERS]; ++winner) {
    const Grant& grant = workspace.winner[winner];
    workspace.won[grant.entry - low] = winner;
    total = wrapping_add(total, worth_of(rules, candidates.claim, grant));
  }
  for (int64_t candidate = low; candidate < high; ++candidate) {
    rows.row[rows.used[0]].bind_from = rows.used[2];
    workspace.order[rows.used[0]] = candidate;
    int64_t winner = workspace.won[candidate - low];
    bool is_done =
        winner >= 0 ? add_winner(rules, contact, workspace, candidates.claim, workspace.winner[winner], total)
                    : add_loser(rules, contacts, contact, workspace, candidates, candidate);
    if (!is_done) return false;
    if (explores(rules)) rows.row[rows.used[0] - 1].chance = workspace.chance[candidate - low];
  }
  return !workspace.sizes[LEFT];
}

}  // namespace journeykit
