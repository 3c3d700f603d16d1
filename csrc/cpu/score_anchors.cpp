#include "raz/score_anchors.h"

#include "raz/box_score.h"

namespace raz::cpu {

// Boxes are independent, over all images.
template <class Table, class Box, class Out>
void score_anchors(View<const Table, 3> integral, View<const Box, 3> boxes, View<Out, 2> scores,
                   bool mean, const Parallel& parallel) {
  const int64_t per_image = boxes.size[1];
  parallel(scores.numel(), 1024, [&](int64_t begin, int64_t end) {
    for (int64_t index = begin; index < end; ++index) {
      const int64_t b = index / per_image;
      const int64_t n = index % per_image;
      const double box[4] = {boxes(b, n, 0), boxes(b, n, 1), boxes(b, n, 2), boxes(b, n, 3)};
      scores(b, n) = static_cast<Out>(box_score(integral, b, box, mean));
    }
  });
}

#define RAZ_INSTANTIATE(Table, Box, Out)                                                    \
  template void score_anchors(View<const Table, 3>, View<const Box, 3>, View<Out, 2>, bool, \
                              const Parallel&);
RAZ_SCORE_ANCHORS_TYPES(RAZ_INSTANTIATE)
#undef RAZ_INSTANTIATE

}  // namespace raz::cpu
