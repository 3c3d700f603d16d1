#include "raz/score_anchors.h"

#include "cpu/score_boxes.h"

namespace raz::cpu {

// Boxes are independent, over all images.
template <class Table, class Box, class Out>
void score_anchors(View<const Table, 3> integral, View<const Box, 3> boxes, View<Out, 2> scores,
                   bool mean, const Parallel& parallel) {
  const auto at = [&](int64_t b, int64_t n, double (&box)[4]) {
    for (int i = 0; i < 4; ++i) box[i] = boxes(b, n, i);
  };
  const auto put = [&](int64_t b, int64_t n, double score) {
    scores(b, n) = static_cast<Out>(score);
  };
  parallel(scores.numel(), 1024, [&](int64_t begin, int64_t end) {
    score_boxes(integral, mean, boxes.size[1], begin, end, at, put);
  });
}

#define RAZ_INSTANTIATE(Table, Box, Out)                                                    \
  template void score_anchors(View<const Table, 3>, View<const Box, 3>, View<Out, 2>, bool, \
                              const Parallel&);
RAZ_SCORE_ANCHORS_TYPES(RAZ_INSTANTIATE)
#undef RAZ_INSTANTIATE

}  // namespace raz::cpu
