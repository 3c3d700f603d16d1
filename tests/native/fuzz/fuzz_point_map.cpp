#include "fuzz/fuzz.h"
#include "raz/point_map.h"

namespace raz::fuzz {
namespace {

template <class Point>
std::vector<float> marked_one_by_one(View<const Point, 2> points, View<const int64_t, 1> batch,
                                     int64_t images, int64_t height, int64_t width) {
  std::vector<float> map(static_cast<size_t>(images * height * width));
  for (int64_t n = 0; n < points.size[0]; ++n) {
    const int64_t b = batch.data == nullptr ? 0 : batch(n);
    const auto x = static_cast<double>(points(n, 0));
    const auto y = static_cast<double>(points(n, 1));
    const bool inside = 0 <= b && b < images && 0 <= x && x <= static_cast<double>(width) &&
                        0 <= y && y <= static_cast<double>(height);
    if (!inside || width == 0 || height == 0) continue;
    const int64_t column = std::min(static_cast<int64_t>(x), width - 1);
    const int64_t row = std::min(static_cast<int64_t>(y), height - 1);
    for (const auto& [down, across] : {std::pair{0, 0}, {-1, 0}, {1, 0}, {0, -1}, {0, 1}}) {
      const int64_t v = row + down;
      const int64_t u = column + across;
      if (v < 0 || v >= height || u < 0 || u >= width) continue;
      map[static_cast<size_t>((b * height + v) * width + u)] = 1;
    }
  }
  return map;
}

template <class Point>
void try_type(Bytes& bytes) {
  const bool cuda = with_cuda(bytes);
  const int64_t images = bytes.between(0, 3);
  const int64_t height = side(bytes);
  const int64_t width = side(bytes);
  const int64_t count = bytes.between(0, 60);
  const Input<Point, 2> points(bytes, number<Point>, count, 2);
  const Labels batch = labels(bytes, count, images);
  const Output<float, 3> map(bytes, images, height, width);
  const std::vector<float> expected =
      marked_one_by_one(points.view(), view_or_none(batch), images, height, width);
  for_each_cut([&](const Parallel& parallel) {
    const auto found = map.of(7, [&](View<float, 3> result) {
      cpu::point_map(points.view(), view_or_none(batch), result, parallel);
    });
    require_same_values(found, expected, "map");
  });
  if (!cuda) return;
#ifdef RAZ_FUZZ_CUDA
  const auto found = map.of(7, [&](View<float, 3> result) {
    require(cuda::point_map(points.view(), view_or_none(batch), result, nullptr) == 0, "no launch");
  });
  require_same_values(found, expected, "map of CUDA");
#endif
}

}  // namespace

void try_one(Bytes& bytes) {
  if (bytes.once_in(2)) return try_type<float>(bytes);
  try_type<double>(bytes);
}

}  // namespace raz::fuzz
