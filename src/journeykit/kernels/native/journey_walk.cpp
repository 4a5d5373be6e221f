// The way of many contacts along the journey, as `journeykit.journey.walk.Walk` goes it.

#include "journey_walk.hpp"

#include <algorithm>

namespace journeykit {
namespace {

using namespace journeys;

// Ages are floats: the instant at which one reaches a limit may lie so many microseconds beside what is
// worked out.
constexpr int64_t NEAR = 2;

// What conditions and programs say; the numbers of the tables of verdicts.
constexpr int8_t FALSE_ = 0, TRUE_ = 1, UNKNOWN_ = 2;

// The walk of one contact: its place, and what is known by then.
struct Walk {
  const Routes& routes;
  const EventArrays& events;
  const ContactEntry& entry;
  const WalkState& state;
  int64_t contact;
  int64_t stage;
  int64_t since = journeys::MISSING;  // when the stage was entered
  int64_t last = journeys::MISSING;   // the instant of the last event
  int64_t known = 0;                  // the place of the first event that is not known yet
  int64_t settling = 0;               // how often events or time have moved the contact
};

bool comes_before(const EventArrays& events, int64_t one, int64_t other) {
  if (events.at[one] != events.at[other]) return events.at[one] < events.at[other];
  if (events.mark[one] != events.mark[other]) return events.mark[one] < events.mark[other];
  return one < other;
}

// Marks as duplicates the events that have the mark of the one before, whenever they happened.
void mark_duplicates_by_mark(const EventArrays& events, int64_t low, int64_t high) {
  auto before = [&events](int64_t one, int64_t other) {
    return events.mark[one] != events.mark[other] ? events.mark[one] < events.mark[other] : one < other;
  };
  std::sort(events.order.data + low, events.order.data + high, before);
  for (int64_t at = low + 1; at < high; ++at) {
    if (events.mark[events.order[at]] == events.mark[events.order[at - 1]])
      events.name[events.order[at]] = -1;
  }
}

// Marks as duplicates the events that have mark and instant of the one before.
void mark_duplicates(const EventArrays& events, int64_t low, int64_t high) {
  for (int64_t at = low + 1; at < high; ++at) {
    int64_t one = events.order[at], other = events.order[at - 1];
    if (events.mark[one] == events.mark[other] && events.at[one] == events.at[other]) events.name[one] = -1;
  }
}

// What programs say

bool compares(double value, int64_t how, double limit) {
  switch (how) {
    case LESS:
      return value < limit;
    case LESS_EQUAL:
      return value <= limit;
    case GREATER:
      return value > limit;
    case GREATER_EQUAL:
      return value >= limit;
    case EQUAL:
      return value == limit;
    default:
      return value != limit;
  }
}

// Whether an event is one of those that are counted or added up.
bool adds_up(const Routes& routes, const EventArrays& events, int64_t total, int64_t event) {
  if (events.name[event] != routes.total_event[total]) return false;
  int64_t part = routes.total_part[total];
  return part < 0 || events.state(part, event) == GOOD;
}

int64_t amount(const Routes& routes, const EventArrays& events, int64_t total, int64_t event) {
  int64_t part = routes.total_part[total];
  return part < 0 ? 1 : events.number(part, event);
}

// Takes events that are too old out of a total; then `low` is the oldest that counts, or the first that is
// not known.
void let_go(const Walk& walk, int64_t total, int64_t at) {
  const Routes& routes = walk.routes;
  int64_t low = walk.state.low[total];
  for (; low < walk.known; ++low) {
    int64_t event = walk.events.order[low];
    if (!adds_up(routes, walk.events, total, event)) continue;
    if (walk.events.at[event] > at - routes.total_length[total]) break;
    int64_t& sum = walk.state.total[total];
    sum = wrapping_subtract(sum, amount(routes, walk.events, total, event));
  }
  walk.state.low[total] = low;
}

int8_t total_verdict(const Walk& walk, int64_t place, int64_t at) {
  const Routes& routes = walk.routes;
  int64_t total = routes.a[place];
  if (routes.total_length[total] >= 0) let_go(walk, total, at);
  double value = static_cast<double>(walk.state.total[total]);
  if (routes.total_part[total] >= 0) value /= 1e6;
  return compares(value, routes.b[place], routes.limit[place]) ? TRUE_ : FALSE_;
}

int8_t age_verdict(const Walk& walk, int64_t place, int64_t at) {
  const Routes& routes = walk.routes;
  int64_t latest = walk.state.latest[routes.a[place]];
  if (latest == journeys::MISSING) return UNKNOWN_;
  double age = static_cast<double>(at - latest) / static_cast<double>(routes.unit[place]);
  return compares(age, routes.b[place], routes.limit[place]) ? TRUE_ : FALSE_;
}

int8_t condition_verdict(const Walk& walk, int64_t place, int64_t at) {
  const Routes& routes = walk.routes;
  int64_t a = routes.a[place], b = routes.b[place];
  switch (routes.op[place]) {
    case SAID:
      return walk.entry.said(a, walk.contact);
    case TOTAL:
      return total_verdict(walk, place, at);
    case AGE:
      return age_verdict(walk, place, at);
    case LAST:
      return routes.verdicts[b + walk.state.value[a] + 1];
    default:
      return (walk.state.latest[a] != journeys::MISSING) == (b == 1) ? TRUE_ : FALSE_;
  }
}

// What `and` or `or` makes of the last verdicts: any false one settles `and`, any true one `or`; else any
// unknown one.
int8_t joint_verdict(Array1<int8_t> stack, int64_t from, int64_t to, bool is_and) {
  int8_t settled = is_and ? FALSE_ : TRUE_;
  int8_t found = is_and ? TRUE_ : FALSE_;
  for (int64_t place = from; place < to; ++place) {
    if (stack[place] == settled) return settled;
    if (stack[place] == UNKNOWN_) found = UNKNOWN_;
  }
  return found;
}

int8_t verdict(const Walk& walk, int64_t program, int64_t at) {
  const Routes& routes = walk.routes;
  Array1<int8_t> stack = walk.state.stack;
  int64_t top = 0;
  for (int64_t place = routes.program[program]; place < routes.program[program + 1]; ++place) {
    int64_t op = routes.op[place];
    if (op == NOT) {
      int8_t& own = stack[top - 1];
      if (own < UNKNOWN_) own = own == TRUE_ ? FALSE_ : TRUE_;
    } else if (op == AND || op == OR) {
      int64_t from = top - routes.a[place];
      stack[from] = joint_verdict(stack, from, top, op == AND);
      top = from + 1;
    } else {
      stack[top] = condition_verdict(walk, place, at);
      ++top;
    }
  }
  return stack[0];
}

// The next instant at which time alone may change what a condition on an age says.
int64_t age_change_after(const Walk& walk, int64_t place, int64_t at) {
  const Routes& routes = walk.routes;
  int64_t latest = walk.state.latest[routes.a[place]];
  double reach = routes.limit[place] * static_cast<double>(routes.unit[place]);
  if (latest == journeys::MISSING || !(std::abs(reach) < 4e18)) return NEVER;
  int64_t middle = wrapping_add(latest, static_cast<int64_t>(reach));
  return wrapping_add(middle, NEAR + 1) > at ? std::max(wrapping_subtract(middle, NEAR), at + 1) : NEVER;
}

// The next instant at which time alone may change what a program says.
int64_t change_after(const Walk& walk, int64_t program, int64_t at) {
  const Routes& routes = walk.routes;
  int64_t found = NEVER;
  for (int64_t place = routes.program[program]; place < routes.program[program + 1]; ++place) {
    int64_t a = routes.a[place];
    if (routes.op[place] == TOTAL && routes.total_length[a] >= 0) {
      let_go(walk, a, at);
      int64_t low = walk.state.low[a];
      if (low < walk.known) {
        found = std::min(found, wrapping_add(walk.events.at[walk.events.order[low]], routes.total_length[a]));
      }
    } else if (routes.op[place] == AGE) {
      found = std::min(found, age_change_after(walk, place, at));
    }
  }
  return found;
}

// The way

// From when on the contact may enter the target of a transition.
int64_t back_at(const Walk& walk, int64_t way, int64_t at) {
  int64_t target = walk.routes.target[way], reentry = walk.routes.reentry[way];
  int64_t left = target == walk.stage ? at : walk.state.left[target];
  if (left == journeys::MISSING) return journeys::MISSING;
  return reentry == NEVER ? NEVER : wrapping_add(left, reentry);
}

// When silence takes a transition.
int64_t due(const Walk& walk, int64_t way) {
  int64_t without = walk.routes.without[way];
  int64_t silent = without < 0 ? walk.last : walk.state.latest[without];
  return wrapping_add(std::max(walk.since, silent), walk.routes.after[way]);
}

// Remembers why the first transition of an event could not be taken.
void refuse(const Walk& walk, int64_t way, int64_t why) {
  int64_t event = walk.routes.event[way];
  if (event >= 0 && walk.state.refused[event] == 0) walk.state.refused[event] = why;
}

// Whether the event, rule or silence of a transition takes it.
bool is_taken(const Walk& walk, int64_t way, int64_t at) {
  const Routes& routes = walk.routes;
  if (routes.event[way] >= 0) return walk.state.fresh[routes.event[way]] != 0;
  if (routes.rule[way] >= 0) return verdict(walk, routes.rule[way], at) == TRUE_;
  return at >= due(walk, way);
}

bool is_open(const Walk& walk, int64_t way, int64_t at) {
  if (!is_taken(walk, way, at)) return false;
  if (walk.routes.reentry[way] > 0 && at < back_at(walk, way, at)) {
    refuse(walk, way, NOT_AGAIN);
    return false;
  }
  int64_t gate = walk.routes.gate[way];
  if (gate >= 0 && verdict(walk, gate, at) != TRUE_) {
    refuse(walk, way, NOT_QUALIFIED);
    return false;
  }
  return true;
}

// The first transition that can be taken, or -1; see `Walk` in Python for those that are spent.
int64_t open_way(const Walk& walk, int64_t at) {
  const Routes& routes = walk.routes;
  const WalkState& state = walk.state;
  for (int64_t way = routes.leaving[walk.stage]; way < routes.leaving[walk.stage + 1]; ++way) {
    if (!is_open(walk, way, at)) {
      state.spent[way] = false;
    } else if (state.passed[routes.target[way]] == walk.settling) {
      state.spent[way] = routes.event[way] < 0;
      refuse(walk, way, NOT_AGAIN);
    } else if (!state.spent[way]) {
      return way;
    }
  }
  return -1;
}

// The next instant at which time alone may open a transition.
int64_t timer_of(const Walk& walk, int64_t way, int64_t at) {
  const Routes& routes = walk.routes;
  int64_t found = NEVER;
  if (routes.reentry[way] > 0) {
    int64_t back = back_at(walk, way, at);
    if (back == NEVER) return NEVER;
    if (back > at) found = back;
  }
  if (routes.after[way] >= 0) {
    int64_t end = due(walk, way);
    if (end > at) found = std::min(found, end);
  }
  if (routes.rule[way] >= 0) found = std::min(found, change_after(walk, routes.rule[way], at));
  if (routes.gate[way] >= 0) found = std::min(found, change_after(walk, routes.gate[way], at));
  return found;
}

int64_t timer_after(const Walk& walk, int64_t at) {
  const Routes& routes = walk.routes;
  int64_t found = NEVER;
  for (int64_t way = routes.leaving[walk.stage]; way < routes.leaving[walk.stage + 1]; ++way) {
    if (routes.timed[way]) found = std::min(found, timer_of(walk, way, at));
  }
  return found;
}

// The instant of the last event on which a step rests.
int64_t evidence(const Walk& walk, int64_t way, int64_t at) {
  const Routes& routes = walk.routes;
  int64_t rule = routes.rule[way];
  if (routes.event[way] >= 0) return at;
  if (rule < 0) return routes.without[way] < 0 ? walk.last : walk.state.latest[routes.without[way]];
  int64_t found = journeys::MISSING;
  for (int64_t place = routes.asked[rule]; place < routes.asked[rule + 1]; ++place) {
    found = std::max(found, walk.state.latest[routes.asked_event[place]]);
  }
  return found;
}

// Forgets the contact before.
void forget(const Routes& routes, const WalkState& state, int64_t low) {
  for (int64_t event = 0; event < state.latest.size; ++event) {
    state.latest[event] = journeys::MISSING;
    state.fresh[event] = state.refused[event] = 0;
  }
  for (int64_t total = 0; total < routes.total_event.size; ++total) {
    state.low[total] = low;
    state.total[total] = 0;
  }
  for (int64_t stage = 0; stage < routes.stages; ++stage) {
    state.left[stage] = journeys::MISSING;
    state.passed[stage] = 0;
  }
  for (int64_t way = 0; way < routes.place.size; ++way) state.spent[way] = false;
  for (int64_t last = 0; last < routes.last_event.size; ++last) {
    state.value[last] = NO_VALUE;
    state.value_at[last] = journeys::MISSING;
  }
}

// Takes the last values from an event; of several of one instant the one of the highest rank counts.
void learn_values(const Walk& walk, int64_t event, int64_t at, Array1<int64_t> counted) {
  const Routes& routes = walk.routes;
  const WalkState& state = walk.state;
  for (int64_t last = 0; last < routes.last_event.size; ++last) {
    if (routes.last_event[last] != walk.events.name[event]) continue;
    int64_t part = routes.last_part[last];
    int64_t code = walk.events.value(part, event);
    if (code == ODD_VALUE) {
      ++counted[NOT_COMPARABLE];
    } else if (code >= 0 && (state.value_at[last] < at ||
                             walk.entry.rank(part, code) > walk.entry.rank(part, state.value[last]))) {
      state.value[last] = code;
      state.value_at[last] = at;
    }
  }
}

void learn(const Walk& walk, int64_t event, int64_t at, Array1<int64_t> counted) {
  const Routes& routes = walk.routes;
  int64_t name = walk.events.name[event];
  if (name >= routes.events) {
    ++counted[UNKNOWN_EVENT];
    return;
  }
  walk.state.latest[name] = at;
  ++walk.state.fresh[name];
  for (int64_t total = 0; total < routes.total_event.size; ++total) {
    if (adds_up(routes, walk.events, total, event)) {
      int64_t& sum = walk.state.total[total];
      sum = wrapping_add(sum, amount(routes, walk.events, total, event));
    }
  }
  for (int64_t place = 0; place < routes.sum_event.size; ++place) {
    if (routes.sum_event[place] == name &&
        walk.events.state(routes.sum_part[place], event) == journeys::BAD) {
      ++counted[NOT_A_NUMBER];
    }
  }
  learn_values(walk, event, at, counted);
}

void put_step(const PathRecords& paths, int64_t place, const Walk& walk, int64_t way, int64_t evidence) {
  paths.contact[place] = static_cast<int32_t>(walk.contact);
  paths.stage[place] = static_cast<int16_t>(walk.stage);
  paths.since[place] = walk.since;
  paths.way[place] = static_cast<int16_t>(way);
  paths.evidence[place] = evidence;
}

// Takes a transition, and writes the step.
void take_way(Walk& walk, const PathRecords& paths, int64_t place, int64_t way, int64_t now) {
  const Routes& routes = walk.routes;
  const WalkState& state = walk.state;
  int64_t rests_on = evidence(walk, way, now);
  if (routes.event[way] >= 0) --state.fresh[routes.event[way]];
  state.left[walk.stage] = now;
  walk.stage = routes.target[way];
  walk.since = now;
  for (int64_t other = routes.leaving[walk.stage]; other < routes.leaving[walk.stage + 1]; ++other) {
    state.spent[other] = false;
  }
  state.passed[walk.stage] = walk.settling;
  put_step(paths, place, walk, routes.place[way], rests_on);
}

// Counts the events from one place on that took no transition, by why.
void count_unused(const Walk& walk, int64_t from, Array1<int64_t> counted) {
  const WalkState& state = walk.state;
  for (int64_t place = from; place < walk.known; ++place) {
    int64_t name = walk.events.name[walk.events.order[place]];
    if (name < 0 || name >= walk.routes.events) continue;
    if (state.refused[name]) {
      counted[state.refused[name]] += state.fresh[name];
    } else if (walk.routes.moves[name]) {
      counted[OTHER_STAGE] += state.fresh[name];
    }
    state.fresh[name] = state.refused[name] = 0;
  }
}

// Knows of all events of an instant.
void learn_all(Walk& walk, int64_t high, int64_t now, Array1<int64_t> counted) {
  const EventArrays& events = walk.events;
  for (; walk.known < high && events.at[events.order[walk.known]] == now; ++walk.known) {
    int64_t event = events.order[walk.known];
    if (events.name[event] < 0) {
      ++counted[DUPLICATE];
    } else {
      learn(walk, event, now, counted);
      walk.last = now;
    }
  }
}

// The way of one contact: how much room is used then, or -1 where it did not suffice.
int64_t walk_contact(Walk walk, const PathRecords& paths, Array1<int64_t> counted, int64_t until,
                     int64_t used) {
  const EventArrays& events = walk.events;
  int64_t high = events.first[walk.contact + 1], start = walk.entry.start[walk.contact];
  int64_t timer = NEVER;
  bool entered = false;
  walk.known = events.first[walk.contact];
  forget(walk.routes, walk.state, walk.known);
  while (true) {
    for (; walk.known < high && events.name[events.order[walk.known]] < 0; ++walk.known) ++counted[DUPLICATE];
    int64_t at = walk.known < high ? events.at[events.order[walk.known]] : NEVER;
    int64_t waiting = entered ? timer : start != journeys::MISSING ? start : NEVER;
    int64_t now = std::min(at, waiting);
    if (now > until) return used;
    int64_t fresh = walk.known;
    learn_all(walk, high, now, counted);
    ++walk.settling;
    if (!entered && (start == journeys::MISSING || now >= start)) {
      if (used == paths.contact.size) return -1;
      entered = true;
      walk.since = now;
      walk.state.passed[walk.stage] = walk.settling;
      put_step(paths, used++, walk, -1, start == journeys::MISSING ? now : journeys::MISSING);
    }
    if (entered) {
      for (int64_t way = open_way(walk, now); way >= 0; way = open_way(walk, now)) {
        if (used == paths.contact.size) return -1;
        take_way(walk, paths, used++, way, now);
      }
      timer = timer_after(walk, now);
    }
    count_unused(walk, fresh, counted);
  }
}

}  // namespace

void sort_events(const EventArrays& events, int64_t begin, int64_t end, int64_t by_mark) {
  auto before = [&events](int64_t one, int64_t other) { return comes_before(events, one, other); };
  for (int64_t contact = begin; contact < end; ++contact) {
    int64_t low = events.first[contact], high = events.first[contact + 1];
    if (by_mark) mark_duplicates_by_mark(events, low, high);
    int64_t *from = events.order.data + low, *to = events.order.data + high;
    if (!std::is_sorted(from, to, before)) std::sort(from, to, before);
    if (!by_mark) mark_duplicates(events, low, high);
  }
}

WalkEnd walk_journeys(const Routes& routes, const EventArrays& events, const ContactEntry& entry,
                      const WalkState& state, const PathRecords& paths, Array1<int64_t> counted,
                      Array1<int64_t> total, int64_t begin, int64_t end, int64_t until) {
  int64_t used = 0;
  for (int64_t contact = begin; contact < end; ++contact) {
    std::fill(counted.begin(), counted.end(), 0);
    Walk walk{routes, events, entry, state, contact, entry.stage[contact]};
    int64_t now = walk_contact(walk, paths, counted, until, used);
    if (now < 0) return {contact, used};
    used = now;
    for (int64_t kind = 0; kind < counted.size; ++kind) total[kind] += counted[kind];
  }
  return {end, used};
}

void contact_offsets(Array1<const int32_t> contact, Array1<int64_t> first, Array1<int64_t> place) {
  for (int64_t event = 0; event < contact.size; ++event) place[event] = first[contact[event]]++;
}

}  // namespace journeykit
