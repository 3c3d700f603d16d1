#include "fuzz/crowd.h"
#include "raz/match_points.h"

namespace raz::fuzz {

void try_one(Bytes& bytes) {
  const int64_t searches = bytes.once_in(4) ? bytes.between(0, int64_t{1} << 31) : bytes.byte() % 3;
  const testing::Scene scene = scene_of(bytes);
  const auto found = once_or_at_once([&] {
    return cpu::match_points(scene.pred_view(), scene.truth_view(), scene.radius_view(), searches);
  });
  require(found.pred.size() == found.truth.size(), "pairs have one side");
  require(static_cast<int64_t>(found.pred.size()) == scene.largest_matching(), "not the largest");
  std::vector<bool> used(static_cast<size_t>(scene.preds()));
  int64_t last = -1;
  for (size_t k = 0; k < found.pred.size(); ++k) {
    require(last < found.truth[k] && found.truth[k] < scene.heads(), "heads do not ascend");
    last = found.truth[k];
    require(0 <= found.pred[k] && found.pred[k] < scene.preds(), "no prediction");
    const auto p = static_cast<size_t>(found.pred[k]);
    require(!used[p], "a prediction is matched twice");
    used[p] = true;
    require(scene.allowed(found.pred[k], last, scene.radius[static_cast<size_t>(last)]),
            "a pair is too far apart");
  }
}

}  // namespace raz::fuzz
