#include "raz/propose_regions.h"

#include <limits>

#include "cpu/score_boxes.h"
#include "raz/anchor.h"
#include "raz/overlap.h"

namespace raz::cpu {
namespace {

constexpr float out = std::numeric_limits<float>::quiet_NaN();

void place_anchor(const AnchorGrid& grid, int64_t height, int64_t width, int64_t index,
                  View<float, 2> anchors) {
  const int64_t num_ratios = grid.ratios.size[0];
  const int64_t per_point = grid.scales.size[0] * num_ratios;
  const int64_t shape = index % per_point;
  const double side =
      grid.scales(shape / num_ratios) * static_cast<double>(height < width ? height : width);
  const Point centre = random_point(grid.seed, index / per_point, height, width);
  float box[4];
  anchor_box(centre, side, grid.ratios(shape % num_ratios), height, width, box);
  for (int i = 0; i < 4; ++i) anchors(i, index) = box[i];
}

// Writes NaN where the anchor is dropped. An empty anchor scores 0, which is not below a negative
// threshold, so it is asked for.
void score_anchors(View<const double, 3> integral, const RegionWorkspace& workspace,
                   float threshold, int64_t begin, int64_t end) {
  const View<float, 2> anchors = workspace.anchors;
  const auto at = [&](int64_t, int64_t n, double (&box)[4]) {
    for (int i = 0; i < 4; ++i) box[i] = anchors(i, n);
  };
  const auto put = [&](int64_t b, int64_t n, double mean) {
    const bool empty = !(anchors(2, n) > anchors(0, n) && anchors(3, n) > anchors(1, n));
    const auto score = static_cast<float>(mean);
    workspace.scores(b, n) = !empty && score >= threshold ? score : out;
  };
  score_boxes(integral, true, anchors.size[1], begin, end, at, put);
}

// The highest score, ties to the lower index; -1 when every anchor is out.
int64_t best_anchor(View<float, 2> scores, int64_t b) {
  int64_t best = -1;
  float highest = -std::numeric_limits<float>::infinity();
  for (int64_t n = 0; n < scores.size[1]; ++n) {
    const float score = scores(b, n);
    if (score > highest || (best < 0 && score == highest)) {
      best = n;
      highest = score;
    }
  }
  return best;
}

// Puts out the anchor that was kept and those that overlap it too much.
void suppress(const RegionWorkspace& workspace, int64_t b, int64_t kept, double threshold) {
  const int64_t count = workspace.anchors.size[1];
  const float* left = &workspace.anchors(0, 0);
  const float* top = left + count;
  const float* right = top + count;
  const float* bottom = right + count;
  const Edges best{left[kept], top[kept], right[kept], bottom[kept]};
  float* scores = &workspace.scores(b, 0);
  for (int64_t n = 0; n < count; ++n) {
    const bool drop = overlaps(best, {left[n], top[n], right[n], bottom[n]}, threshold);
    scores[n] = drop ? out : scores[n];
  }
  scores[kept] = out;
}

void clear_rows(const Regions& regions, int64_t b, int64_t begin) {
  for (int64_t k = begin; k < regions.scores.size[1]; ++k) {
    regions.scores(b, k) = 0;
    for (int i = 0; i < 4; ++i) regions.boxes(b, k, i) = 0;
  }
}

// Picks the best anchor that is left, max_regions times: no sort, so no room for one is needed.
void select_regions(const RegionWorkspace& workspace, int64_t b, double iou_threshold,
                    const Regions& regions) {
  int64_t kept = 0;
  for (; kept < regions.scores.size[1]; ++kept) {
    const int64_t best = best_anchor(workspace.scores, b);
    if (best < 0) break;
    for (int i = 0; i < 4; ++i) regions.boxes(b, kept, i) = workspace.anchors(i, best);
    regions.scores(b, kept) = workspace.scores(b, best);
    suppress(workspace, b, best, iou_threshold);
  }
  regions.counts(b) = kept;
  clear_rows(regions, b, kept);
}

}  // namespace

void propose_regions(View<const double, 3> integral, const AnchorGrid& grid,
                     const RegionLimits& limits, const RegionWorkspace& workspace,
                     const Regions& regions, const Parallel& parallel) {
  const int64_t height = integral.size[1] - 1;
  const int64_t width = integral.size[2] - 1;
  const int64_t count = grid.count();
  const auto threshold = static_cast<float>(limits.score_threshold);
  parallel(count, 4096, [&](int64_t begin, int64_t end) {
    for (int64_t n = begin; n < end; ++n) place_anchor(grid, height, width, n, workspace.anchors);
  });
  parallel(workspace.scores.numel(), 1024, [&](int64_t begin, int64_t end) {
    score_anchors(integral, workspace, threshold, begin, end);
  });
  parallel(integral.size[0], 1, [&](int64_t begin, int64_t end) {
    for (int64_t b = begin; b < end; ++b) {
      select_regions(workspace, b, limits.iou_threshold, regions);
    }
  });
}

}  // namespace raz::cpu
