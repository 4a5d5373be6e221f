// Deciding derived claims at one instant, weighed by `weighted`.

#include "decide_now.hpp"

#include "collect_claims.hpp"
#include "decide_block.hpp"
#include "denied_counts.hpp"
#include "settle_plainly.hpp"
#include "weights.hpp"

namespace journeykit {
namespace {

// What contacts need that are not plain.
struct GeneralPath {
  const DecisionWorkspace& workspace;
  const CandidateArrays& candidates;
  Array1<const int64_t> label_when;
  const QuotaChoiceArrays& given;
};

// Whether there is space for all that any contact may add.
bool has_space(const PlainBlock& block) {
  const DecisionRows& rows = block.rows;
  int64_t count = block.rules.openings.size;
  return rows.used[0] + count <= rows.row.size &&
         rows.used[1] + count * count / 4 + count <= rows.lost.size &&
         rows.used[2] + (count + 1) * block.plain.rules <= rows.bind.size;
}

int64_t collect(const PlainBlock& block, const GeneralPath& path, int64_t contact, int64_t sign,
                Array1<int64_t> first) {
  return collect_derived_now(block.rules, block.barred, block.contacts, block.asks, block.scores, contact,
                             contact + 1, block.everything, sign, path.candidates, first, block.counts);
}

// Decides one contact; whether it is decided, or falls back.
bool decide_generally(const PlainBlock& block, const GeneralPath& path, int64_t contact) {
  int64_t first[2] = {0, 0}, fallback[1] = {0};
  bool doubt[1] = {false};
  collect(block, path, contact, 1, {first, 2});
  weigh_block(path.candidates, {first, 2}, 1, {doubt, 1});
  int64_t left = decide_block(block.rules, block.contacts, block.touches, path.workspace, path.candidates,
                              {first, 2}, contact, contact + 1, block.last_outcome, 1, path.given,
                              path.label_when, block.rows, block.counts, {doubt, 1}, {fallback, 1});
  // What was counted of contacts that are left is taken back.
  if (left) collect(block, path, contact, -1, {first, 2});
  return left == 0;
}

}  // namespace

int64_t decide_now(const Rules& rules, const Barred& barred, const PlainRules& plain,
                   const Contacts& contacts, const TouchArrays& touches, Array1<const int64_t> asks,
                   const ScoreArrays& scores, const PlainWorkspace& work, const DecisionWorkspace& workspace,
                   const CandidateArrays& candidates, Array1<const int64_t> label_when,
                   const QuotaChoiceArrays& given, int64_t everything, int64_t last_outcome, int64_t start,
                   int64_t stop, const DecisionRows& rows, const DecisionCounts& counts,
                   Array1<int64_t> fallback) {
  PlainBlock block{rules, barred, plain,      contacts,     touches, scores,
                   asks,  work,   everything, last_outcome, rows,    counts};
  GeneralPath path{workspace, candidates, label_when, given};
  int64_t contact = start;
  for (; contact < stop; ++contact) {
    if (contacts.person[contact].traits & BAD) continue;
    put_scores(scores, contact);
    Settled settled = settle_plainly(block, contact);
    clear_scores(scores, contact);
    if (settled == Settled::PLAINLY) continue;
    if (settled == Settled::NO_SPACE || !has_space(block)) break;
    if (!decide_generally(block, path, contact)) fallback[++fallback[0]] = contact;
  }
  flush_lanes(rules, work, counts);
  return contact;
}

}  // namespace journeykit
