// The extension module `journeykit.kernels._core`: bindings only.

#include <nanobind/nanobind.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include "bindings.hpp"
#include "chances.hpp"
#include "collect_claims.hpp"
#include "collect_problems.hpp"
#include "credit_events.hpp"
#include "decide_block.hpp"
#include "decide_now.hpp"
#include "event_properties.hpp"
#include "exact_search.hpp"
#include "group_by_contact.hpp"
#include "hashing.hpp"
#include "improve.hpp"
#include "journey_walk.hpp"
#include "layouts.hpp"
#include "plain_times.hpp"
#include "pool_shapes.hpp"
#include "price_pass.hpp"
#include "read_text.hpp"
#include "row_columns.hpp"
#include "search_door.hpp"
#include "text_lines.hpp"
#include "weights.hpp"

namespace nb = nanobind;

namespace journeykit {
namespace {

std::pair<int64_t, int64_t> walk(const Routes& routes, const EventArrays& events, const ContactEntry& entry,
                                 const WalkState& state, const PathRecords& paths, Array1<int64_t> counted,
                                 Array1<int64_t> total, int64_t begin, int64_t end, int64_t until) {
  WalkEnd found = walk_journeys(routes, events, entry, state, paths, counted, total, begin, end, until);
  return {found.contact, found.used};
}

std::pair<int64_t, int64_t> members(Array1<const int64_t> offsets, Array1<const uint8_t> data,
                                    const Members& members, Array1<bool> odd) {
  MemberCount found = read_members(offsets, data, members, odd);
  return {found.members, found.names};
}

void bind_ids(nb::module_& module) {
  module.def("hash_ids", released(&hash_ids<int32_t>));
  module.def("hash_ids", released(&hash_ids<int64_t>));
  module.def("write_ids", released(&write_ids));
  module.def("index_add", released(&index_add));
  module.def("index_move", released(&index_move));
  module.def("index_find", released(&index_find));
  module.def("in_holdout", released(&in_holdout));
  module.def("set_bits", released(&set_bits));
}

void bind_groups(nb::module_& module) {
  module.def("spread_claims", released(&spread_claims));
  module.def("duplicate_claims", released(&duplicate_claims));
  module.def("add_counts", released(&add_counts));
  module.def("take_touches", released(&take_touches));
  module.def("fill_touches", released(&fill_touches));
}

void bind_texts(nb::module_& module) {
  module.def("read_instants", released(&read_instants<int32_t>));
  module.def("read_instants", released(&read_instants<int64_t>));
  module.def("is_plain_csv", released(&is_plain_csv));
  module.def("is_plain_jsonl", released(&is_plain_jsonl));
}

void bind_decisions(nb::module_& module) {
  module.def("barred_now", released(&barred_now));
  module.def("collect_derived", released(&collect_derived));
  module.def("collect_derived_now", released(&collect_derived_now));
  module.def("collect_claims", released(&collect_claims));
  module.def("weigh_block", released(&weigh_block));
  module.def("draw_propensities", released(&draw_propensities));
  module.def("decide_block", released(&decide_block));
  module.def("plain_times", released(&plain_times));
  module.def("decide_now", released(&decide_now));
  module.def("add_rows", released(&add_rows));
}

void bind_lines(nb::module_& module) {
  module.def("measure_cells", released(&measure_cells));
  module.def("copy_cells", released(&copy_cells));
  module.def("measure_lists", released(&measure_lists));
  module.def("copy_lists", released(&copy_lists));
}

void bind_quotas(nb::module_& module) {
  module.def("solve", released(&solve));
  module.def("find_best_set", &find_best_set);
  module.def("collect_problems", released(&collect_problems));
  module.def("classify_problems", released(&classify_problems));
  module.def("reduce_problems", released(&reduce_problems));
  module.def("price_pass", released(&price_pass));
  module.def("price_pass_kept", released(&price_pass_kept));
  module.def("list_all", released(&list_all));
  module.def("hard_items", released(&hard_items));
  module.def("sizes_by_kind", released(&sizes_by_kind));
  module.def("add_up", released(&add_up));
  module.def("collect_offers_of", released(&collect_offers_of));
  module.def("improve", released(&improve));
}

void bind_journeys(nb::module_& module) {
  module.def("sort_events", released(&sort_events));
  module.def("walk_journeys", released(&walk));
  module.def("contact_offsets", released(&contact_offsets));
  module.def("read_members", released(&members));
  module.def("mark_members", released(&mark_members));
  module.def("put_texts", released(&put_texts));
  module.def("mark_texts", released(&mark_texts));
}

void bind_credit(nb::module_& module) {
  module.def("group_rows", released(&group_rows));
  module.def("sort_groups", released(&sort_groups));
  module.def("mark_repeats", released(&mark_repeats));
  module.def("credit_events", released(&credit_events));
}

}  // namespace
}  // namespace journeykit

NB_MODULE(_core, module) {
  module.def("layouts", &journeykit::layouts,
             "By struct, the name, offset and size of each field, and its own size.");
  module.def("codes", &journeykit::codes, "The numbers that both sides know, by module and name.");
  module.def(
      "build", [] { return std::string(JOURNEYKIT_BUILD); },
      "By which compiler and with which flags it is built.");
  journeykit::bind_ids(module);
  journeykit::bind_groups(module);
  journeykit::bind_texts(module);
  journeykit::bind_decisions(module);
  journeykit::bind_lines(module);
  journeykit::bind_quotas(module);
  journeykit::bind_journeys(module);
  journeykit::bind_credit(module);
}
