#include <algorithm>
#include <cmath>
#include <limits>

#include "raz/find_peaks.h"
#include "testing.h"

namespace raz::testing {
namespace {

struct Found {
  std::vector<int64_t> counts;
  std::vector<float> points;
  std::vector<float> scores;
};

Found find(View<const float, 3> x, int64_t smooth, int64_t limit, const Parallel& parallel,
           cpu::InstructionSet set) {
  using cpu::PeakMarks;
  const int64_t batch = x.size[0];
  const int64_t words = PeakMarks::words(x.size[2]);
  const int64_t bands = PeakMarks::bands(x.size[1]);
  std::vector<int64_t> bits(static_cast<size_t>(batch * x.size[1] * words * 2), -1);
  std::vector<int64_t> marked(static_cast<size_t>(batch * bands * 2), -1);
  const PeakMarks marks{contiguous_view(bits.data(), batch, x.size[1], words, int64_t{2}),
                        contiguous_view(marked.data(), batch, bands, int64_t{2})};
  cpu::mark_peaks(x, 0.5f, smooth, marks, parallel, set);

  Found found{std::vector<int64_t>(static_cast<size_t>(batch)), {}, {}};
  const auto counts = contiguous_view(found.counts.data(), batch);
  const auto most = [&](PeakMarks::Plane plane) {
    cpu::count_marks(marks, plane, counts);
    return batch == 0 ? 0 : *std::max_element(found.counts.begin(), found.counts.end());
  };
  const int64_t tied = most(PeakMarks::tied);
  std::vector<int64_t> stack(static_cast<size_t>(batch * tied));
  cpu::settle_plateaus(x, smooth, marks, contiguous_view(stack.data(), batch, tied), parallel);

  const int64_t peaks = most(PeakMarks::peak);
  const int64_t rows = std::min(peaks, limit);
  std::vector<Peak> workspace(static_cast<size_t>(batch * peaks));
  found.points.resize(static_cast<size_t>(batch * rows * 2));
  found.scores.resize(static_cast<size_t>(batch * rows));
  cpu::write_peaks(x, smooth, marks,
                   contiguous_view(static_cast<const int64_t*>(found.counts.data()), batch),
                   contiguous_view(workspace.data(), batch, peaks),
                   contiguous_view(found.points.data(), batch, rows, int64_t{2}),
                   contiguous_view(found.scores.data(), batch, rows), parallel);
  return found;
}

// Few values, so that there are plateaus; some maps hold a NaN; one is wider than a strip.
void rows_may_be_cut_anywhere() {
  uint32_t seed = 0;
  for (const auto& [batch, height, width] : shapes) {
    auto values = random_values<float>(batch * height * width, 0, 0.5, ++seed);
    for (float& value : values) value *= 2;
    if (values.size() > 30) values[20] = NAN;
    const auto x = contiguous_view(static_cast<const float*>(values.data()), batch, height, width);
    for (const int64_t smooth : {1, 3}) {
      for (const int64_t limit : {std::numeric_limits<int64_t>::max(), int64_t{2}}) {
        const Found whole = find(x, smooth, limit, serial, cpu::InstructionSet::baseline);
        for (int set = 0; set <= static_cast<int>(cpu::best_instruction_set()); ++set) {
          const Found cut =
              find(x, smooth, limit, piecewise, static_cast<cpu::InstructionSet>(set));
          require_same_bits(cut.counts, whole.counts, "counts");
          require_same_bits(cut.points, whole.points, "points");
          require_same_bits(cut.scores, whole.scores, "scores");
        }
      }
    }
  }
}

const Register rows("find_peaks: rows may be cut anywhere", rows_may_be_cut_anywhere);

}  // namespace
}  // namespace raz::testing
