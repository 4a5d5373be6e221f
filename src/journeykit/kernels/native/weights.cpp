// What the policy `weighted` makes of claims.

#include "weights.hpp"

#include <cmath>

#include "eligibility.hpp"

namespace journeykit {
namespace {

// Larger weights are no weights (journeykit.basics.validation).
constexpr double LARGEST = 1e9, MILLIONTH = 1e6;

// What an opening weighs for a contact before its content's fit.
double lead_of(const Rules& rules, const Contacts& contacts, int64_t contact, const Opening& opening) {
  double lead = opening.scale;
  for (int64_t place = opening.lever_from; place < opening.lever_to; ++place) {
    const Lever& lever = rules.levers[place];
    if (lever.rule < 0 || is_true(contacts, contact, lever.rule)) lead = lead * lever.factor;
  }
  return lead;
}

}  // namespace

void put_scores(const ScoreArrays& scores, int64_t contact) {
  for (int64_t place = scores.first[contact]; place < scores.first[contact + 1]; ++place) {
    const Score& own = scores.score[place];
    scores.chance[own.opening] = own.propensity;
    scores.worth[own.opening] = own.value;
  }
}

void clear_scores(const ScoreArrays& scores, int64_t contact) {
  for (int64_t place = scores.first[contact]; place < scores.first[contact + 1]; ++place) {
    scores.chance[scores.score[place].opening] = NO_NUMBER;
    scores.worth[scores.score[place].opening] = NO_NUMBER;
  }
}

Factors factors_of(const Rules& rules, const Contacts& contacts, int64_t contact, int64_t opening,
                   double propensity, double value) {
  const Person& person = contacts.person[contact];
  const Opening& own = rules.openings[opening];
  double lead = lead_of(rules, contacts, contact, own);
  double weight = lead * rules.stage_fit(opening, person.stage);
  weight = weight * rules.role_fit(opening, person.role);
  bool prefers = own.channel >= 0 && contacts.preference.columns;
  double preference = prefers ? contacts.preference(contact, own.channel) : 1.0;
  double interest = contacts.interested.columns ? contacts.interested(person.interest, opening) : 1.0;
  weight = weight * preference * interest;
  if (!std::isnan(propensity)) weight = weight * propensity;
  if (!std::isnan(value)) {
    weight = weight * value;
  } else if (rules.stage_gain.columns) {
    double gain = rules.stage_gain(opening, person.stage);
    if (!std::isnan(gain)) weight = weight * gain;
  }
  return {weight, lead, preference, interest};
}

int64_t millionths_of(double weight) {
  bool is_good = weight >= -LARGEST && weight <= LARGEST;
  return is_good ? static_cast<int64_t>(std::rint(weight * MILLIONTH)) : NONE;
}

void weigh_block(const CandidateArrays& candidates, Array1<const int64_t> candidate_first, int64_t contacts,
                 Array1<bool> doubt) {
  for (int64_t contact = 0; contact < contacts; ++contact) {
    for (int64_t place = candidate_first[contact]; place < candidate_first[contact + 1]; ++place) {
      Claim& claim = candidates.claim[place];
      claim.weight = millionths_of(std::isnan(claim.given) ? claim.product : claim.given);
      // Only what is weighed at all can be wrong.
      if (claim.weight == NONE && (claim.state == 0 || claim.timed)) doubt[contact] = true;
    }
  }
}

}  // namespace journeykit
