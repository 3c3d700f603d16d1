#include "cuda/rank_in_block.h"
#include "raz/box_gradient.h"
#include "raz/score_anchors_backward.h"

namespace raz::cuda {
namespace {

constexpr int threads = 256;
constexpr int64_t rows_of_block = 4;

RAZ_DEVICE void read_box(View<const double, 3> boxes, int64_t b, int64_t n, double (&box)[4]) {
  for (int i = 0; i < 4; ++i) box[i] = boxes(b, n, i);
}

// A box that reaches rows of the block, and what it scales its weights by.
struct Reaching {
  PlacedBox box;
  double scale;
};

struct SharedBoxes {
  Reaching boxes[threads];  // one a thread
  int32_t order[threads];   // of those that reach the rows
  int32_t counts[threads / warp_threads];
};

struct AddBoxes {
  RAZ_DEVICE void operator()(const Block& block, View<const double, 2> grad,
                             View<const double, 3> boxes, View<double, 3> integral_grad,
                             bool mean) const {
    const int64_t rows = integral_grad.size[1];
    const int64_t blocks_of_image = (rows + rows_of_block - 1) / rows_of_block;
    const int64_t b = block.index() / blocks_of_image;
    const int64_t first = block.index() % blocks_of_image * rows_of_block;
    const int64_t last = first + rows_of_block < rows ? first + rows_of_block : rows;
    auto& shared = *block.shared<SharedBoxes>();
    for (int64_t y = first; y < last; ++y) {
      for (int64_t x = block.thread(); x < integral_grad.size[2]; x += threads) {
        integral_grad(b, y, x) = 0;
      }
    }
    for (int64_t begin = 0; begin < boxes.size[1]; begin += threads) {
      const bool reaches = place(grad, boxes, integral_grad, mean, b, begin + block.thread(), first,
                                 last, shared.boxes[block.thread()]);
      const Rank rank = rank_in_block(block, reaches, shared.counts);
      if (reaches) shared.order[rank.rank] = block.thread();
      block.sync();
      for (int k = 0; k < rank.total; ++k) {
        add(block, shared.boxes[shared.order[k]], b, first, last, integral_grad);
      }
      block.sync();
    }
  }

 private:
  static RAZ_DEVICE bool place(View<const double, 2> grad, View<const double, 3> boxes,
                               View<double, 3> integral_grad, bool mean, int64_t b, int64_t n,
                               int64_t first, int64_t last, Reaching& own) {
    if (n >= boxes.size[1]) return false;
    double edges[4];
    read_box(boxes, b, n, edges);
    own.box = place_box(edges, integral_grad.size[1] - 1, integral_grad.size[2] - 1);
    if (!(own.box.area > 0)) return false;
    own.scale = mean ? grad(b, n) / own.box.area : grad(b, n);
    for (const int64_t row : own.box.down.edge) {
      if (first <= row && row < last) return true;
    }
    return false;
  }

  // To the columns of this thread, which no other thread touches.
  static RAZ_DEVICE void add(const Block& block, const Reaching& reaching, int64_t b, int64_t first,
                             int64_t last, View<double, 3> integral_grad) {
    const PlacedBox& box = reaching.box;
    bool own = false;
    for (const int64_t column : box.across.edge) own |= column % threads == block.thread();
    if (!own) return;
    const EdgeWeights down(box.down);
    const EdgeWeights across(box.across);
    for (int i = 0; i < 4; ++i) {
      const int64_t row = box.down.edge[i];
      if (row < first || row >= last || down.weight[i] == 0) continue;
      for (int j = 0; j < 4; ++j) {
        const int64_t column = box.across.edge[j];
        // 0 times an infinite gradient
        if (column % threads != block.thread() || across.weight[j] == 0) continue;
        integral_grad(b, row, column) += reaching.scale * down.weight[i] * across.weight[j];
      }
    }
  }
};

struct BoxGradient {
  template <class Table>
  RAZ_DEVICE void operator()(int64_t index, View<const double, 2> grad,
                             View<const Table, 3> integral, View<const double, 3> boxes,
                             View<double, 3> boxes_grad, bool mean) const {
    const int64_t b = index / grad.size[1];
    const int64_t n = index % grad.size[1];
    double edges[4];
    double result[4];
    read_box(boxes, b, n, edges);
    box_gradient(integral, b, edges, grad(b, n), mean, result);
    for (int i = 0; i < 4; ++i) boxes_grad(b, n, i) = result[i];
  }
};

}  // namespace

// A block has four rows of a table: it looks at all boxes of the image, 256 at a time, and lists
// those that reach its rows in order of index; every thread adds to columns of its own. The table
// is written once, and the boxes are read, from the cache, once a block.
int score_anchors_backward_integral(View<const double, 2> grad, View<const double, 3> boxes,
                                    View<double, 3> integral_grad, bool mean, void* stream) {
  const int64_t blocks = (integral_grad.size[1] + rows_of_block - 1) / rows_of_block;
  return launch_blocks<threads>(AddBoxes{}, integral_grad.size[0] * blocks, sizeof(SharedBoxes),
                                stream, grad, boxes, integral_grad, mean);
}

// A thread a box: up to 36 entries of the table, most of them neighbours.
template <class Table>
int score_anchors_backward_boxes(View<const double, 2> grad, View<const Table, 3> integral,
                                 View<const double, 3> boxes, View<double, 3> boxes_grad, bool mean,
                                 void* stream) {
  return launch(BoxGradient{}, grad.numel(), stream, grad, integral, boxes, boxes_grad, mean);
}

#define RAZ_INSTANTIATE(Table)                                                           \
  template int score_anchors_backward_boxes(View<const double, 2>, View<const Table, 3>, \
                                            View<const double, 3>, View<double, 3>, bool, void*);
RAZ_SCORE_ANCHORS_BACKWARD_TYPES(RAZ_INSTANTIATE)
#undef RAZ_INSTANTIATE

}  // namespace raz::cuda
