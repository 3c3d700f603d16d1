#include "matching.h"
#include "raz/match_points.h"

namespace raz::testing {
namespace {

// searches 0: Hopcroft-Karp alone; 32: searches from single heads first.
void the_matching_is_valid_and_the_largest(int64_t searches) {
  for (const Scene& scene : scenes()) {
    const auto found =
        cpu::match_points(scene.pred_view(), scene.truth_view(), scene.radius_view(), searches);
    require(static_cast<int64_t>(found.pred.size()) == scene.largest_matching(), "not the largest");
    std::vector<bool> used(static_cast<size_t>(scene.preds()), false);
    int64_t last = -1;
    for (size_t k = 0; k < found.pred.size(); ++k) {
      require(found.truth[k] > last, "heads are not in ascending order");
      last = found.truth[k];
      require(!used[found.pred[k]], "a prediction is matched twice");
      used[found.pred[k]] = true;
      require(scene.allowed(found.pred[k], last, scene.radius[last]), "a pair is too far apart");
    }
  }
}

const Register single("match_points", [] { the_matching_is_valid_and_the_largest(32); });
const Register phases("match_points, Hopcroft-Karp",
                      [] { the_matching_is_valid_and_the_largest(0); });

}  // namespace
}  // namespace raz::testing
