// The layouts of all tables that cross the boundary of the kernels, and the codes that both sides know.
//
// A bundle of arrays (`journeykit.kernels.interface.array_bundle`) is a block of 64-bit words in the order of
// these structs: for an array its address and its shape, for a whole number itself, for another bundle its
// address. So a kernel takes a bundle by the address of its words. What the fields mean is written in
// `journeykit.kernels.interface`; a test compares names, offsets and sizes.

#pragma once

#include <cstdint>

#include "arithmetic.hpp"
#include "array.hpp"

namespace journeykit {

// Codes (journeykit.kernels.interface.codes)

// What is true of an opening.
inline constexpr int64_t NEEDS_CONSENT = 1 << 0, OBEYS_CAPS = 1 << 1, COUNTS = 1 << 2, OBEYS_HOURS = 1 << 3,
                         PAUSED = 1 << 4, DEFERS = 1 << 5, LOCAL = 1 << 6, STAGED = 1 << 7, ROLED = 1 << 8,
                         DATED = 1 << 9, SCORED = 1 << 10, RECURS = 1 << 11, SKIPS = 1 << 12,
                         OPT_OUT_SCORED = 1 << 13, UPLIFT_SCORED = 1 << 14;
// The steps of a weight expression (journeykit.kernels.interface.codes).
inline constexpr int64_t OP_NUMBER = 0, OP_ATTRIBUTE = 1, OP_PROPENSITY = 2, OP_VALUE = 3, OP_COST = 4,
                         OP_ADD = 5, OP_SUBTRACT = 6, OP_MULTIPLY = 7, OP_DIVIDE = 8, OP_MIN = 9, OP_MAX = 10,
                         OP_COALESCE = 11;
inline constexpr int64_t NAMES_PROPENSITY = 1, NAMES_VALUE = 2;
// No day, no weight, no instant.
inline constexpr int64_t NONE = -(int64_t{1} << 62);
inline constexpr int64_t NO_LIMIT = -1, OWN_LIMIT = -2, BAD_LIMIT = -3;
// The rules that no playbook names.
inline constexpr int64_t RULE_SUPPRESSED = 0, RULE_OPTED_OUT = 1, RULE_DATES = 2, RULE_STAGE = 3,
                         RULE_ROLE = 4, RULE_ZONE = 5, RULE_HOLDOUT = 6, RULE_RESERVE = 7, RULE_SCORE = 8,
                         RULE_EXPIRES = 9, RULE_WAIT = 10, RULE_STAGE_VALUE = 11, RULE_MIN_UPLIFT = 12;
inline constexpr int64_t MOST_CONFLICTS = 62;
inline constexpr int64_t LAST_INSTANT = 253'402'041'600'000'000;
// The keys of the two hashes of an id, and the factors that mix the bits of a hash.
inline constexpr uint64_t FIRST = 9782798678568883157U, SECOND = 5545529020109919103U;
inline constexpr uint64_t STIR_FIRST = 18397679294719823053U, STIR_SECOND = 14181476777654086739U;
// The reasons, in their order.
inline constexpr int64_t GRANTED = 0, INVALID = 1, SUPPRESSED = 2, OPTED_OUT = 3, NO_CONSENT = 4, CLOSED = 5,
                         EXPIRED = 6, NOT_IN_AUDIENCE = 7, WRONG_STAGE = 8, WRONG_ROLE = 9, WRONG_OWNER = 10,
                         HOLDOUT = 11, MISSING = 12, REFUSED = 13, QUIET = 14, NOT_WORTH_IT = 15,
                         RESTING = 16, CAPPED = 17, CONFLICT = 18, REQUIRES = 19, QUOTA_FULL = 20,
                         OUTBID = 21;
inline constexpr int64_t LAST_REASON = QUIET;
inline constexpr int64_t TIMED = 1 << CLOSED | 1 << QUIET;
// What is known of a consent.
inline constexpr int64_t UNKNOWN = 0, AGREED = 1, WITHDRAWN = 2;
// What is true of a contact; BAD ones fall back to the row engine.
inline constexpr int64_t IS_SUPPRESSED = 1, IS_OPTED_OUT = 2, NO_ZONE = 4, BAD = 8;
// What the playbook denies where data is missing.
inline constexpr int64_t DENY_ZONE = 1, DENY_STAGE = 2, DENY_ROLE = 4, DENY_CONSENT = 8;
inline constexpr int64_t GRANTED_OUTCOME = 0, DEFERRED_OUTCOME = 1, DENIED_OUTCOME = 2;
// The validity bitmaps of columns (journeykit.kernels.interface.decision_arrays); those of names come last.
inline constexpr int64_t KNOWN_RULE = 0, KNOWN_WEIGHT = 1, KNOWN_PRICE = 2, KNOWN_DISPLACED = 3,
                         KNOWN_NEEDS = 4, KNOWN_SEND_AT = 5, KNOWN_RETRY_AT = 6, KNOWN_CHANCE = 7,
                         KNOWN_NAMES = 8;

// Where what a quota adds up comes from; a number of the claims table from NUMBER on
// (journeykit.kernels.interface.rules).
inline constexpr int64_t WEIGHT = 0, PROPENSITY = 1, NUMBER = 2;
inline constexpr int64_t OFTEN = int64_t{1} << 62;
// An instant that never comes.
inline constexpr int64_t FOREVER = std::numeric_limits<int64_t>::max();
inline constexpr int64_t ROLLING = 0, DAYS = 1, CALENDAR = 2, STRETCH = 3, BETWEEN = 4, EVER = 5, RUNNING = 6,
                         DECISION = 7;

// The forms of a unit: the best few of all; taking the best first; anything else
// (journeykit.kernels.interface.problem_arrays).
inline constexpr int64_t TOP = 0, LAMINAR = 1, SEARCH = 2;
// What `PoolPart.used` counts.
inline constexpr int64_t UNITS = 0, ITEMS_ = 1, LINES_ = 2, MEMBERS_ = 3, CLAUSES_ = 4, PARTNERS_ = 5;
inline constexpr int64_t MOST_ITEMS = 512, MOST_ROWS = 512, BLOCKS = 8;

// What `SearchProblem.size` counts (journeykit.kernels.interface.workspaces).
inline constexpr int64_t ITEMS = 0, LINES = 1, MEMBERS = 2, CLAUSES = 3, PARTNERS = 4;
// What `DecisionWorkspace.sizes` counts (journeykit.kernels.interface.workspaces).
inline constexpr int64_t TOUCHES = 0, WINNERS = 1, EXEMPTS = 2, LEFT = 3, FOUND = 4, DRAWN = 5;
// The layers that a span may be in (journeykit.kernels.interface.workspaces).
inline constexpr int64_t HISTORY = 1, EXEMPT = 2, WINNER = 4, RIVAL = 8;
inline constexpr int64_t BEFORE = HISTORY | EXEMPT, ALL = HISTORY | EXEMPT | WINNER,
                         RIVALS = HISTORY | EXEMPT | WINNER | RIVAL;

// Codes of journeys (journeykit.kernels.interface.journey_arrays), which have words of their own.
namespace journeys {
inline constexpr int64_t NEVER = int64_t{1} << 62;
inline constexpr int64_t MISSING = -(int64_t{1} << 62);
// The conditions and joints of a program.
inline constexpr int64_t SAID = 0, TOTAL = 1, AGE = 2, LAST = 3, KNOWN = 4, NOT = 5, AND = 6, OR = 7;
inline constexpr int64_t LESS = 0, LESS_EQUAL = 1, GREATER = 2, GREATER_EQUAL = 3, EQUAL = 4, UNEQUAL = 5;
// What is counted.
inline constexpr int64_t DUPLICATE = 0, UNKNOWN_EVENT = 1, NOT_A_NUMBER = 2, NOT_COMPARABLE = 3,
                         NOT_QUALIFIED = 4, NOT_AGAIN = 5, OTHER_STAGE = 6, STEPS = 7;
// What a number to be added up is.
inline constexpr int64_t GOOD = 0, EMPTY = 1, BAD = 2;
// The codes of a last value that is missing, and of one that cannot be compared.
inline constexpr int64_t NO_VALUE = -1, ODD_VALUE = -2;
// What a member of a JSON object is.
inline constexpr int8_t NULL_VALUE = 0, FALSE_VALUE = 1, TRUE_VALUE = 2, WHOLE = 3, FLOAT = 4, TEXT = 5,
                        NESTED = 6;
}  // namespace journeys

// Codes of credit (journeykit.kernels.interface.credit_arrays), which have words of their own.
namespace crediting {
// To which of several messages an event is credited.
inline constexpr int64_t LAST_WAY = 0, FIRST_WAY = 1, LINEAR_WAY = 2;
// Why an event is not credited; the last for one that is.
inline constexpr int64_t REPEATED = 0, AFTER_END = 1, UNKNOWN_CONTACT = 2, NO_MESSAGE = 3,
                         UNKNOWN_DECISION = 4, UNKNOWN_CAMPAIGN = 5, OUT_OF_SCOPE = 6, BEFORE = 7, LATE = 8,
                         EARLIER = 9, CREDITED = 10;
// The numbers of no campaign, and of one that nobody knows.
inline constexpr int64_t NO_CAMPAIGN = -1, STRANGE_CAMPAIGN = -2;
}  // namespace crediting

// Contacts, their touches, claims and scores

// A contact in single numbers.
struct Person {
  int64_t stage, role, zone, traits, interest;
};

// Contacts, one place for each.
struct Contacts {
  Array1<Person> person;
  Array2<int8_t> consent;
  Array2<int64_t> consent_until;
  Array2<int8_t> topic;
  Array2<double> preference;
  Array2<double> interested;
  Array2<int64_t> audience;
  Array2<int64_t> outside;
  Array2<int64_t> absent;
  Array4<int64_t> timely;
  Array2<int64_t> limit;
  Array2<bool> holdout;
  Array2<int64_t> latest;
  Array2<double> operand;
};

// The instants of a decision, by time zone and opening.
struct SlotTimes {
  Array1<int64_t> first;
  Array1<int64_t> at;
  Array1<int64_t> kind;
  Array3<int64_t> dated;
  int64_t kinds;
  int64_t longest;
  int64_t single;
};

// Who cannot get what at one instant: openings as bits of whole numbers, 64 to a number.
struct Barred {
  Array1<int64_t> every;
  Array1<int64_t> needs;
  Array2<int64_t> channel;
  Array2<int64_t> topic;
  Array2<int64_t> stage;
  Array2<int64_t> role;
  Array2<int64_t> owner;
  Array2<int64_t> holdout;
  Array1<int64_t> parted;
  Array1<int64_t> no_zone;
  Array1<int64_t> no_stage;
  Array1<int64_t> no_role;
  Array1<int64_t> no_channel;
  Array1<int64_t> deny_unknown;
  Array1<int64_t> expressed;
  Array1<int64_t> scored;
  Array2<int64_t> closed;
  Array2<int64_t> quiet;
};

// Where a scan of a file is, from one block to the next; Python hands the same array over with each.
struct TextScan {
  int64_t place;    // of CSV: what the last byte was part of; of lines: whether one has begun
  int64_t length;   // how many bytes the record has so far
  int64_t longest;  // how many it may have
  int64_t rows;     // how many lines there are that are not blank
  int64_t last;     // the last byte that is no blank
  int64_t open;  // how many more bytes a character of several bytes has, and between which the next one lies
  int64_t least, most;
};

// What is in the way of 64 openings for one contact, as bits.
struct BarredWord {
  int64_t suppressed, opted_out, by_channel, withdrawn, closed, quiet, outside, unfit, miscast, foreign, held,
      missing, unknown, unvalued, absent;

