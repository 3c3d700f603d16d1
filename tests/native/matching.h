// Random matching problems, and the size of their largest matching by Kuhn's plain search.
#pragma once

#include <cstdint>
#include <vector>

#include "testing.h"

namespace raz::testing {

struct Scene {
  std::vector<double> pred;
  std::vector<double> truth;
  std::vector<double> radius;

  // Coordinates on a coarse grid in [-6, 6]: ties and duplicates are common. Some radii are zero.
  Scene(int64_t preds, int64_t heads, uint32_t seed)
      : pred(random_values<double>(2 * preds, -6, 6, seed)),
        truth(random_values<double>(2 * heads, -6, 6, seed + 1000)),
        radius(random_values<double>(heads, 0, 2, seed + 2000)) {}

  int64_t preds() const { return static_cast<int64_t>(pred.size()) / 2; }
  int64_t heads() const { return static_cast<int64_t>(truth.size()) / 2; }

  View<const double, 2> pred_view() const {
    return contiguous_view(pred.data(), preds(), int64_t{2});
  }
  View<const double, 2> truth_view() const {
    return contiguous_view(truth.data(), heads(), int64_t{2});
  }
  View<const double, 1> radius_view() const { return contiguous_view(radius.data(), heads()); }

  bool allowed(int64_t p, int64_t t, double reach) const {
    const double dx = pred[2 * p] - truth[2 * t];
    const double dy = pred[2 * p + 1] - truth[2 * t + 1];
    return dx * dx + dy * dy <= reach * reach;
  }

  // The largest matching; every head's own radius, or one for all where `common` is not negative.
  int64_t largest_matching(double common = -1) const {
    std::vector<int64_t> pred_of(static_cast<size_t>(heads()), -1);
    int64_t size = 0;
    for (int64_t p = 0; p < preds(); ++p) {
      std::vector<bool> seen(static_cast<size_t>(heads()), false);
      size += augment(p, common, seen, pred_of);
    }
    return size;
  }

 private:
  bool augment(int64_t p, double common, std::vector<bool>& seen,
               std::vector<int64_t>& pred_of) const {
    for (int64_t t = 0; t < heads(); ++t) {
      if (seen[t] || !allowed(p, t, common < 0 ? radius[t] : common)) continue;
      seen[t] = true;
      if (pred_of[t] < 0 || augment(pred_of[t], common, seen, pred_of)) {
        pred_of[t] = p;
        return true;
      }
    }
    return false;
  }
};

inline std::vector<Scene> scenes() {
  std::vector<Scene> all;
  uint32_t seed = 0;
  for (const auto& [preds, heads] : {std::pair{0, 0},
                                     {0, 3},
                                     {3, 0},
                                     {1, 1},
                                     {7, 5},
                                     {64, 65},
                                     {65, 64},
                                     {130, 200},
                                     {200, 130}}) {
    all.emplace_back(preds, heads, ++seed);
  }
  return all;
}

}  // namespace raz::testing
