// Sum or mean of one box from an integral image: the arithmetic of score_anchors, on any device.
#pragma once

#include "raz/view.h"

namespace raz {

// What an interval covers of one axis: a part of its first pixel, whole pixels, a part of its last.
struct Cover {
  int64_t edge[4];  // first pixel [edge 0, edge 1), whole [edge 1, edge 2), last [edge 2, edge 3)
  double first;     // length inside the first pixel; all of it where the interval is in one pixel
  double last;      // length inside the last pixel; 0 where the interval ends on an edge
};

// Requires 0 <= from < to <= size.
RAZ_HOST_DEVICE inline Cover cover(double from, double to, int64_t size) {
  Cover result;
  result.edge[0] = static_cast<int64_t>(from);
  result.edge[1] = result.edge[0] + 1;
  const auto floor_to = static_cast<int64_t>(to);
  result.edge[2] = floor_to > result.edge[1] ? floor_to : result.edge[1];
  result.edge[3] = result.edge[2] < size ? result.edge[2] + 1 : size;
  const auto first_end = static_cast<double>(result.edge[1]);
  const auto last_begin = static_cast<double>(result.edge[2]);
  result.first = (to < first_end ? to : first_end) - from;
  result.last = to > last_begin ? to - last_begin : 0.0;
  return result;
}

// Integrates along the axis, given the running sums at the four edges. Differences come before
// weights, so that a thin interval keeps its relative precision. A pixel that is not covered is
// not looked at: 0 x NaN is NaN.
RAZ_HOST_DEVICE inline double integrate(const Cover& along, const double (&sum)[4]) {
  const double total = along.first * (sum[1] - sum[0]) + (sum[2] - sum[1]);
  return along.last > 0 ? total + along.last * (sum[3] - sum[2]) : total;
}

// NaN stays NaN. In this form each line is one instruction without a branch.
RAZ_HOST_DEVICE inline double clip(double value, int64_t size) {
  const auto limit = static_cast<double>(size);
  const double positive = 0.0 > value ? 0.0 : value;
  return limit < positive ? limit : positive;
}

template <class Table>
RAZ_HOST_DEVICE double sum_box(View<const Table, 3> integral, int64_t b, const Cover& across,
                               const Cover& down) {
  double rows[4];
  for (int i = 0; i < 4; ++i) {
    const Table* row = &integral(b, down.edge[i], 0);
    double sum[4];
    for (int j = 0; j < 4; ++j) {
      sum[j] = static_cast<double>(row[across.edge[j] * integral.stride[2]]);
    }
    rows[i] = integrate(across, sum);
  }
  return integrate(down, rows);
}

// Where a clipped box lies. area: 0 where it covers nothing, and then the covers are not set.
struct PlacedBox {
  Cover across;
  Cover down;
  double area = 0;
};

// box: x1, y1, x2, y2
RAZ_HOST_DEVICE inline PlacedBox place_box(const double (&box)[4], int64_t height, int64_t width) {
  const double x1 = clip(box[0], width);
  const double y1 = clip(box[1], height);
  const double x2 = clip(box[2], width);
  const double y2 = clip(box[3], height);
  const double area = (x2 - x1) * (y2 - y1);
  PlacedBox result;
  // Written so that a NaN fails; the area is asked because it can underflow.
  if (!(x2 > x1 && y2 > y1 && area > 0)) return result;
  result.across = cover(x1, x2, width);
  result.down = cover(y1, y2, height);
  result.area = area;
  return result;
}

// The score of a box on image b, as score_anchors.h says.
template <class Table>
RAZ_HOST_DEVICE double box_score(View<const Table, 3> integral, int64_t b, const PlacedBox& box,
                                 bool mean) {
  if (!(box.area > 0)) return 0;
  const double sum = sum_box(integral, b, box.across, box.down);
  return mean ? sum / box.area : sum;
}

template <class Table>
RAZ_HOST_DEVICE double box_score(View<const Table, 3> integral, int64_t b, const double (&box)[4],
                                 bool mean) {
  return box_score(integral, b, place_box(box, integral.size[1] - 1, integral.size[2] - 1), mean);
}

}  // namespace raz
