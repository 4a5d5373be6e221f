// What the structs and codes of interface.hpp are, for the test that compares them with Python's.

#pragma once

#include <cstdint>
#include <string>
#include <tuple>
#include <vector>

namespace journeykit {

// A field: its name, where it starts, and how many bytes it takes.
using Field = std::tuple<std::string, int64_t, int64_t>;
// A struct: its name, its size, and its fields.
using Layout = std::tuple<std::string, int64_t, std::vector<Field>>;
// A code: the module of Python that has it, its name, and the bits of its value.
using Code = std::tuple<std::string, std::string, uint64_t>;

std::vector<Layout> layouts();
std::vector<Code> codes();

}  // namespace journeykit
