// Region proposals: the anchors under which the attention is high, without near duplicates
// (Liu et al., CVPR 2019: 200 points x 2 scales x 3 ratios, threshold 0.01, at most 10 regions).
//
// integral  [B, H+1, W+1] float64: the integral image of the attention maps
// regions   boxes [B, K, 4] float32, scores [B, K] float32, counts [B] int64; K = max_regions
//
// The arithmetic, which every implementation follows bit by bit: float64, no fused multiply-add,
// in the order written here, rounded to float32 where said.
//  1. Points: random_point of anchor.h for index 0 .. num_points, the same for every image.
//  2. Anchors, in order point, scale, ratio (ratio fastest): side = scale * min(H, W);
//     width = side * sqrt(ratio), height = side / sqrt(ratio); edges centre -/+ 0.5 * size, clipped
//     to the map, rounded to float32. From here on this float32 box is the anchor.
//  3. Score: its mean attention (score_anchors), rounded to float32. So what double rounding alone
//     tells apart is a tie, and the order can be checked on the output.
//  4. Dropped: empty anchors, NaN scores, scores below float32(score_threshold).
//  5. Order: descending score, ties to the lower anchor. Greedily the best anchor left is kept, and
//     those whose intersection / union with it, in float64, exceeds iou_threshold are suppressed,
//     until K are kept or none is left. Rows that are not used are 0.
#pragma once

#include "raz/parallel.h"
#include "raz/view.h"

namespace raz {

struct AnchorGrid {
  int64_t num_points;
  View<const double, 1> scales;  // of the map's shorter edge, > 0
  View<const double, 1> ratios;  // width / height, > 0
  int64_t seed;

  RAZ_HOST_DEVICE int64_t count() const { return num_points * scales.size[0] * ratios.size[0]; }
};

struct RegionLimits {
  double score_threshold;
  double iou_threshold;
};

struct RegionWorkspace {
  View<float, 2> anchors;  // [4, count], contiguous: a row for each of x1, y1, x2, y2
  View<float, 2> scores;   // [B, count]; NaN marks an anchor that is out
};

struct Regions {
  View<float, 3> boxes;
  View<float, 2> scores;
  View<int64_t, 1> counts;
};

}  // namespace raz

namespace raz::cpu {

void propose_regions(View<const double, 3> integral, const AnchorGrid& grid,
                     const RegionLimits& limits, const RegionWorkspace& workspace,
                     const Regions& regions, const Parallel& parallel);

}  // namespace raz::cpu

namespace raz::cuda {

// At most 2^32 anchors. grid.scales and grid.ratios lie on the host and are read before the return.
// stream: a cudaStream_t. Returns a cudaError_t (0 = success).
int propose_regions(View<const double, 3> integral, const AnchorGrid& grid,
                    const RegionLimits& limits, const RegionWorkspace& workspace,
                    const Regions& regions, void* stream);

}  // namespace raz::cuda