  int64_t lasting() const {
    return suppressed | opted_out | withdrawn | outside | unfit | miscast | foreign | held | missing;
  }
};

// What models say of a contact for one opening; NaN for none.
struct Score {
  int64_t opening;
  double propensity, value;
};

// What models say besides: how uncertain the propensity is, the chance that the contact opts out, and by how
// much the message changes the chance of a response; NaN for none.
struct Estimate {
  double spread, opt_out, uplift;
};

// What models say of contacts. There are no estimates where models say nothing of the kind.
struct ScoreArrays {
  Array1<int64_t> first;
  Array1<Score> score;
  Array1<double> chance;
  Array1<double> worth;
  Array1<Estimate> estimate;
  Array1<Estimate> estimated;
};

// The touches of contacts.
struct TouchArrays {
  Array1<int64_t> first;
  Array1<int64_t> at;
  Array1<int32_t> shape;
};

// What a run over many contacts chose for each of them.
struct QuotaChoiceArrays {
  int64_t known;
  Array1<int64_t> exempt_first;
  Array1<int32_t> exempt;
  Array1<int64_t> main_first;
  Array1<int32_t> main;
};

// A claim of the claims table, one record for each opening that it covers.
struct AskedClaim {
  int32_t opening, label, group, own;
  double weight;
};

// What few claims bring besides: the instant of asking, the last instant and the last date on which it may
// go, a propensity and a value.
struct ClaimExtra {
  int64_t asked, expires, last_day;
  double propensity, value;
};

// A claim's own date or instant, and id.
struct OwnDate {
  int64_t rank, at, date, rule, id;
};

// Claims of the claims table, by contact.
struct ClaimArrays {
  Array1<int64_t> first;
  Array1<AskedClaim> asked;
  Array1<ClaimExtra> extra;
  Array1<OwnDate> own;
  Array2<int64_t> number;
  Array1<Estimate> estimate;
};

// Rules

// The sides of quotas.
struct Quotas {
  Array1<int64_t> edge;
  Array1<int64_t> change;
  Array2<int64_t> fixed;
  Array2<int64_t> factor;
  Array1<int64_t> column;
  Array1<int64_t> source;
  Array2<int64_t> number;
  Array1<int64_t> slot;
  Array2<double> price;
  Array1<double> unit;
  Array1<int64_t> rule;
  Array1<int64_t> touched;
  Array1<int64_t> sides;
  Array1<bool> hard;
  int64_t charged;
  int64_t run;
};

// What a run draws, and for whom.
struct ExploreArrays {
  Array1<uint64_t> contact;
  Array1<uint64_t> claim;
  Array1<double> normal;
  Array2<int64_t> weight;
  Array1<double> share;
  int64_t start;
  int64_t draws;
};

// The offsets of zones over a span of instants.
struct Zones {
  Array1<int64_t> first;
  Array1<int64_t> since;
  Array1<int64_t> offset;
  int64_t low;
  int64_t high;
};

// A window as numbers.
struct Window {
  int64_t kind, span, unit, every, shift, zone, first, last;
};

// What can be asked for.
struct Opening {
  int64_t campaign, content, channel, traits, starts, ends, audience, timely, holdout, tier, repeats, tie,
      first, then, needy, partner, wait_days, wait_length, hours, cell_from, cell_to, topic_from, topic_to,
      date_from, date_to, lever_from, lever_to, patient, program_from, program_to, named, part_from, part_to,
      rule_audience, rule_stage, rule_role, rule_paused, rule_starts, rule_ends, rule_holdout, group, series,
      step, steps, gap_days, gap_length, own_date, own_rank, rule_step, rule_weight;
  double scale, content_weight, lever, cost, min_uplift;
};

// A cell in which something counts, and how much it weighs there.
struct Cell {
  int64_t cell, points;
};

// A step of a weight expression.
struct ProgramStep {
  int64_t op, place;
  double number;
};

// The patience of a campaign: how long ago its last touch must be at least, and the factor.
struct Patience {
  int64_t length;
  double factor;
};

// A lever: whom it is for, and what it multiplies weights with.
struct Lever {
  int64_t rule;
  double factor;
};

// A named rule of an audience: the mask of whom it selects, its number among those that ask for time, and the
// rule.
struct AudiencePart {
  int64_t audience, timely, rule;
};

// A cap: its limit, the column of own limits, the rule of whom it protects.
struct Cap {
  int64_t limit, own, audience;
};

// A conflict: local days or microseconds, and whether it holds both ways.
struct Conflict {
  int64_t lag_days, lag_length, both_ways;
};

// Quiet hours or send hours.
struct Period {
  int64_t start, end, days, is_send, rule;
};

// A day on which nothing goes out, its rule, and the number of the holiday.
struct Holiday {
  int64_t day, rule, number;
};

// A kind of touch.
struct Shape {
  int64_t status, campaign, content, channel, id, ends, first, then, partner, replaced, step, dated,
      cell_from, cell_to;
};

// Quiet hours, send hours and holidays.
struct HourTables {
  Array1<Period> periods;
  Array1<int64_t> first;
  Array2<int8_t> applies;
  Array2<int64_t> times;
  Array1<int64_t> edges;
  Array1<Holiday> holidays;
};

// What holds for every contact of a run.
struct Rules {
  Array1<Opening> openings;
  Array2<double> stage_fit;
  Array2<double> role_fit;
  Array2<double> stage_gain;
  Array1<double> loss;
  Array2<int64_t> owner;
  Array1<Cell> cells;
  Array1<int64_t> topics;
  Array1<int64_t> dates;
  Array1<Lever> levers;
  Array1<AudiencePart> parts;
  Array1<ProgramStep> program;
  Array1<Patience> patience;
  Array1<Cap> caps;
  Array1<int64_t> cell_cap;
  Array1<Conflict> conflicts;
  Array1<int64_t> within;
  Array1<int64_t> rule;
  Array1<int64_t> same;
  Array1<int64_t> consent_rule;
  Array1<int64_t> topic_rule;
  const HourTables* hours;
  Array1<Window> windows;
  const Zones* zones;
  Array1<Shape> shapes;
  Array1<Cell> shape_cells;
  int64_t now;
  int64_t last;
  int64_t reserve;
  int64_t horizon;
  int64_t explain;
  int64_t denies;
  int64_t series;
  // The number of the first cap that is a rest.
  int64_t rests;
  const Quotas* quotas;
  const ExploreArrays* explore;
};

// Candidates and decisions

// A candidate: what a contact's claim asks to send, its weight and its state.
struct Claim {
  int64_t opening, label, weight, rank, group, own, id, dated, kind, state, rule, outside, timed, from_,
      asked, expires, at_from, at_to, claim_row, refused, before;
  double given, lead, patience, product, preference, interest, propensity, value;
};

// An instant for which a claim asks, and whether it is eligible then.
struct ClaimTime {
  int64_t at, fits;
};

// An answer.
struct DecisionRow {
  int64_t contact, label, outcome, reason, rule, weight, price, send_at, retry_at, displaced, needs,
      lost_from, lost_to, bind_from, bind_to;
  double chance;
};

// What stops a claim: the rule, the kind of stop, and whether the history alone does it.
struct Stop {
  int64_t rule, kind, past;
};

// A winner.
struct Grant {
  int64_t entry, at, number, crowded, charge;
};

// Candidates, in blocks.
struct CandidateArrays {
  Array1<Claim> claim;
  Array1<ClaimTime> time;
  Array1<int64_t> used;
  Array1<Estimate> estimate;
  Array1<double> risk;
};

// Answers.
struct DecisionRows {
  Array1<DecisionRow> row;
  Array1<int64_t> lost;
  Array1<int64_t> bind;
  Array1<int64_t> used;
};

// Answers as the columns of a table.
struct RowColumns {
  Array1<int32_t> contact, label, outcome, reason, rule;
  Array1<double> weight, price, displaced, needs, chance;
  Array1<int64_t> send_at, retry_at;
  Array1<int32_t> lost_first, lost, bind_first, bind;
  Array2<int32_t> name;
  Array2<uint8_t> known;
  Array1<int64_t> counts;
  Array1<int64_t> used;
};

// Counts.
struct DecisionCounts {
  Array3<int64_t> labels;
  Array1<int64_t> rules;
  Array2<int64_t> stages;
  Array1<int64_t> sums;
  Array1<int64_t> missing;
  Array1<int64_t> usage;
  Array1<int64_t> explored;
};

// Problems of many contacts under quotas

// A claim at an instant, in a pool.
struct PoolItem {
  int64_t value;
  int32_t kind, number;
};

// A contact, or account, in a pool.
struct Unit {
  int64_t top, form, row_from, row_to, clause_from, clause_to;
};

// A row of a pool: where its members lie, and how much there is in all.
struct PoolLine {
  int64_t start, stop, room;
};

// An item in a row of a pool, and what it uses.
struct PoolMember {
  int32_t pick;
  int64_t use;
};

// An item of a pool that needs a partner, and where its partners lie.
struct PoolClause {
  int64_t pick, start, stop;
};

// The problems of many contacts.
struct ProblemPool {
  Array1<int64_t> first;
  Array1<Unit> unit;
  Array1<PoolItem> item;
  Array1<int32_t> group;
  Array2<int64_t> column;
  Array1<int64_t> level;
  Array1<PoolLine> line;
  Array1<PoolMember> member;
  Array1<PoolClause> clause;
  Array1<int32_t> partner;
  Array1<uint64_t> key;
};

// A part of a pool that is being filled.
struct PoolPart {
  const ProblemPool* pool;
  Array1<int64_t> contact;
  Array1<int64_t> used;
  Array1<int64_t> mark;
};

// What several prices of the quotas take from an item, in fine units.
struct Charges {
  Array2<int64_t> kind;
  Array3<double> slope;
  int64_t shift;
};

// A choice of a unit.
struct Offer {
  int64_t unit, worth, value, item_from, item_to, one, two;
};

// What is left of the quotas, and what it costs to go beyond.
struct QuotaBudget {
  Array2<int64_t> fixed;
  Array1<int64_t> column;
  Array2<int64_t> factor;
  Array1<int64_t> touched;
  Array1<int64_t> rows;
  Array1<int64_t> left;
  Array1<double> fine;
  Array1<bool> hard;
  Array1<int64_t> change;
};

// Windows

// The contents of the windows of one contact: `head` by cell, `count` in the first place, the rest by span.
struct Span {
  int64_t head, count, before, cell, start, end, points, who, layer;
};

// The exact search

// A claim at an instant, in a search; `order` by place in the order of claims.
struct SearchItem {
  int64_t order, value, level, group, entry, at, shut, kind, charge, free, wins;
};

// What goes together: where its members lie, and how much there is in all.
struct SearchRow {
  int64_t start, stop, room;
};

// An item in a row, and what it uses.
struct SearchMember {
  int64_t pick, use;
};

// An item, and where the partners lie of which one at least must be taken with it.
struct SearchClause {
  int64_t pick, start, stop;
};

// What goes together, among items.
struct SearchProblem {
  Array1<SearchItem> items;
  Array1<SearchRow> rows;
  Array1<SearchMember> members;
  Array1<SearchClause> clauses;
  Array1<int64_t> partners;
  Array1<int64_t> size;
};

// By item, its place among those that are kept.
struct SearchNumbers {
  int64_t place;
};

// What one search is given and says besides its answer.
struct SearchWorkspace {
  Array1<SearchNumbers> by;
  Array1<bool> live;
  Array1<int64_t> terms;
};

// Passes at prices

// What a choice at prices keeps by item or row.
struct PriceStep {
  int64_t worth, order, prefix, room, chosen, best, head, spare, part, link, line, use;
};

// Room to solve one unit of a pool.
struct PriceWorkspace {
  Array1<PriceStep> by;
  const SearchProblem* problem;
  const SearchWorkspace* work;
  Array1<bool> taken;
  Array1<int64_t> found;
};

// Deciding

// The place of an item on a window's axis, and how much it weighs; apart from that, edges of windows.
struct Placed {
  int64_t start, end, points, edge;
};

// A touch that counts: when, and its shape.
struct CountedTouch {
  int64_t at, kind;
};

// Room to work on one contact.
struct DecisionWorkspace {
  Array1<Span> spans;
  Array1<CountedTouch> touch;
  Array1<int64_t> counts;
  Array1<int64_t> mark;
  Array1<Grant> winner;
  Array1<int64_t> won;
  Array1<double> chance;
  const SearchProblem* exempt;
  const SearchProblem* main;
  const SearchWorkspace* work;
  Array1<bool> chosen;
  Array1<bool> forced;
  Array1<bool> done;
  Array1<Placed> placed;
  const DecisionRows* draft;
  Array1<int64_t> order;
  Array1<int64_t> places;
  Array1<Stop> stop;
  Array1<double> dearest;
  Array1<int64_t> sizes;
};

// The plain path (journeykit.kernels.interface.plain_arrays)

inline constexpr int64_t LANES = 16, FAULT_KINDS = 16, MOST_WINNERS = 62;

// What one instant makes of the rules.
struct PlainRules {
  Array2<int64_t> since;
  Array2<int64_t> leaving;
  Array1<bool> uneven;
  Array2<int64_t> weight;
  Array2<int32_t> order;
  Array2<int32_t> rank;
  Array1<bool> weighed;
  Array1<int64_t> tie;
  Array1<int64_t> tier;
  Array1<int64_t> alike;
  Array1<bool> always;
  Array1<int64_t> closed_rule;
  Array1<int64_t> asking;
  Array1<int64_t> asking_consent;
  Array1<int64_t> asking_gain;
  Array1<int64_t> asking_loss;
  int64_t stages;
  int64_t roles;
  int64_t nested;
  int64_t repeats;
  int64_t exempts;
  int64_t rules;
};

// What a cell holds of one contact.
struct CellRoom {
  int64_t stamp, limit, before, after, kept, total, points, mixed, members, winners, later, asked;
};

// What a campaign has of one contact.
struct CampaignRoom {
  int64_t stamp, touches, claims, winners, members;
};

// A claim of one contact.
struct PlainItem {
  int64_t opening, weight, reason, winner, later, tie;
};

// When openings that are alike may go after all.
struct Retry {
  int64_t stamp, later;
};

// What counts in a cell.
struct PlainSpan {
  int64_t cell, at, points, leaves;
};

// Room to settle contacts plainly.
struct PlainWorkspace {
  Array1<BarredWord> word;
  Array1<CellRoom> cell;
  Array1<CampaignRoom> campaign;
  Array1<PlainItem> item;
  Array1<Retry> retry;
  Array1<PlainSpan> span;
  Array1<int64_t> place;
  Array1<int64_t> binding;
  Array1<int64_t> winner;
  Array1<PlainSpan> leaves;
  Array3<uint64_t> lane;
  Array1<int64_t> used;
};

// Journeys

// The transitions of a journey, and its programs.
struct Routes {
  Array1<int64_t> leaving;
  Array1<int64_t> place;
  Array1<int64_t> target;
  Array1<int64_t> event;
  Array1<int64_t> rule;
  Array1<int64_t> after;
  Array1<int64_t> without;
  Array1<int64_t> gate;
  Array1<int64_t> reentry;
  Array1<bool> timed;
  Array1<int64_t> program;
  Array1<int64_t> op;
  Array1<int64_t> a;
  Array1<int64_t> b;
  Array1<int64_t> unit;
  Array1<double> limit;
  Array1<int64_t> asked;
  Array1<int64_t> asked_event;
  Array1<int64_t> total_event;
  Array1<int64_t> total_part;
  Array1<int64_t> sum_event;
  Array1<int64_t> sum_part;
  Array1<int64_t> total_length;
  Array1<int64_t> last_event;
  Array1<int64_t> last_part;
  Array1<int8_t> verdicts;
  Array1<bool> moves;
  int64_t events;
  int64_t stages;
};

// Events by contact.
struct EventArrays {
  Array1<int64_t> first;
  Array1<int64_t> order;
  Array1<int64_t> at;
  Array1<int16_t> name;
  Array1<uint64_t> mark;
  Array2<int64_t> number;
  Array2<int8_t> state;
  Array2<int32_t> value;
};

// Room for the members of JSON objects.
struct Members {
  Array1<int32_t> row;
  Array1<int32_t> name;
  Array1<int8_t> kind;
  Array1<int64_t> word;
  Array1<int64_t> end;
  Array1<int64_t> name_start;
  Array1<int64_t> name_end;
  Array1<uint64_t> salt;
  Array1<uint8_t> text;
};

// Where contacts enter a journey, and what conditions say of them.
struct ContactEntry {
  Array2<int8_t> said;
  Array1<int64_t> stage;
  Array1<int64_t> start;
  Array2<int64_t> rank;
};

// Messages by contact, each contact's in the order of time.
struct MessageArrays {
  Array1<int64_t> first;
  Array1<int64_t> at;
  Array1<int32_t> kind;
  Array1<uint64_t> decision;
  Array1<int64_t> row;
  Array1<int32_t> campaign;
};

// Events, and their order by contact.
struct AnswerArrays {
  Array1<int64_t> first;
  Array1<int64_t> order;
  Array1<int64_t> at;
  Array1<int16_t> name;
  Array1<int32_t> campaign;
  Array1<uint64_t> decision;
};

// Credits: by contact, by message, then in the order of time.
struct CreditRecords {
  Array1<int64_t> event;
  Array1<int64_t> message;
  Array1<double> share;
};

// What is known of one contact during its walk.
struct WalkState {
  Array1<int64_t> latest;
  Array1<int64_t> fresh;
  Array1<int64_t> refused;
  Array1<int64_t> low;
  Array1<int64_t> total;
  Array1<int64_t> left;
  Array1<bool> spent;
  Array1<int64_t> passed;
  Array1<int64_t> value;
  Array1<int64_t> value_at;
  Array1<int8_t> stack;
};

// Room for steps.
struct PathRecords {
  Array1<int32_t> contact;
  Array1<int16_t> stage;
  Array1<int64_t> since;
  Array1<int16_t> way;
  Array1<int64_t> evidence;
};

// The claims table

// A claim as a table has it.
struct TableClaim {
  int32_t kind, own;
  double weight;
};
}  // namespace journeykit
