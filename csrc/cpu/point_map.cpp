#include "raz/point_map.h"

#include "raz/cross.h"

namespace raz::cpu {

// Clearing the map is nearly all of the work; the crosses, which may overlap, are one thread's.
template <class Point>
void point_map(View<const Point, 2> points, View<const int64_t, 1> batch, View<float, 3> map,
               const Parallel& parallel) {
  if (map.numel() == 0) return;  // rows without pixels may be without number
  const int64_t height = map.size[1];
  parallel(map.size[0] * height, 256, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      for (int64_t x = 0; x < map.size[2]; ++x) map(row / height, row % height, x) = 0;
    }
  });
  for (int64_t index = 0; index < points.size[0] * cross_pixels; ++index) {
    mark_cross_pixel(index, points, batch, map);
  }
}

#define RAZ_INSTANTIATE(Point)                                                          \
  template void point_map(View<const Point, 2>, View<const int64_t, 1>, View<float, 3>, \
                          const Parallel&);
RAZ_POINT_MAP_TYPES(RAZ_INSTANTIATE)
#undef RAZ_INSTANTIATE

}  // namespace raz::cpu
