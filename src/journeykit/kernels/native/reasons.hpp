// Why a claim lost.

#pragma once

#include "interface.hpp"

namespace journeykit {

// The reason for which an eligible claim lost; what stopped it is bound to the row that is being made.
int64_t why(const Rules& rules, const Contacts& contacts, int64_t contact, const DecisionWorkspace& workspace,
            const CandidateArrays& candidates, int64_t candidate, const DecisionRows& rows);

// Binds what stops a claim once its time has come, where it could not go then either.
void bind_rest(const Rules& rules, const Contacts& contacts, int64_t contact,
               const DecisionWorkspace& workspace, const CandidateArrays& candidates, int64_t candidate,
               const DecisionRows& rows);

}  // namespace journeykit
