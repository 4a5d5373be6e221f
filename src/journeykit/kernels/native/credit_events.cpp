// Events credited to the messages that they follow.

#include "credit_events.hpp"

#include <algorithm>
#include <span>
#include <vector>

namespace journeykit {

using namespace crediting;

namespace {

// One credit of a contact, before those of the contact are put in order.
struct Credit {
  int64_t message, event;
  double share;
};

// The messages of one contact that are in scope, in the orders in which events look for them.
class ContactMessages {
 public:
  ContactMessages(const MessageArrays& messages, Array1<const bool> scope)
      : messages_(messages), scope_(scope) {}

  void open(int64_t contact) {
    low_ = messages_.first[contact];
    high_ = messages_.first[contact + 1];
    plain_.clear();
    for (int64_t message = low_; message < high_; ++message) {
      if (scope_[messages_.kind[message]]) plain_.push_back(message);
    }
    has_campaigns_ = has_decisions_ = false;
  }

  bool is_empty() const { return low_ == high_; }

  std::span<const int64_t> all() const { return plain_; }

  std::span<const int64_t> of_campaign(int32_t campaign) {
    if (!has_campaigns_) {
      by_campaign_ = plain_;
      std::stable_sort(by_campaign_.begin(), by_campaign_.end(),
                       [this](int64_t one, int64_t other) { return campaign_of(one) < campaign_of(other); });
      has_campaigns_ = true;
    }
    auto from = std::partition_point(by_campaign_.begin(), by_campaign_.end(),
                                     [&](int64_t message) { return campaign_of(message) < campaign; });
    auto to = std::partition_point(from, by_campaign_.end(),
                                   [&](int64_t message) { return campaign_of(message) == campaign; });
    return {from, to};
  }

  // Whether the contact got a message of a decision, in scope or not.
  bool has_decision(uint64_t decision) {
    sort_decisions();
    return std::binary_search(decisions_.begin(), decisions_.end(), decision);
  }

  std::span<const int64_t> of_decision(uint64_t decision) {
    sort_decisions();
    auto from = std::partition_point(by_decision_.begin(), by_decision_.end(),
                                     [&](int64_t message) { return messages_.decision[message] < decision; });
    auto to = std::partition_point(from, by_decision_.end(),
                                   [&](int64_t message) { return messages_.decision[message] == decision; });
    return {from, to};
  }

 private:
  int32_t campaign_of(int64_t message) const { return messages_.campaign[messages_.kind[message]]; }

  void sort_decisions() {
    if (has_decisions_) return;
    by_decision_ = plain_;
    std::stable_sort(by_decision_.begin(), by_decision_.end(), [this](int64_t one, int64_t other) {
      return messages_.decision[one] < messages_.decision[other];
    });
    decisions_.assign(messages_.decision.data + low_, messages_.decision.data + high_);
    std::sort(decisions_.begin(), decisions_.end());
    has_decisions_ = true;
  }

