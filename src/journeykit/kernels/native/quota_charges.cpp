// What claims use of quotas, and what the prices of quotas take from them.

#include "quota_charges.hpp"

#include <algorithm>
#include <cmath>

#include "local_time.hpp"

namespace journeykit {
namespace {

// A sum of weights in millionths, as `journeykit.engine.quota_charges` rounds it.
int64_t whole(double total) {
  constexpr double MOST_CHARGED = 1e12;
  return to_whole(std::rint(std::max(-MOST_CHARGED, std::min(MOST_CHARGED, total)) * 1'000'000));
}

}  // namespace

int64_t kind_of(const Rules& rules, int64_t zone, int64_t opening, int64_t at) {
  Array1<int64_t> edges = rules.quotas->edge;
  Array1<int64_t> changes = rules.quotas->change;
  int64_t kind = opening * (edges.size + 1);
  if (edges.size > 0) {
    int64_t day = day_of(*rules.zones, zone, at);
    for (int64_t edge : edges) kind += day >= edge;
  }
  if (changes.size == 0) return kind;
  kind *= changes.size + 1;
  return kind + (std::upper_bound(changes.begin(), changes.end(), at) - changes.begin());
}

int64_t amount_of(const Quotas& quotas, Array1<Claim> claims, int64_t candidate, int64_t column) {
  const Claim& claim = claims[candidate];
  int64_t source = quotas.source[column];
  if (source == WEIGHT) return claim.weight;
  if (source == PROPENSITY) {
    return std::isnan(claim.propensity) ? 1'000'000'000 : to_whole(std::rint(claim.propensity * 1e9));
  }
  return quotas.number(claim.claim_row, source - NUMBER);
}

int64_t use_of(const Quotas& quotas, Array1<Claim> claims, int64_t candidate, int64_t kind, int64_t side) {
  int64_t column = quotas.column[side];
  if (column < 0) return quotas.fixed(kind, side);
  int64_t factor = quotas.factor(kind, side);
  return factor == 0 ? 0 : wrapping_multiply(factor, amount_of(quotas, claims, candidate, column));
}

double term_of(const Quotas& quotas, Array1<Claim> claims, int64_t candidate, int64_t kind, int64_t side) {
  double price = quotas.price(quotas.slot[claims[candidate].opening], side);
  if (price == 0) return 0.0;
  double use = static_cast<double>(use_of(quotas, claims, candidate, kind, side));
  return price * (use / quotas.unit[side]);
}

int64_t charge_of(const Quotas& quotas, Array1<Claim> claims, int64_t candidate, int64_t kind) {
  double total = 0.0;
  for (int64_t place = quotas.touched[kind]; place < quotas.touched[kind + 1]; ++place) {
    total += term_of(quotas, claims, candidate, kind, quotas.sides[place]);
  }
  return whole(total);
}

int64_t addition_of(const Quotas& quotas, Array1<Claim> claims, int64_t candidate, int64_t kind) {
  double total = 0.0;
  for (int64_t place = quotas.touched[kind]; place < quotas.touched[kind + 1]; ++place) {
    double term = term_of(quotas, claims, candidate, kind, quotas.sides[place]);
    if (term < 0) total += term;
  }
  return whole(total);
}

Verdict verdict(const Rules& rules, int64_t zone, const CandidateArrays& candidates, int64_t candidate) {
  const Quotas& quotas = *rules.quotas;
  const Claim& claim = candidates.claim[candidate];
  int64_t worth = claim.weight - rules.reserve;
  if (!quotas.charged) return {worth <= 0, NONE};
  bool is_hopeless = true;
  int64_t least = int64_t{1} << 62;
  for (int64_t place = claim.at_from; place < claim.at_to; ++place) {
    const ClaimTime& time = candidates.time[place];
    if (!time.fits) continue;
    int64_t kind = kind_of(rules, zone, claim.opening, time.at);
    int64_t added = addition_of(quotas, candidates.claim, candidate, kind);
    is_hopeless = is_hopeless && worth <= added;
    least = std::min(least, charge_of(quotas, candidates.claim, candidate, kind));
  }
  return {is_hopeless, least};
}

}  // namespace journeykit
