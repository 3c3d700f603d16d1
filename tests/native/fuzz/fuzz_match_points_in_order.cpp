#include "fuzz/crowd.h"
#include "raz/match_points.h"

namespace raz::fuzz {
namespace {

// Kuhn's algorithm as the header states it: the prediction of each head, or -1.
class Kuhn {
 public:
  explicit Kuhn(const testing::Scene& scene)
      : scene_(scene), pred_of_(static_cast<size_t>(scene.heads()), -1) {
    for (int64_t p = 0; p < scene.preds(); ++p) {
      seen_.assign(pred_of_.size(), false);
      augment(p);
    }
  }

  const std::vector<int64_t>& pred_of() const { return pred_of_; }

 private:
  bool augment(int64_t p) {
    for (size_t t = 0; t < pred_of_.size(); ++t) {
      if (seen_[t] || !scene_.allowed(p, static_cast<int64_t>(t), scene_.radius[t])) continue;
      seen_[t] = true;
      if (pred_of_[t] < 0 || augment(pred_of_[t])) {
        pred_of_[t] = p;
        return true;
      }
    }
    return false;
  }

  const testing::Scene& scene_;
  std::vector<int64_t> pred_of_;
  std::vector<bool> seen_;
};

}  // namespace

void try_one(Bytes& bytes) {
  const testing::Scene scene = scene_of(bytes);
  const auto found = once_or_at_once([&] {
    return cpu::match_points_in_order(scene.pred_view(), scene.truth_view(), scene.radius_view());
  });
  std::vector<int64_t> pred_of(static_cast<size_t>(scene.heads()), -1);
  require(found.pred.size() == found.truth.size(), "pairs have one side");
  for (size_t k = 0; k < found.pred.size(); ++k) {
    require(0 <= found.truth[k] && found.truth[k] < scene.heads(), "no head");
    require(k == 0 || found.truth[k - 1] < found.truth[k], "heads do not ascend");
    pred_of[static_cast<size_t>(found.truth[k])] = found.pred[k];
  }
  require_same_values(pred_of, Kuhn(scene).pred_of(), "predictions of heads");
}

}  // namespace raz::fuzz
