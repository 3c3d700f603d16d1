// Derivatives of one box's score: the arithmetic of score_anchors_backward, on any device.
#pragma once

#include <cmath>

#include "raz/box_score.h"

namespace raz {

// integrate(along, sum) is the sum of weight[i] * sum[i].
struct EdgeWeights {
  double weight[4];

  RAZ_HOST_DEVICE explicit EdgeWeights(const Cover& along)
      : weight{-along.first, along.first - 1, 1 - along.last, along.last} {}
};

// What a box gains for each pixel that its edge at `x` moves to the right: the integral, along the
// other axis, over the column (or the row) of pixels under the edge.
// sum(edge, pixel): the running sum at an edge of `along`, up to a pixel of the moving edge's axis.
template <class Sum>
RAZ_HOST_DEVICE double strip(const Cover& along, double x, Sum&& sum) {
  const auto pixel = static_cast<int64_t>(x);
  double sums[4];
  for (int i = 0; i < 4; ++i) sums[i] = sum(along.edge[i], pixel + 1) - sum(along.edge[i], pixel);
  return integrate(along, sums);
}

// A box does not cover the pixel that it ends at.
RAZ_HOST_DEVICE inline double strip_at_end(double strip, double x) {
  const bool finite = strip - strip == 0;
  return x == std::floor(x) && !finite ? 0 : strip;
}

RAZ_HOST_DEVICE inline bool moves(double edge, int64_t size) {
  return 0 <= edge && edge < static_cast<double>(size);
}

// edges: x1, y1, x2, y2. result: `grad` times the derivative of the score with respect to each.
template <class Table>
RAZ_HOST_DEVICE void box_gradient(View<const Table, 3> integral, int64_t b,
                                  const double (&edges)[4], double grad, bool mean,
                                  double (&result)[4]) {
  const int64_t height = integral.size[1] - 1;
  const int64_t width = integral.size[2] - 1;
  for (double& value : result) value = 0;
  const PlacedBox box = place_box(edges, height, width);
  if (!(box.area > 0)) return;
  const auto at = [&](int64_t y, int64_t x) { return static_cast<double>(integral(b, y, x)); };
  const auto column = [&](int64_t y, int64_t x) { return at(y, x); };
  const auto row = [&](int64_t x, int64_t y) { return at(y, x); };
  const double x1 = edges[0];
  const double y1 = edges[1];
  const double x2 = edges[2];
  const double y2 = edges[3];
  if (moves(x1, width)) result[0] = -strip(box.down, x1, column);
  if (moves(y1, height)) result[1] = -strip(box.across, y1, row);
  if (moves(x2, width)) result[2] = strip_at_end(strip(box.down, x2, column), x2);
  if (moves(y2, height)) result[3] = strip_at_end(strip(box.across, y2, row), y2);
  if (mean) {
    const double score = box_score(integral, b, box, true);
    const double across = clip(x2, width) - clip(x1, width);
    const double down = clip(y2, height) - clip(y1, height);
    if (moves(x1, width)) result[0] = (result[0] + score * down) / box.area;
    if (moves(y1, height)) result[1] = (result[1] + score * across) / box.area;
    if (moves(x2, width)) result[2] = (result[2] - score * down) / box.area;
    if (moves(y2, height)) result[3] = (result[3] - score * across) / box.area;
  }
  for (double& value : result) value *= grad;
}

}  // namespace raz
