// Sizes of the maximum-cardinality matchings (raz/match_points.h) of two sets of points for growing
// radii: counts[t] is how many pairs can be matched at distance <= radii[t].
//
// pred, truth  float64 [N, 2], [M, 2] (x, y), finite, any strides
// radii        float64 [T], not descending, >= 0 or infinite; the same for every head
// counts       int64 [T]
#pragma once

#include "raz/view.h"

namespace raz::cpu {

// One matching grows through all radii. What was learnt in vain, the alternating forest of the
// points that could not be matched, is kept: a radius costs little more than what it changes.
// Memory N + M + T.
void count_matches(View<const double, 2> pred, View<const double, 2> truth,
                   View<const double, 1> radii, View<int64_t, 1> counts);

}  // namespace raz::cpu
