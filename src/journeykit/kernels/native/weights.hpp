// What the policy `weighted` makes of claims.

#pragma once

#include "interface.hpp"

namespace journeykit {

// Puts the scores of a contact where they are found by opening.
void put_scores(const ScoreArrays& scores, int64_t contact);
void clear_scores(const ScoreArrays& scores, int64_t contact);

// A weight in units, what it is before patience and the fit of the content, and the contact's own factors of
// it.
struct Factors {
  double product, lead, patience, preference, interest;
};

// The weight of an opening's campaign where that is an expression; NaN where it is not known.
double worked_out(const Rules& rules, const Contacts& contacts, int64_t contact, int64_t opening,
                  double propensity, double value);

// Whether an opening's campaign has a weight that is not known.
bool lacks_weight(const Rules& rules, const Contacts& contacts, int64_t contact, int64_t opening,
                  double propensity, double value);

// The factor of the patience of an opening's campaign; asked is the instant of asking, or NONE.
double patience_of(const Rules& rules, const Contacts& contacts, int64_t contact, int64_t opening,
                   int64_t asked);

// What an opening weighs for a contact; propensity and value are NaN where there is none, and asked is the
// instant of asking, or NONE.
Factors factors_of(const Rules& rules, const Contacts& contacts, int64_t contact, int64_t opening,
                   double propensity, double value, int64_t asked);

// A weight in millionths; NONE where it is no number, or too large.
int64_t millionths_of(double weight);

// Weighs candidates as `weighted` does, and doubts contacts with a claim that cannot be weighed. The
// candidates of the first contact are the first ones.
void weigh_block(const CandidateArrays& candidates, Array1<const int64_t> candidate_first, int64_t contacts,
                 Array1<bool> doubt);

}  // namespace journeykit
