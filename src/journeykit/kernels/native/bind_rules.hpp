// Binding: which rules stop a claim, as the row that is being made tells it.

#pragma once

#include "interface.hpp"

namespace journeykit {

// The kinds of stops.
enum StopKind : int64_t { BY_CAP, BY_REST, BY_ROOM, BY_CONFLICT, BY_NEED, BY_QUOTA };

// Remembers a stop, in the order in which they come; each rule once for each kind. `is_past` says whether the
// history alone does it.
void note(const Rules& rules, const DecisionWorkspace& workspace, StopKind kind, bool is_past, int64_t rule);

// Lets a rule stop the claim whose row is being made, unless it does already.
void bind(const Rules& rules, const DecisionRows& rows, int64_t rule);

// Binds the stops that were noted: those of a kind first, and of each kind those of the history first.
void bind_stops(const Rules& rules, const DecisionWorkspace& workspace, const DecisionRows& rows,
                StopKind kind);

// Binds the rules of the quotas that take from a claim at any instant, the dearest first. Where none does,
// those that it uses, the hard ones first.
void bind_quotas(const Rules& rules, const DecisionWorkspace& workspace, int64_t zone,
                 const CandidateArrays& candidates, int64_t candidate, const DecisionRows& rows);

// Binds why a claim is not eligible: the first rule; if rows explain, all, those of its reason first.
void bind_faults(const Rules& rules, const Contacts& contacts, int64_t contact,
                 const CandidateArrays& candidates, int64_t candidate, const DecisionRows& rows);

}  // namespace journeykit
