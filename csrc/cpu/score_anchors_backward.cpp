#include "raz/score_anchors_backward.h"

#include <algorithm>

#include "raz/box_gradient.h"

namespace raz::cpu {
namespace {

void read_box(View<const double, 3> boxes, int64_t b, int64_t n, double (&box)[4]) {
  for (int i = 0; i < 4; ++i) box[i] = boxes(b, n, i);
}

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
        double edges[4];
        read_box(boxes, b, n, edges);
        const PlacedBox box = place_box(edges, rows - 1, columns - 1);
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
      double edges[4];
      double result[4];
      read_box(boxes, b, n, edges);
      box_gradient(integral, b, edges, grad(b, n), mean, result);
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
