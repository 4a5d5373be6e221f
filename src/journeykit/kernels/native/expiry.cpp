// Expiry: until when a claim may go.

#include "expiry.hpp"

#include <algorithm>

#include "local_time.hpp"

namespace journeykit {
namespace {

// The last instant of a local date.
int64_t day_end(const Rules& rules, int64_t zone, int64_t day) {
  return day_start(*rules.zones, zone, day + 1) - 1;
}

// The last instant to which a campaign lets a claim wait; FOREVER where it is not limited.
int64_t waits_until(const Rules& rules, int64_t zone, int64_t opening, int64_t asked) {
  const Opening& own = rules.openings[opening];
  if (asked == NONE) return FOREVER;
  if (own.wait_length != NONE) return asked + own.wait_length;
  if (own.wait_days == NONE) return FOREVER;
  return day_end(rules, zone, day_of(*rules.zones, zone, asked) + own.wait_days);
}

}  // namespace

int64_t expiry_of(const Rules& rules, int64_t zone, int64_t opening, const ClaimExtra& extra) {
  int64_t found = waits_until(rules, zone, opening, extra.asked);
  if (extra.expires != NONE) found = std::min(found, extra.expires);
  if (extra.last_day != NONE) found = std::min(found, day_end(rules, zone, extra.last_day));
  return found;
}

int64_t expiry_rule(const Rules& rules, int64_t zone, const Claim& claim) {
  return waits_until(rules, zone, claim.opening, claim.asked) == claim.expires ? RULE_WAIT : RULE_EXPIRES;
}

}  // namespace journeykit
