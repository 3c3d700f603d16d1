#include "raz/integral_image.h"

namespace raz::cpu {

// 1. Row 0 is zero.
// 2. Row by row: a running sum from the left, added to the entry above.
// Images of a batch are independent, so they are the unit of work.
template <class In, class Out>
void integral_image(View<const In, 3> image, View<Out, 3> table, const Parallel& parallel) {
  const int64_t height = image.size[1];
  const int64_t width = image.size[2];
  parallel(image.size[0], 1, [&](int64_t begin, int64_t end) {
    for (int64_t b = begin; b < end; ++b) {
      Out* above = &table(b, 0, 0);
      for (int64_t x = 0; x <= width; ++x) above[x] = Out{0};
      for (int64_t y = 0; y < height; ++y) {
        Out* row = above + table.stride[1];
        Out sum{0};
        row[0] = Out{0};
        for (int64_t x = 0; x < width; ++x) {
          sum += static_cast<Out>(image(b, y, x));
          row[x + 1] = above[x + 1] + sum;
        }
        above = row;
      }
    }
  });
}

#define RAZ_INSTANTIATE(In, Out) \
  template void integral_image(View<const In, 3>, View<Out, 3>, const Parallel&);
RAZ_INTEGRAL_IMAGE_TYPES(RAZ_INSTANTIATE)
#undef RAZ_INSTANTIATE

}  // namespace raz::cpu
