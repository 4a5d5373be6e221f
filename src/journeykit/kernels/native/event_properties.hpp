// The properties of events, as texts of JSON objects hold them, and what tells events apart.

#pragma once

#include "interface.hpp"

namespace journeykit {

// How many members and how many names were written.
struct MemberCount {
  int64_t members, names;
};

// The members of the objects that some texts hold, without those that say nothing (null, and texts of
// blanks). Marks the rows that the caller must read: those that are no JSON object, and what is rare in one.
MemberCount read_members(Array1<const int64_t> offsets, Array1<const uint8_t> data, const Members& members,
                         Array1<bool> odd);

// Adds to the mark of each row what tells its members apart: those whose names are wanted, nested ones aside.
void mark_members(Array1<const uint8_t> data, const Members& members, int64_t count,
                  Array1<const bool> wanted, Array1<uint64_t> mark);

// Copies the texts of some members, by their places, to where the offsets say.
void put_texts(Array1<const uint8_t> data, const Members& members, Array1<const int64_t> places,
               Array1<const int64_t> offsets, Array1<uint8_t> out);

// Adds to the mark of each row what tells its text from others; a text of blanks adds nothing.
void mark_texts(Array1<const int64_t> offsets, Array1<const uint8_t> data, uint64_t salt,
                Array1<uint64_t> mark);

}  // namespace journeykit
