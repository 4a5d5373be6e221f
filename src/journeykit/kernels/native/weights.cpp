// What the policy `weighted` makes of claims.

#include "weights.hpp"

#include <cmath>

#include "eligibility.hpp"

namespace journeykit {
namespace {

// Larger weights are no weights (journeykit.basics.validation).
constexpr double LARGEST = 1e9, MILLIONTH = 1e6;

// An expression is nested at most 50 deep (journeykit.rule.reader).
constexpr int64_t MOST_OPERANDS = 64;

// What a step puts onto the stack.
double operand_of(const ProgramStep& step, const Opening& opening, const Contacts& contacts, int64_t contact,
                  double propensity, double value) {
  switch (step.op) {
    case OP_NUMBER:
      return step.number;
    case OP_ATTRIBUTE:
      return contacts.operand(contact, step.place);
    case OP_PROPENSITY:
      return propensity;
    case OP_VALUE:
      return value;
    default:
      return opening.cost;
  }
}

// What two numbers come to; NaN where one is not known, and for a division by zero.
double combined(int64_t op, double left, double right) {
  if (op == OP_COALESCE) return std::isnan(left) ? right : left;
  if (std::isnan(left) || std::isnan(right)) return NO_NUMBER;
  switch (op) {
    case OP_ADD:
      return left + right;
    case OP_SUBTRACT:
      return left - right;
    case OP_MULTIPLY:
      return left * right;
    case OP_DIVIDE:
      return right == 0.0 ? NO_NUMBER : left / right;
    case OP_MIN:
      return right < left ? right : left;
    default:
      return right > left ? right : left;
  }
}

// What an opening weighs for a contact before its content's fit.
double lead_of(const Rules& rules, const Contacts& contacts, int64_t contact, const Opening& opening,
               double weight) {
  bool is_expressed = opening.program_from < opening.program_to;
  double lead = is_expressed ? weight * opening.content_weight * opening.lever : opening.scale;
  for (int64_t place = opening.lever_from; place < opening.lever_to; ++place) {
    const Lever& lever = rules.levers[place];
    if (lever.rule < 0 || is_true(contacts, contact, lever.rule)) lead = lead * lever.factor;
  }
  return lead;
}

// The product of what is before the content's fit and all that comes after.
double product_of(const Rules& rules, const Person& person, int64_t opening, double lead,
                  const Factors& factors, double propensity, double value) {
  double weight = lead * rules.stage_fit(opening, person.stage);
  weight = weight * rules.role_fit(opening, person.role);
  weight = weight * factors.preference * factors.interest;
  int64_t named = rules.openings[opening].named;
  if (!std::isnan(propensity) && !(named & NAMES_PROPENSITY)) weight = weight * propensity;
  if (named & NAMES_VALUE) return weight;
  if (!std::isnan(value)) {
    weight = weight * value;
  } else if (rules.stage_gain.columns) {
    double gain = rules.stage_gain(opening, person.stage);
    if (!std::isnan(gain)) weight = weight * gain;
  }
  return weight;
}

}  // namespace

void put_scores(const ScoreArrays& scores, int64_t contact) {
  for (int64_t place = scores.first[contact]; place < scores.first[contact + 1]; ++place) {
    const Score& own = scores.score[place];
    scores.chance[own.opening] = own.propensity;
    scores.worth[own.opening] = own.value;
    if (scores.estimate.size != 0) scores.estimated[own.opening] = scores.estimate[place];
  }
}

void clear_scores(const ScoreArrays& scores, int64_t contact) {
  for (int64_t place = scores.first[contact]; place < scores.first[contact + 1]; ++place) {
    int64_t opening = scores.score[place].opening;
    scores.chance[opening] = NO_NUMBER;
    scores.worth[opening] = NO_NUMBER;
    if (scores.estimate.size != 0) scores.estimated[opening] = {NO_NUMBER, NO_NUMBER, NO_NUMBER};
  }
}

double worked_out(const Rules& rules, const Contacts& contacts, int64_t contact, int64_t opening,
                  double propensity, double value) {
  const Opening& own = rules.openings[opening];
  if (own.program_from == own.program_to) return NO_NUMBER;
  if (std::isnan(value) && rules.stage_gain.columns) {
    value = rules.stage_gain(opening, contacts.person[contact].stage);
  }
  double stack[MOST_OPERANDS];
  int64_t size = 0;
  for (int64_t place = own.program_from; place < own.program_to; ++place) {
    const ProgramStep& step = rules.program[place];
    if (step.op < OP_ADD) {
      if (size == MOST_OPERANDS) return NO_NUMBER;
      stack[size++] = operand_of(step, own, contacts, contact, propensity, value);
    } else if (size > 1) {
      size -= 1;
      stack[size - 1] = combined(step.op, stack[size - 1], stack[size]);
    }
  }
  return size == 1 && std::isfinite(stack[0]) ? stack[0] : NO_NUMBER;
}

bool lacks_weight(const Rules& rules, const Contacts& contacts, int64_t contact, int64_t opening,
                  double propensity, double value) {
  const Opening& own = rules.openings[opening];
  return own.program_from < own.program_to &&
         std::isnan(worked_out(rules, contacts, contact, opening, propensity, value));
}

double patience_of(const Rules& rules, const Contacts& contacts, int64_t contact, int64_t opening,
                   int64_t asked) {
  int64_t place = rules.openings[opening].patient;
  if (place < 0) return 1.0;
  int64_t since = contacts.latest.columns ? contacts.latest(contact, place) : NONE;
  if (since == NONE) since = asked;
  const Patience& own = rules.patience[place];
  return since != NONE && rules.now - since > own.length ? own.factor : 1.0;
}

Factors factors_of(const Rules& rules, const Contacts& contacts, int64_t contact, int64_t opening,
                   double propensity, double value, int64_t asked) {
  const Opening& own = rules.openings[opening];
  double lead = lead_of(rules, contacts, contact, own,
                        worked_out(rules, contacts, contact, opening, propensity, value));
  double patience = lead > 0 ? patience_of(rules, contacts, contact, opening, asked) : 1.0;
  bool prefers = own.channel >= 0 && contacts.preference.columns;
  Factors found{
      .product = 0.0,
      .lead = lead,
      .patience = patience,
      .preference = prefers ? contacts.preference(contact, own.channel) : 1.0,
      .interest =
          contacts.interested.columns ? contacts.interested(contacts.person[contact].interest, opening) : 1.0,
  };
  found.product =
      product_of(rules, contacts.person[contact], opening, lead * patience, found, propensity, value);
  // Patience multiplies what is above 0 alone.
  if (patience != 1.0 && !(found.product > 0)) {
    found.product = product_of(rules, contacts.person[contact], opening, lead, found, propensity, value);
  }
  return found;
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
      double risk = candidates.risk.size != 0 ? candidates.risk[place] : 0.0;
      claim.weight = millionths_of(std::isnan(claim.given) ? claim.product - risk : claim.given);
      // Only what is weighed at all can be wrong.
      if (claim.weight == NONE && (claim.state == 0 || claim.timed)) doubt[contact] = true;
    }
  }
}

}  // namespace journeykit
