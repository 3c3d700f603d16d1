#include "raz/score_anchors_backward.h"

#include <algorithm>
#include <cmath>

#include "raz/box_score.h"

namespace raz::cpu {
namespace {

struct Edges {
  double at[4];  // x1, y1, x2, y2
};

Edges edges_of(View<const double, 3> boxes, int64_t b, int64_t n) {
  return {{boxes(b, n, 0), boxes(b, n, 1), boxes(b, n, 2), boxes(b, n, 3)}};
}

// integrate(along, sum) is the sum of weight[i] * sum[i].
struct EdgeWeights {
  double weight[4];

  explicit EdgeWeights(const Cover& along)
      : weight{-along.first, along.first - 1, 1 - along.last, along.last} {}
};

// Adds what one box gives to rows [begin, end) of its image's table.
void add_box(const PlacedBox& box, double scale, int64_t b, int64_t begin, int64_t end,
             View<double, 3> integral_grad) {
  const EdgeWeights down(box.down);
  const EdgeWeights across(box.across);
  for (int i = 0; i < 4; ++i) {
    const int64_t row = box.down.edge[i];
    if (row < begin || row >= end || down.weight[i] == 0) continue;
    for (int j = 0; j < 4; ++j) {
      if (across.weight[j] == 0) continue;  // 0 times an infinite gradient
      integral_grad(b, row, box.across.edge[j]) += scale * down.weight[i] * across.weight[j];
    }
  }
}

// What a box gains for each pixel that its edge at `x` moves to the right: the integral, along the
// other axis, over the column (or the row) of pixels under the edge.
// sum(edge, pixel): the running sum at an edge of `along`, up to a pixel of the moving edge's axis.
template <class Sum>
double strip(const Cover& along, double x, Sum&& sum) {
  const auto pixel = static_cast<int64_t>(x);
  double sums[4];
  for (int i = 0; i < 4; ++i) sums[i] = sum(along.edge[i], pixel + 1) - sum(along.edge[i], pixel);
  return integrate(along, sums);
}

// A box does not cover the pixel that it ends at.
double strip_at_end(double strip, double x) {
  return x == std::floor(x) && !std::isfinite(strip) ? 0 : strip;
}

bool moves(double edge, int64_t size) { return 0 <= edge && edge < static_cast<double>(size); }

template <class Table>
void box_gradient(View<const Table, 3> integral, int64_t b, const Edges& edges, double grad,
                  bool mean, double (&result)[4]) {
  const int64_t height = integral.size[1] - 1;
  const int64_t width = integral.size[2] - 1;
  std::fill_n(result, 4, 0.0);
  const PlacedBox box = place_box(edges.at, height, width);
  if (!(box.area > 0)) return;
  const auto at = [&](int64_t y, int64_t x) { return static_cast<double>(integral(b, y, x)); };
  const auto column = [&](int64_t y, int64_t x) { return at(y, x); };
  const auto row = [&](int64_t x, int64_t y) { return at(y, x); };
  const auto& [x1, y1, x2, y2] = edges.at;
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

}  // namespace

// The unit of work is a row of the batch's tables: whoever has it adds every box that reaches it.
void score_anchors_backward_integral(View<const double, 2> grad, View<const double, 3> boxes,
                                     View<double, 3> integral_grad, bool mean,
                                     const Parallel& parallel) {
  const int64_t rows = integral_grad.size[1];
  const int64_t columns = integral_grad.size[2];
  // As many rows as make placing every box anew worth it.
  const int64_t grain = std::max<int64_t>(64, 16 * boxes.size[1] / std::max<int64_t>(columns, 1));
  parallel(integral_grad.size[0] * rows, grain, [&](int64_t begin, int64_t end) {
    while (begin < end) {
      const int64_t b = begin / rows;
      const int64_t first = begin % rows;
      const int64_t last = std::min(rows, first + (end - begin));
      begin += last - first;
      for (int64_t y = first; y < last; ++y) {
        for (int64_t x = 0; x < columns; ++x) integral_grad(b, y, x) = 0;
      }
      for (int64_t n = 0; n < boxes.size[1]; ++n) {
        const PlacedBox box = place_box(edges_of(boxes, b, n).at, rows - 1, columns - 1);
        if (!(box.area > 0)) continue;
        add_box(box, mean ? grad(b, n) / box.area : grad(b, n), b, first, last, integral_grad);
      }
    }
  });
}

// Boxes are independent, over all images.
template <class Table>
void score_anchors_backward_boxes(View<const double, 2> grad, View<const Table, 3> integral,
                                  View<const double, 3> boxes, View<double, 3> boxes_grad,
                                  bool mean, const Parallel& parallel) {
  parallel(grad.numel(), 512, [&](int64_t begin, int64_t end) {
    for (int64_t index = begin; index < end; ++index) {
      const int64_t b = index / grad.size[1];
      const int64_t n = index % grad.size[1];
      double result[4];
      box_gradient(integral, b, edges_of(boxes, b, n), grad(b, n), mean, result);
      for (int i = 0; i < 4; ++i) boxes_grad(b, n, i) = result[i];
    }
  });
}

#define RAZ_INSTANTIATE(Table)                                                             \
  template void score_anchors_backward_boxes(View<const double, 2>, View<const Table, 3>,  \
                                             View<const double, 3>, View<double, 3>, bool, \
                                             const Parallel&);
RAZ_SCORE_ANCHORS_BACKWARD_TYPES(RAZ_INSTANTIATE)
#undef RAZ_INSTANTIATE

}  // namespace raz::cpu
