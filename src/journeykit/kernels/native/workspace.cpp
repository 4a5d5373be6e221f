// Room to work on one contact, which is made once and used for every contact.

#include "workspace.hpp"

namespace journeykit {

void clear_workspace(const Rules& rules, const DecisionWorkspace& workspace) {
  Array1<Span> spans = workspace.spans;
  for (int64_t place = 0; place < spans[0].count; ++place) spans[spans[place].cell].head = -1;
  spans[0].count = 0;
  for (int64_t place = 0; place < workspace.sizes[TOUCHES]; ++place) {
    int64_t campaign = rules.shapes[workspace.touch[place].kind].campaign;
    if (campaign >= 0) workspace.counts[campaign] = 0;
  }
  for (int64_t& size : workspace.sizes) size = 0;
}

}  // namespace journeykit
