#include "raz/propose_regions.h"

#include <limits>

#include "cpu/score_boxes.h"
#include "raz/anchor.h"

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
  for (int i = 0; i < 4; ++i) anchors(index, i) = box[i];
}

// Writes NaN where the anchor is dropped. An empty anchor scores 0, which is not below a negative
// threshold, so it is asked for.
void score_anchors(View<const double, 3> integral, const RegionWorkspace& workspace,
                   float threshold, int64_t begin, int64_t end) {
  const View<float, 2> anchors = workspace.anchors;
  const auto at = [&](int64_t, int64_t n, double (&box)[4]) {
    for (int i = 0; i < 4; ++i) box[i] = anchors(n, i);
  };
  const auto put = [&](int64_t b, int64_t n, double mean) {
    const bool empty = !(anchors(n, 2) > anchors(n, 0) && anchors(n, 3) > anchors(n, 1));
    const auto score = static_cast<float>(mean);
    workspace.scores(b, n) = !empty && score >= threshold ? score : out;
  };
  score_boxes(integral, true, anchors.size[0], begin, end, at, put);
}

// The highest score, ties to the lower index; -1 when every anchor is out.
int64_t best_anchor(View<float, 2> scores, int64_t b) {
  int64_t best = -1;
  for (int64_t n = 0; n < scores.size[1]; ++n) {
    const float score = scores(b, n);
    if (best < 0 ? score == score : score > scores(b, best)) best = n;
  }
  return best;
}

double area(View<float, 2> boxes, int64_t n) {
  return (double{boxes(n, 2)} - boxes(n, 0)) * (double{boxes(n, 3)} - boxes(n, 1));
}

double iou(View<float, 2> boxes, int64_t m, int64_t n) {
  const double x1 = boxes(m, 0) > boxes(n, 0) ? boxes(m, 0) : boxes(n, 0);
  const double y1 = boxes(m, 1) > boxes(n, 1) ? boxes(m, 1) : boxes(n, 1);
  const double x2 = boxes(m, 2) < boxes(n, 2) ? boxes(m, 2) : boxes(n, 2);
  const double y2 = boxes(m, 3) < boxes(n, 3) ? boxes(m, 3) : boxes(n, 3);
  if (!(x2 > x1 && y2 > y1)) return 0;
  const double intersection = (x2 - x1) * (y2 - y1);
  return intersection / (area(boxes, m) + area(boxes, n) - intersection);
}

// Puts out the anchor that was kept and those that overlap it too much; the best that is left.
int64_t suppress(const RegionWorkspace& workspace, int64_t b, int64_t kept, double threshold) {
  int64_t best = -1;
  workspace.scores(b, kept) = out;
  for (int64_t n = 0; n < workspace.scores.size[1]; ++n) {
    float& score = workspace.scores(b, n);
    if (score != score) continue;
    if (iou(workspace.anchors, kept, n) > threshold) {
      score = out;
    } else if (best < 0 || score > workspace.scores(b, best)) {
      best = n;
    }
  }
  return best;
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
  int64_t best = best_anchor(workspace.scores, b);
  for (; best >= 0 && kept < regions.scores.size[1]; ++kept) {
    for (int i = 0; i < 4; ++i) regions.boxes(b, kept, i) = workspace.anchors(best, i);
    regions.scores(b, kept) = workspace.scores(b, best);
    best = suppress(workspace, b, best, iou_threshold);
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
