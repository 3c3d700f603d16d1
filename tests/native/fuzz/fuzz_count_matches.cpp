#include <utility>

#include "fuzz/crowd.h"
#include "raz/count_matches.h"

namespace raz::fuzz {

void try_one(Bytes& bytes) {
  const testing::Scene scene = scene_of(bytes);
  std::vector<double> radii =
      entries(Input<double, 1>(bytes, radius_of, bytes.between(0, 9)).view());
  std::sort(radii.begin(), radii.end());
  const std::vector<int64_t> counts = once_or_at_once([&] {
    std::vector<int64_t> result(radii.size(), -1);
    cpu::count_matches(scene.pred_view(), scene.truth_view(),
                       contiguous_view(std::as_const(radii).data(), radii.size()),
                       contiguous_view(result.data(), result.size()));
    return result;
  });
  std::vector<int64_t> expected;
  for (const double radius : radii) expected.push_back(scene.largest_matching(radius));
  require_same_values(counts, expected, "counts");
}

}  // namespace raz::fuzz
