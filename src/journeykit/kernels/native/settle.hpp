// The answers of one contact.

#pragma once

#include "interface.hpp"

namespace journeykit {

// Settles one contact, whose candidates lie from `low` to `high`, and drafts its answers; false where the
// row engine must.
bool settle(const Rules& rules, const Contacts& contacts, int64_t contact, const TouchArrays& touches,
            const DecisionWorkspace& workspace, const CandidateArrays& candidates, int64_t low, int64_t high,
            int64_t derived, const QuotaChoiceArrays& given);

}  // namespace journeykit