  const MessageArrays& messages_;
  Array1<const bool> scope_;
  int64_t low_ = 0, high_ = 0;
  bool has_campaigns_ = false, has_decisions_ = false;
  std::vector<int64_t> plain_, by_campaign_, by_decision_;
  std::vector<uint64_t> decisions_;
};

// The messages that an event may be credited to, or why there are none.
int64_t find_candidates(ContactMessages& own, const AnswerArrays& events, int64_t event,
                        std::span<const int64_t>& found) {
  uint64_t decision = events.decision[event];
  int32_t campaign = events.campaign[event];
  if (decision != 0) {
    if (!own.has_decision(decision)) return UNKNOWN_DECISION;
    found = own.of_decision(decision);
  } else if (campaign == STRANGE_CAMPAIGN) {
    return UNKNOWN_CAMPAIGN;
  } else {
    found = campaign == NO_CAMPAIGN ? own.all() : own.of_campaign(campaign);
  }
  return found.empty() ? OUT_OF_SCOPE : CREDITED;
}

// Of messages in the order of time those that an event follows closely enough, or why there are none.
int64_t cut_to_length(const MessageArrays& messages, int64_t at, int64_t length,
                      std::span<const int64_t>& found) {
  auto earlier_than = [&](int64_t instant) {
    auto is_earlier = [&](int64_t message) { return messages.at[message] < instant; };
    return std::partition_point(found.begin(), found.end(), is_earlier);
  };
  auto to = earlier_than(at);
  if (to == found.begin()) return crediting::BEFORE;
  auto from = earlier_than(at - length);
  if (from == to) return LATE;
  found = {from, to};
  return CREDITED;
}

// Collects the credits of one event, as many as fit, and counts them all.
void add_credits(const MessageArrays& messages, std::span<const int64_t> found, int64_t event, int64_t way,
                 int64_t most, std::vector<Credit>& credits, int64_t& count) {
  if (way == LAST_WAY) found = found.last(1);
  if (way == FIRST_WAY) found = found.first(1);
  double share = 1.0 / static_cast<double>(found.size());
  for (int64_t message : found) {
    int64_t row = messages.row.size == 0 ? message : messages.row[message];
    if (row < 0) continue;
    if (count < most) credits.push_back({row, event, share});
    ++count;
  }
}

}  // namespace

void group_rows(Array1<const int32_t> contact, Array1<int64_t> first, Array1<int64_t> order) {
  for (int32_t own : contact) {
    if (own >= 0) ++first[own + 1];
  }
  for (int64_t own = 1; own < first.size; ++own) first[own] += first[own - 1];
  std::vector<int64_t> place(first.begin(), first.end());
  for (int64_t row = 0; row < contact.size; ++row) {
    if (contact[row] >= 0) order[place[contact[row]]++] = row;
  }
}

void sort_groups(Array1<const int64_t> first, Array1<int64_t> order, Array1<const int64_t> at,
                 Array1<const int32_t> rank, Array1<const uint64_t> tie) {
  auto before = [&](int64_t one, int64_t other) {
    if (at[one] != at[other]) return at[one] < at[other];
    if (rank.size != 0 && rank[one] != rank[other]) return rank[one] < rank[other];
    if (tie.size != 0 && tie[one] != tie[other]) return tie[one] < tie[other];
    return one < other;
  };
  for (int64_t contact = 0; contact + 1 < first.size; ++contact) {
    int64_t *from = order.data + first[contact], *to = order.data + first[contact + 1];
    if (!std::is_sorted(from, to, before)) std::sort(from, to, before);
  }
}

void mark_repeats(Array1<const int64_t> first, Array1<const int64_t> order, Array1<const uint64_t> mark,
                  Array1<bool> again) {
  std::vector<int64_t> places;
  for (int64_t contact = 0; contact + 1 < first.size; ++contact) {
    places.clear();
    for (int64_t place = first[contact]; place < first[contact + 1]; ++place) {
      if (mark[order[place]] != 0) places.push_back(place);
    }
    std::sort(places.begin(), places.end(), [&](int64_t one, int64_t other) {
      uint64_t own = mark[order[one]], others = mark[order[other]];
      return own != others ? own < others : one < other;
    });
    for (size_t place = 1; place < places.size(); ++place) {
      int64_t row = order[places[place]];
      if (mark[row] == mark[order[places[place - 1]]]) again[row] = true;
    }
  }
}

int64_t credit_events(const MessageArrays& messages, const AnswerArrays& events, Array1<const bool> scope,
                      int64_t name, int64_t length, int64_t way, Array1<int8_t> why,
                      const CreditRecords& credits) {
  ContactMessages own(messages, scope);
  std::vector<Credit> found;
  int64_t used = 0, count = 0;
  for (int64_t contact = 0; contact + 1 < events.first.size; ++contact) {
    bool is_open = false;
    found.clear();
    for (int64_t place = events.first[contact]; place < events.first[contact + 1]; ++place) {
      int64_t event = events.order[place];
      if (events.name[event] != name || why[event] != CREDITED) continue;
      if (!is_open) own.open(contact);
      is_open = true;
      std::span<const int64_t> chosen;
      int64_t reason = own.is_empty() ? NO_MESSAGE : find_candidates(own, events, event, chosen);
      if (reason == CREDITED) reason = cut_to_length(messages, events.at[event], length, chosen);
      if (reason == CREDITED) {
        int64_t before = count;
        add_credits(messages, chosen, event, way, credits.event.size, found, count);
        if (count == before) reason = EARLIER;
      }
      why[event] = static_cast<int8_t>(reason);
    }
    std::stable_sort(found.begin(), found.end(),
                     [](const Credit& one, const Credit& other) { return one.message < other.message; });
    for (const Credit& credit : found) {
      credits.event[used] = credit.event;
      credits.message[used] = credit.message;
      credits.share[used] = credit.share;
      ++used;
    }
  }
  return count;
}

}  // namespace journeykit
