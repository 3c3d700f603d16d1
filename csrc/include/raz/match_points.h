// Maximum-cardinality matching of predicted points with annotated heads: as many pairs as can be,
// every prediction and every head in one of them at most, nothing said about their distances.
//
// pred    float64 [N, 2] (x, y), finite, any strides
// truth   float64 [M, 2] (x, y), finite, any strides
// radius  float64 [M], the reach of every head, >= 0 or infinite
//
// A pair is allowed when dx * dx + dy * dy <= radius * radius, every operation rounded to float64:
// no fused multiply-add. N and M are at most match_points_limit.
#pragma once

#include <vector>

#include "raz/view.h"

namespace raz::cpu {

inline constexpr int64_t match_points_limit = int64_t{1} << 30;

// Pair k is prediction pred[k] with head truth[k]; truth ascends.
struct Matching {
  std::vector<int64_t> pred;
  std::vector<int64_t> truth;

  void add(int64_t pred_index, int64_t truth_index) {
    pred.push_back(pred_index);
    truth.push_back(truth_index);
  }
};

// Hopcroft-Karp on candidates that are looked up in strips and never stored: memory N + M, whatever
// the number of allowed pairs; about 2 sqrt(min(N, M)) phases at most, each of 2 (N + M) look-ups.
// Before that, searches from one head at a time, which suffice but for the hardest inputs, as long
// as they have discarded no more than searches * N steps.
Matching match_points(View<const double, 2> pred, View<const double, 2> truth,
                      View<const double, 1> radius, int64_t searches);

// The one maximum matching that Kuhn's algorithm finds: predictions by ascending index, each
// looking for an augmenting path depth first over the heads by ascending index. Stores the allowed
// pairs while they are few, at 8 bytes each (2^24 of them at most), else tests all heads time and
// again.
Matching match_points_in_order(View<const double, 2> pred, View<const double, 2> truth,
                               View<const double, 1> radius);

}  // namespace raz::cpu
