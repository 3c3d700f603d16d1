#include "matching.h"
#include "raz/match_points.h"

namespace raz::testing {
namespace {

void the_matching_is_valid_and_the_largest() {
  for (const Scene& scene : scenes()) {
    const auto found =
        cpu::match_points_in_order(scene.pred_view(), scene.truth_view(), scene.radius_view());
    require(static_cast<int64_t>(found.pred.size()) == scene.largest_matching(), "not the largest");
    for (size_t k = 0; k < found.pred.size(); ++k) {
      const int64_t head = found.truth[k];
      require(scene.allowed(found.pred[k], head, scene.radius[head]), "a pair is too far apart");
    }
  }
}

const Register in_order("match_points_in_order", the_matching_is_valid_and_the_largest);

}  // namespace
}  // namespace raz::testing
