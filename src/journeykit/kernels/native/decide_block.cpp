// Deciding over columns: one contact's contests, and why each claim fared as it did, as `journeykit.contest`
// and `journeykit.explain` say it.

#include "decide_block.hpp"

namespace journeykit {

// Not ported yet.

void clear_workspace(const Rules&, const DecisionWorkspace&) {}

void read_history(const Rules&, const TouchArrays&, int64_t, int64_t, const DecisionWorkspace&,
                  const CandidateArrays&, int64_t, int64_t, int64_t) {}

int64_t amount_of(const Quotas&, Array1<Claim>, int64_t, int64_t) {
  return 0;
}

bool contest(const Rules&, const Contacts&, int64_t, const DecisionWorkspace&, const CandidateArrays&,
             int64_t, int64_t, int64_t, const SearchProblem&) {
  return false;
}

void put_values(Array1<Opening>, int64_t, Array1<Claim>, const SearchProblem&, int64_t, int64_t) {}

bool pick_given(const Rules&, const DecisionWorkspace&, Array1<Claim>, const SearchProblem&,
                const QuotaChoiceArrays&, int64_t, int64_t) {
  return false;
}

void grant(const Rules&, const Contacts&, int64_t, const DecisionWorkspace&, const CandidateArrays&,
           const SearchProblem&, Array1<bool>, int64_t) {}

int64_t decide_block(const Rules&, const Contacts&, const TouchArrays&, const DecisionWorkspace&,
                     const CandidateArrays&, Array1<const int64_t>, int64_t, int64_t, int64_t, int64_t,
                     const QuotaChoiceArrays&, Array1<const int64_t>, const DecisionRows&,
                     const DecisionCounts&, Array1<const bool>, Array1<int64_t>) {
  return 0;
}

}  // namespace journeykit
