#include "cuda/launch.h"
#include "raz/cross.h"
#include "raz/point_map.h"

namespace raz::cuda {
namespace {

struct Clear {
  RAZ_DEVICE void operator()(int64_t index, View<float, 3> map) const {
    const int64_t x = index % map.size[2];
    const int64_t row = index / map.size[2];
    map(row / map.size[1], row % map.size[1], x) = 0;
  }
};

struct MarkCross {
  template <class Point>
  RAZ_DEVICE void operator()(int64_t index, View<const Point, 2> points,
                             View<const int64_t, 1> batch, View<float, 3> map) const {
    mark_cross_pixel(index, points, batch, map);
  }
};

}  // namespace

// A thread a pixel of a cross. Where crosses overlap, threads write the same 1 in any order.
template <class Point>
int point_map(View<const Point, 2> points, View<const int64_t, 1> batch, View<float, 3> map,
              void* stream) {
  const int error = launch(Clear{}, map.numel(), stream, map);
  if (error != 0) return error;
  return launch(MarkCross{}, points.size[0] * cross_pixels, stream, points, batch, map);
}

#define RAZ_INSTANTIATE(Point) \
  template int point_map(View<const Point, 2>, View<const int64_t, 1>, View<float, 3>, void*);
RAZ_POINT_MAP_TYPES(RAZ_INSTANTIATE)
#undef RAZ_INSTANTIATE

}  // namespace raz::cuda
