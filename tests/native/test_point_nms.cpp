#include <cmath>

#include "raz/point_nms.h"
#include "testing.h"

namespace raz::testing {
namespace {

// Coordinates on a coarse grid; some are not finite or enormous, some scores are NaN.
void what_is_kept_is_apart_and_sorted() {
  uint32_t seed = 0;
  for (const int64_t count : {0, 1, 2, 33, 200}) {
    auto coordinates = random_values<float>(count * 2, -8, 8, ++seed);
    auto scores = random_values<float>(count, 0, 2, ++seed);
    if (count > 30) {
      coordinates[3] = NAN;
      coordinates[8] = INFINITY;
      coordinates[14] = -3e38f;
      scores[5] = NAN;
    }
    const auto points =
        contiguous_view(static_cast<const float*>(coordinates.data()), count, int64_t{2});
    for (const float radius : {0.0f, 1e-25f, 1.0f, 3.0f, point_nms_max_radius}) {
      std::vector<int64_t> workspace(static_cast<size_t>(cpu::point_nms_workspace(count)));
      std::vector<int64_t> keep(static_cast<size_t>(count));
      const int64_t kept =
          cpu::point_nms(points, contiguous_view(static_cast<const float*>(scores.data()), count),
                         {}, radius, workspace.data(), keep.data());
      require(kept > 0 || count == 0, "nothing is kept");
      for (int64_t k = 0; k < kept; ++k) {
        for (int64_t m = 0; m < k; ++m) {
          const float dx = points(keep[k], 0) - points(keep[m], 0);
          const float dy = points(keep[k], 1) - points(keep[m], 1);
          require(!(dx * dx + dy * dy <= radius * radius), "two kept points are within the radius");
          require(scores[keep[m]] >= scores[keep[k]], "scores ascend");
        }
      }
    }
  }
}

const Register apart("point_nms: what is kept is apart and sorted",
                     what_is_kept_is_apart_and_sorted);

}  // namespace
}  // namespace raz::testing
