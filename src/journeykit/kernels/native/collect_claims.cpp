// Eligibility and candidates: who may get what, and why not, as `journeykit.eligibility` says it.

#include "collect_claims.hpp"

namespace journeykit {

// Not ported yet.

int64_t closed_by(const HourTables&, int64_t, int64_t, int64_t) {
  return 0;
}

int64_t hours_open(const HourTables&, const Zones&, int64_t, int64_t, int64_t, int64_t) {
  return 0;
}

int64_t closed_on(const Rules&, int64_t, int64_t) {
  return 0;
}

int64_t outside_then(const Rules&, int64_t, const Contacts&, int64_t, int64_t, int64_t) {
  return 0;
}

int64_t lasting_faults(const Rules&, int64_t, const Contacts&, int64_t) {
  return 0;
}

int64_t timely_faults(const Rules&, int64_t, const Contacts&, int64_t, int64_t) {
  return 0;
}

int64_t rule_of(const Rules&, int64_t, const Contacts&, int64_t, int64_t, int64_t) {
  return 0;
}

int64_t further_rule(const Rules&, int64_t, const Contacts&, int64_t, int64_t, int64_t, int64_t) {
  return 0;
}

void barred_now(const Rules&, Array2<int64_t>) {}

int64_t collect_derived(const Rules&, const Contacts&, const SlotTimes&, Array1<const int64_t>,
                        const ScoreArrays&, int64_t, int64_t, int64_t, int64_t, const CandidateArrays&,
                        Array1<int64_t>, const DecisionCounts&) {
  return 0;
}

int64_t collect_derived_now(const Rules&, const Barred&, const Contacts&, Array1<const int64_t>,
                            const ScoreArrays&, int64_t, int64_t, int64_t, int64_t, const CandidateArrays&,
                            Array1<int64_t>, const DecisionCounts&) {
  return 0;
}

int64_t collect_claims(const Rules&, const Contacts&, const SlotTimes&, Array1<const int64_t>,
                       const ScoreArrays&, const ClaimArrays&, int64_t, int64_t, int64_t,
                       const CandidateArrays&, Array1<int64_t>, const DecisionCounts&) {
  return 0;
}

}  // namespace journeykit
