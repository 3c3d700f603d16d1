// Scores of many boxes. Their table entries are asked for some boxes ahead: a box reads eight
// places far apart, and waiting for each in turn would take most of the time.
#pragma once

#include <algorithm>

#include "raz/box_score.h"
#include "raz/compiler.h"

namespace raz::cpu {

template <class Table>
inline void prefetch(View<const Table, 3> integral, int64_t b, const PlacedBox& box) {
  for (const int64_t row : box.down.edge) {
    RAZ_PREFETCH(&integral(b, row, box.across.edge[0]));
    RAZ_PREFETCH(&integral(b, row, box.across.edge[2]));
  }
}

// Boxes [begin, end) of all images, count_per_image each: put(b, n, score of the box that
// at(b, n, box) writes).
template <class Table, class At, class Put>
void score_boxes(View<const Table, 3> integral, bool mean, int64_t count_per_image, int64_t begin,
                 int64_t end, At&& at, Put&& put) {
  constexpr int64_t ahead = 16;
  const int64_t height = integral.size[1] - 1;
  const int64_t width = integral.size[2] - 1;
  PlacedBox placed[ahead];
  while (begin < end) {
    const int64_t b = begin / count_per_image;
    const int64_t first = begin % count_per_image;
    const int64_t count = std::min({ahead, end - begin, count_per_image - first});
    for (int64_t i = 0; i < count; ++i) {
      double box[4];
      at(b, first + i, box);
      placed[i] = place_box(box, height, width);
      if (placed[i].area > 0) prefetch(integral, b, placed[i]);
    }
    for (int64_t i = 0; i < count; ++i) {
      put(b, first + i, box_score(integral, b, placed[i], mean));
    }
    begin += count;
  }
}

}  // namespace raz::cpu
