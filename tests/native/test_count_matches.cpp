#include "matching.h"
#include "raz/count_matches.h"

namespace raz::testing {
namespace {

void every_radius_has_its_largest_matching() {
  const std::vector<double> radii = {0, 0.125, 0.5, 0.5, 1, 3, 100};
  for (const Scene& scene : scenes()) {
    std::vector<int64_t> counts(radii.size(), -1);
    cpu::count_matches(scene.pred_view(), scene.truth_view(),
                       contiguous_view(radii.data(), radii.size()),
                       contiguous_view(counts.data(), counts.size()));
    for (size_t k = 0; k < radii.size(); ++k) {
      require(counts[k] == scene.largest_matching(radii[k]), "not the largest");
    }
  }
}

const Register growing("count_matches", every_radius_has_its_largest_matching);

}  // namespace
}  // namespace raz::testing
