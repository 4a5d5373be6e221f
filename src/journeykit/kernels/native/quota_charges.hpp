// What claims use of quotas, and what the prices of quotas take from them.

#pragma once

#include "interface.hpp"

namespace journeykit {

// What prices make of a claim that lost.
struct Verdict {
  // Whether it is worth nothing whatever the prices that add to it.
  bool is_hopeless;
  // What the prices take at least, in millionths; NONE where there are none.
  int64_t price;
};

// The kind, among what quotas tell apart, of what an opening sends at an instant.
int64_t kind_of(const Rules& rules, int64_t zone, int64_t opening, int64_t at);

// What a claim has of a column that quotas add up, in smallest units.
int64_t amount_of(const Quotas& quotas, Array1<Claim> claims, int64_t candidate, int64_t column);

// What a claim uses of one side of a quota, in smallest units.
int64_t use_of(const Quotas& quotas, Array1<Claim> claims, int64_t candidate, int64_t kind, int64_t side);

// What the price of one side of a quota takes from a claim, in weight.
double term_of(const Quotas& quotas, Array1<Claim> claims, int64_t candidate, int64_t kind, int64_t side);

// What the prices of quotas take from a claim, in millionths.
int64_t charge_of(const Quotas& quotas, Array1<Claim> claims, int64_t candidate, int64_t kind);

// What those prices add to a claim that do so, in millionths, as a number of 0 or less.
int64_t addition_of(const Quotas& quotas, Array1<Claim> claims, int64_t candidate, int64_t kind);

Verdict verdict(const Rules& rules, int64_t zone, const CandidateArrays& candidates, int64_t candidate);

}  // namespace journeykit
