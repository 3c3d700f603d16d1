#include "cuda/launch.h"
#include "raz/box_score.h"
#include "raz/score_anchors.h"

namespace raz::cuda {
namespace {

struct ScoreBox {
  template <class Table, class Box, class Out>
  RAZ_DEVICE void operator()(int64_t index, View<const Table, 3> integral, View<const Box, 3> boxes,
                             View<Out, 2> scores, bool mean) const {
    const int64_t b = index / boxes.size[1];
    const int64_t n = index % boxes.size[1];
    const double box[4] = {boxes(b, n, 0), boxes(b, n, 1), boxes(b, n, 2), boxes(b, n, 3)};
    scores(b, n) = static_cast<Out>(box_score(integral, b, box, mean));
  }
};

}  // namespace

// A thread a box.
template <class Table, class Box, class Out>
int score_anchors(View<const Table, 3> integral, View<const Box, 3> boxes, View<Out, 2> scores,
                  bool mean, void* stream) {
  return launch(ScoreBox{}, scores.numel(), stream, integral, boxes, scores, mean);
}

#define RAZ_INSTANTIATE(Table, Box, Out) \
  template int score_anchors(View<const Table, 3>, View<const Box, 3>, View<Out, 2>, bool, void*);
RAZ_SCORE_ANCHORS_TYPES(RAZ_INSTANTIATE)
#undef RAZ_INSTANTIATE

}  // namespace raz::cuda
