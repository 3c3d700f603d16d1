#include <cmath>
#include <limits>

#include "raz/find_peaks.h"
#include "testing.h"

namespace raz::testing {
namespace {

struct Found {
  std::vector<int64_t> counts;
  std::vector<int64_t> indexes;
  std::vector<float> scores;
};

Found find(View<const float, 3> x, int64_t smooth, int64_t limit, const Parallel& parallel) {
  Found found{std::vector<int64_t>(static_cast<size_t>(x.size[0])), {}, {}};
  std::vector<uint8_t> marks(static_cast<size_t>(x.numel()), 0xFF);
  std::vector<Peak> peaks;
  cpu::find_peaks(x, 0.5f, smooth, limit, marks.data(),
                  contiguous_view(found.counts.data(), x.size[0]), peaks, parallel);
  for (const Peak& peak : peaks) {
    found.indexes.push_back(peak.index);
    found.scores.push_back(peak.score);
  }
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
        const Found whole = find(x, smooth, limit, serial);
        const Found cut = find(x, smooth, limit, piecewise);
        require_same_bits(cut.counts, whole.counts, "counts");
        require_same_bits(cut.indexes, whole.indexes, "indexes");
        require_same_bits(cut.scores, whole.scores, "scores");
      }
    }
  }
}

const Register rows("find_peaks: rows may be cut anywhere", rows_may_be_cut_anywhere);

}  // namespace
}  // namespace raz::testing
