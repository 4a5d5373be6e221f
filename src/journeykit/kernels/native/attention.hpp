// The price of attention: what a message may cost, since the contact may opt out, and what it must change.

#pragma once

#include <cmath>

#include "weights.hpp"

namespace journeykit {

inline constexpr Estimate NOTHING_ESTIMATED = {NO_NUMBER, NO_NUMBER, NO_NUMBER};

// What models, or a claim itself, say of the claim, NaN for nothing; and whether it brings its weight.
struct Told {
  double propensity, value;
  Estimate estimate;
  bool is_given;
};

// What the scores say of an opening for the contact whose scores are put.
inline Told told_of(const ScoreArrays& scores, int64_t opening) {
  return {scores.chance[opening], scores.worth[opening],
          scores.estimated.size != 0 ? scores.estimated[opening] : NOTHING_ESTIMATED, false};
}

// What is said of a candidate.
inline Told told_of(const CandidateArrays& candidates, int64_t candidate) {
  const Claim& claim = candidates.claim[candidate];
  return {claim.propensity, claim.value,
          candidates.estimate.size != 0 ? candidates.estimate[candidate] : NOTHING_ESTIMATED,
          !std::isnan(claim.given)};
}

// Whether a claim needs a score that it does not have.
inline bool lacks_score(const Opening& opening, const Told& told) {
  if (opening.traits & UPLIFT_SCORED && std::isnan(told.estimate.uplift)) return true;
  if (told.is_given) return false;
  return (opening.traits & SCORED && std::isnan(told.propensity)) ||
         (opening.traits & OPT_OUT_SCORED && std::isnan(told.estimate.opt_out));
}

// What a message costs at the chance that the contact opts out; NaN where that is not known.
inline double risk_of(const Rules& rules, const Person& person, const Opening& opening, const Told& told) {
  if (rules.loss.size == 0 || told.is_given || !(opening.traits & NEEDS_CONSENT) ||
      std::isnan(told.estimate.opt_out)) {
    return 0.0;
  }
  double loss = rules.loss[person.stage];
  if (std::isnan(loss) && !(rules.denies & DENY_STAGE)) return 0.0;
  return told.estimate.opt_out * loss;
}

// Whether a claim lacks a score, the value of the contact's stage, or what its weight is worked out of.
inline bool lacks_data(const Rules& rules, const Contacts& contacts, int64_t contact, int64_t opening,
                       const Told& told) {
  const Opening& own = rules.openings[opening];
  if (lacks_score(own, told) || std::isnan(risk_of(rules, contacts.person[contact], own, told))) return true;
  return !told.is_given && lacks_weight(rules, contacts, contact, opening, told.propensity, told.value);
}

// Whether a message changes less than its campaign asks for.
inline bool is_below(const Opening& opening, const Estimate& estimate) {
  return estimate.uplift < opening.min_uplift;
}

}  // namespace journeykit
